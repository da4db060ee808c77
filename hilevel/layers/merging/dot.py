"""Dot products of two inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import masks, ops
from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import bad_setting, flags, integers
from hilevel.layers.base.settings import Options
from hilevel.layers.merging.base import Merge


class Dot(Merge):
    """The dot products of two inputs over an axis of each, sample by sample.

    Args:
        axes: the axis of both inputs, or one axis for each; axis 0 is the batch.
        normalize: whether to scale the vectors to norm 1 first, which gives the cosine similarity.

    >>> import hilevel
    >>> hilevel.layers.Dot(axes=1)([np.ones((2, 3)), np.ones((2, 3))])
    array([[3.],
           [3.]], dtype=float32)

    Raises:
        ValueError: `axes` is neither an integer nor two of them.
        ShapeError: at a call, there are not two tensors, or the sizes of the axes differ.
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        flags("Dot", normalize=normalize)
        self.axes = integers("Dot", "axes", axes)
        if not isinstance(self.axes, int) and len(self.axes) != 2:
            raise bad_setting("Dot", "axes", "an integer, or two of them", axes)
        self.normalize = normalize

    def call(self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None) -> Tensor:
        """Return the dot products; for vectors in the shape `(batch, 1)`. Masked steps count as 0."""
        if len(inputs) != 2:
            raise ShapeError(f'Dot "{self.name}" expects two tensors; got {len(inputs)}.')
        a, b = (
            x if m is None else masks.masked(x, m) for x, m in zip(inputs, mask or (None, None), strict=True)
        )
        i, j = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        if self.normalize:
            a, b = ops.normalize(a, axis=i), ops.normalize(b, axis=j)
        a, b = ops.moveaxis(a, i, -1), ops.moveaxis(b, j, -1)
        if a.shape[-1] != b.shape[-1]:
            raise ShapeError(
                f'Dot "{self.name}": the axes {i} and {j} must have the same size; got {a.shape[-1]} and '
                f"{b.shape[-1]}."
            )
        batch, left, right = a.shape[0], tuple(a.shape[1:-1]), tuple(b.shape[1:-1])
        rows = ops.reshape(a, (batch, -1, a.shape[-1]))
        columns = ops.swapaxes(ops.reshape(b, (batch, -1, b.shape[-1])), 1, 2)
        return ops.reshape(ops.matmul(rows, columns), (batch, *(left + right or (1,))))

    def compute_mask(
        self, inputs: Sequence[Tensor], mask: Sequence[Tensor | None] | None = None
    ) -> Tensor | None:
        """Return the mask of the first input, unless its steps are summed."""
        first = mask[0] if mask else None
        axis = self.axes if isinstance(self.axes, int) else self.axes[0]
        return first if first is not None and axis % len(inputs[0].shape) >= len(first.shape) else None


def dot(inputs: Sequence[Tensor], axes: int | Sequence[int] = -1, **kwargs: Any) -> Tensor:
    """Return the result of a new layer `Dot`.

    Args:
        inputs: two tensors with the batch as the first axis.
        axes: the axis of both, or one axis for each.

    >>> import hilevel
    >>> hilevel.layers.dot([np.ones((1, 2)), np.ones((1, 2))], axes=1)
    array([[2.]], dtype=float32)
    """
    return Dot(axes=axes, **kwargs)(inputs)
