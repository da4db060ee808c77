"""Dropout of whole channels."""

from __future__ import annotations

from typing import Any

from hilevel import random
from hilevel.dtype_policies import DTypePolicyLike
from hilevel.engine.types import Tensor
from hilevel.layers.base.checks import data_format_of, rate_of
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.regularization.base import Noise


class SpatialDropout(Noise):
    """The base of layers that drop whole channels of each sample. Tompson et al., 2015."""

    rank: int

    _not_in_config = ("trainable",)

    def __init__(self, rate: float, seed: int | None, data_format: str | None, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.rate = rate_of(type(self).__name__, rate)
        self.data_format = data_format_of(type(self).__name__, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def apply_noise(self, inputs: Tensor) -> Tensor:
        """Return the inputs with a fraction of their channels set to 0."""
        if self.rate == 0:
            return inputs
        ones = (1,) * self.rank
        shape = (None, None, *ones) if self.data_format == "channels_first" else (None, *ones, None)
        return random.dropout(inputs, self.rate, shape, self.seed_generator)


class SpatialDropout1D(SpatialDropout):
    """Dropout of whole channels of sequences, whose neighbouring steps are correlated. Tompson et al., 2015.

    Inputs have the shape `(batch, steps, channels)`.

    Args:
        rate: the fraction, from 0 to 1 without 1, rounded to a multiple of 1/65536.
        seed: an integer for the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.SpatialDropout1D(0.5, seed=4)(np.ones((1, 2, 3)), training=True)
    array([[[2., 2., 0.],
            [2., 2., 0.]]], dtype=float32)
    """

    rank = 1

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: DTypePolicyLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, "channels_last", name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(SpatialDropout):
    """Dropout of whole channels of images, whose neighbouring pixels are correlated. Tompson et al., 2015.

    Args:
        rate: the fraction, from 0 to 1 without 1, rounded to a multiple of 1/65536.
        data_format: `"channels_last"`, `(batch, rows, columns, channels)`, or `"channels_first"`.
        seed: an integer for the same masks in every run.

    >>> import hilevel
    >>> y = hilevel.layers.SpatialDropout2D(0.5, seed=4)(np.ones((1, 8, 8, 3)), training=True)
    >>> y[0, 0, 0], y.sum(axis=(1, 2))
    (array([2., 2., 0.], dtype=float32), array([[128., 128.,   0.]], dtype=float32))
    """

    rank = 2

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: DTypePolicyLike = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, seed, data_format, name=name, dtype=dtype, **kwargs)


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of volumes, whose neighbouring elements are correlated. Tompson et al., 2015.

    Args:
        rate: the fraction, from 0 to 1 without 1, rounded to a multiple of 1/65536.
        data_format: `"channels_last"`, `(batch, depth, rows, columns, channels)`, or `"channels_first"`.
        seed: an integer for the same masks in every run.

    >>> import hilevel
    >>> hilevel.layers.SpatialDropout3D(0.5)(np.ones((1, 2, 2, 2, 3))).shape
    (1, 2, 2, 2, 3)
    """

    rank = 3
