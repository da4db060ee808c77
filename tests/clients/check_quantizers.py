"""The quantizers of HGQ2: rounding to fixed point, minifloat, binary and ternary numbers. HGQ2 itself: see docs/clients.md."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import quantizers

X = np.linspace(-3, 3, 25, dtype="float32")

FIXED = [
    (mode, overflow)
    for mode in ("RND", "TRN", "RND_CONV", "S_RND")
    for overflow in ("WRAP", "SAT", "SAT_SYM")
]


@pytest.mark.parametrize(("rounding", "overflow"), FIXED)
def test_fixed_point_numbers(rounding: str, overflow: str) -> None:
    quantize = quantizers.get_fixed_quantizer(rounding, overflow)
    k, i, f = np.float32(1), np.float32(1), np.float32(2)
    found = np.asarray(quantize(X, k, i, f, training=True, seed_gen=keras.random.SeedGenerator(1)))
    assert np.allclose(found * 4, np.round(found * 4)) and np.abs(found).max() <= 3
    if rounding != "S_RND":
        expected = quantizers.get_fixed_quantizer_np(rounding, overflow)(X, k, i, f)
        np.testing.assert_allclose(np.asarray(quantize(X, k, i, f)), expected, atol=1e-6)


def test_minifloats() -> None:
    args = [np.float32(n) for n in (2, 3, 0)]
    found = np.asarray(quantizers.float_quantize(X, *args))
    np.testing.assert_allclose(found, quantizers.float_quantize_np(X, *args), atol=1e-6)
    assert len(np.unique(found)) < 25 and np.abs(found - X).max() < 0.5


@pytest.mark.parametrize("name", ["binary_quantize", "ternary_quantize"])
def test_few_values(name: str) -> None:
    found = np.asarray(getattr(quantizers, name)(X))
    assert set(np.unique(found)) <= {-1.0, 0.0, 1.0}


def test_a_layer_of_quantized_weights_learns() -> None:
    quantize: Any = quantizers.get_fixed_quantizer("RND", "SAT")

    class Quantized(keras.layers.Dense):
        def call(self, inputs: Any) -> Any:
            kernel = quantize(keras.ops.convert_to_tensor(self.kernel), 1.0, 2.0, 6.0, training=True)
            return keras.ops.matmul(inputs, kernel) + self.bias

    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = x @ np.array([[1.0], [-0.5], [0.25]])
    model = keras.Sequential([keras.Input((3,)), Quantized(1)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    losses = model.fit(x, y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 5
