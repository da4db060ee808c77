"""Comparisons and logic, element by element. They have no gradient."""

from __future__ import annotations

from hilevel.engine.op import op
from hilevel.engine.spec import boolean
from hilevel.engine.types import Namespace, Tensor, TensorLike


@op(dtype="common", shape=boolean)
def equal(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1 == x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.equal([1, 2], [1, 3])
    array([ True, False])
    """
    return xp.equal(x1, x2)


@op(dtype="common", shape=boolean)
def not_equal(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1 != x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.not_equal([1, 2], [1, 3])
    array([False,  True])
    """
    return xp.not_equal(x1, x2)


@op(dtype="common", shape=boolean)
def greater(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1 > x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.greater([1, 3], 2)
    array([False,  True])
    """
    return xp.greater(x1, x2)


@op(dtype="common", shape=boolean)
def greater_equal(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1 >= x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.greater_equal([1, 2], 2)
    array([False,  True])
    """
    return xp.greater_equal(x1, x2)


@op(dtype="common", shape=boolean)
def less(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1 < x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.less([1, 3], 2)
    array([ True, False])
    """
    return xp.less(x1, x2)


@op(dtype="common", shape=boolean)
def less_equal(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1 <= x2`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.less_equal([2, 3], 2)
    array([ True, False])
    """
    return xp.less_equal(x1, x2)


@op(shape=boolean)
def logical_and(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1` and `x2` are true, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.logical_and([True, True], [True, False])
    array([ True, False])
    """
    return xp.logical_and(x1, x2)


@op(shape=boolean)
def logical_or(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether `x1` or `x2` is true, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.logical_or([True, False], [False, False])
    array([ True, False])
    """
    return xp.logical_or(x1, x2)


@op(shape=boolean)
def logical_xor(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return whether exactly one of `x1` and `x2` is true, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.

    >>> ops.logical_xor([True, True], [True, False])
    array([False,  True])
    """
    return xp.logical_xor(x1, x2)


@op(shape=boolean)
def logical_not(xp: Namespace, x: TensorLike) -> Tensor:
    """Return whether `x` is false, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.logical_not([True, False])
    array([False,  True])
    """
    return xp.logical_not(x)


@op(dtype="float", shape=boolean)
def isnan(xp: Namespace, x: TensorLike) -> Tensor:
    """Return whether `x` is NaN, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.isnan([1.0, float("nan")])
    array([False,  True])
    """
    return xp.isnan(x)


@op(dtype="float", shape=boolean)
def isinf(xp: Namespace, x: TensorLike) -> Tensor:
    """Return whether `x` is infinite, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.isinf([1.0, float("inf")])
    array([False,  True])
    """
    return xp.isinf(x)


@op(dtype="float", shape=boolean)
def isfinite(xp: Namespace, x: TensorLike) -> Tensor:
    """Return whether `x` is neither infinite nor NaN, element-wise.

    Args:
        x: a tensor of any shape.

    >>> ops.isfinite([1.0, float("inf")])
    array([ True, False])
    """
    return xp.isfinite(x)


@op(dtype="common", shape=boolean)
def isclose(
    xp: Namespace,
    x1: TensorLike,
    x2: TensorLike,
    /,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Tensor:
    """Return whether `|x1 - x2| <= atol + rtol * |x2|`, element-wise.

    Args:
        x1, x2: tensors of any shapes that broadcast.
        rtol, atol: the relative and the absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    >>> ops.isclose([1.0, 2.0], [1.0, 2.1])
    array([ True, False])
    """
    return xp.isclose(x1, x2, rtol=rtol, atol=atol, equal_nan=equal_nan)
