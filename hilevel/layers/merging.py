"""Layers that make one tensor of several."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any, Unpack

from hilevel import masks, ops
from hilevel._types import Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.checks import bad_setting, flags, integer, integers
from hilevel.layers.layer import Layer
from hilevel.layers.settings import Options


class Merge(Layer):
    """Base of the element-wise merges: `merge(a, b)` says what becomes of two."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Check that there are several inputs of shapes that fit."""
        if not _are_shapes(input_shape) or len(input_shape) < 1:
            raise ShapeError(
                f'{type(self).__name__} "{self.name}" expects a list of tensors; got one of shape '
                f"{input_shape}. Call it as {type(self).__name__}()([a, b])."
            )

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """One tensor of the shape that the inputs broadcast to."""
        if not isinstance(inputs, (list, tuple)):
            raise ShapeError(f'{type(self).__name__} "{self.name}" expects a list of tensors; got one.')
        return reduce(self.merge, _same_rank(inputs))

    def compute_mask(self, inputs: Sequence[Tensor], mask: Any = None) -> Any:
        """What counts in every input that has a mask."""
        return masks.combined(mask or ())

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """What becomes of two tensors."""
        raise NotImplementedError(f"{type(self).__name__} has to say what merge(a, b) is.")


def _are_shapes(shape: Any) -> bool:
    return bool(shape) and isinstance(shape[0], (list, tuple))


def _same_rank(inputs: Sequence[Tensor]) -> list[Tensor]:
    """The tensors with new axes after the batch, so that all have as many."""
    rank = max(len(x.shape) for x in inputs)
    return [_with_axes(x, rank - len(x.shape)) for x in inputs]


def _with_axes(x: Tensor, count: int) -> Tensor:
    return ops.expand_dims(x, tuple(range(1, count + 1))) if count else x


class Add(Merge):
    """The sum of the inputs.

    >>> import hilevel
    >>> hilevel.layers.Add()([np.ones((1, 2)), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """`a + b`."""
        return a + b


class Subtract(Merge):
    """The first input minus the second.

    >>> import hilevel
    >>> hilevel.layers.Subtract()([np.ones((1, 2)), np.ones((1, 2))])
    array([[0., 0.]], dtype=float32)
    """

    def build(self, input_shape: Sequence[Shape]) -> None:
        """Check that there are two inputs."""
        super().build(input_shape)
        if len(input_shape) != 2:
            raise ShapeError(f'Subtract "{self.name}" expects two tensors; got {len(input_shape)}.')

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """`a - b`."""
        return a - b


class Multiply(Merge):
    """The product of the inputs, element by element.

    >>> import hilevel
    >>> hilevel.layers.Multiply()([np.full((1, 2), 2.0), np.full((1, 2), 3.0)])
    array([[6., 6.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """`a * b`."""
        return a * b


class Average(Merge):
    """The mean of the inputs, element by element.

    >>> import hilevel
    >>> hilevel.layers.Average()([np.full((1, 2), 1.0), np.full((1, 2), 3.0)])
    array([[2., 2.]], dtype=float32)
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """The sum divided by the number of inputs."""
        return super().call(inputs) / len(inputs)

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """`a + b`."""
        return a + b


class Maximum(Merge):
    """The largest of the inputs, element by element.

    >>> import hilevel
    >>> hilevel.layers.Maximum()([np.full((1, 2), 1.0), np.full((1, 2), 3.0)])
    array([[3., 3.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """The larger of two."""
        return ops.maximum(a, b)


class Minimum(Merge):
    """The smallest of the inputs, element by element.

    >>> import hilevel
    >>> hilevel.layers.Minimum()([np.full((1, 2), 1.0), np.full((1, 2), 3.0)])
    array([[1., 1.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """The smaller of two."""
        return ops.minimum(a, b)


class Concatenate(Merge):
    """The inputs joined along an axis.

    Args:
        axis: the axis; all others must be equal.

    >>> import hilevel
    >>> hilevel.layers.Concatenate()([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """

    def __init__(self, axis: int = -1, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.axis = integer("Concatenate", "axis", axis)

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """The inputs, one after the other."""
        return ops.concatenate(list(inputs), axis=self.axis)

    def compute_mask(self, inputs: Sequence[Tensor], mask: Any = None) -> Any:
        """The masks joined where they have the axis; else what counts in every input that has a mask."""
        found = [m for m in mask or () if m is not None]
        axis = self.axis % len(inputs[0].shape)
        if not found or axis >= len(found[0].shape):
            return masks.combined(found)
        rank = len(found[0].shape)
        joined = [
            ops.ones(x.shape[:rank], "bool") if m is None else m for x, m in zip(inputs, mask, strict=True)
        ]
        return ops.concatenate(joined, axis=axis)


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


def _functional(layer: type[Merge]) -> Any:
    def merge(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
        return layer(**kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = layer.__name__.lower()
    merge.__doc__ = f"""The layer `{layer.__name__}` made and called at once.

    >>> import hilevel
    >>> hilevel.layers.{layer.__name__.lower()}([np.ones((1, 2)), np.ones((1, 2))]).shape[0]
    1
    """
    return merge


add, subtract, multiply, average, maximum, minimum = map(
    _functional, (Add, Subtract, Multiply, Average, Maximum, Minimum)
)


def concatenate(inputs: Sequence[Tensor], axis: int = -1, **kwargs: Any) -> Tensor:
    """The layer `Concatenate` made and called at once.

    >>> import hilevel
    >>> hilevel.layers.concatenate([np.ones((1, 2)), np.ones((1, 3))]).shape
    (1, 5)
    """
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Sequence[Tensor], axes: int | Sequence[int] = -1, **kwargs: Any) -> Tensor:
    """The layer `Dot` made and called at once.

    >>> import hilevel
    >>> hilevel.layers.dot([np.ones((1, 2)), np.ones((1, 2))], axes=1)
    array([[2.]], dtype=float32)
    """
    return Dot(axes=axes, **kwargs)(inputs)
