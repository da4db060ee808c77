"""Control flow: conditions, loops and maps that compile on every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hilevel import tree
from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import TapeTensor
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context
from hilevel.engine.op import composite
from hilevel.engine.protocol import Backend
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Function, TensorLike
from hilevel.ops.numpy.joining import stack


@composite
def cond(pred: TensorLike, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return `true_fn()` if `pred` holds, else `false_fn()`.

    Args:
        pred: a boolean scalar.
        true_fn, false_fn: functions without arguments, which return the same structure of tensors.

    >>> ops.cond(True, lambda: 1.0, lambda: 2.0)
    1.0
    """
    if isinstance(pred, TapeTensor):
        pred = pred.value
    return current_backend().cond(pred, true_fn, false_fn)


@cond.shape
def _(pred: TensorSpec, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    return true_fn()


@composite
def while_loop(
    cond: Function, body: Function, loop_vars: object, maximum_iterations: int | None = None
) -> Any:
    """Apply `body` to the loop variables while `cond` of them holds. Return their last values.

    Args:
        cond: a function of the loop variables that returns a boolean scalar.
        body: a function of the loop variables that returns their new values, of the same shapes and dtypes.
        loop_vars: the first values, a tensor or a sequence of tensors.
        maximum_iterations: an upper limit of the number of iterations; none by default.

    >>> ops.while_loop(lambda i: i < 5, lambda i: (i + 2,), (0,))
    (6,)
    """
    start = tuple(loop_vars) if isinstance(loop_vars, (list, tuple)) else (loop_vars,)

    def step(*args: Any) -> tuple[Any, ...]:
        result = body(*args)
        return tuple(result) if isinstance(result, (list, tuple)) else (result,)

    if context.interpreter.infers_shapes:
        end = step(*start)
    elif _has_traced(start):
        end = Backend.while_loop(current_backend(), cond, step, start, maximum_iterations)
    else:
        end = current_backend().while_loop(cond, step, start, maximum_iterations)
    return end if isinstance(loop_vars, (list, tuple)) else end[0]


@composite
def fori_loop(lower: TensorLike, upper: TensorLike, body_fun: Function, init_val: object) -> Any:
    """Compute `value = body_fun(i, value)` for `i` from `lower` to `upper - 1`. Return the last value.

    Args:
        lower, upper: integer scalars.
        body_fun: a function of the index and the value that returns a value of the same shapes and dtypes.
        init_val: the first value, a tensor or a structure of tensors.

    >>> ops.fori_loop(0, 3, lambda i, total: total + i, 0)
    3
    """
    if isinstance(lower, int) and isinstance(upper, int):
        start, steps = (lower, init_val), max(upper - lower, 0)
        return scan(lambda c, _: ((c[0] + 1, body_fun(*c)), None), start, length=steps)[0][1]
    _, value = while_loop(
        lambda i, value: i < upper, lambda i, value: (i + 1, body_fun(i, value)), (lower, init_val)
    )
    return value


@composite
def scan(
    f: Function,
    init: object,
    xs: object = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Compute `carry, y = f(carry, x)` over the leading axis of `xs`. Return the last carry, and all `y`, stacked.

    Args:
        f: the function of a step.
        init: the first carry, a tensor or a structure of tensors.
        xs: a tensor or a structure of tensors of shapes `(length, ...)`; None to call `f` with None.
        length: the number of steps; the length of `xs` by default.
        reverse: whether to start from the last index.
        unroll: True to compile the steps one by one, so that `f` may assign to Variables. Other values have no
            effect.

    >>> ops.scan(lambda total, x: (total + x, total + x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([1., 3., 6.]))
    """
    init = tree.map_structure(dtypes.native, init)
    xs = None if xs is None else tree.map_structure(dtypes.native, xs)
    leaves = tree.flatten(xs) if xs is not None else []
    n = length if length is not None else len(leaves[0])
    backend = current_backend()
    if context.interpreter.scan is not None and n and unroll is not True:
        return context.interpreter.scan(f, init, xs, n, reverse)
    if context.interpreter.infers_shapes and n:
        return _scan_shapes(f, init, xs, n)
    if backend.scan is not None and context.interpreter.is_plain and unroll is not True:
        return backend.scan(f, init, xs, n, reverse)
    carry, outputs = init, []
    for i in reversed(range(n)) if reverse else range(n):
        carry, y = f(carry, None if xs is None else tree.map_structure(lambda a, i=i: a[i], xs))
        outputs.append(y)
    if reverse:
        outputs.reverse()
    if not outputs or outputs[0] is None:
        return carry, None
    return carry, tree.map_structure(lambda *ys: stack(ys), *outputs)


def _scan_shapes(f: Function, init: object, xs: object, n: int) -> tuple[Any, Any]:
    first = None if xs is None else tree.map_structure(lambda a: a[0], xs)
    with context.interpreter.repeated(n):
        carry, y = f(init, first)
    if y is None:
        return carry, None
    return carry, tree.map_structure(lambda a: TensorSpec((n, *a.shape), a.dtype), y)


@composite
def vectorized_map(function: Function, elements: object) -> Any:
    """Apply a function to each slice of the leading axis. Return the results, stacked. A backend may vectorize it.

    Args:
        function: a function of a slice, a tensor or a structure of tensors.
        elements: a tensor or a structure of tensors of shapes `(n, ...)`.

    >>> ops.vectorized_map(lambda x: x * 2, np.array([1.0, 2.0]))
    array([2., 4.])
    """
    elements = tree.map_structure(dtypes.native, elements)
    backend = current_backend()
    if backend.vmap is not None and not _has_traced(elements) and context.interpreter.is_plain:
        return backend.vmap(function)(elements)
    return map(function, elements)


@composite
def map(f: Function, xs: object) -> Any:
    """Apply a function to each slice of the leading axis, in order. Return the results, stacked.

    Args:
        f: a function of a slice, a tensor or a structure of tensors.
        xs: a tensor or a structure of tensors of shapes `(n, ...)`.

    >>> ops.map(lambda x: x * 2, np.array([1.0, 2.0]))
    array([2., 4.])
    """
    _, ys = scan(lambda carry, x: (carry, f(x)), 0, xs)
    return ys


@composite
def switch(index: TensorLike, branches: Sequence[Function], *operands: Any) -> Any:
    """Return `branches[index](*operands)`.

    Args:
        index: an integer scalar, which is limited to the valid range.
        branches: functions of the operands that return the same structure of tensors.
        operands: the arguments of the function, tensors of any shape.

    >>> ops.switch(1, [lambda: 1.0, lambda: 2.0])
    2.0
    """
    last = len(branches) - 1
    if last == 0:
        return branches[0](*operands)
    return cond(
        index <= 0 if last > 0 else True,
        lambda: branches[0](*operands),
        lambda: switch(index - 1, branches[1:], *operands),
    )


def _has_traced(structure: object) -> bool:
    return any(isinstance(leaf, TapeTensor) for leaf in tree.flatten(structure))
