"""The scan of an associative function, whose steps are computed in parallel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hilevel import tree
from hilevel.engine.op import composite, to_array
from hilevel.engine.protocol import axes_tuple
from hilevel.engine.spec import TensorSpec, is_unknown, one_size
from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.ops.numpy.joining import concatenate, stack
from hilevel.ops.numpy.shaping import flip, reshape

Merge = Callable[[list[Tensor], list[Tensor]], list[Tensor]]


def associative_scan(f: Callable[..., Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Return `x[0]`, `f(x[0], x[1])`, `f(f(x[0], x[1]), x[2])` and so on, by `2 log(n)` calls of `f` on many elements.

    G. Blelloch, Prefix sums and their applications, 1990.

    Args:
        f: an associative function of two structures of tensors, element by element along the axis.
        elems: a tensor or a structure of tensors with equal lengths of the axis.
        reverse: whether to start from the last element.
        axis: the axis.

    >>> ops.associative_scan(lambda a, b: a * b, np.array([1.0, 2.0, 3.0, 4.0]))
    array([ 1.,  2.,  6., 24.])

    Raises:
        ValueError: the lengths of the axis differ.
        TypeError: `f` is not a function.
    """
    if not callable(f):
        raise TypeError(f"associative_scan: f must be a function; got {f!r}.")

    def merge(left: list[Tensor], right: list[Tensor]) -> list[Tensor]:
        return tree.flatten(f(tree.pack_sequence_as(elems, left), tree.pack_sequence_as(elems, right)))

    return tree.pack_sequence_as(elems, list(_scanned(tree.flatten(elems), merge, reverse, axis)))


@composite
def _scanned(leaves: list[Any], merge: Merge, reverse: bool, axis: int) -> tuple[Tensor, ...]:
    """Return the scan of a list of tensors."""
    leaves = [to_array(x) for x in leaves]
    places = [axes_tuple(axis, len(x.shape))[0] for x in leaves]
    lengths = [x.shape[a] for x, a in zip(leaves, places, strict=True)]
    if one_size(lengths) is None:
        raise ShapeError(
            f"associative_scan: expected one length of axis {axis} (the first dimension by default); got "
            f"shapes {[tuple(x.shape) for x in leaves]}."
        )
    if any(map(is_unknown, lengths)):
        leaves = [_with_size(x, a, one_size(lengths)) for x, a in zip(leaves, places, strict=True)]
    if reverse:
        leaves = [flip(x, axis=a) for x, a in zip(leaves, places, strict=True)]
    found = _prefixes(leaves, merge, places)
    return tuple(flip(x, axis=a) if reverse else x for x, a in zip(found, places, strict=True))


def _with_size(x: Tensor, axis: int, n: Any) -> Tensor:
    """Return the shape and dtype of a tensor with another size of an axis."""
    return TensorSpec((*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype)


def _prefixes(leaves: list[Tensor], merge: Merge, axes: list[int]) -> list[Tensor]:
    """Return the results of all prefixes. Merged pairs give the prefixes of even length, and these the others."""
    n = leaves[0].shape[axes[0]]
    if n < 2:
        return leaves

    def part(values: list[Tensor], *limits: int | None) -> list[Tensor]:
        return [x[(slice(None),) * a + (slice(*limits),)] for x, a in zip(values, axes, strict=True)]

    pairs = merge(part(leaves, 0, n - 1, 2), part(leaves, 1, n, 2))
    even = _prefixes(pairs, merge, axes)
    first, rest = part(leaves, 0, 1), part(leaves, 2, n, 2)
    odd = first
    if n > 2:
        longer = merge(part(even, 0, (n - 1) // 2), rest)
        odd = [concatenate([x, y], axis=a) for x, y, a in zip(first, longer, axes, strict=True)]
    return [_alternating(x, y, a) for x, y, a in zip(odd, even, axes, strict=True)]


def _alternating(x: Tensor, y: Tensor, axis: int) -> Tensor:
    """Return the elements of both in turn; `x` comes first, and may have one more."""
    n, m = x.shape[axis], y.shape[axis]
    head = (slice(None),) * axis
    both = stack([x[(*head, slice(0, m))], y], axis=axis + 1)
    woven = reshape(both, (*y.shape[:axis], 2 * m, *y.shape[axis + 1 :]))
    return woven if n == m else concatenate([woven, x[(*head, slice(m, n))]], axis=axis)
