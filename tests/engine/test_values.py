"""Values where rounding, overflow or special numbers decide: on each backend, eager and compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special

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


@pytest.mark.slow
def test_many_ones_are_counted(run: Run) -> None:
    """Float32 has no number between 2**24 and 2**24 + 2."""
    n = 2**24 + 2**12

    def sums(x: Any) -> list[Any]:
        rows = ops.reshape(x, (n // 2, 2))
        twice = rows * 2
        return [
            ops.cumsum(x)[-1],
            ops.cumsum(twice, axis=0)[-1],
            ops.sum(twice, axis=0),
            ops.mean(rows, axis=0),
        ]

    found = run(sums, np.ones(n, "float32"))
    assert [y.tolist() for y in found] == [n, [n, n], [n, n], [1, 1]]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_many_ones_of_half_precision(run: Run, dtype: str) -> None:
    """Their own dtype counts to 2,048, or to 256."""
    ones = np.ones((8192, 2), hilevel.engine.dtypes.as_dtype(dtype))
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


# -- NaN, infinity, and indices outside ----------------------------------------------------------------

NAN, INF = float("nan"), float("inf")
ODD = np.array([[1, NAN, 3, -INF, NAN, INF], [2, 2, NAN, -0.0, 0.0, 2]], "float32")


def same(found: Any, expected: Any) -> None:
    """The same values, NaN and signs of zeros included, and the same dtype."""
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_nan_is_the_largest_in_every_order(run: Run) -> None:
    values, indices = run(lambda x: ops.top_k(x, 4), ODD)
    same(values, np.array([[NAN, NAN, INF, 3], [NAN, 2, 2, 2]], "float32"))
    same(indices, np.array([[1, 4, 5, 2], [2, 0, 1, 5]], "int32"))
    same(run(ops.sort, ODD), np.sort(ODD))
    same(run(ops.argsort, ODD)[0], np.array([3, 0, 2, 5, 1, 4], "int32"))
    assert run(lambda x: ops.argmax(x, axis=1), ODD).tolist() == [1, 2]
    assert run(lambda x: ops.argmin(x, axis=1), ODD).tolist() == [1, 2]
    assert np.isnan(run(lambda x: ops.max(x, axis=1), ODD)).all()


@pytest.mark.parametrize(
    "x",
    [
        np.array([-(2**31), 5, 5, 1], "int32"),
        np.array([0, 255, 255, 1], "uint8"),
        np.array([0, 1, 1, 0], "bool"),
    ],
)
def test_the_largest_of_integers(run: Run, x: Any) -> None:
    """The smallest integer has no negative, unsigned ones and booleans have none at all."""
    values, indices = run(lambda x: ops.top_k(x, 4), x)
    assert indices.tolist() == [1, 2, *((3, 0) if x[3] > x[0] else (0, 3))]
    same(values, x[indices])


def test_gradient_of_top_k(run: Run) -> None:
    slope = run(
        lambda x: hilevel.grad(lambda x: ops.sum(ops.top_k(x, 2)[0] * np.array([3.0, 5.0])))(x),
        ODD[1, 3:].astype("float64"),
    )
    assert slope.tolist() == [5, 0, 3]  # of 0, 0 and 2: of equal elements, the first


def test_in_top_k_beside_nan(run: Run) -> None:
    """The values of Keras 3.15."""
    x = np.array([[0.1, NAN, 0.5, NAN]] * 4 + [[NAN] * 4, [-INF, 0.2, NAN, NAN]], "float32")
    targets = np.array([0, 1, 2, 3, 0, 0])
    expected = {1: [0, 0, 1, 0, 1, 0], 2: [1, 0, 1, 0, 1, 1], 3: [1, 1, 1, 1, 1, 1]}
    for k, wanted in expected.items():
        assert run(lambda t, x, k=k: ops.in_top_k(t, x, k), targets, x).tolist() == [bool(w) for w in wanted]
    assert run(lambda t, x: ops.in_top_k(t, x, 1), np.array([7, 4]), x[:2]).tolist() == [False, False]


def test_rows_of_no_segment_are_dropped(run: Run) -> None:
    ids, x = np.array([0, -1, 2, 5, 1, -3]), np.arange(1.0, 7)
    assert run(lambda x, i: ops.segment_sum(x, i, 3), x, ids).tolist() == [1, 5, 3]
    assert run(lambda x, i: ops.segment_max(x, i, 4), x, ids).tolist() == [1, 5, 3, -INF]
    same(run(lambda x, i: ops.segment_max(x, i, 3), np.stack([x, -x], 1).astype("int32"), ids),
         np.array([[1, -1], [5, -5], [3, -3]], "int32"))  # fmt: skip
    slope = run(
        lambda x, i: hilevel.grad(lambda x: ops.sum(ops.segment_sum(x, i, 3) * np.array([2.0, 3, 5])))(x),
        x,
        ids,
    )
    assert slope.tolist() == [2, 0, 5, 0, 3, 0]


def test_rows_of_no_segment_do_not_count_as_one() -> None:
    for name in ("numpy", "jax"):
        with hilevel.use_backend(name):
            assert ops.convert_to_numpy(ops.segment_sum([1.0, 2.0, 4.0], [-1, 1, 1])).tolist() == [0, 6]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_erfinv_up_to_its_ends(run: Run, dtype: str) -> None:
    near = 1 - np.finfo(dtype).epsneg
    x = np.array([1, -1, 1.5, -2, INF, NAN, near, -near, 0.5, 1e-3, 0], dtype)
    found = run(ops.erfinv, x)
    wanted = scipy.special.erfinv(x.astype("float64"))
    assert found.dtype == dtype
    np.testing.assert_allclose(found, wanted, rtol=4 * np.finfo(dtype).eps if dtype != "float64" else 1e-14)
    slope = run(
        lambda x: hilevel.grad(lambda x: ops.sum(ops.erfinv(x)))(x), np.array([0.3, -0.9, near, 1], dtype)
    )
    wanted = (
        np.sqrt(np.pi)
        / 2
        * np.exp(scipy.special.erfinv(np.array([0.3, -0.9, near, 1], dtype).astype("float64")) ** 2)
    )
    np.testing.assert_allclose(slope[:2], wanted[:2], rtol=20 * np.finfo(dtype).eps)
    assert slope[3] == INF


def test_ldexp_where_the_power_overflows(run: Run) -> None:
    x = np.array([2.0**-120, -3.0, INF, 0.0], "float32")
    assert run(ops.ldexp, x, np.array([200, -2, -9, 300])).tolist() == [2.0**80, -0.75, INF, 0]
    slope = run(lambda x: hilevel.grad(lambda x: ops.sum(ops.ldexp(x, [3, -2, 1, 4])))(x), x)
    assert slope.tolist() == [8, 0.25, 2, 16]


# -- complex numbers -----------------------------------------------------------------------------------

COMPLEX = np.array([[1 + 2j, -3 + 0j], [0 - 1j, complex(0, -0.0)]])
PARTS = {
    "conj": np.conj, "conjugate": np.conj, "real": np.real, "imag": np.imag, "isreal": np.isreal, "angle": np.angle,
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "float32", "float64", "int32"])
@pytest.mark.parametrize("name", PARTS)
def test_parts_of_complex_numbers(run: Run, name: str, dtype: str) -> None:
    x = (COMPLEX if dtype[0] == "c" else np.array([[1, -3], [0, 2]])).astype(dtype)
    if name == "angle" and dtype == "int32":
        x = x.astype("float32")
    wanted = PARTS[name](x)
    found = run(getattr(ops, name), x)
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    symbolic = getattr(ops, name)(
        hilevel.Input(batch_shape=x.shape, dtype=dtype if name != "angle" else x.dtype.name)
    )
    assert (tuple(symbolic.shape), symbolic.dtype) == (wanted.shape, wanted.dtype)


def test_angles_of_odd_numbers(run: Run) -> None:
    x = np.array([NAN, -0.0, 0.0, -2, -INF, INF], "float32")
    same(run(ops.angle, x), np.array([NAN, np.pi, 0, np.pi, np.pi, 0], "float32"))


def test_gradients_of_parts_of_real_numbers(run: Run) -> None:
    x = np.array([-2.0, 0.0, 3.0])
    for name, wanted in {"real": 2 * x, "conj": 2 * x, "imag": 0 * x, "angle": 0 * x}.items():
        part = getattr(ops, name)
        slope = run(lambda x, part=part: hilevel.grad(lambda x: ops.sum(part(x) * x))(x), x)
        np.testing.assert_allclose(slope, wanted if name != "angle" else np.angle(x), atol=1e-12)


# -- norms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 4), (4, 3), (3, 3)])
@pytest.mark.parametrize("ord", [2, -2, "nuc"])
def test_norms_by_singular_values(run: Run, ord: Any, shape: Any) -> None:
    """Values by NumPy; the gradient is what U and V give; and of matrices of which all singular values are equal."""
    x = np.random.default_rng(1).normal(size=(2, *shape))
    found = run(lambda x: ops.norm(x, ord, axis=(1, 2)), x)
    np.testing.assert_allclose(found, np.linalg.norm(x, ord, axis=(1, 2)), rtol=1e-12)
    slope = run(lambda x: hilevel.grad(lambda x: ops.sum(ops.norm(x, ord, axis=(1, 2))))(x), x)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    weights = {2: np.eye(s.shape[-1])[0], -2: np.eye(s.shape[-1])[-1], "nuc": np.ones(s.shape[-1])}[ord]
    np.testing.assert_allclose(slope, u * weights @ vt, atol=1e-12)
    equal = run(lambda x: hilevel.grad(lambda x: ops.norm(x, ord))(x), 2 * np.eye(*shape))
    assert np.isfinite(equal).all()
    if ord == "nuc":
        np.testing.assert_allclose(equal, np.eye(*shape), atol=1e-12)


@pytest.mark.parametrize("ord", [2, "nuc"])
def test_second_derivatives_of_norms(ord: Any) -> None:
    """Also where a singular value is 0 or two are equal up to a sign."""
    x = np.random.default_rng(1).normal(size=(3, 4))
    with hilevel.use_backend("numpy"):
        hilevel.testing.check_gradients(lambda x: ops.norm(x, ord), x, order=2)
    with hilevel.use_backend("jax"):
        hilevel.testing.check_gradients(lambda x: ops.norm(x, ord), x, order=2)


def test_norms_that_do_not_exist(backend: Any) -> None:
    vector, matrix, cube = np.ones(3), np.ones((2, 3)), np.ones((2, 3, 2))
    for x, ord, axis, message in (
        (vector, "fro", None, "for vectors, ord must be None, a number"),
        (vector, "nuc", None, "for vectors"),
        (matrix, "fro", 1, "for vectors"),
        (matrix, 3, None, "for matrices, ord must be"),
        (matrix, 0, None, "for matrices"),
        (matrix, "bad", None, "got 'bad'"),
        (cube, 2, None, r"over one or two axes; got the axes \(0, 1, 2\)"),
        (cube, "fro", None, "over one or two axes"),
        (matrix, 1, (0, 0), "must differ"),
    ):
        with pytest.raises(ValueError, match=message):
            ops.norm(x, ord, axis=axis)
    assert ops.norm(cube) == pytest.approx(12**0.5)
    assert float(ops.norm(np.array([3 + 4j]))) == 5


# -- a fixed number of different elements --------------------------------------------------------------


def test_unique_of_a_size(backend: Any) -> None:
    """Keras documents 0 as what fills up."""
    host = lambda parts: [ops.convert_to_numpy(part).tolist() for part in parts]
    all_parts = {"return_index": True, "return_inverse": True, "return_counts": True}
    x = np.array([3, 1, 3, 2], "int32")
    assert host(ops.unique(x, size=5, **all_parts)) == [
        [1, 2, 3, 0, 0],
        [1, 3, 0, 1, 1],
        [2, 0, 2, 1],
        [1, 1, 2, 0, 0],
    ]
    assert host(ops.unique(x, size=2, **all_parts)) == [[1, 2], [1, 3], [2, 0, 2, 1], [1, 1]]
    assert host(ops.unique(x, size=4, fill_value=-1, return_counts=True)) == [[1, 2, 3, -1], [1, 1, 2, 0]]
    rows = np.array([[1, 2], [1, 2], [0, 5]])
    assert host(ops.unique(rows, axis=0, size=3, return_counts=True)) == [[[0, 5], [1, 2], [0, 0]], [1, 2, 0]]
    assert host([ops.unique(np.zeros(0), size=2)]) == [[0, 0]]
    assert np.isnan(ops.convert_to_numpy(ops.unique(np.array([NAN, 1, NAN])))).tolist() == [False, True, True]


# -- dropout -------------------------------------------------------------------------------------------


def test_dropout_of_everything_and_of_nothing(run: Run) -> None:
    x = np.array([[1.0, INF], [NAN, 2.0]], "float32")
    for rate in (1, 1.0):
        same(
            run(lambda x, rate=rate: hilevel.random.dropout(x, rate, seed=1), np.tile(x, (300, 300))),
            np.zeros((600, 600), "float32"),
        )
        slope = run(
            lambda x, rate=rate: hilevel.grad(lambda x: ops.sum(hilevel.random.dropout(x, rate, seed=1)))(x),
            x,
        )
        assert slope.tolist() == [[0, 0], [0, 0]]
    same(run(lambda x: hilevel.random.dropout(x, 0, seed=1), x), x)


@pytest.mark.parametrize("rate", [-0.1, 1.5, "half", None, NAN])
def test_rates_of_dropout_that_are_none(backend: Any, rate: Any) -> None:
    with pytest.raises(ValueError, match=r"random\.dropout: rate must be a number from 0 to 1; got"):
        hilevel.random.dropout(np.ones(3), rate)


NORMALIZATIONS: dict[str, dict[str, Any]] = {
    "GroupNormalization": {"groups": 2}, "LayerNormalization": {}, "BatchNormalization": {}, "RMSNormalization": {},
    "UnitNormalization": {},
}  # fmt: skip


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32", "float64", "float16"])
@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalisations_of_large_inputs(run: Run, name: str, policy: str) -> None:
    """Inputs beyond float16 are normalised before they are cast; the output has the compute dtype."""
    x = (70000 + 100 * np.random.default_rng(1).normal(size=(6, 4, 8))).astype("float32")
    if policy == "float16":
        x = (x / 2).astype("float16")
    layer = getattr(hilevel.layers, name)(dtype=policy, **NORMALIZATIONS[name])
    layer.build(x.shape)
    judge = getattr(hilevel.layers, name)(dtype="float64", **NORMALIZATIONS[name])
    wanted = ops.convert_to_numpy(
        judge(x.astype("float64"), **({"training": True} if name[0] == "B" else {}))
    )
    found = run(lambda x: layer(x, training=True) if name[0] == "B" else layer(x), x)
    assert found.dtype == hilevel.engine.dtypes.as_dtype(layer.compute_dtype)
    loose = {"float16": 3e-3, "bfloat16": 2e-2, "float32": 1e-3, "float64": 1e-7}[layer.compute_dtype]
    np.testing.assert_allclose(found.astype("float64"), wanted, atol=loose * max(1, abs(wanted).max()))
    assert layer(hilevel.Input(x.shape[1:])).dtype == layer.compute_dtype


def test_large_scales_of_normalisations(backend: Any) -> None:
    layer = hilevel.layers.LayerNormalization(dtype="mixed_float16")
    layer.build((2, 4))
    layer.gamma.assign(np.full(4, 70000.0))
    y = layer(np.array([[1.0, 1.1, 1.2, 1.15]] * 2, "float32") * 0 + 1)
    assert not ops.convert_to_numpy(y).any()
