"""Convolutions and poolings beyond the tables of op_cases and layer_cases: large batches, equal numbers, long windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import op_cases_convolution as judges
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.engine.backends import get_backend
from hilevel.ops.nn import windows
from hilevel.testing import check_gradients

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.normal(size=shape)


CONVOLUTIONS: dict[str, Any] = {
    "narrow": (ops.conv, judges.conv, (5, 4, 4, 1), (2, 2, 1, 3), {"padding": "same"}),
    "wide": (ops.conv, judges.conv, (5, 3, 4, 9), (2, 2, 9, 2), {}),
    "groups": (ops.conv, judges.conv, (5, 4, 4), (2, 2, 4), {"strides": 2}),
    "strides": (ops.conv, judges.conv, (5, 5, 18), (2, 18, 2), {"strides": 2}),
    "depthwise": (ops.depthwise_conv, judges.depthwise_conv, (5, 5, 3), (2, 3, 2), {"padding": "same"}),
    "transposed": (ops.conv_transpose, judges.conv_transpose, (5, 3, 2), (3, 2, 2), {"strides": 2}),
}


@pytest.mark.parametrize("budget", [1, 500, 1000])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_a_batch_in_parts(name: str, budget: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches are computed a few samples at a time; here in parts of one, some, and a rest."""
    op, judge, x, kernel, how = CONVOLUTIONS[name]
    x, kernel = normal(*x), normal(*kernel)
    monkeypatch.setattr(get_backend("numpy"), "block_bytes", budget)
    with hilevel.use_backend("numpy"):
        np.testing.assert_allclose(op(x, kernel, **how), judge(x, kernel, **how), rtol=1e-10, atol=1e-12)
        check_gradients(lambda x, kernel: op(x, kernel, **how), x, kernel)


def test_parts_on_jax() -> None:
    """The gradient of a kernel there, in parts that divide the batch; XLA's own is the judge."""
    jax = pytest.importorskip("jax")
    from hilevel_jax import convolution

    with hilevel.use_backend("jax"):
        for channels, groups in ((2, 1), (20, 1), (4, 4)):
            x, kernel = jax.numpy.asarray(normal(6, 5, channels)), normal(3, channels // groups, 4)
            how = windows.windows_of("", x.shape, (3,), 1, "same")
            y, way_back = jax.vjp(lambda k, x=x, how=how, g=groups: convolution.by_xla(x, k, how, g), kernel)
            g = jax.numpy.asarray(normal(*y.shape))
            for part in (1, 2000, 1 << 20):
                convolution._PART, before = part, convolution._PART
                found = convolution.kernel_gradient_by_parts(how.padded(jax.numpy, x), g, how, groups)
                convolution._PART = before
                np.testing.assert_allclose(found.reshape(kernel.shape), way_back(g)[0], rtol=1e-9)


def gradient(function: Any, x: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """By the tape and by the engine."""
    with hilevel.GradientTape() as tape:
        watched = tape.watch(ops.convert_to_tensor(x))
        total = ops.sum(function(watched))
    by_engine = hilevel.jit(hilevel.grad(lambda x: ops.sum(function(x))))(x)
    return ops.convert_to_numpy(tape.gradient(total, watched)), ops.convert_to_numpy(by_engine)


def test_of_equal_numbers_the_first_has_the_gradient(backend: Any) -> None:
    """As in Keras (on JAX) and PyTorch: the first row, then the first column."""
    x = np.array([[2.0, 1, 5], [1, 2, 5], [5, 5, 5]], "float32").reshape(1, 3, 3, 1)
    wanted = {
        1: [[1.0, 0, 1], [0, 0, 1], [1, 0, 0]],
        2: [[1.0, 0, 0], [0, 0, 0], [0, 0, 0]],
    }
    for stride, expected in wanted.items():
        for found in gradient(lambda x, s=stride: ops.max_pool(x, 2, s), x):
            np.testing.assert_array_equal(found[0, :, :, 0], expected)


def test_relu_has_no_gradient_at_zero(backend: Any) -> None:
    """As in Keras. Zeros are common after a convolution: of an empty part of an image, with a bias of 0."""
    for function in (layers.Conv1D(2, 2, activation="relu"), layers.Dense(2, activation="relu"), ops.relu):
        for found in gradient(function, np.zeros((1, 3, 1), "float32")):
            np.testing.assert_array_equal(found, np.zeros((1, 3, 1)))


def test_what_is_no_number_stays_so(backend: Any) -> None:
    for place in range(2):
        x = np.ones((1, 2, 1), "float32")
        x[0, place] = np.nan
        assert np.isnan(ops.convert_to_numpy(ops.max_pool(x, 2))).all()
        assert np.isnan(ops.convert_to_numpy(ops.adaptive_max_pool(x, 1))).all()


def test_long_windows(backend: Any) -> None:
    x = normal(2, 150, 2).astype("float32")
    for op, judge in ((ops.max_pool, judges.max_pool), (ops.average_pool, judges.average_pool)):
        found = ops.convert_to_numpy(op(x, 100, 20, "same"))
        np.testing.assert_allclose(found, judge(x, 100, 20, "same"), rtol=1e-5, atol=1e-6)
    kernel = normal(100, 2, 2).astype("float32")
    np.testing.assert_allclose(
        ops.convert_to_numpy(ops.conv(x, kernel)), judges.conv(x, kernel), rtol=1e-4, atol=1e-4
    )


def test_an_empty_batch(backend: Any) -> None:
    model = hilevel.Sequential(
        [layers.Conv2D(2, 2), layers.MaxPooling2D(), layers.DepthwiseConv2D(1), layers.Flatten()]
    )
    x = np.zeros((0, 5, 5, 1), "float32")
    assert model(x).shape == (0, 8)
    for found in gradient(model, x):
        assert found.shape == x.shape


def test_an_image_of_unknown_size_is_known_when_it_comes(backend: Any) -> None:
    x = hilevel.Input((None, None, 1))
    y = layers.GlobalAveragePooling2D()(layers.Conv2D(2, 3, strides=2, padding="same")(x))
    model = hilevel.Model(x, y)
    assert model.output_shape == (None, 2)
    for size in (4, 7):
        assert model(np.ones((1, size, size, 1), "float32")).shape == (1, 2)
