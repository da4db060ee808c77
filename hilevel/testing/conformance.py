"""`check_backend`: the conformance of a backend to hilevel's protocol.

The reference is NumPy. Each check is a function of the backend; an exception is a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel.engine import tensor
from hilevel.engine.autodiff.functional import custom_gradient, grad, value_and_grad
from hilevel.engine.autodiff.gradient_tape import GradientTape
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import get_backend
from hilevel.engine.compile.jit import jit
from hilevel.engine.context import scope
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.philox import philox_words
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.testing.gradients import check_gradients

Check = Callable[[Backend], None]
_checks: dict[str, Check] = {}


def check_backend(name: str | Backend) -> None:
    """Run hilevel's suite for backends: arrays, dtypes, ops, gradients, scattering, random bits, compiling,
    loops, Variables.

    Args:
        name: the backend's name, or the backend itself.

    Raises:
        AssertionError: a check fails; has a line for each failed check.

    >>> from hilevel.testing import check_backend
    >>> check_backend("numpy")
    """
    backend = get_backend(name)
    failures = []
    for title, check in _checks.items():
        try:
            with scope(backend=backend, interpreter=EVALUATE):
                check(backend)
        except Exception as error:
            failures.append(f"  {title}: {_in_a_line(error)}")
    if failures:
        raise AssertionError(
            f'The backend "{backend.name}" fails {len(failures)} of {len(_checks)} checks:\n'
            + "\n".join(failures)
        )


def _in_a_line(error: Exception) -> str:
    kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    return kind + " ".join(str(error).split())[:300]


def _check(function: Check) -> Check:
    """Register a check, with the first line of its docstring as its title. It is a decorator."""
    _checks[(function.__doc__ or "").split("\n")[0].rstrip(".")] = function
    return function


def _equal(found: TensorLike, expected: TensorLike, what: str, rtol: float = 1e-5) -> None:
    host = to_host(found) if hasattr(found, "shape") else np.asarray(found)
    expected = np.asarray(expected)
    if host.shape != expected.shape or not np.allclose(host, expected, rtol=rtol, atol=rtol / 10):
        raise AssertionError(f"{what} gives {host.tolist()}, expected {expected.tolist()}")


def _has_dtype(x: Tensor, dtype: str, what: str) -> None:
    if np.dtype(x.dtype).name != dtype:
        raise AssertionError(f"{what} has dtype {x.dtype}, expected {dtype}")


# -- arrays -----------------------------------------------------------------------------------------


@_check
def _conversion(backend: Backend) -> None:
    """Convert arrays from NumPy and back."""
    for dtype in ("float32", "float64", "float16", "int32", "int64", "uint8", "bool"):
        x = np.array([[0, 1], [2, 3]]).astype(dtype)
        there = backend.asarray(x)
        assert backend.is_array(there), f"asarray makes a {type(there).__name__}, which is_array rejects"
        _has_dtype(there, dtype, f"asarray of {dtype}")
        back = backend.to_numpy(there)
        assert type(back) is np.ndarray, f"to_numpy makes a {type(back).__name__}"
        assert back.dtype == x.dtype and (back == x).all(), f"{dtype} comes back as {back!r}"
    _has_dtype(backend.asarray([1, 2], dtype="float32"), "float32", "asarray of a list with dtype float32")


@_check
def _copies(backend: Backend) -> None:
    """Return copies from copy and to_numpy."""
    x = backend.asarray(np.zeros(2))
    copy, host = backend.copy(x), backend.to_numpy(x)
    host[0] = 1.0
    _equal(x, [0.0, 0.0], "an array after a change of the result of to_numpy")
    assert copy is not x, "copy returns the array itself"


@_check
def _information(backend: Backend) -> None:
    """Report a name, a version and devices."""
    assert backend.name and backend.version() != "?", "name or version is missing"
    assert backend.devices(), "devices() is empty"
    backend.synchronize()


@_check
def _dtype_rules(backend: Backend) -> None:
    """Promote dtypes by the rules of hilevel."""
    ops = tensor.ops
    i, f, d = (backend.asarray(np.ones(2, t)) for t in ("int32", "float32", "float64"))
    b = backend.asarray(np.array([True, False]))
    for result, dtype, what in (
        (ops.add(i, f), "float32", "int32 + float32"), (ops.add(f, d), "float64", "float32 + float64"),
        (ops.add(f, 2), "float32", "float32 + a Python int"), (ops.add(i, 0.5), "float32", "int32 + a Python float"),
        (ops.multiply(d, 0.1), "float64", "float64 * a Python float"), (ops.divide(i, i), "float32", "int32 / int32"),
        (ops.mean(i), "float32", "mean of int32"), (ops.sum(b), "int32", "sum of bool"),
        (ops.argmax(f), "int32", "argmax"), (ops.exp(i), "float32", "exp of int32"), (f > 0, "bool", "a comparison"),
    ):  # fmt: skip
        _has_dtype(result, dtype, what)
    _equal(ops.multiply(d, 0.1), [0.1, 0.1], "float64 * 0.1", rtol=1e-15)


# -- ops --------------------------------------------------------------------------------------------

_UNARY = [
    "exp",
    "log",
    "sqrt",
    "sin",
    "cos",
    "tanh",
    "square",
    "abs",
    "negative",
    "floor",
    "sign",
    "log1p",
    "arctan",
    "cumsum",
    "sort",
    "argsort",
]
_REDUCTIONS = ["sum", "mean", "max", "min", "prod", "argmax", "var", "std"]
_BINARY = [
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "minimum",
    "power",
    "floor_divide",
    "mod",
    "less",
    "equal",
]


@_check
def _elementwise(backend: Backend) -> None:
    """Compute elementwise functions, reductions and arithmetic as NumPy does."""
    x = np.array([[0.5, 2.0, 1.5], [3.0, 0.25, 1.0]])
    y = np.array([2.0, 1.5, 1.0])
    here, other = backend.asarray(x), backend.asarray(y)
    for name in _UNARY:
        expected = getattr(np, name)(x) if name not in ("cumsum",) else np.cumsum(x)
        _equal(getattr(tensor.ops, name)(here), expected, name)
    for name in _REDUCTIONS:
        for axis in (None, 0, -1):
            _equal(
                getattr(tensor.ops, name)(here, axis=axis),
                getattr(np, name)(x, axis=axis),
                f"{name}, axis {axis}",
            )
    for name in _BINARY:
        _equal(getattr(tensor.ops, name)(here, other), getattr(np, name)(x, y), name)


@_check
def _host_operands(backend: Backend) -> None:
    """Combine arrays with NumPy arrays, lists and scalars."""
    x = backend.asarray(np.array([1.0, 2.0], "float32"))
    for other in (np.array([3.0, 4.0], "float32"), [3.0, 4.0], np.float32(3.0), 3.0):
        result = tensor.ops.add(x, other)
        assert backend.is_array(result), f"adding a {type(other).__name__} makes a {type(result).__name__}"
        _equal(result, np.array([1.0, 2.0]) + np.asarray(other), f"adding a {type(other).__name__}")


@_check
def _shapes(backend: Backend) -> None:
    """Rearrange, join, index and multiply matrices as NumPy does."""
    x = np.arange(12.0).reshape(3, 4)
    ops, here = tensor.ops, backend.asarray(x)
    index = backend.asarray(np.array([2, 0], "int32"))
    for found, expected, what in (
        (ops.transpose(here), x.T, "transpose"), (ops.reshape(here, (2, -1)), x.reshape(2, -1), "reshape"),
        (ops.concatenate([here, here], axis=1), np.concatenate([x, x], axis=1), "concatenate"),
        (ops.pad(here, ((1, 0), (0, 2))), np.pad(x, ((1, 0), (0, 2))), "pad"), (ops.take(here, index, axis=0), x[[2, 0]], "take"),
        (ops.getitem(here, (slice(None, None, 2), 1)), x[::2, 1], "getitem"), (ops.matmul(here, here.T), x @ x.T, "matmul"),
        (ops.einsum("ij,kj->ik", here, here), x @ x.T, "einsum"), (ops.where(here > 5, here, 0.0), np.where(x > 5, x, 0), "where"),
        (ops.one_hot(index, 3), np.eye(3)[[2, 0]], "one_hot"), (ops.softmax(here).sum(axis=-1), np.ones(3), "softmax"),
        (ops.erf(backend.asarray([0.5])), [0.5204998778130465], "erf"), (ops.flip(here, axis=0), x[::-1], "flip"),
    ):  # fmt: skip
        _equal(found, expected, what)


@_check
def _scattering(backend: Backend) -> None:
    """Scatter values, and combine them at repeated indices."""
    x, key = np.array([1.0, 2.0, 3.0]), (np.array([0, 0, 2]),)
    updates = np.array([5.0, 6.0, 0.5])
    for reduction, expected in (("add", [12.0, 2.0, 3.5]), ("max", [6.0, 2.0, 3.0]), ("min", [1.0, 2.0, 0.5]),
                                ("mul", [30.0, 2.0, 1.5])):  # fmt: skip
        for dtype in ("float32", "float64"):
            here = backend.asarray(x, dtype=dtype)
            index = tuple(backend.asarray(k) for k in key)
            out = backend.scatter(here, index, backend.asarray(updates, dtype=dtype), reduction)
            _equal(out, expected, f"scatter with {reduction}")
            _equal(here, x, f"the argument of scatter with {reduction}")
    put = backend.scatter(
        backend.asarray(x), (backend.asarray(np.array([2, 0])),), backend.asarray(updates[:2])
    )
    _equal(put, [6.0, 2.0, 5.0], "scatter")


# -- gradients --------------------------------------------------------------------------------------


@_check
def _gradients(backend: Backend) -> None:
    """Compute gradients, and gradients of gradients, as finite differences do."""
    ops = tensor.ops
    x, w = (
        np.array([[0.5, -1.0, 2.0], [0.3, 1.1, -0.7]]),
        np.array([[0.2, 0.7], [-0.4, 0.1], [0.9, -0.3]]),
    )

    def function(x: Tensor, w: Tensor) -> Any:
        return [
            ops.tanh(ops.matmul(x, w)), ops.softmax(x, axis=-1) * ops.sum(w), ops.max(x, axis=1) * ops.mean(w),
            x[:, 1:] * w[0, 1], ops.take(x, np.array([0, 0, 1]), axis=0) ** 2 + ops.exp(w[:, 0]),
        ]  # fmt: skip

    check_gradients(function, x, w, order=2)


@_check
def _tape(backend: Backend) -> None:
    """Differentiate with GradientTape, grad and custom_gradient."""
    x = backend.asarray(np.array([1.0, 2.0]))
    v = Variable(x, name="v")
    with GradientTape() as tape:
        watched = tape.watch(x)
        loss = tensor.ops.sum(watched**3 * v)
    by_tape = tape.gradient(loss, [watched, v])
    _equal(by_tape[0], [3.0, 24.0], "the gradient of the tape with respect to an array")
    _equal(by_tape[1], [1.0, 8.0], "the gradient of the tape with respect to a Variable")
    _equal(grad(lambda a: tensor.ops.sum(a**3 * v))(x), [3.0, 24.0], "grad")
    own = custom_gradient(lambda a: (a * 2.0, lambda g: g * 7.0))
    _equal(grad(lambda a: tensor.ops.sum(own(a)))(x), [7.0, 7.0], "custom_gradient")


# -- random numbers, compiling, loops, Variables ----------------------------------------------------


@_check
def _philox(backend: Backend) -> None:
    """Generate the random words of Philox-4x64-10, bit for bit."""
    with np.errstate(over="ignore"):
        for seed, draw, blocks in ((0, 0, 1), (12345, 7, 5), (2**32 - 1, 2**31, 3)):
            words = backend.to_numpy(backend.philox(seed, draw, blocks))
            expected = philox_words(np, seed, draw, blocks)
            assert words.dtype == np.uint64 and (words == expected).all(), (
                f"philox({seed}, {draw}, {blocks}) differs"
            )
    words = np.array([0x1111222233334444, 0x5555666677778888], np.uint64)
    for width, dtype in ((16, np.uint16), (32, np.uint32)):
        parts = backend.to_numpy(backend.split_words(backend.asarray(words), width))
        assert (parts == words.astype("<u8").view(dtype)).all(), f"split_words into {width} bits differs"


@_check
def _compiling(backend: Backend) -> None:
    """Compile a function that reads and writes Variables, and call it twice."""
    total = Variable(np.zeros(2, "float32"), name="total")

    @jit
    def step(x: Tensor) -> Any:
        loss, (g,) = value_and_grad(lambda: tensor.ops.sum(x * total * total), variables=[total])()
        total.assign(total + x)
        return loss, g

    x = backend.asarray(np.array([1.0, 2.0], "float32"))
    _equal(step(x)[0], 0.0, "the first step")
    loss, g = step(x)
    _equal(loss, 9.0, "the second step")
    _equal(g, [2.0, 8.0], "its gradient")
    _equal(total.numpy(), [2.0, 4.0], "the Variable after two steps")


@_check
def _control_flow(backend: Backend) -> None:
    """Run branches and loops, eager and compiled."""
    ops = tensor.ops

    def run(x: Tensor) -> Any:
        doubled = ops.while_loop(lambda y: ops.sum(y) < 20.0, lambda y: (y * 2.0,), (x,))[0]
        last, sums = ops.scan(lambda c, y: (c + y, c * y), x[0], x)
        branch = ops.cond(ops.sum(x) > 1.0, lambda: x + 1.0, lambda: x - 1.0)
        return doubled, last, sums, branch

    x = backend.asarray(np.array([1.0, 2.0, 3.0]))
    for form, function in (("eager", run), ("compiled", jit(run))):
        for found, expected, what in zip(
            function(x), ([4.0, 8.0, 12.0], 7.0, [1.0, 4.0, 12.0], [2.0, 3.0, 4.0]),
            ("while_loop", "scan's carry", "scan's results", "cond"), strict=True,
        ):  # fmt: skip
            _equal(found, expected, f"{what}, {form}")


@_check
def _variables(backend: Backend) -> None:
    """Store Variables, change them, and move them to NumPy and back."""
    v = Variable(np.array([1.0, 2.0], "float32"), name="v")
    assert backend.is_array(v.value), f"a Variable's value is a {type(v.value).__name__}"
    kept = v.value
    v.assign_add([1.0, 1.0])
    _equal(v.value, [2.0, 3.0], "a Variable after assign_add")
    _equal(kept, [1.0, 2.0], "a value read before assign_add")
    v.to("numpy")
    assert isinstance(v.value, np.ndarray), "a Variable moved to numpy holds another array"
    v.to(backend)
    assert backend.is_array(v.value), "a Variable moved back holds another array"
    _equal(v.value, [2.0, 3.0], "a Variable after its moves")
