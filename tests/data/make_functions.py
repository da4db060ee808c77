"""Write functions.json: values of Keras's activations, regularizers and constraints.

Run with Keras 3.15.1 and JAX installed: `KERAS_BACKEND=jax python tests/data/make_functions.py`. Without
sparsemax, whose rows do not sum to 1 there when there are several.
"""

from __future__ import annotations

import json
import pathlib

import keras
import numpy as np

X = np.linspace(-4, 4, 18, dtype="float32").reshape(3, 6)
W = np.sin(np.arange(12, dtype="float32") * 1.7).reshape(4, 3)
NAMES = """
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign
sparse_plus sparse_sigmoid squareplus swish tanh tanh_shrink
"""
ACTIVATIONS = {name: [{}] for name in NAMES.split()}
ACTIVATIONS["gelu"].append({"approximate": True})
ACTIVATIONS["celu"].append({"alpha": 0.5})
ACTIVATIONS["elu"].append({"alpha": 0.5})
ACTIVATIONS["softmax"].append({"axis": 0})
ACTIVATIONS["glu"].append({"axis": 1})
ACTIVATIONS["squareplus"].append({"b": 1})
ACTIVATIONS["threshold"] = [{"threshold": 0.5, "default_value": -1.0}]
ACTIVATIONS["relu"] += [
    {"negative_slope": 0.2},
    {"max_value": 2.0},
    {"max_value": 6.0},
    {"threshold": 1.5},
    {"negative_slope": 0.2, "threshold": 1.5, "max_value": 3.0},
    {"threshold": -1.5},
    {"threshold": -1.5, "max_value": 2.0},
]
REGULARIZERS = {
    "L1": [{}, {"l1": 0.3}],
    "L2": [{}, {"l2": 0.3}],
    "L1L2": [{}, {"l1": 0.1}, {"l1": 0.1, "l2": 0.2}],
    "OrthogonalRegularizer": [{}, {"factor": 0.5, "mode": "columns"}],
}
CONSTRAINTS = {
    "MaxNorm": [{}, {"max_value": 0.5, "axis": 1}],
    "NonNeg": [{}],
    "UnitNorm": [{}, {"axis": [0, 1]}],
    "MinMaxNorm": [{}, {"min_value": 0.5, "max_value": 0.8, "rate": 0.3, "axis": 1}],
}
FANS = [(5,), (3, 4), (3, 3, 8, 16), (2, 3, 4), ()]


def main() -> None:
    """All values."""
    x, w = keras.ops.convert_to_tensor(X), keras.ops.convert_to_tensor(W)
    plain = lambda y: np.asarray(y).tolist()
    each = lambda table: ((name, options) for name, kinds in table.items() for options in kinds)
    from keras.src.initializers.random_initializers import compute_fans

    data = {
        "x": X.tolist(),
        "w": W.tolist(),
        "activations": [[n, o, plain(getattr(keras.activations, n)(x, **o))] for n, o in each(ACTIVATIONS)],
        "regularizers": [
            [n, o, plain(getattr(keras.regularizers, n)(**o)(w))] for n, o in each(REGULARIZERS)
        ],
        "constraints": [[n, o, plain(getattr(keras.constraints, n)(**o)(w))] for n, o in each(CONSTRAINTS)],
        "fans": [[list(shape), list(compute_fans(shape))] for shape in FANS]
        + [[[2, 3, 4, 5], list(compute_fans((2, 3, 4, 5), [0, 1], [3])), [0, 1], [3]]],
    }
    pathlib.Path(__file__).with_name("functions.json").write_text(json.dumps(data))


if __name__ == "__main__":
    main()
