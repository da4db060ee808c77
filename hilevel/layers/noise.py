"""Layers that disturb their inputs in training, so that networks generalise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from hilevel import ops, random
from hilevel._types import Tensor
from hilevel.layers.checks import data_format_of, number, rate_of, seed_of, sizes
from hilevel.layers.input_spec import InputSpec
from hilevel.layers.layer import Layer
from hilevel.layers.settings import Options
from hilevel.random.functions import keep_mask, mask_shape


class Noise(Layer):
    """Base of layers that are random in training and do nothing otherwise."""

    def __init__(self, seed: int | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.seed = seed_of(type(self).__name__, seed)
        self.seed_generator = random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """The inputs, disturbed in training."""
        return self.disturb(inputs) if training else inputs

    def disturb(self, inputs: Tensor) -> Tensor:
        """What becomes of the inputs in training."""
        raise NotImplementedError(f"{type(self).__name__} has to say what disturb(inputs) is.")


class Dropout(Noise):
    """Sets a share of its inputs to zero in training, and divides the others by what is left. Srivastava et al., 2014.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        noise_shape: the shape of the mask; 1 where an axis shares it, None for the input's own size.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.Dropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("Dropout", rate)
        self.noise_shape = None if noise_shape is None else sizes("Dropout", "noise_shape", noise_shape, 1)

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs with a share of zeros."""
        if self.rate == 0:
            return inputs
        return random.dropout(inputs, self.rate, self.noise_shape, self.seed_generator)


class SpatialDropout(Noise):
    """Base of dropouts that keep or drop whole channels of each sample. Tompson et al., 2015."""

    places: int

    def __init__(self, rate: float, seed: int | None, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of(type(self).__name__, rate)
        self.data_format = data_format_of(type(self).__name__, data_format)
        self.input_spec = InputSpec(ndim=self.places + 2)

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs with a share of their channels zero."""
        if self.rate == 0:
            return inputs
        ones = (1,) * self.places
        shape = (None, None, *ones) if self.data_format == "channels_first" else (None, *ones, None)
        return random.dropout(inputs, self.rate, shape, self.seed_generator)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of sequences, as neighbours in time are alike. Tompson et al., 2015.

    Inputs have the shape `(batch, steps, channels)`.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.SpatialDropout1D(0.5, seed=4)(np.ones((1, 2, 3)), training=True)
    array([[[2., 2., 0.],
            [2., 2., 0.]]], dtype=float32)
    """

    places = 1

    def __init__(
        self, rate: float, seed: int | None = None, name: str | None = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed, "channels_last", name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of pictures, as neighbouring pixels are alike. Tompson et al., 2015.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        data_format: `"channels_last"`, `(batch, rows, columns, channels)`, or `"channels_first"`.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> y = hilevel.layers.SpatialDropout2D(0.5, seed=4)(np.ones((1, 8, 8, 3)), training=True)
    >>> y[0, 0, 0], y.sum(axis=(1, 2))
    (array([2., 2., 0.], dtype=float32), array([[128., 128.,   0.]], dtype=float32))
    """

    places = 2

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, data_format, name=name, dtype=dtype, **kwargs)


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of volumes, as neighbouring places are alike. Tompson et al., 2015.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        data_format: `"channels_last"`, `(batch, depth, rows, columns, channels)`, or `"channels_first"`.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 2, 2, 2, 3)
    """

    places = 3


class AlphaDropout(Noise):
    """Sets a share of its inputs to the lower limit of SELU in training, and rescales all. Klambauer et al., 2017.

    The mean and variance of inputs that are 0 and 1 stay so: with `p = -1.0507 * 1.6733` an input that is kept becomes
    `a * x + b`, another one `a * p + b`, where `a = ((1 - rate) * (1 + rate * p^2))^-0.5` and `b = -a * p * rate`.

    Args:
        rate: the share, from 0 up to, but not including, 1; it is rounded to a multiple of 1/65536.
        noise_shape: the shape of the mask; 1 where an axis shares it, None for the input's own size.
        seed: an integer, to draw the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.AlphaDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("AlphaDropout", rate)
        self.noise_shape = (
            None if noise_shape is None else sizes("AlphaDropout", "noise_shape", noise_shape, 1)
        )

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs with a share at SELU's limit, rescaled."""
        if self.rate == 0:
            return inputs
        limit = -1.0507009873554805 * 1.6732632423543772
        a = ((1 - self.rate) * (1 + self.rate * limit**2)) ** -0.5
        b = -a * limit * self.rate
        keep = keep_mask(mask_shape(inputs, self.noise_shape), self.rate, self.seed_generator)
        return ops.where(keep, ops.add(ops.multiply(inputs, a), b), a * limit + b)


class GaussianDropout(Noise):
    """Multiplies by normal numbers of mean 1 and variance `rate / (1 - rate)` in training. Srivastava et al., 2014.

    Args:
        rate: as in `Dropout`.
        seed: an integer, to draw the same numbers in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianDropout(0.5)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of("GaussianDropout", rate)

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs times noise."""
        stddev = (self.rate / (1 - self.rate)) ** 0.5
        noise = random.normal(inputs.shape, 1.0, stddev, inputs.dtype.name, self.seed_generator)
        return inputs * noise


class GaussianNoise(Noise):
    """Adds normal numbers of mean 0 in training.

    Args:
        stddev: their standard deviation, not negative.
        seed: an integer, to draw the same numbers in every run.

    >>> import hilevel
    >>> hilevel.layers.GaussianNoise(0.1)(np.ones((1, 2)))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(seed, **kwargs)
        self.stddev = number("GaussianNoise", "stddev", stddev, 0)

    def disturb(self, inputs: Tensor) -> Tensor:
        """The inputs plus noise."""
        noise = random.normal(inputs.shape, 0.0, self.stddev, inputs.dtype.name, self.seed_generator)
        return ops.add(inputs, noise)
