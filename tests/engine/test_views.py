"""Weights that are stored in another form than layers read: low rank, integers with a scale."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.testing import check_gradients

rng = np.random.default_rng(0)
CASES: dict[str, Any] = {
    "dense": (lambda: layers.Dense(4, activation="relu"), (3, 5), ["kernel"]),
    "convolution": (lambda: layers.Conv2D(4, 2, groups=2), (2, 5, 5, 4), ["kernel"]),
    "depthwise": (lambda: layers.DepthwiseConv2D(2), (2, 4, 4, 3), ["kernel"]),
    "einsum": (lambda: layers.EinsumDense("abc,cd->abd", (None, 4)), (2, 3, 5), ["kernel"]),
    "embedding": (lambda: layers.Embedding(7, 4), (2, 3), ["embeddings"]),
    "lstm": (lambda: layers.LSTM(3), (2, 4, 5), ["kernel", "recurrent_kernel"]),
    "gru": (lambda: layers.Bidirectional(layers.GRU(3)), (2, 4, 5), ["kernel", "recurrent_kernel"]),
    "attention": (lambda: layers.MultiHeadAttention(2, 3), (2, 4, 6), ["kernel"]),
    "normalization": (lambda: layers.LayerNormalization(), (2, 5), ["gamma"]),
}


class LowRank:
    """Adds a product of two matrices to a weight."""

    def __init__(self, weight: hilevel.Variable, rank: int = 2) -> None:
        rows = int(np.prod(weight.shape[:-1]))
        self.a = hilevel.Variable(rng.normal(size=(rows, rank)).astype("float32"))
        self.b = hilevel.Variable(rng.normal(size=(rank, weight.shape[-1])).astype("float32"))

    def __call__(self, stored: Any) -> Any:
        return stored + ops.reshape(ops.matmul(self.a, self.b), stored.shape)


class Scaled:
    """Reads integers as numbers times a scale."""

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def __call__(self, stored: Any) -> Any:
        return ops.cast(stored, "float32") * self.scale


def built(name: str) -> tuple[Any, Any, list[hilevel.Variable]]:
    make, shape, names = CASES[name]
    x = rng.integers(0, 7, shape) if name == "embedding" else rng.normal(size=shape).astype("float32")
    layer = make()
    arguments = (x, x) if name == "attention" else (x,)
    layer(*arguments)
    return layer, arguments, [w for w in layer.weights if w.name in names]


@pytest.mark.parametrize("name", CASES)
def test_a_layer_reads_the_view(backend: Any, name: str) -> None:
    layer, x, weights = built(name)
    assert weights
    for w in weights:
        w.view = LowRank(w)
    found = ops.convert_to_numpy(layer(*x))
    compiled = ops.convert_to_numpy(hilevel.jit(layer)(*x))
    stored = [w.numpy() for w in weights]
    for w in weights:
        w.assign(w.view(w.numpy()))
        w.view = None
    expected = ops.convert_to_numpy(layer(*x))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(compiled, expected, rtol=1e-5, atol=1e-6)
    assert not any(np.array_equal(w.numpy(), s) for w, s in zip(weights, stored, strict=True))


def test_gradients_are_those_of_what_is_stored() -> None:
    with hilevel.use_backend("numpy"):
        layer, x, (kernel,) = built("dense")
        view = kernel.view = LowRank(kernel)
        check_gradients(lambda: ops.sum(layer(*x) ** 2), variables=[kernel, view.a, view.b])


@pytest.mark.parametrize("optimizer", ["adam", "nadam", "sgd", "lamb"])
@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
def test_fit_changes_what_is_stored(backend: Any, optimizer: str, eager: bool) -> None:
    """A view that doubles a weight is trained as the layer that doubles it."""
    x = rng.normal(size=(32, 5)).astype("float32")
    y = x.sum(1, keepdims=True)

    class Doubles(layers.Dense):
        def call(self, inputs: Any) -> Any:
            return ops.matmul(inputs, self.kernel * 2.0) + self.bias

    kernels = []
    for kind in (layers.Dense, Doubles):
        hilevel.utils.set_random_seed(1)
        layer = kind(1)
        model = hilevel.Sequential([hilevel.Input((5,)), layer])
        if kind is layers.Dense:
            layer.kernel.view = Scaled(2.0)
        model.compile(optimizer, "mse", run_eagerly=eager)
        model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0)
        kernels.append(layer.kernel.numpy())
    np.testing.assert_allclose(kernels[0], kernels[1], rtol=1e-5, atol=1e-6)


def test_only_the_small_matrices_are_trained(backend: Any) -> None:
    x = rng.normal(size=(32, 5)).astype("float32")
    layer = layers.Dense(3)
    model = hilevel.Sequential([hilevel.Input((5,)), layer])
    before = layer.kernel.numpy()
    layer.kernel.trainable = False
    view = layer.kernel.view = LowRank(layer.kernel)
    layer.low_rank = [view.a, view.b]
    model.compile("adam", "mse")
    start = view.a.numpy(), view.b.numpy()
    history = model.fit(x, x[:, :3], epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]
    np.testing.assert_array_equal(layer.kernel.numpy(), before)
    assert not np.array_equal(view.a.numpy(), start[0]) and not np.array_equal(view.b.numpy(), start[1])


def test_integers_with_a_scale(backend: Any) -> None:
    layer, x, (kernel,) = built("dense")
    expected = ops.convert_to_numpy(layer(*x))
    scale = float(abs(kernel.numpy()).max() / 127)
    stored = hilevel.Variable(np.round(kernel.numpy() / scale).astype("int8"), trainable=False)
    stored.view = Scaled(scale)
    layer.kernel = stored
    np.testing.assert_allclose(ops.convert_to_numpy(layer(*x)), expected, atol=0.05)
    assert layer.compute_output_shape((None, 5)) == (None, 4)
    mixed = layers.Dense(4, dtype="mixed_bfloat16")
    mixed(*x)
    mixed.kernel = stored
    assert str(mixed(*x).dtype) == "bfloat16"


def test_a_copy_keeps_the_view() -> None:
    with hilevel.use_backend("numpy"):
        v = hilevel.Variable([1.0, 2.0])
        v.view = Scaled(3.0)
        for w in (copy.deepcopy(v), pickle.loads(pickle.dumps(v))):
            np.testing.assert_array_equal(w.value, [3.0, 6.0])
            np.testing.assert_array_equal(w.numpy(), [1.0, 2.0])
