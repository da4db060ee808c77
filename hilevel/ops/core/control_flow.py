"""Control flow: conditions, loops and maps that compile on every backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hilevel import tree
from hilevel.engine import dtypes
from hilevel.engine.autodiff.tape import TapeTensor
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context
from hilevel.engine.protocol import Backend
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Function
from hilevel.ops.numpy.joining import stack


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """`true_fn()` if `pred` holds, else `false_fn()`; both must return the same structure of tensors.

    >>> ops.cond(True, lambda: 1.0, lambda: 2.0)
    1.0
    """
    if isinstance(pred, TensorSpec):
        return true_fn()
    if isinstance(pred, TapeTensor):
        pred = pred.value
    return current_backend().cond(pred, true_fn, false_fn)


def while_loop(cond: Function, body: Function, loop_vars: Any, maximum_iterations: int | None = None) -> Any:
    """`body` applied to the loop variables again and again while `cond` of them holds.

    >>> ops.while_loop(lambda i: i < 5, lambda i: (i + 2,), (0,))
    (6,)
    """
    single = not isinstance(loop_vars, (list, tuple))
    start = (loop_vars,) if single else tuple(loop_vars)

    def step(*args: Any) -> tuple[Any, ...]:
        result = body(*args)
        return tuple(result) if isinstance(result, (list, tuple)) else (result,)

    if context.interpreter.infers_shapes:
        end = step(*start)
    elif _has_traced(start):
        end = Backend.while_loop(current_backend(), cond, step, start, maximum_iterations)
    else:
        end = current_backend().while_loop(cond, step, start, maximum_iterations)
    return end[0] if single else end


def fori_loop(lower: Any, upper: Any, body_fun: Function, init_val: Any) -> Any:
    """`value = body_fun(i, value)` for `i` from `lower` up to, but not including, `upper`.

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


def scan(
    f: Function,
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """`carry, y = f(carry, x)` over the leading axis of `xs`; returns the last carry and all `y`, stacked.

    With `unroll=True` a compiling backend writes the steps out one by one, so that `f` may assign to Variables.

    >>> ops.scan(lambda total, x: (total + x, total + x), 0.0, np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([1., 3., 6.]))
    """
    init = tree.map_structure(dtypes.native, init)
    xs = None if xs is None else tree.map_structure(dtypes.native, xs)
    leaves = tree.flatten(xs) if xs is not None else []
    n = length if length is not None else len(leaves[0])
    backend = current_backend()
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


def _scan_shapes(f: Function, init: Any, xs: Any, n: int) -> tuple[Any, Any]:
    first = None if xs is None else tree.map_structure(lambda a: a[0], xs)
    with context.interpreter.repeated(n):
        carry, y = f(init, first)
    if y is None:
        return carry, None
    return carry, tree.map_structure(lambda a: TensorSpec((n, *a.shape), a.dtype), y)


def vectorized_map(function: Function, elements: Any) -> Any:
    """`function` applied to each slice of the leading axis, the results stacked.

    >>> ops.vectorized_map(lambda x: x * 2, np.array([1.0, 2.0]))
    array([2., 4.])
    """
    elements = tree.map_structure(dtypes.native, elements)
    backend = current_backend()
    if backend.vmap is not None and not _has_traced(elements) and context.interpreter.is_plain:
        return backend.vmap(function)(elements)
    return map(function, elements)


def map(f: Function, xs: Any) -> Any:
    """`f` applied to each slice of the leading axis, one after the other, the results stacked.

    >>> ops.map(lambda x: x * 2, np.array([1.0, 2.0]))
    array([2., 4.])
    """
    _, ys = scan(lambda carry, x: (carry, f(x)), 0, xs)
    return ys


def switch(index: Any, branches: Sequence[Function], *operands: Any) -> Any:
    """`branches[index](*operands)`, the index limited to those there are.

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


def _has_traced(structure: Any) -> bool:
    return any(isinstance(leaf, TapeTensor) for leaf in tree.flatten(structure))
