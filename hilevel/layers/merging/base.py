"""The base of layers that merge several inputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from hilevel import masks, ops
from hilevel.engine.types import Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.layer import Layer


class Merge(Layer):
    """The base of element-wise merges. A subclass defines `merge(a, b)` for two tensors."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Check that the input is a list of tensors."""
        if not _are_shapes(input_shape) or len(input_shape) < 1:
            raise ShapeError(
                f'{type(self).__name__} "{self.name}" expects a list of tensors; got one of shape '
                f"{input_shape}. Call it as {type(self).__name__}()([a, b])."
            )

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return a tensor of the shape that the inputs broadcast to."""
        if not isinstance(inputs, (list, tuple)):
            raise ShapeError(f'{type(self).__name__} "{self.name}" expects a list of tensors; got one.')
        return reduce(self.merge, _same_rank(inputs))

    def compute_mask(
        self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None
    ) -> Tensor | None:
        """Return the conjunction of the masks of the inputs.

        Raises:
            ValueError: the inputs or the masks are no lists of equal length.
        """
        self._check_masks(inputs, mask)
        return masks.all_of(mask or ())

    def _check_masks(self, inputs: object, mask: object) -> None:
        if mask is None:
            return
        for name, given in (("inputs", inputs), ("mask", mask)):
            if not isinstance(given, (list, tuple)):
                raise ValueError(f"{self._label()}: {name} must be a list; got {type(given).__name__}.")
        if len(mask) != len(inputs):  # type: ignore[arg-type]
            raise ValueError(
                f"{self._label()}: expected a mask, or None, for each of {len(inputs)} inputs; got {len(mask)}."  # type: ignore[arg-type]
            )

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the element-wise result for two tensors."""
        raise NotImplementedError(
            f"{type(self).__name__} has no merge(a, b), which returns the result for two tensors."
        )


def _are_shapes(shape: Sequence[Any]) -> bool:
    return bool(shape) and isinstance(shape[0], (list, tuple))


def _same_rank(inputs: Sequence[Tensor]) -> list[Tensor]:
    """Return the tensors in one rank, with new axes after the batch axis."""
    rank = max(len(x.shape) for x in inputs)
    return [_with_axes(x, rank - len(x.shape)) for x in inputs]


def _with_axes(x: Tensor, count: int) -> Tensor:
    return ops.expand_dims(x, tuple(range(1, count + 1))) if count else x
