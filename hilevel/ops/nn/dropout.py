"""The product with a dropout mask."""

from __future__ import annotations

from hilevel.engine.op import op
from hilevel.engine.spec import like
from hilevel.engine.types import Namespace, Tensor, TensorLike


@op(shape=lambda x, keep, scale: like(x))
def drop(xp: Namespace, x: TensorLike, keep: TensorLike, /, scale: float) -> Tensor:
    """Return `x * scale` where `keep` holds, else 0: dropout with a given mask.

    Args:
        x: a tensor of any shape.
        keep: booleans, in a shape that broadcasts to the shape of `x`.
        scale: the factor, usually `1 / (1 - rate)`.

    >>> ops.drop(np.ones(2), np.array([True, False]), scale=2.0)
    array([2., 0.])
    """
    return x * (keep * x.dtype.type(scale))


drop.gradient(lambda xp, g, y, x, keep, scale: (g * (keep * x.dtype.type(scale)), None))
