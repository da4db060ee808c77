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
    """The sum of products of two inputs over an axis of each, for each sample.

    Args:
        axes: the axis of both, or one for each, counted with the batch.
        normalize: whether the vectors are brought to length 1 first, which gives the cosine.

    >>> import hilevel
    >>> hilevel.layers.Dot(axes=1)([np.ones((2, 3)), np.ones((2, 3))])
    array([[3.],
           [3.]], dtype=float32)
    """

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        flags("Dot", normalize=normalize)
        self.axes = integers("Dot", "axes", axes)
        if not isinstance(self.axes, int) and len(self.axes) != 2:
            raise bad_setting("Dot", "axes", "an integer, or two of them", axes)
        self.normalize = normalize

    def call(self, inputs: Sequence[Tensor], mask: Any = None) -> Tensor:
        """The products summed over the axes; of vectors, of shape `(batch, 1)`. Masked steps count as zeros."""
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
                f'Dot "{self.name}": the axes {i} and {j} must have one size; got {a.shape[-1]} and '
                f"{b.shape[-1]}."
            )
        batch, left, right = a.shape[0], tuple(a.shape[1:-1]), tuple(b.shape[1:-1])
        rows = ops.reshape(a, (batch, -1, a.shape[-1]))
        columns = ops.swapaxes(ops.reshape(b, (batch, -1, b.shape[-1])), 1, 2)
        return ops.reshape(ops.matmul(rows, columns), (batch, *(left + right or (1,))))

    def compute_mask(self, inputs: Sequence[Tensor], mask: Any = None) -> Any:
        """The mask of the first input, where the steps are not what is summed over."""
        first = mask[0] if mask else None
        axis = self.axes if isinstance(self.axes, int) else self.axes[0]
        return first if first is not None and axis % len(inputs[0].shape) >= len(first.shape) else None


def dot(inputs: Sequence[Tensor], axes: int | Sequence[int] = -1, **kwargs: Any) -> Tensor:
    """The layer `Dot` made and called at once.

    >>> import hilevel
    >>> hilevel.layers.dot([np.ones((1, 2)), np.ones((1, 2))], axes=1)
    array([[2.]], dtype=float32)
    """
    return Dot(axes=axes, **kwargs)(inputs)
