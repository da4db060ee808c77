"""Writes layers/<family>.npz: what Keras 3.15.1 (on JAX) makes of tests/layer_cases: weights, output, gradients; and what
PyTorch does with the same weights, where torch_layers.py says how.

pip install -r tests/data/requirements.txt
KERAS_BACKEND=jax python tests/data/make_layers.py [family ...]
"""

import sys
import zlib
from pathlib import Path

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

import keras
from layer_cases import FAMILIES, Draw, cases
from torch_layers import TORCH, by_torch


def drawn(x, rng):
    if isinstance(x, Draw):
        return x(rng)
    if isinstance(x, dict):
        return {k: drawn(v, rng) for k, v in x.items()}
    return [drawn(v, rng) for v in x] if isinstance(x, list) else x


def starting_values(layer, rng):
    for w in layer.weights:
        if "int" not in w.dtype and "seed" not in w.name:
            value = rng.normal(size=w.shape).astype("float32") * 0.5
            w.assign(np.abs(value) + 0.1 if "variance" in w.name else value)


def without_seeds(arrays):
    return [a for a in arrays if a.dtype != "uint32"]


def one(name, case):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    keras.utils.set_random_seed(0)
    layer = case.layer(keras.layers)
    inputs = [(x if isinstance(x, Draw) else Draw(x))(rng) for x in case.inputs]
    call = drawn(case.call, rng)
    layer(*case.positional(inputs), **call)
    starting_values(layer, rng)
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]
    floats = [i for i, x in enumerate(inputs) if x.dtype.kind == "f"]

    def run(trainable, some):
        all_inputs = list(inputs)
        for i, x in zip(floats, some, strict=True):
            all_inputs[i] = x
        output, after = layer.stateless_call(trainable, fixed, *case.positional(all_inputs), **call)
        return keras.tree.flatten(output), after

    some = [inputs[i] for i in floats]
    outputs, after = run(trainable, some)
    weights = [rng.normal(size=y.shape).astype("float32") for y in outputs]
    value = lambda t, i: sum((y * w).sum() for y, w in zip(run(t, i)[0], weights, strict=True))
    g_weights, g_inputs = jax.grad(value, argnums=(0, 1))(trainable, some)
    groups = {
        "inputs": inputs,
        "call": [x for x in keras.tree.flatten(call) if isinstance(x, np.ndarray)],
        "weights": trainable + without_seeds(fixed),
        "output": outputs,
        "weight": weights,
        "g_weights": g_weights,
        "g_inputs": g_inputs,
        "after": without_seeds(after),
    }
    if name in TORCH:
        groups |= by_torch(name, case, groups)
    return {
        f"{name}/{group}/{i}": np.asarray(a) for group, arrays in groups.items() for i, a in enumerate(arrays)
    }


for family in sys.argv[1:] or FAMILIES:
    table = {}
    for name, case in cases(family).items():
        table |= one(name, case)
    np.savez_compressed(Path(__file__).parent / f"layers/{family}.npz", **table)
    print(family, len(cases(family)), "configurations")
