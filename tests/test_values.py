"""Values where rounding, overflow or special numbers decide: on each backend, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops, tree

Run = Callable[..., Any]


@pytest.fixture(params=["numpy", "numpy-compiled", "jax", "jax-compiled"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Call a function of arrays on a backend, eagerly or compiled, and return its results as NumPy arrays."""
    name, _, compiled = request.param.partition("-")

    def call(function: Run, *arrays: Any) -> Any:
        function = hilevel.jit(function) if compiled else function
        calls = 3 if request.param == "numpy-compiled" else 1  # captured twice, then replayed
        results = [function(*map(ops.convert_to_tensor, arrays)) for _ in range(calls)]
        return tree.map_structure(lambda y: y if isinstance(y, str) else ops.convert_to_numpy(y), results[-1])

    with hilevel.use_backend(name):
        yield call


# -- sums and statistics of many numbers, and beside a large mean --------------------------------------


def test_many_ones_are_counted(run: Run) -> None:
    """Float32 has no number between 2**24 and 2**24 + 2."""
    n = 2**24 + 2**12
    assert run(lambda x: ops.cumsum(x)[-1], np.ones(n, "float32")) == n
    rows = np.ones((n // 2, 2), "float32")
    assert run(lambda x: ops.cumsum(x * 2, axis=0)[-1], rows).tolist() == [n, n]
    assert run(lambda x: ops.sum(x * 2, axis=0), rows).tolist() == [n, n]
    assert run(lambda x: ops.mean(x, axis=0), rows).tolist() == [1, 1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_many_ones_of_half_precision(run: Run, dtype: str) -> None:
    """Their own dtype counts to 2,048, or to 256."""
    ones = np.ones((8192, 2), hilevel.dtypes.as_dtype(dtype))
    for function, expected in ((ops.sum, 8192), (ops.mean, 1)):
        for axis in (0, 1, None):
            y = run(lambda x, f=function, axis=axis: f(x, axis=axis), ones)
            terms = {0: 8192, 1: 2, None: 16384}[axis]
            np.testing.assert_array_equal(y.astype("float32"), terms if expected > 1 else 1)
            assert y.dtype == ones.dtype
    assert run(lambda x: ops.cumsum(x, axis=0)[-1], ones).tolist() == [8192, 8192]


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [0, 1, 2, (0, 1), (1, 2), (0, 2), (0, 1, 2), -2, None])
def test_large_sums_over_any_axes(axis: Any, keepdims: bool) -> None:
    """The NumPy backend adds rows in blocks."""
    x = np.random.default_rng(1).normal(size=(300, 700, 3))
    with hilevel.use_backend("numpy") as backend:
        for y in (x, x[:, ::2], x.T.copy().T, x.astype("float32")):
            found = backend.xp.sum(y, axis=axis, keepdims=keepdims)
            wanted = np.sum(y.astype(np.longdouble), axis=axis, keepdims=keepdims)
            assert (found.shape, found.dtype) == (wanted.shape, y.dtype)
            rounding = np.finfo(y.dtype).eps * np.sqrt(x.size) * (30 if y.flags.c_contiguous else 300)
            np.testing.assert_allclose(found, wanted, rtol=0, atol=rounding)


STATISTICS: dict[str, tuple[Run, Run]] = {
    "var": (lambda x, a: ops.var(x, axis=a), lambda x, a: x.var(a)),
    "std": (lambda x, a: ops.std(x, axis=a), lambda x, a: x.std(a)),
    "moments": (lambda x, a: ops.moments(x, axes=[a])[1], lambda x, a: x.var(a)),
    "means of moments": (lambda x, a: ops.moments(x, axes=[a])[0], lambda x, a: x.mean(a)),
    "standardize": (lambda x, a: ops.standardize(x, a)[0], lambda x, a: (x - x.mean(a, keepdims=True)) / x.std(a, keepdims=True)),
    "variance of standardize": (lambda x, a: ops.standardize(x, a)[2], lambda x, a: x.var(a)),
    "nanvar": (lambda x, a: ops.nanvar(x, axis=a), lambda x, a: x.var(a)),
    "nanstd": (lambda x, a: ops.nanstd(x, axis=a), lambda x, a: x.std(a)),
}  # fmt: skip


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("shape", [(1000, 3), (3, 1001), (8192, 2)])
def test_deviations_beside_a_large_mean(run: Run, name: str, shape: tuple[int, int]) -> None:
    """Float64 is the judge. In float32 neighbours of a million are 0.06 apart."""
    x = (1e6 + np.random.default_rng(1).integers(0, 2, shape)).astype("float32")
    function, judge = STATISTICS[name]
    axis = int(np.argmax(shape))
    found, wanted = run(lambda x: function(x, axis), x), judge(x.astype("float64"), axis)
    atol = 0.07 if name in ("standardize", "means of moments") else 0  # that of means in float32
    np.testing.assert_allclose(found, wanted, rtol=0 if atol else 1e-5, atol=atol)


def test_the_variance_of_two_values_beside_a_million(run: Run) -> None:
    x = (1e6 + np.arange(100_000) % 2).astype("float32")
    assert run(ops.var, x) == pytest.approx(0.25, rel=1e-6)
    assert run(ops.std, x) == pytest.approx(0.5, rel=1e-6)


def test_statistics_of_a_constant_are_exact(run: Run) -> None:
    x = np.full((1000, 3), 0.1, "float32")
    assert run(lambda x: ops.var(x, axis=0), x).tolist() == [0, 0, 0]
    y, mean, variance = run(lambda x: ops.standardize(x, 0, 1e-3), x)
    assert not y.any() and not variance.any() and (mean == x[0]).all()


@pytest.mark.parametrize("axis", [0, -1, (0, 1)])
def test_gradients_of_statistics(run: Run, axis: Any) -> None:
    """Those of the textbook's formulas, in float64."""
    x = np.random.default_rng(1).normal(3, 2, (5, 4))
    n = x.mean(axis, keepdims=True).size
    terms, rest = x.size / n, x - x.mean(axis, keepdims=True)
    slope = run(lambda x: hilevel.grad(lambda x: ops.sum(ops.var(x, axis=axis)))(x), x)
    np.testing.assert_allclose(slope, 2 * rest / terms, atol=1e-12)
    slope = run(lambda x: hilevel.grad(lambda x: ops.sum(ops.standardize(x, axis)[1]))(x), x)
    np.testing.assert_allclose(slope, np.full(x.shape, 1 / terms), atol=1e-12)
    slope = run(lambda x: hilevel.grad(lambda x: ops.sum(ops.standardize(x, axis)[2]))(x), x)
    np.testing.assert_allclose(slope, 2 * rest / terms, atol=1e-12)


def test_batch_normalization_beside_a_large_mean(run: Run) -> None:
    x = (1e6 + np.random.default_rng(1).integers(0, 2, (64, 9, 3))).astype("float32")
    layer = hilevel.layers.BatchNormalization(momentum=0.0, epsilon=0.0)
    layer.build(x.shape)
    y = run(lambda x: layer(x, training=True), x)
    wide = x.astype("float64")
    np.testing.assert_allclose(ops.convert_to_numpy(layer.moving_variance), wide.var((0, 1)), rtol=1e-4)
    np.testing.assert_allclose(y, (wide - wide.mean((0, 1))) / wide.std((0, 1)), atol=0.1)


# -- half precision ------------------------------------------------------------------------------------


def test_statistics_of_float16_do_not_overflow(run: Run) -> None:
    """Squares of numbers above 255 do not fit into float16."""
    x = np.random.default_rng(1).normal(0, 600, (64, 8)).astype("float16")
    wide = x.astype("float64")
    mean, variance = run(lambda x: ops.moments(x * 0.25, axes=[0]), x)
    assert mean.dtype == variance.dtype == np.float16
    np.testing.assert_allclose(variance, np.minimum(wide.var(0) / 16, 65504), rtol=2e-3)
    assert run(lambda x: ops.moments(x, axes=[0], keepdims=True)[1], x).tolist() == [[65504.0] * 8]
    std = run(lambda x: ops.std(x, axis=0), x)
    assert std.dtype == np.float16
    np.testing.assert_allclose(std, wide.std(0), rtol=2e-3)
    normal = run(lambda x: ops.layer_normalization(x, axis=0), x)
    assert normal.dtype == np.float16
    np.testing.assert_allclose(normal, (wide - wide.mean(0)) / wide.std(0), atol=4e-3)
