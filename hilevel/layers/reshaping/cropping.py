"""Cropping of spatial axes."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.settings import Options
from hilevel.layers.reshaping.spatial import BaseSpatial, PairsLike


class BaseCropping(BaseSpatial):
    """The base of `Cropping1D`, `Cropping2D` and `Cropping3D`."""

    def configure_cropping(self, cropping: PairsLike, data_format: str | None) -> None:
        """Check and set the settings."""
        self.configure(data_format)
        self.cropping: Any = self.pairs("cropping", cropping)

    def call(self, inputs: Tensor) -> Tensor:
        """Return the inputs without the cropped elements."""
        key = [slice(None)] * self._first_axis
        for (before, after), n in zip(
            self.by_axis(self.cropping), inputs.shape[self._first_axis :], strict=False
        ):
            if before + after >= n:
                raise ShapeError(
                    f'{type(self).__name__} "{self.name}": cropping {self.cropping} removes all of an input of '
                    f"shape {tuple(inputs.shape)}, in the order {self.data_format!r}."
                )
            key.append(slice(before, n - after))
        return ops.get_item(inputs, tuple(key))


class Cropping1D(BaseCropping):
    """A layer that removes the first and last steps.

    Args:
        cropping: the number of steps at both ends, or one number for each end.

    >>> import hilevel
    >>> hilevel.layers.Cropping1D((0, 2))(np.ones((1, 5, 3))).shape
    (1, 3, 3)

    Raises:
        ValueError: `cropping` is invalid.
        ShapeError: at a call, the output would be empty.
    """

    rank = 1

    def __init__(self, cropping: PairsLike = (1, 1), **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.configure_cropping(cropping, "channels_last")


class Cropping2D(BaseCropping):
    """A layer that removes the borders of images.

    Args:
        cropping: a size for all borders, one for height and one for width, or `((top, bottom), (left, right))`.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.Cropping2D(((1, 0), (2, 2)))(np.ones((1, 5, 8, 3))).shape
    (1, 4, 4, 3)

    Raises:
        ValueError: `cropping` is invalid.
        ShapeError: at a call, the output would be empty.
    """

    rank = 2

    def __init__(
        self,
        cropping: PairsLike = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.configure_cropping(cropping, data_format)


class Cropping3D(BaseCropping):
    """A layer that removes the borders of volumes.

    Args:
        cropping, data_format: as in `Cropping2D`, for three axes.

    >>> import hilevel
    >>> hilevel.layers.Cropping3D(1)(np.ones((1, 4, 4, 4, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3

    def __init__(
        self,
        cropping: PairsLike = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.configure_cropping(cropping, data_format)
