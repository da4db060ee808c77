"""Layers that enlarge the spatial axes, put zeros around them, or cut them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Unpack

import numpy as np

from hilevel import ops
from hilevel._types import Tensor
from hilevel.autodiff.tape import constant
from hilevel.errors import ShapeError
from hilevel.layers.checks import one_of, positive
from hilevel.layers.input_spec import InputSpec
from hilevel.layers.layer import Layer
from hilevel.layers.settings import Options
from hilevel.ops.windows import channels_come_first, per_axis

Pairs = tuple[tuple[int, ...], ...]


class BaseSpatial(Layer):
    """Base of layers that treat each spatial axis by itself."""

    rank: ClassVar[int]

    def settle(self, data_format: str | None) -> None:
        """Keep the order of the axes, and expect as many as there should be."""
        first = channels_come_first(type(self).__name__, data_format)
        self.data_format = "channels_first" if first else "channels_last"
        self._first_axis = 2 if first else 1
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def pairs(self, name: str, value: Any) -> Any:
        """Two numbers for each axis, before and after, from one number for all, one for each axis, or all of them; of
        one axis the two alone.

        Raises:
            ValueError: it is none of these.
        """
        cls = type(self).__name__
        if self.rank == 1:
            return per_axis(cls, name, value, 2, smallest=0)
        values = value if isinstance(value, (list, tuple)) else (value,) * self.rank
        if len(values) != self.rank:
            raise ValueError(
                f"{cls}: {name} must be a number, {self.rank} of them, or {self.rank} pairs; got {value!r}."
            )
        return tuple(per_axis(cls, name, v, 2, smallest=0) for v in values)

    def by_axis(self, pairs: Any) -> Pairs:
        """Return what `pairs` returned as a tuple with a pair for each axis."""
        return (pairs,) if self.rank == 1 else pairs


# -- larger ----------------------------------------------------------------------------------------------


class UpSampling1D(BaseSpatial):
    """Each step several times.

    Args:
        size: how often.

    >>> import hilevel
    >>> hilevel.layers.UpSampling1D(2)(np.array([[[1.0], [2.0]]]))[0, :, 0]
    array([1., 1., 2., 2.], dtype=float32)

    Raises:
        ValueError: `size` is no positive integer.
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.settle("channels_last")
        self.size = positive("UpSampling1D", "size", size)

    def call(self, inputs: Tensor) -> Tensor:
        """Shape `(batch, steps, channels)` to `(batch, steps * size, channels)`."""
        return ops.repeat(inputs, self.size, axis=1)


class UpSampling2D(BaseSpatial):
    """Images enlarged.

    Args:
        size: how many times as high and as wide; one number for both.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.
        interpolation: `"nearest"` repeats the elements; `"bilinear"`, `"bicubic"`, `"lanczos3"` and `"lanczos5"`
            compute what is between them.

    >>> import hilevel
    >>> layer = hilevel.layers.UpSampling2D((1, 2), interpolation="bilinear")
    >>> layer(np.array([1.0, 3.0]).reshape(1, 1, 2, 1))[0, 0, :, 0]
    array([1. , 1.5, 2.5, 3. ], dtype=float32)

    Raises:
        ValueError: a setting is none of what is expected.
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.settle(data_format)
        self.size = per_axis("UpSampling2D", "size", size, 2)
        self.interpolation = one_of("UpSampling2D", "interpolation", interpolation, ("nearest", *_BETWEEN))

    def call(self, inputs: Tensor) -> Tensor:
        """Height and width times `size`."""
        x = inputs
        for axis, factor in enumerate(self.size, start=self._first_axis):
            if self.interpolation == "nearest":
                x = ops.repeat(x, factor, axis=axis)
            else:
                weights = between(x.shape[axis], factor, *_BETWEEN[self.interpolation])
                product = ops.matmul(ops.moveaxis(x, axis, -1), constant(x, weights, x.dtype))
                x = ops.moveaxis(product, -1, axis)
        return x


class UpSampling3D(BaseSpatial):
    """Each element of a volume several times along each axis.

    Args:
        size: how often along each axis, or along all.
        data_format: `"channels_last"` for `(batch, *spatial, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.UpSampling3D(2)(np.ones((1, 2, 3, 4, 1))).shape
    (1, 4, 6, 8, 1)

    Raises:
        ValueError: `size` is no positive integer, nor three of them.
    """

    rank = 3

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Unpack[Options]
    ) -> None:
        super().__init__(**kwargs)
        self.settle(data_format)
        self.size = per_axis("UpSampling3D", "size", size, 3)

    def call(self, inputs: Tensor) -> Tensor:
        """The spatial axes times `size`."""
        x = inputs
        for axis, factor in enumerate(self.size, start=self._first_axis):
            x = ops.repeat(x, factor, axis=axis)
        return x


def between(n: int, factor: int, kernel: Callable[..., Any], reach: float) -> np.ndarray[Any, Any]:
    """The weights of `n` elements in each of `n * factor` between them, `(n, n * factor)`: the kernel of the distance,
    scaled so that those of one result add up to 1."""
    places = (np.arange(n * factor) + 0.5) / factor - 0.5
    distance = np.abs(places - np.arange(n)[:, None])
    weights = np.where(distance < reach, kernel(distance), 0.0)
    return weights / weights.sum(axis=0)


def _cubic(x: Any) -> Any:
    """Keys, "Cubic convolution interpolation for digital image processing", 1981."""
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, far)


_BETWEEN: dict[str, tuple[Callable[..., Any], float]] = {
    "bilinear": (lambda x: 1 - x, 1.0),
    "bicubic": (_cubic, 2.0),
    "lanczos3": (lambda x: np.sinc(x) * np.sinc(x / 3), 3.0),
    "lanczos5": (lambda x: np.sinc(x) * np.sinc(x / 5), 5.0),
}


# -- zeros around ----------------------------------------------------------------------------------------


class BaseZeroPadding(BaseSpatial):
    """Base of `ZeroPadding1D`, `ZeroPadding2D` and `ZeroPadding3D`."""

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.settle(data_format)
        self.padding: Any = self.pairs("padding", padding)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with zeros before and after each spatial axis."""
        none = ((0, 0),)
        return ops.pad(
            inputs, none * self._first_axis + self.by_axis(self.padding) + none * (2 - self._first_axis)
        )


class ZeroPadding1D(BaseZeroPadding):
    """Zeros before and after the steps.

    Args:
        padding: how many; two numbers for before and after.
        data_format: `"channels_last"` for `(batch, steps, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.ZeroPadding1D((2, 1))(np.ones((1, 4, 3))).shape
    (1, 7, 3)

    Raises:
        ValueError: `padding` is none of what is expected.
    """

    rank = 1


class ZeroPadding2D(BaseZeroPadding):
    """Zeros around images.

    Args:
        padding: how many; two numbers for height and width, or two pairs, `((top, bottom), (left, right))`.
        data_format: `"channels_last"` for `(batch, height, width, channels)`, or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.layers.ZeroPadding2D(((1, 0), (2, 2)))(np.ones((1, 4, 4, 3))).shape
    (1, 5, 8, 3)

    Raises:
        ValueError: `padding` is none of what is expected.
    """

    rank = 2


class ZeroPadding3D(BaseZeroPadding):
    """Zeros around volumes. The arguments are those of `ZeroPadding2D`, with three axes in place of two.

    >>> import hilevel
    >>> hilevel.layers.ZeroPadding3D(1)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 4, 4, 4, 3)
    """

    rank = 3


# -- cut -------------------------------------------------------------------------------------------------


class BaseCropping(BaseSpatial):
    """Base of `Cropping1D`, `Cropping2D` and `Cropping3D`."""

    def crop(self, cropping: Any, data_format: str | None) -> None:
        """Check and keep the settings."""
        self.settle(data_format)
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
