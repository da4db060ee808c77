"""Zeros around spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.layers.base.settings import Options
from hilevel.layers.reshaping.spatial import BaseSpatial, PairsLike


class BaseZeroPadding(BaseSpatial):
    """The base of `ZeroPadding1D`, `ZeroPadding2D` and `ZeroPadding3D`."""

    def __init__(
        self, padding: PairsLike = 1, data_format: str | None = None, **kwargs: Unpack[Options]
    ) -> None:
        super().__init__(**kwargs)
        self.configure(data_format)
        self.padding: Any = self.pairs("padding", padding)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs with zeros before and after each spatial axis."""
        none = ((0, 0),)
        return ops.pad(
            inputs, none * self._first_axis + self.by_axis(self.padding) + none * (2 - self._first_axis)
        )


class ZeroPadding1D(BaseZeroPadding):
    """A layer that adds zeros before and after the steps.

    Args:
        padding: the number of steps at both ends, or one number for each end.
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.ZeroPadding1D((2, 1))(np.ones((1, 4, 3))).shape
    (1, 7, 3)

    Raises:
        ValueError: `padding` is invalid.
    """

    rank = 1


class ZeroPadding2D(BaseZeroPadding):
    """A layer that adds a border of zeros to images.

    Args:
        padding: a size for all borders, one for height and one for width, or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.ZeroPadding2D(((1, 0), (2, 2)))(np.ones((1, 4, 4, 3))).shape
    (1, 5, 8, 3)

    Raises:
        ValueError: `padding` is invalid.
    """

    rank = 2


class ZeroPadding3D(BaseZeroPadding):
    """A layer that adds a border of zeros to volumes.

    Args:
        padding, data_format: as in `ZeroPadding2D`, for three axes.

    >>> import hilevel
    >>> hilevel.layers.ZeroPadding3D(1)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 4, 4, 4, 3)
    """

    rank = 3
