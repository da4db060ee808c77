"""Masks: which steps of a tensor count. They are stored apart from the tensors, for as long as these live.

A mask is a tensor of booleans with the first axes of its tensor, batch and steps. False marks a step as padding.
`Embedding(mask_zero=True)` and `Masking` make masks, layers propagate them, and losses and metrics leave out the
padding.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hilevel import tree
from hilevel.engine.tensor import ops
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import warn


class _Entry:
    __slots__ = ("mask", "tensor", "used")

    def __init__(self, tensor: Tensor, mask: Tensor) -> None:
        key = id(tensor)
        self.tensor = weakref.ref(tensor, lambda _: table.pop(key, None))
        self.mask = mask
        self.used = False


table: dict[int, _Entry] = {}
"""The masks by the `id` of their tensor. Layers skip all work on masks if it is empty."""


def mask_of(x: object) -> Any:
    """Return the mask of a tensor, or None if it has no mask.

    Args:
        x: a tensor of shape `(batch, steps, ...)`, or any other object.

    >>> import hilevel
    >>> x = hilevel.layers.Masking()(np.array([[[1.0], [0.0]]]))
    >>> hilevel.masks.mask_of(x)
    array([[ True, False]])
    """
    entry = table.get(id(x))
    return entry.mask if entry is not None and entry.tensor() is x else None


def set_mask(x: TensorLike, mask: TensorLike | None) -> Any:
    """Give a tensor a mask. Return the tensor.

    Args:
        x: a tensor of shape `(batch, steps, ...)`.
        mask: booleans of shape `(batch, steps)`, or of the shape of other first axes; None to remove the mask.

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
def using_masks(x: object, mask: object) -> Iterator[None]:
    """Give the tensors of a structure masks for the duration of a block. Masks that are None have no effect."""
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


def mask_of_all(x: object) -> Any:
    """Return the masks of the tensors in a structure, in the same structure; None if no tensor has a mask."""
    found = tree.map_structure(mask_of, x)
    return found if any(m is not None for m in tree.flatten(found)) else None


def consume(x: object) -> Any:
    """Return `mask_of_all`, and mark the masks as used."""
    for leaf in tree.flatten(x):
        if mask_of(leaf) is not None:
            table[id(leaf)].used = True
    return mask_of_all(x)


def all_of(masks: Sequence[Tensor | None]) -> Tensor | None:
    """Return the steps that count in all masks. None is a mask of True only."""
    found = [m for m in masks if m is not None]
    if not found:
        return None
    first = found[0]
    for other in found[1:]:
        if other is not first:
            first = ops.logical_and(first, other)
    return first


def matches(mask: Tensor, x: Tensor) -> bool:
    """Return whether a tensor has the axes of a mask."""
    return tuple(x.shape[: len(mask.shape)]) == tuple(mask.shape)


def propagate(inputs: Sequence[object], outputs: Sequence[Tensor], label: str | None = None) -> None:
    """Give the results of an operation the masks of its operands, if they have the same axes.

    If they have not, warn with the label, unless it is None.
    """
    mask = all_of([consume(x) for x in inputs])
    if mask is None:
        return
    for x in outputs:
        if matches(mask, x):
            set_mask(x, mask)
        elif label is not None:
            _warn(f"The op {label}", "Use a layer that supports masks, such as GlobalAveragePooling1D.")


def expand_to_rank(mask: Tensor, rank: int) -> Tensor:
    """Return the mask with axes of length 1 added at its end, up to the rank."""
    return ops.reshape(mask, (*mask.shape, *(1,) * (rank - len(mask.shape))))


def masked(x: Tensor, mask: Tensor) -> Tensor:
    """Return the tensor with zeros where the mask is False."""
    return ops.where(expand_to_rank(mask, len(x.shape)), x, ops.cast(0, x.dtype))


def warn_if_lost(label: str, inputs: object, outputs: object) -> None:
    """Warn about a layer without support for masks, if it neither used nor propagated a mask of its inputs."""
    entries = [table[id(x)] for x in tree.flatten(inputs) if mask_of(x) is not None]
    results = tree.flatten(outputs)
    propagated = all(mask_of(y) is not None or not matches(e.mask, y) for y in results for e in entries)
    if propagated and all(e.used for e in entries):
        return
    _warn(label, _ADVICE)


_ADVICE = (
    "In your own layer, set self.supports_masking = True in __init__ if the mask stays valid. Otherwise write "
    "compute_mask(inputs, previous_mask). Give call an argument `mask` if it uses the mask."
)


def _warn(label: str, advice: str) -> None:
    warn(
        f"{label} got a tensor with a mask, and does not propagate the mask: later layers count the padding too. "
        f"{advice}",
    )


__all__ = ["mask_of", "set_mask"]
