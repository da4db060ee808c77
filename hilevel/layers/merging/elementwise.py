"""Element-wise merging of inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.engine.types import Function, Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.merging.base import Merge


class Add(Merge):
    """The element-wise sum of the inputs.

    >>> import hilevel
    >>> hilevel.layers.Add()([np.ones((1, 2)), np.ones((1, 2))])
    array([[2., 2.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """Return `a + b`."""
        return a + b


class Subtract(Merge):
    """The element-wise difference of two inputs, the first minus the second.

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
        """Return `a - b`."""
        return a - b


class Multiply(Merge):
    """The element-wise product of the inputs.

    >>> import hilevel
    >>> hilevel.layers.Multiply()([np.full((1, 2), 2.0), np.full((1, 2), 3.0)])
    array([[6., 6.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """Return `a * b`."""
        return a * b


class Average(Merge):
    """The element-wise mean of the inputs.

    >>> import hilevel
    >>> hilevel.layers.Average()([np.full((1, 2), 1.0), np.full((1, 2), 3.0)])
    array([[2., 2.]], dtype=float32)
    """

    def call(self, inputs: Sequence[Tensor]) -> Tensor:
        """Return the mean, in the shape that the inputs broadcast to."""
        return super().call(inputs) / len(inputs)

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """Return `a + b`."""
        return a + b


class Maximum(Merge):
    """The element-wise maximum of the inputs.

    >>> import hilevel
    >>> hilevel.layers.Maximum()([np.full((1, 2), 1.0), np.full((1, 2), 3.0)])
    array([[3., 3.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the element-wise maximum."""
        return ops.maximum(a, b)


class Minimum(Merge):
    """The element-wise minimum of the inputs.

    >>> import hilevel
    >>> hilevel.layers.Minimum()([np.full((1, 2), 1.0), np.full((1, 2), 3.0)])
    array([[1., 1.]], dtype=float32)
    """

    def merge(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the element-wise minimum."""
        return ops.minimum(a, b)


def _functional(layer: type[Merge]) -> Function:
    def merge(inputs: Sequence[Tensor], **kwargs: Any) -> Tensor:
        return layer(**kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = layer.__name__.lower()
    merge.__doc__ = f"""Return the result of a new layer `{layer.__name__}`.

    Args:
        inputs: tensors whose shapes broadcast.

    >>> import hilevel
    >>> hilevel.layers.{layer.__name__.lower()}([np.ones((1, 2)), np.ones((1, 2))]).shape[0]
    1
    """
    return merge


add, subtract, multiply, average, maximum, minimum = map(
    _functional, (Add, Subtract, Multiply, Average, Maximum, Minimum)
)
