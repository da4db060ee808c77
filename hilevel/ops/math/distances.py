"""Distances between points."""

from __future__ import annotations

from hilevel.engine import dtypes
from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import agree
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.elementwise import square, where
from hilevel.ops.numpy.reduction import sum
from hilevel.ops.numpy.transcendental import sqrt


@composite
def cdist(x: TensorLike, y: TensorLike) -> Tensor:
    """Return the Euclidean distance between each pair of points, of shape `(..., n, m)`. At 0 its gradient is 0.

    Args:
        x: a tensor of shape `(..., n, features)`.
        y: a tensor of shape `(..., m, features)`. The first axes of `x` and `y` broadcast.

    >>> ops.cdist([[0.0, 0.0]], [[3.0, 4.0], [0.0, 1.0]])
    array([[5., 1.]], dtype=float32)

    Raises:
        ValueError: a tensor has less than two axes, or the numbers of features differ.
    """
    x, y = dtypes.to_float((to_array(x), to_array(y)))
    if len(x.shape) < 2 or len(y.shape) < 2 or not agree(x.shape[-1:], y.shape[-1:]):
        raise ShapeError(
            f"cdist: the shapes must be (..., n, features) and (..., m, features); got {tuple(x.shape)} and "
            f"{tuple(y.shape)}."
        )
    squares = sum(square(x[..., :, None, :] - y[..., None, :, :]), axis=-1)
    equal = squares == 0
    return where(equal, 0.0, sqrt(where(equal, 1.0, squares)))
