"""Ops that multiply matrices."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from hilevel.engine.autodiff.tape import constant
from hilevel.engine.dtypes import promoted
from hilevel.engine.op import composite, op, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, agree, broadcast, common_shape, one_size
from hilevel.engine.types import Array, Axis, Function, Namespace, Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.elementwise import multiply
from hilevel.ops.numpy.shaping import transpose

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@op(dtype="product")
def matmul(xp: Namespace, x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the matrix product over the last two axes. The product of int8 tensors is int32.

    Args:
        x1, x2: tensors of shapes `(..., n, k)` and `(..., k, m)`, whose first axes broadcast. A vector is a row of
            `x1`, or a column of `x2`.

    >>> ops.matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]], dtype=float32)
    """
    return xp.matmul(x1, x2)


@matmul.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, x1: Tensor, x2: Tensor) -> Any:
    if len(x1.shape) == 1 and len(x2.shape) == 1:
        return (lambda: g * x2), (lambda: g * x1)
    a = x1[None, :] if len(x1.shape) == 1 else x1
    b = x2[:, None] if len(x2.shape) == 1 else x2
    if len(x1.shape) == 1:
        g = g[..., None, :]
    if len(x2.shape) == 1:
        g = g[..., :, None]

    def left() -> Tensor:
        d = xp.matmul(g, xp.swapaxes(b, -1, -2))
        return xp.reshape(d, (*d.shape[:-2], d.shape[-1])) if len(x1.shape) == 1 else d

    def right() -> Tensor:
        if len(b.shape) == 2 and len(a.shape) > 2:  # one large product, not a sum of many
            rows = xp.reshape(a, (-1, a.shape[-1])), xp.reshape(g, (-1, g.shape[-1]))
            d = xp.matmul(xp.swapaxes(rows[0], 0, 1), rows[1])
        else:
            d = xp.matmul(xp.swapaxes(a, -1, -2), g)
        return xp.reshape(d, d.shape[:-1]) if len(x2.shape) == 1 else d

    return left, right


@matmul.shape
def _(x1: TensorSpec, x2: TensorSpec) -> TensorSpec:
    a, b = x1.shape, x2.shape
    if not a or not b:
        raise ShapeError(f"matmul needs at least one axis; got shapes {a} and {b}.")
    rows, columns = a[-1], b[0] if len(b) == 1 else b[-2]
    if not agree([rows], [columns]):
        raise ShapeError(
            f"matmul: the last axis of x1 and the last but one of x2 must have equal lengths; "
            f"got shapes {a} and {b}, that is {rows} and {columns}."
        )
    lead = broadcast(a[:-2], b[:-2])
    return TensorSpec((*lead, *(a[-2:-1] if len(a) > 1 else ()), *(b[-1:] if len(b) > 1 else ())), x1.dtype)


@composite
def dot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the sum of products over the last axis of `x1` and the last but one of `x2`.

    Args:
        x1, x2: tensors of any shapes with equal lengths of these axes. A scalar is multiplied with each element.

    >>> ops.dot([1.0, 2.0], [3.0, 4.0])
    np.float32(11.0)
    """
    x1, x2 = to_array(x1), to_array(x2)
    if not x1.shape or not x2.shape:
        return multiply(x1, x2)
    if len(x2.shape) <= 2:
        return _product(x1, x2)
    return tensordot(x1, x2, axes=((-1,), (-2,)))


@composite
def tensordot(x1: TensorLike, x2: TensorLike, axes: int | Sequence[Axis] = 2) -> Tensor:
    """Return the sum of products over axes of both tensors.

    Args:
        x1, x2: tensors of any shapes.
        axes: the number of last axes of `x1` and first axes of `x2`, or a pair of the axes of each.

    >>> ops.tensordot(np.ones((2, 3)), np.ones((3, 4)), axes=1).shape
    (2, 4)

    Raises:
        ShapeError: the lengths of these axes differ.
    """
    x1, x2 = to_array(x1), to_array(x2)
    rank1, rank2 = len(x1.shape), len(x2.shape)
    if isinstance(axes, int):
        over1, over2 = tuple(range(rank1 - axes, rank1)), tuple(range(axes))
    else:
        over1, over2 = (axes_tuple(a, r) for a, r in zip(axes, (rank1, rank2), strict=True))
    kept1 = [i for i in range(rank1) if i not in over1]
    kept2 = [i for i in range(rank2) if i not in over2]
    shape1, shape2 = [x1.shape[i] for i in kept1], [x2.shape[i] for i in kept2]
    sizes1, sizes2 = [x1.shape[i] for i in over1], [x2.shape[i] for i in over2]
    if not agree(sizes1, sizes2):
        raise ShapeError(f"tensordot: shapes {x1.shape} and {x2.shape} do not agree over the axes {axes}.")
    rows = to_array(x1).reshape(x1.shape) if not over1 else x1
    inner = math.prod(common_shape(sizes1, sizes2))
    left = transpose(rows, [*kept1, *over1]).reshape((-1, inner))
    right = transpose(x2, [*over2, *kept2]).reshape((inner, -1))
    return _product(left, right).reshape((*shape1, *shape2))


def _product(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the matrix product in the common dtype of the operands, also for int8."""
    y, dtype = matmul(x1, x2), promoted(x1.dtype, x2.dtype)
    return y if y.dtype == dtype else y.astype(dtype)


def outer(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the products of each element of `x1` with each element of `x2`, of shape `(x1.size, x2.size)`.

    Args:
        x1, x2: tensors of any shapes, which are flattened.

    >>> ops.outer([1.0, 2.0], [3.0, 4.0])
    array([[3., 4.],
           [6., 8.]], dtype=float32)
    """
    return multiply(to_array(x1).reshape((-1, 1)), to_array(x2).reshape((1, -1)))


def vdot(x1: TensorLike, x2: TensorLike) -> Tensor:
    """Return the sum of the products of all elements, a scalar.

    Args:
        x1, x2: tensors of equal size, which are flattened.

    >>> ops.vdot([1.0, 2.0], [3.0, 4.0])
    np.float32(11.0)
    """
    return _product(to_array(x1).reshape((-1,)), to_array(x2).reshape((-1,)))


# -- einsum -----------------------------------------------------------------------------------------


@op(dtype="product")
def _einsum(xp: Namespace, *operands: Tensor, subscripts: str) -> Tensor:
    return _contract(xp, subscripts, *operands)


def _contract(xp: Namespace, subscripts: str, *operands: Array) -> Array:
    """Return the sum of products. With two operands it is computed as a matrix product, where possible."""
    plan = _matrix_product(subscripts) if len(operands) == 2 else None
    if plan is None:
        return xp.einsum(subscripts, *operands, optimize=True)
    x, y = (xp.transpose(operands[i], order) for i, order in plan.operands)
    b, l, i = plan.batch, plan.batch + plan.left, y.ndim - plan.right
    lead, left, right = x.shape[:b], x.shape[b:l], y.shape[i:]
    x = xp.reshape(x, (*lead, math.prod(left), math.prod(x.shape[l:])))
    y = xp.reshape(y, (*y.shape[:b], math.prod(y.shape[b:i]), math.prod(right)))
    z = xp.matmul(x, y) if plan.inner else x * y
    z = xp.reshape(z, (*z.shape[:b], *left, *right))
    return xp.transpose(z, plan.result) if plan.result else z


class _Plan(NamedTuple):
    """A sum of products as a matrix product.

    `operands` has the index of the first and of the second factor, each with the order of its axes. `batch`, `left`
    (rows), `right` (columns) and `inner` (summed over) are numbers of axes. `result` is the order of the result's
    axes, empty if they are in order.
    """

    operands: tuple[tuple[int, list[int]], tuple[int, list[int]]]
    batch: int
    left: int
    right: int
    inner: int
    result: list[int]


@functools.cache
def _matrix_product(subscripts: str) -> _Plan | None:
    """Return the plan of a product of two operands as a matrix product. None if it is not, or is a product of
    vectors."""
    inputs, out = subscripts.split("->")
    x, y = inputs.split(",")
    single = set(x) ^ set(y)
    rows = [c for c in out if c in single and c in x]
    columns = [c for c in out if c in single and c in y]
    if len({*x}) < len(x) or len({*y}) < len(y) or single - set(out) or not rows + columns:
        return None
    factors = (0, 1)
    if columns and (not rows or out.index(columns[0]) < out.index(rows[0])):
        x, y, rows, columns, factors = y, x, columns, rows, (1, 0)
    batch = [c for c in out if c not in single]
    inner = [c for c in x if c not in single and c not in out]
    orders = [x.index(c) for c in batch + rows + inner], [y.index(c) for c in batch + inner + columns]
    result = [(batch + rows + columns).index(c) for c in out]
    return _Plan(
        ((factors[0], orders[0]), (factors[1], orders[1])), len(batch), len(rows), len(columns), len(inner),
        [] if result == sorted(result) else result,
    )  # fmt: skip


@_einsum.gradient
def _(xp: Namespace, g: Tensor, y: Tensor, *operands: Tensor, subscripts: str) -> Any:
    inputs, output = subscripts.split("->")
    terms = inputs.split(",")

    def rule(i: int) -> Function:
        return lambda: _einsum_gradient(xp, g, operands, terms, output, i)

    return tuple(rule(i) for i in range(len(operands)))


def _einsum_gradient(
    xp: Namespace, g: Array, operands: Sequence[Array], terms: list[str], output: str, i: int
) -> Array:
    """Return the gradient of operand i: the product of the other operands with `g`, in the operand's subscripts.

    A repeated subscript of the operand is replaced by a new letter and an identity matrix. Along a subscript that no
    other factor has, the gradient is constant.
    """
    used = [(g, output)] + [(o, t) for j, (o, t) in enumerate(zip(operands, terms, strict=True)) if j != i]
    present = set("".join(t for _, t in used))
    free = iter(sorted(set(LETTERS) - set("".join([*terms, output]))))
    shape, target = operands[i].shape, ""
    for place, letter in enumerate(terms[i]):
        if letter in target:
            fresh = next(free)
            used.append((constant(g, np.eye(shape[place]), g.dtype), letter + fresh))
            letter = fresh
        target += letter
    present |= set("".join(t for _, t in used))
    arrays, subscripts = zip(*used, strict=True)
    known = "".join(c for c in target if c in present)
    found = _contract(xp, f"{','.join(subscripts)}->{known}", *arrays)
    if known == target:
        return found
    view = [n if c in present else 1 for c, n in zip(target, shape, strict=True)]
    return xp.broadcast_to(xp.reshape(found, view), shape)


@_einsum.shape
def _(*operands: Any, subscripts: str) -> TensorSpec:
    inputs, output = subscripts.split("->")
    sizes: dict[str, int] = {}
    for x, term in zip(operands, inputs.split(","), strict=True):
        for letter, n in zip(term, x.shape, strict=True):
            size = one_size([m for m in (sizes.get(letter, 1), n) if m != 1] or [1])
            if size is None:
                raise ShapeError(
                    f"einsum {subscripts!r}: {letter!r} is both {sizes[letter]} and {n}; the operands "
                    f"have the shapes {', '.join(str(o.shape) for o in operands)}."
                )
            sizes[letter] = size
    return TensorSpec([sizes[letter] for letter in output], operands[0].dtype)


@composite
def einsum(subscripts: str, *operands: TensorLike, **kwargs: Any) -> Tensor:
    """Return sums of products in Einstein notation.

    Args:
        subscripts: the axes of each operand and of the result, such as `"ij,jk->ik"`; `...` for further axes.
        operands: tensors with the axes of their subscripts.
        kwargs: ignored; for compatibility with Keras.

    >>> ops.einsum("ij,jk->ik", np.ones((2, 3)), np.ones((3, 4))).shape
    (2, 4)
    """
    arrays = [to_array(x) for x in operands]
    return _einsum(*arrays, subscripts=_explicit(subscripts, arrays))


def _explicit(subscripts: str, operands: Sequence[Any]) -> str:
    """Return the subscripts with an output, and with letters in place of `...`."""
    subscripts = subscripts.replace(" ", "")
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    if len(terms) != len(operands):
        raise ValueError(f"einsum {subscripts!r} names {len(terms)} operands; got {len(operands)}.")
    free = sorted(set(LETTERS) - set(subscripts))
    longest = 0
    for i, (term, x) in enumerate(zip(terms, operands, strict=True)):
        hidden = len(x.shape) - len(term.replace("...", ""))
        if hidden < 0 or (hidden and "..." not in term):
            raise ShapeError(
                f"einsum {subscripts!r}: operand {i} has shape {tuple(x.shape)}, its subscripts "
                f"{term!r} say {len(term)} axes."
            )
        longest = max(longest, hidden)
        terms[i] = term.replace("...", "".join(free[:hidden][::-1]))
    dots = "".join(free[:longest][::-1])
    letters = "".join(terms)
    if not arrow:
        output = dots + "".join(sorted(c for c in set(letters) - set(dots) if letters.count(c) == 1))
    return f"{','.join(terms)}->{output.replace('...', dots)}"
