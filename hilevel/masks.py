"""Masks: which steps of a tensor count. They are kept beside the tensors they belong to, for as long as these live.

A mask is a tensor of booleans with the first axes of its tensor, batch and steps; False says that a step is padding.
`Embedding(mask_zero=True)` and `Masking` make masks, layers hand them on, and losses and metrics leave out what they
say does not count.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hilevel import tree
from hilevel.engine.tensor import ops
from hilevel.engine.types import Tensor
from hilevel.errors import warn


class _Entry:
    __slots__ = ("mask", "tensor", "used")

    def __init__(self, tensor: Any, mask: Any) -> None:
        key = id(tensor)
        self.tensor = weakref.ref(tensor, lambda _: table.pop(key, None))
        self.mask = mask
        self.used = False


table: dict[int, _Entry] = {}
"""By the tensor's id. Empty where nothing is masked, which is what a layer asks first."""


def mask_of(x: Any) -> Any:
    """The mask of a tensor; None where all of it counts.

    >>> import hilevel
    >>> x = hilevel.layers.Masking()(np.array([[[1.0], [0.0]]]))
    >>> hilevel.masks.mask_of(x)
    array([[ True, False]])
    """
    entry = table.get(id(x))
    return entry.mask if entry is not None and entry.tensor() is x else None


def set_mask(x: Any, mask: Any) -> Any:
    """Give a tensor a mask, or take it away with None. Returns the tensor.

    >>> import hilevel
    >>> x = hilevel.masks.set_mask(np.ones((1, 2, 3)), np.array([[True, False]]))
    >>> float(hilevel.layers.GlobalAveragePooling1D()(x)[0, 0])
    1.0
    """
    if mask is None:
        table.pop(id(x), None)
    else:
        table[id(x)] = _Entry(x, mask)
    return x


@contextmanager
def using_masks(x: Any, mask: Any) -> Iterator[None]:
    """A block in which the tensors of a structure have the given masks, unless these are None."""
    if mask is None:
        yield
        return
    given = zip(tree.flatten(x), tree.flatten(mask) if tree.is_nested(x) else [mask], strict=True)
    changed = [(leaf, m, mask_of(leaf)) for leaf, m in given if mask_of(leaf) is not m]
    for leaf, m, _ in changed:
        set_mask(leaf, m)
    try:
        yield
    finally:
        for leaf, _, before in changed:
            set_mask(leaf, before)


def mask_of_all(x: Any) -> Any:
    """The masks of the tensors of a structure, None where one has none; None where all have none."""
    found = tree.map_structure(mask_of, x)
    return found if any(m is not None for m in tree.flatten(found)) else None


def consume(x: Any) -> Any:
    """`mask_of_all`, noting that somebody used them."""
    for leaf in tree.flatten(x):
        if mask_of(leaf) is not None:
            table[id(leaf)].used = True
    return mask_of_all(x)


def all_of(masks: Sequence[Any]) -> Any:
    """What counts in each of several tensors; those without a mask count everywhere."""
    found = [m for m in masks if m is not None]
    if not found:
        return None
    first = found[0]
    for other in found[1:]:
        if other is not first:
            first = ops.logical_and(first, other)
    return first


def matches(mask: Any, x: Any) -> bool:
    """Whether a tensor has the axes that a mask speaks of."""
    return tuple(x.shape[: len(mask.shape)]) == tuple(mask.shape)


def propagate(inputs: Sequence[Any], outputs: Sequence[Any], label: str | None = None) -> None:
    """Give the results of an operation the masks of its operands, where they still have the axes. Warns where
    they have not, if there is a label to say of what."""
    mask = all_of([consume(x) for x in inputs])
    for x in outputs if mask is not None else ():
        if matches(mask, x):
            set_mask(x, mask)
        elif label is not None:
            _warn(f"The op {label}", "Use a layer that knows of masks, such as GlobalAveragePooling1D.")


def expand_to_rank(mask: Tensor, rank: int) -> Tensor:
    """The mask with axes of length 1 at its end, so that it has as many as a tensor of that rank."""
    return ops.reshape(mask, (*mask.shape, *(1,) * (rank - len(mask.shape))))


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """The tensor with zeros where the mask is False."""
    return ops.where(expand_to_rank(mask, len(x.shape)), x, ops.cast(0, x.dtype))


def warn_if_lost(label: str, inputs: Any, outputs: Any) -> None:
    """Say that a layer that knows nothing of masks got one: nobody in it used it, or what comes after it will miss
    it."""
    entries = [table[id(x)] for x in tree.flatten(inputs) if mask_of(x) is not None]
    results = tree.flatten(outputs)
    handed_on = all(mask_of(y) is not None or not matches(e.mask, y) for y in results for e in entries)
    if handed_on and all(e.used for e in entries):
        return
    _warn(label, _ADVICE)


_ADVICE = (
    "In a layer of your own, say self.supports_masking = True in __init__ if the mask stays right, or write "
    "compute_mask(inputs, previous_mask); give call an argument `mask` if it needs it."
)


def _warn(what: str, advice: str) -> None:
    warn(
        f"{what} got a tensor with a mask, and does not hand the mask on: what comes after it counts the "
        f"padding, too. {advice}",
    )


__all__ = ["mask_of", "set_mask"]
