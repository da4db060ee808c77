"""Initializers that draw random numbers.

They compute on the host with the counter-based generator of `hilevel.random`, so that a seed gives the same
bits on every backend. Without a seed each call draws one from the global stream, which
`hilevel.utils.set_random_seed` sets. Two weights made by one initializer differ, unlike in Keras.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hilevel import random
from hilevel.engine.backends import get_backend
from hilevel.engine.context import scope
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.types import Array, Config, DType, DTypeLike
from hilevel.errors import ShapeError, nearest
from hilevel.initializers.base import Initializer, resolved
from hilevel.random import SeedGenerator, make_seed
from hilevel.random.seed import SeedLike


class RandomInitializer(Initializer):
    """Base of random initializers: a subclass defines `sample(shape, dtype, seed)`.

    Args:
        seed: an integer for the same values at every call. A `SeedGenerator`, or None for the global stream, gives
            new values at every call.

    >>> from hilevel.initializers.random import RandomInitializer
    >>> class Coin(RandomInitializer):
    ...     def sample(self, shape, dtype, seed):
    ...         return (hilevel.random.uniform(shape, seed=seed) < 0.5).astype(dtype)
    >>> Coin(seed=1)((4,)).shape
    (4,)
    """

    def __init__(self, seed: SeedLike | Config = None) -> None:
        if isinstance(seed, dict):
            seed = SeedGenerator.from_config(seed.get("config", seed))
        if not isinstance(seed, (int, np.integer, SeedGenerator, type(None))):
            raise ValueError(
                f"{type(self).__name__}: `seed` must be an integer, a hilevel.random.SeedGenerator "
                f"or None; got {seed!r}."
            )
        self.seed = seed

    def __call__(self, shape: Sequence[int], dtype: DTypeLike = None) -> Array:
        seed = make_seed() if self.seed is None else self.seed
        with scope(backend=get_backend("numpy"), interpreter=EVALUATE):
            return self.sample(tuple(shape), resolved(dtype), seed)

    def sample(self, shape: tuple[int, ...], dtype: DType, seed: int | SeedGenerator) -> Array:
        """Draw the values with the functions of `hilevel.random`."""
        raise NotImplementedError(f"{type(self).__name__} has no sample(shape, dtype, seed).")


class RandomNormal(RandomInitializer):
    """An initializer that draws from a normal distribution.

    Args:
        mean, stddev: the mean and the standard deviation.
        seed: an integer for the same values at every call.

    >>> hilevel.initializers.RandomNormal(seed=1)((100, 100)).std().round(2)
    np.float32(0.05)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: SeedLike | Config = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def sample(self, shape: tuple[int, ...], dtype: DType, seed: int | SeedGenerator) -> Array:
        """Draw the values by `hilevel.random.normal`."""
        return random.normal(shape, self.mean, self.stddev, dtype, seed)


class TruncatedNormal(RandomNormal):
    """An initializer that draws from a normal distribution truncated at two standard deviations from the mean.

    Args:
        mean: the mean.
        stddev: the standard deviation before the truncation.
        seed: an integer for the same values at every call.

    >>> bool(abs(hilevel.initializers.TruncatedNormal(seed=1)((1000,))).max() <= 0.1)
    True
    """

    def sample(self, shape: tuple[int, ...], dtype: DType, seed: int | SeedGenerator) -> Array:
        """Draw the values by `hilevel.random.truncated_normal`."""
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, seed)


class RandomUniform(RandomInitializer):
    """An initializer that draws from the uniform distribution over `[minval, maxval)`.

    Args:
        minval, maxval: the lower bound, included, and the upper bound, excluded.
        seed: an integer for the same values at every call.

    >>> bool(abs(hilevel.initializers.RandomUniform(seed=1)((1000,))).max() <= 0.05)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: SeedLike | Config = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def sample(self, shape: tuple[int, ...], dtype: DType, seed: int | SeedGenerator) -> Array:
        """Draw the values by `hilevel.random.uniform`."""
        return random.uniform(shape, self.minval, self.maxval, dtype, seed)


class Orthogonal(RandomInitializer):
    """An initializer for matrices with orthonormal rows or columns, whichever are fewer, times `gain`.

    All axes but the last are flattened to the rows. Saxe et al., "Exact solutions to the nonlinear dynamics of
    learning in deep linear neural networks", 2014.

    Args:
        gain: the factor of the matrix.
        seed: an integer for the same values at every call.

    >>> q = hilevel.initializers.Orthogonal(seed=1)((3, 2))
    >>> (q.T @ q).round(3) + 0.0
    array([[1., 0.],
           [0., 1.]], dtype=float32)

    Raises:
        ShapeError: at a call, the shape has fewer than two axes.
    """

    def __init__(self, gain: float = 1.0, seed: SeedLike | Config = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def sample(self, shape: tuple[int, ...], dtype: DType, seed: int | SeedGenerator) -> Array:
        """Compute a QR decomposition of normal values; the signs of R's diagonal make Q uniform."""
        if len(shape) < 2:
            raise ShapeError(
                f"Orthogonal expects a shape of at least two axes, got {shape}. Use another initializer."
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        wide = "float64" if dtype == np.float64 else "float32"
        tall: Array = random.normal((max(rows, columns), min(rows, columns)), dtype=wide, seed=seed)
        q, r = np.linalg.qr(tall)
        q *= np.sign(np.diag(r))
        return (self.gain * (q.T if rows < columns else q).reshape(shape)).astype(dtype)


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "truncated_normal", "untruncated_normal")


class VarianceScaling(RandomInitializer):
    """An initializer whose values have the variance `scale / n`.

    `n` is the number of inputs of a unit, of its outputs, or the mean of both.

    Args:
        scale: the factor of the variance, above 0.
        mode: the meaning of `n`: `"fan_in"`, `"fan_out"` or `"fan_avg"`.
        distribution: `"truncated_normal"` (or `"normal"`), `"untruncated_normal"` or `"uniform"`.
        seed: an integer for the same values at every call.
        input_axes, output_axes: the axes of the weight for inputs and outputs. By default the last but one and the
            last, each times the sizes of the axes before both.

    >>> hilevel.initializers.VarianceScaling(2.0, seed=1)((200, 50)).std().round(2)
    np.float32(0.1)

    Raises:
        ValueError: the scale is not above 0; the mode or distribution is unknown.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: SeedLike | Config = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(seed)
        if scale <= 0:
            raise ValueError(f"{type(self).__name__}: `scale` must be above 0; got {scale}.")
        distribution = distribution.lower()
        self.scale = scale
        self.mode = _one_of(_MODES, "mode", mode)
        self.distribution = _one_of(
            _DISTRIBUTIONS,
            "distribution",
            "truncated_normal" if distribution == "normal" else distribution,
        )
        self.input_axes = input_axes
        self.output_axes = output_axes

    def sample(self, shape: tuple[int, ...], dtype: DType, seed: int | SeedGenerator) -> Array:
        """Draw the values by the function of `hilevel.random` for the distribution."""
        fan_in, fan_out = compute_fans(shape, self.input_axes, self.output_axes)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        stddev = math.sqrt(self.scale / max(1.0, n))
        if self.distribution == "uniform":
            limit = math.sqrt(3) * stddev
            return random.uniform(shape, -limit, limit, dtype, seed)
        if self.distribution == "untruncated_normal":
            return random.normal(shape, 0.0, stddev, dtype, seed)
        return random.truncated_normal(shape, 0.0, stddev / _TRUNCATED_STDDEV, dtype, seed)


_TRUNCATED_STDDEV = 0.87962566103423978
"""The standard deviation of the standard normal distribution truncated at -2 and 2."""


def _one_of(choices: tuple[str, ...], name: str, value: str) -> str:
    if value not in choices:
        raise ValueError(
            f"VarianceScaling: `{name}` must be one of {', '.join(choices)}; got {value!r}."
            f"{nearest(value, choices)}"
        )
    return value


def compute_fans(
    shape: Sequence[int],
    input_axes: Sequence[int] | None = None,
    output_axes: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Return the numbers of inputs and outputs that a weight of the shape connects.

    >>> from hilevel.initializers.random import compute_fans
    >>> compute_fans((3, 3, 8, 16))
    (72, 144)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[i] for i in input_axes), math.prod(shape[i] for i in output_axes)
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


class _Preset(VarianceScaling):
    """`VarianceScaling` with fixed scale, mode and distribution."""

    preset: tuple[float, str, str]

    def __init__(
        self,
        seed: SeedLike | Config = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self.preset, seed, input_axes, output_axes)


class GlorotUniform(_Preset):
    """An initializer with uniform values between `-limit` and `limit = sqrt(6 / (fan_in + fan_out))`.

    Most layers use it by default. Arguments as for `VarianceScaling`. Glorot and Bengio, 2010.

    >>> bool(abs(hilevel.initializers.GlorotUniform(seed=1)((2, 4))).max() < 1)
    True
    """

    preset = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Preset):
    """An initializer with truncated normal values of the variance `2 / (fan_in + fan_out)`.

    Arguments as for `VarianceScaling`. Glorot and Bengio, 2010.

    >>> hilevel.initializers.GlorotNormal(seed=1)((2, 4)).shape
    (2, 4)
    """

    preset = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Preset):
    """An initializer with uniform values between `-limit` and `limit = sqrt(6 / fan_in)`, for layers with relu.

    Arguments as for `VarianceScaling`. He et al., 2015.

    >>> hilevel.initializers.HeUniform(seed=1)((2, 4)).shape
    (2, 4)
    """

    preset = (2.0, "fan_in", "uniform")


class HeNormal(_Preset):
    """An initializer with truncated normal values of the variance `2 / fan_in`, for layers with relu.

    Arguments as for `VarianceScaling`. He et al., 2015.

    >>> hilevel.initializers.HeNormal(seed=1)((2, 4)).shape
    (2, 4)
    """

    preset = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Preset):
    """An initializer with uniform values between `-limit` and `limit = sqrt(3 / fan_in)`.

    Arguments as for `VarianceScaling`. LeCun et al., 1998.

    >>> hilevel.initializers.LecunUniform(seed=1)((2, 4)).shape
    (2, 4)
    """

    preset = (1.0, "fan_in", "uniform")


class LecunNormal(_Preset):
    """An initializer with truncated normal values of the variance `1 / fan_in`, for layers with selu.

    Arguments as for `VarianceScaling`. LeCun et al., 1998.

    >>> hilevel.initializers.LecunNormal(seed=1)((2, 4)).shape
    (2, 4)
    """

    preset = (1.0, "fan_in", "truncated_normal")


OrthogonalInitializer = orthogonal = Orthogonal
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
random_normal = RandomNormal
random_uniform = RandomUniform
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
