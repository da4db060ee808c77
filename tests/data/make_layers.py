"""Writes layers.npz: what Keras 3.15.1 (on JAX) makes of tests/layer_cases.py: weights, output, gradients.

KERAS_BACKEND=jax python tests/data/make_layers.py
"""

import sys
from pathlib import Path

import jax
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import keras
from layer_cases import CASES


def one(name, cls, arguments, shapes, training):
    rng = np.random.default_rng(len(name))
    layer = getattr(keras.layers, cls)(**arguments)
    inputs = [rng.normal(size=s).astype("float32") for s in shapes]
    layer.build(shapes[0] if len(shapes) == 1 else shapes)
    for w in layer.weights:
        if w.dtype != "int32":
            w.assign(np.abs(rng.normal(size=w.shape)).astype("float32") + 0.1)
    trainable = [v.value for v in layer.trainable_variables]
    fixed = [v.value for v in layer.non_trainable_variables]

    def run(trainable, inputs):
        x = inputs[0] if len(inputs) == 1 else inputs
        kwargs = {"training": training} if layer._call_has_training_arg else {}
        return layer.stateless_call(trainable, fixed, x, **kwargs)

    output, after = run(trainable, inputs)
    weight = rng.normal(size=output.shape).astype("float32")
    value = lambda t, i: (run(t, i)[0] * weight).sum()
    g_weights, g_inputs = jax.grad(value, argnums=(0, 1))(trainable, inputs)
    groups = {
        "inputs": inputs,
        "weights": trainable + fixed,
        "output": [output],
        "weight": [weight],
        "g_weights": g_weights,
        "g_inputs": g_inputs,
        "after": after,
    }
    return {
        f"{name}/{group}/{i}": np.asarray(a) for group, arrays in groups.items() for i, a in enumerate(arrays)
    }


table = {}
for name, (cls, arguments, shapes, training) in CASES.items():
    table |= one(name, cls, arguments, shapes, training)
np.savez_compressed(Path(__file__).with_name("layers.npz"), **table)
print(len(CASES), "configurations")
