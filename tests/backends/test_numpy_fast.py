"""The NumPy backend's fast forms give the results of the ops' plain ones; its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hilevel_numpy import convolution, normalization, products, threads

import hilevel
from hilevel import ops
from hilevel.engine.backends import get_backend
from hilevel.engine.protocol import Overrides
from hilevel.ops.image import resizing
from hilevel.ops.nn.convolution import fused_conv

# -- the fast forms of ops -----------------------------------------------------------------------------

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.normal(size=shape)


def results(function: Any, arrays: Any) -> list[np.ndarray[Any, Any]]:
    """Values of an op, and the gradients of a sum over them in which each number counts differently."""

    def total(*arrays: Any) -> Any:
        ys = function(*arrays)
        ys = ys if isinstance(ys, tuple) else (ys,)
        return sum(
            ops.sum(y * np.sin(np.arange(np.prod(y.shape))).reshape(y.shape).astype(y.dtype)) for y in ys
        )

    y = function(*arrays)
    gradients = hilevel.grad(total, argnums=tuple(range(len(arrays))))(*arrays)
    return [np.asarray(a) for a in (*(y if isinstance(y, tuple) else (y,)), *gradients)]


def assert_same(function: Any, arrays: Any) -> None:
    """The op's results do not change when the backend's forms are taken away.

    Rounding is relative to the results, or to the arguments where they cancel out (the loss of a good prediction).
    """
    with hilevel.use_backend("numpy") as backend:
        found = results(function, arrays)
        kept, backend.overrides = backend.overrides, Overrides()
        try:
            wanted = results(function, arrays)
        finally:
            backend.overrides = kept
    least = max(0.05 * float(abs(a).max(initial=0)) for a in arrays) or 1.0
    for a, b in zip(found, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        scale = float(abs(b).max(initial=least))
        np.testing.assert_allclose(a / scale, b / scale, rtol=0, atol=3e-5 if a.dtype == "float32" else 1e-12)


CONVOLUTIONS: dict[str, Any] = {
    "narrow": ((5, 9, 8, 1), (3, 3, 1, 4), {"padding": "same"}),
    "wide": ((3, 9, 8, 20), (3, 2, 20, 5), {"padding": "same", "activation": "relu"}),
    "strides": ((2, 8, 9, 18), (3, 3, 18, 3), {"strides": 2, "padding": "same", "activation": "tanh"}),
    "uneven strides": ((2, 8, 9, 3), (3, 3, 3, 4), {"strides": (2, 1)}),
    "pointwise": ((3, 4, 5, 6), (1, 1, 6, 7), {"activation": "sigmoid"}),
    "projection": ((3, 7, 8, 6), (1, 1, 6, 7), {"strides": 2}),
    "dilated": ((3, 20, 18), (5, 18, 2), {"dilation_rate": 2, "padding": "same"}),
    "channels first": ((3, 4, 9, 9), (3, 3, 4, 5), {"data_format": "channels_first"}),
    "volume": ((2, 5, 6, 7, 3), (2, 3, 2, 3, 4), {"padding": "same"}),
    "groups": ((2, 6, 6, 4), (3, 3, 2, 4), {"activation": "relu"}),
    "depthwise": ((5, 6, 6, 4), (3, 3, 1, 8), {"activation": "relu", "padding": "same"}),
    "one sample": ((1, 12, 3, 16), (3, 3, 16, 2), {}),
    "no sample": ((0, 6, 6, 2), (3, 3, 2, 2), {"activation": "relu"}),
}


@pytest.mark.parametrize("part", [1, 20_000])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name: str, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_PATCHES", part)
    monkeypatch.setattr(get_backend("numpy"), "block_bytes", part)
    monkeypatch.setattr(threads, "count", lambda: 2)
    x, kernel, how = CONVOLUTIONS[name]
    x, kernel, bias = normal(*x), normal(*kernel), normal(kernel[-1])
    for dtype in ("float32", "float64"):
        arrays = [a.astype(dtype) for a in (x, kernel, bias)]
        assert_same(lambda x, k, b: fused_conv(x, k, b, **how), arrays)
    assert_same(lambda x, k: fused_conv(x, k, **how), [x.swapaxes(1, 2).copy().swapaxes(1, 2), kernel])


def test_transposed_convolutions() -> None:
    for how in ({}, {"strides": 2}, {"strides": 2, "padding": "same"}):
        arrays = [normal(3, 4, 5, 2), normal(3, 3, 4, 2)]
        assert_same(lambda x, k, how=how: ops.conv_transpose(x, k, **how), arrays)


POOLINGS: dict[str, Any] = {
    "side by side": ((5, 6, 8, 3), (2,), {}),
    "with a rest": ((5, 7, 9, 3), ((2, 3),), {}),
    "overlapping": ((5, 7, 9, 3), (3, 2), {"padding": "same"}),
    "apart": ((5, 9, 2), (2, 3), {}),
    "volume": ((3, 4, 5, 6, 2), (2,), {}),
    "channels first": ((3, 4, 6, 6), (2,), {"data_format": "channels_first"}),
    "one sample": ((1, 4, 4, 1), (2,), {}),
    "no sample": ((0, 4, 4, 1), (2,), {}),
}


@pytest.mark.parametrize("part", [1, 20_000])
@pytest.mark.parametrize("name", POOLINGS)
def test_poolings(name: str, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """On numbers of which many are equal."""
    monkeypatch.setattr(get_backend("numpy"), "block_bytes", part)
    monkeypatch.setattr(threads, "count", lambda: 2)
    shape, args, how = POOLINGS[name]
    for dtype in ("float32", "float64"):
        x = RNG.integers(0, 4, shape).astype(dtype)
        for pool in (ops.max_pool, ops.average_pool):
            assert_same(lambda x, pool=pool: pool(x, *args, **how), [x])
            assert_same(lambda x, pool=pool: pool(x, *args, **how), [x.T.copy().T])
    x = RNG.integers(0, 4, shape).astype("int32")
    with hilevel.use_backend("numpy"):
        assert ops.max_pool(x, *args, **how).dtype == "int32"


@pytest.mark.parametrize("block", [1, 50, 1 << 17])
def test_normalisation(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of channels, which has a form of its own, and over other axes."""
    monkeypatch.setattr(normalization, "_BLOCK", block)
    monkeypatch.setattr(threads, "count", lambda: 2)
    for shape, axes in (
        ((5, 6, 7, 3), (0, 1, 2)),
        ((40, 5), 0),
        ((1, 5), 0),
        ((4, 6, 5), (0, 2)),
        ((3, 4, 5), -1),
    ):
        for x in (normal(*shape), normal(*shape[::-1]).T + 20, normal(*shape).astype("float32")):
            assert_same(lambda x, axes=axes: ops.standardize(x, axes, epsilon=1e-3), [x])
            size = [1] * (len(shape) - 1) + [shape[-1]]
            weights = [normal(*size).astype(x.dtype) for _ in range(2)]
            assert_same(lambda x, *w, axes=axes: ops.standardize(x, axes, 1e-3, *w), [x, *weights])


def test_a_variance_beside_a_large_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float64 is the judge."""
    x = (1000 + 5 * normal(200, 9, 4)).astype("float32")
    wanted = x.astype("float64")
    monkeypatch.setattr(normalization, "_BLOCK", 36)
    for part in (x, np.concatenate([0 * x[:1], x])):
        wanted = part.astype("float64")
        with hilevel.use_backend("numpy"):
            _, mean, variance = ops.standardize(part, (0, 1))
        np.testing.assert_allclose(mean, wanted.mean((0, 1)), rtol=1e-6)
        np.testing.assert_allclose(variance, wanted.var((0, 1)), rtol=1e-4)


def test_fast_forms_differentiated_twice() -> None:
    x, kernel = normal(2, 5, 5, 2), normal(3, 3, 2, 3)

    def slope(x: Any, kernel: Any) -> Any:
        inner = hilevel.grad(
            lambda x: ops.sum(ops.max_pool(fused_conv(x, kernel, padding="same", activation="tanh"), 2) ** 2)
        )
        return inner(x)

    assert_same(slope, [x, kernel])


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_PATCHES", 5000)
    arrays = [
        normal(9, 12, 12, 4).astype("float32"),
        normal(3, 3, 4, 8).astype("float32"),
        normal(8).astype("float32"),
    ]
    found = []
    for n in (1, 2, 3):
        monkeypatch.setattr(threads, "count", lambda n=n: n)
        with hilevel.use_backend("numpy"):
            found.append(results(lambda *a: fused_conv(*a, activation="relu"), arrays))
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


PRODUCTS: dict[str, Any] = {
    "rows": ((300, 20), (20, 30)),
    "columns": ((30, 20), (20, 300)),
    "long sums": ((9, 4000), (4000, 20)),
    "a stack by a matrix": ((6, 50, 20), (20, 30)),
    "stacks": ((6, 2, 50, 20), (2, 20, 30)),
    "vectors": ((3000,), (3000,)),
    "by a vector": ((300, 200), (200,)),
    "empty": ((0, 20), (20, 30)),
    "sums of nothing": ((300, 0), (0, 30)),
}


def product_of(a: Any, b: Any) -> tuple[Any, Any]:
    """A product in float64, and the rounding that is allowed in the dtype of `a`.

    Rounding errors of `n` terms add up like a random walk, to `eps * sqrt(n * sum(terms**2))`; four times that.
    """
    a, b, eps = a.astype("float64"), b.astype("float64"), np.finfo(a.dtype).eps if a.dtype.kind == "f" else 0
    return a @ b, 4 * eps * np.sqrt(a.shape[-1] * (a**2 @ b**2))


@pytest.mark.parametrize("order", ["first", "second"])
def test_numbers_do_not_depend_on_earlier_tests(order: str) -> None:
    np.testing.assert_array_equal(normal(3), np.random.default_rng(1).normal(size=3))


@pytest.mark.parametrize("name", PRODUCTS)
def test_products(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large ones are divided; here all are. Float64 is the judge."""
    first, second = PRODUCTS[name]
    for limit in ("_SMALL", "_SMALL_BY_VECTOR"):
        monkeypatch.setattr(products, limit, 0)
    monkeypatch.setattr(products, "_LARGE", 60_000)
    monkeypatch.setattr(threads, "count", lambda: 2)
    for dtype in ("float32", "float64", "int32"):
        a, b = (10 * normal(*first)).astype(dtype), (10 * normal(*second)).astype(dtype)
        wanted, close = product_of(a, b)
        turned = a.swapaxes(0, -1).copy().swapaxes(0, -1)
        for found in (products.matmul(a, b), products.matmul(turned, b)):
            assert (found.shape, found.dtype) == (wanted.shape, a.dtype)
            assert (abs(found - wanted) <= close).all()
        if wanted.ndim > 1:
            out = np.empty(wanted.shape, dtype)
            assert np.shares_memory(products.matmul(a, b, out=out), out) or not out.size
            assert (abs(out - wanted) <= close).all()


def test_products_that_do_not_fit_are_refused() -> None:
    for first, second in (((5000, 10), (9, 5000)), ((9, 5000), (6000, 500)), ((3, 500, 10), (4, 10, 5000))):
        with pytest.raises(ValueError, match=r"mismatch|broadcast"):
            products.matmul(np.ones(first, "float32"), np.ones(second, "float32"))


def test_the_module_is_numpys() -> None:
    xp = hilevel.get_backend("numpy").xp
    assert xp.matmul is products.matmul
    assert (xp.exp, xp.float32, xp.__version__, xp.fft.fft) == (
        np.exp,
        np.float32,
        np.__version__,
        np.fft.fft,
    )


# -- threads -------------------------------------------------------------------------------------------


@pytest.fixture(params=[1, 2, 4])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The test runs with so many threads."""
    monkeypatch.setattr(threads, "count", lambda: request.param)
    return request.param


def blas_threads() -> int | None:
    return threads._blas.get_threads() if threads._blas.get_threads else None


def test_parts_give_their_results_in_order(many: int) -> None:
    before = blas_threads()

    def part(i: int) -> tuple[int, str, int | None]:
        time.sleep(0.002 * (i % 3))
        return i, threading.current_thread().name, blas_threads()

    found = threads.parallel(part, range(12))
    assert [i for i, _, _ in found] == list(range(12))
    assert 1 <= len({name for _, name, _ in found}) <= many
    assert {n for _, _, n in found} <= {1, None}
    assert blas_threads() == before
    assert threads.parallel(part, []) == []


def test_several_threads_do_work_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "count", lambda: 3)
    meet = threading.Barrier(3, timeout=30)
    assert sorted(threads.parallel(lambda i: meet.wait(), range(3))) == [0, 1, 2]


def test_inside_a_part_everything_runs_in_its_thread(many: int) -> None:
    def part(i: int) -> bool:
        inner = threads.parallel(lambda j: threading.get_ident(), range(5))
        return set(inner) == {threading.get_ident()}

    assert all(threads.parallel(part, range(8)))


def test_threads_of_the_users_own(many: int) -> None:
    found: dict[int, list[int]] = {}

    def run(k: int) -> None:
        for _ in range(20):
            found[k] = threads.parallel(lambda i: i * k, range(10))

    own = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in own:
        thread.start()
    for thread in own:
        thread.join()
    assert found == {k: [i * k for i in range(10)] for k in range(4)}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_error_of_the_earliest_part_is_raised(many: int, error: type[BaseException]) -> None:
    before = blas_threads()

    def part(i: int) -> int:
        time.sleep(0.001)
        if i in (1, 2):
            raise error(i)
        return i

    with pytest.raises(error) as caught:
        threads.parallel(part, range(20))
    assert caught.value.args[0] in ((1, 2) if many > 1 else (1,))
    assert blas_threads() == before
    assert threads.parallel(lambda i: i, range(3)) == [0, 1, 2]


def test_parts_have_the_callers_settings(many: int) -> None:
    with np.errstate(divide="ignore"):
        found = threads.parallel(lambda i: np.ones(1) / np.zeros(1), range(8))
    assert np.isinf(found).all()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        threads.parallel(lambda i: np.ones(1) / np.zeros(1), range(8))


def test_scratch_belongs_to_a_thread(many: int) -> None:
    def part(i: int) -> bool:
        mine = threads.scratch("test", (3, i + 1), np.dtype("float32"))
        mine[...] = i
        time.sleep(0.001)
        return mine.shape == (3, i + 1) and bool((mine == i).all())

    assert all(threads.parallel(part, range(8)))


def test_without_a_blas_that_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps its own threads, and nothing else uses any."""
    monkeypatch.delenv("HILEVEL_NUM_THREADS", raising=False)
    monkeypatch.setattr(threads, "_functions_of_openblas", lambda: (None, None))
    monkeypatch.setattr(threads, "_blas", threads._Blas())
    monkeypatch.setattr(threads, "count", threads.count.__wrapped__)
    assert threads.count() == 1
    assert threads.parallel(lambda i: threading.current_thread().name, [1, 2]) == ["MainThread"] * 2
    a = normal(600, 300)
    np.testing.assert_array_equal(products.matmul(a, a.T), a @ a.T)


def test_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "count", lambda: 3)
    pool = threads._Pool()
    monkeypatch.setattr(threads, "_pool", lambda: pool)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert threads.parallel(lambda i: i, range(4)) == [0, 1, 2, 3]
    assert pool.tickets.empty()


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_how_many_threads() -> None:
    ask = "from hilevel_numpy import threads; print(threads.count())"
    assert run_python(ask, HILEVEL_NUM_THREADS="3") == "3\n"
    assert 1 <= int(run_python(ask, HILEVEL_NUM_THREADS="")) <= threads.MOST
    with pytest.raises(AssertionError, match="must be a positive integer; got 'many'"):
        run_python(ask, HILEVEL_NUM_THREADS="many")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_process_has_threads_of_its_own() -> None:
    code = """
import os, threading, warnings
from hilevel_numpy import threads
warnings.simplefilter("ignore")
meet = lambda: threads.parallel(lambda i, barrier=threading.Barrier(2, timeout=20): barrier.wait(), range(2))
meet()
child = os.fork()
if not child:
    meet()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_python(code, HILEVEL_NUM_THREADS="2") == "7\n"


def test_imports_cost_no_threads() -> None:
    assert (
        run_python("import threading, hilevel.layers, hilevel_numpy.threads; print(threading.active_count())")
        == "1\n"
    )


def test_an_exit_does_not_wait_for_threads(many: Any) -> None:
    code = "from hilevel_numpy import threads; print(threads.parallel(lambda i: i, range(4)))"
    assert run_python(code, HILEVEL_NUM_THREADS=str(many)) == "[0, 1, 2, 3]\n"


@pytest.mark.parametrize(
    "index", [np.array(-1), np.array([[0, 3], [-4, 1]]), np.array([], int), np.array([1], np.uint8)]
)
def test_rows_by_index(index: np.ndarray[Any, Any]) -> None:
    for x in (normal(4, 3), normal(4), normal(3, 4).T, normal(4, 2, 0)):
        for key in (index, (index,)):
            found = ops.getitem(x, key)
            assert type(found) is type(x[index])
            assert np.array_equal(found, x[index])
    with pytest.raises(ValueError, match="out of bounds"):
        ops.getitem(normal(4), np.array([9]))


@pytest.mark.parametrize("options", [{}, {"antialias": True}, {"interpolation": "bicubic"}])
@pytest.mark.parametrize(
    ("shape", "axis", "size"), [((2, 200, 3, 5), 1, 90), ((3, 2, 200), 2, 301), ((200, 0), 0, 7)]
)
def test_resizing(options: dict[str, Any], shape: tuple[int, ...], axis: int, size: int) -> None:
    """By the few elements that each output depends on, as by a matrix product; and so are its gradients."""
    matrix = resizing._resizing(
        shape[axis], size, options.get("interpolation", "bilinear"), "antialias" in options
    )
    x = normal(*shape)
    for tensor, weights in ((x, matrix), (normal(*shape[:axis], size, *shape[axis + 1 :]), matrix.T)):
        found = resizing.multiply_axis(tensor, matrix=weights, axis=axis)
        expected = np.moveaxis(np.tensordot(weights, tensor, axes=(1, axis)), 0, axis)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        assert found.dtype == tensor.dtype
