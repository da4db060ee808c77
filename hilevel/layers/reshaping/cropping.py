"""Cropping of spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.settings import Options
from hilevel.layers.reshaping.spatial import BaseSpatial


class BaseCropping(BaseSpatial):
    """Base of `Cropping1D`, `Cropping2D` and `Cropping3D`."""

    def crop(self, cropping: Any, data_format: str | None) -> None:
        """Check and keep the settings."""
        self.configure(data_format)
        self.cropping: Any = self.pairs("cropping", cropping)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs without what is cut off."""
        key = [slice(None)] * self._first_axis
        for (before, after), n in zip(
            self.by_axis(self.cropping), inputs.shape[self._first_axis :], strict=False
        ):
            if before + after >= n:
                raise ShapeError(
                    f'{type(self).__name__} "{self.name}": cropping {self.cropping} leaves nothing of an input of '
                    f"shape {tuple(inputs.shape)}, in the order {self.data_format!r}."
                )
            key.append(slice(before, n - after))
        return inputs[tuple(key)]


class Cropping1D(BaseCropping):
    """The first and last steps cut off.

    Args:
        cropping: how many; two numbers for before and after.

    >>> import hilevel
    >>> hilevel.layers.Cropping1D((0, 2))(np.ones((1, 5, 3))).shape
    (1, 3, 3)

    Raises:
        ValueError: `cropping` is none of what is expected.
        ShapeError: at a call, nothing is left.
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.crop(cropping, "channels_last")


class Cropping2D(BaseCropping):
    """The edges of images cut off.

    Args:
        cropping: how much; two numbers for height and width, or two pairs, `((top, bottom), (left, right))`.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.Cropping2D(((1, 0), (2, 2)))(np.ones((1, 5, 8, 3))).shape
    (1, 4, 4, 3)

    Raises:
        ValueError: `cropping` is none of what is expected.
        ShapeError: at a call, nothing is left.
    """

    rank = 2

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.crop(cropping, data_format)


class Cropping3D(BaseCropping):
    """The edges of volumes cut off. The arguments are those of `Cropping2D`, with three axes in place of two.

    >>> import hilevel
    >>> hilevel.layers.Cropping3D(1)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.crop(cropping, data_format)
