"""Random tensors of the usual distributions.

Every function takes `seed`. An integer gives the same values at each call, a `SeedGenerator` new values at each
call. None is the global generator, which `set_random_seed` sets.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine import dtypes
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.context import context
from hilevel.engine.op import to_array
from hilevel.engine.protocol import Backend
from hilevel.engine.settings import settings
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Array, DType, DTypeLike, Function, ShapeLike, Tensor, TensorLike
from hilevel.ops.math.normal_quantile import normal_quantile
from hilevel.random.seed import Draws, SeedGenerator, SeedLike, default_generator


def _state(seed: SeedLike | Tensor) -> Array:
    """Return the state `[seed, draw]` of one draw."""
    if seed is None:
        seed = default_generator.get()
    if isinstance(seed, (SeedGenerator, Draws)):
        return seed.next()
    if isinstance(seed, (int, np.integer)):
        return np.array([int(seed) & 0xFFFFFFFF, 0], np.uint32)
    return to_array(seed)


def _draw(function: Function, seed: SeedLike, *args: Any) -> Tensor:
    """Call `function(backend, state, *args)` with the state of one draw."""
    return context.interpreter.call(function, (current_backend(), _state(seed), *args))


def _shape_of_draw(seed: SeedLike, shape: Sequence[Any], dtype: DTypeLike) -> TensorSpec:
    """Return the shape and dtype of a draw, if only shapes are computed. The state is not advanced."""
    _state(seed)
    return TensorSpec(shape, dtype)


def draw_values(function: Function, seed: SeedLike, shape: ShapeLike, dtype: DTypeLike, *args: Any) -> Tensor:
    """Return `function(backend, state, shape, *args, dtype)`, or its TensorSpec if only shapes are computed."""
    if context.interpreter.infers_shapes:
        return _shape_of_draw(seed, shape, dtype)
    return _draw(function, seed, tuple(shape), *args, dtype)


def bits(seed: SeedLike, shape: Sequence[int], width: int) -> Tensor:
    """Return random unsigned integers of 16, 32 or 64 bits."""
    if context.interpreter.infers_shapes:
        return _shape_of_draw(seed, shape, f"uint{width}")
    return _draw(_bits, seed, tuple(shape), width)


def _bits(backend: Backend, state: Array, shape: tuple[int, ...], width: int) -> Array:
    count = math.prod(shape)
    words = backend.philox(state[0], state[1], -(-count * width // 256))
    return backend.split_words(words, width)[:count].reshape(shape)


def unit_uniform(backend: Backend, state: Array, shape: tuple[int, ...], dtype: DType) -> Array:
    """Return values uniform in [0, 1), with as many random bits as the float can hold, at most 53."""
    if dtype == np.float64:
        return (_bits(backend, state, shape, 64) >> np.uint64(11)).astype(dtype) * dtype.type(2.0**-53)
    values = (_bits(backend, state, shape, 32) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)
    return values.astype(dtype)


def float_dtype(dtype: DTypeLike) -> DType:
    """Return the dtype of random floats; floatx for None.

    Raises:
        ValueError: the dtype is not a floating-point dtype.
    """
    dtype = settings.floatx_dtype if dtype is None else dtypes.as_dtype(dtype)
    if not dtypes.is_float(dtype):
        raise ValueError(f"Expected a float dtype; got {dtype}. For integers use hilevel.random.randint.")
    return dtype


def uniform(
    shape: ShapeLike,
    minval: float = 0.0,
    maxval: float = 1.0,
    dtype: DTypeLike = None,
    seed: SeedLike = None,
) -> Tensor:
    """Return values of the uniform distribution on `[minval, maxval)`.

    Args:
        shape: the shape of the result.
        minval, maxval: the interval.
        dtype: a floating-point dtype; floatx by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.uniform((2,), seed=1)
    array([0.80898637, 0.7949013 ], dtype=float32)
    """
    dtype = float_dtype(dtype)
    return draw_values(_uniform, seed, shape, dtype, minval, maxval)


def _uniform(
    backend: Backend, state: Array, shape: tuple[int, ...], minval: float, maxval: float, dtype: DType
) -> Array:
    unit = unit_uniform(backend, state, shape, dtype)
    return unit if (minval, maxval) == (0.0, 1.0) else (unit * (maxval - minval) + minval).astype(dtype)


def normal(
    shape: ShapeLike,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = None,
    seed: SeedLike = None,
) -> Tensor:
    """Return values of the normal distribution, by the Box-Muller transform.

    Args:
        shape: the shape of the result.
        mean, stddev: the mean and the standard deviation.
        dtype: a floating-point dtype; floatx by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.normal((2,), seed=1).shape
    (2,)
    """
    dtype = float_dtype(dtype)
    return draw_values(_normal, seed, shape, dtype, mean, stddev)


def _normal(
    backend: Backend, state: Array, shape: tuple[int, ...], mean: float, stddev: float, dtype: DType
) -> Array:
    xp, count = backend.xp, math.prod(shape)
    unit = unit_uniform(backend, state, (2, -(-count // 2)), compute_dtype(dtype))
    radius = xp.sqrt(-2 * xp.log1p(-unit[0]))
    angle = (2 * np.pi) * unit[1]
    both = xp.concatenate([radius * xp.cos(angle), radius * xp.sin(angle)])[:count]
    return (both.reshape(shape) * stddev + mean).astype(dtype)


def compute_dtype(dtype: DType) -> DType:
    """Return the dtype to compute in: at least float32."""
    return np.dtype("float64") if dtype == np.float64 else np.dtype("float32")


def truncated_normal(
    shape: ShapeLike,
    mean: float = 0.0,
    stddev: float = 1.0,
    dtype: DTypeLike = None,
    seed: SeedLike = None,
) -> Tensor:
    """Return values of the normal distribution, truncated at two standard deviations from the mean.

    They are the quantiles of uniform values (M. J. Wichura, algorithm AS 241, 1988).

    Args:
        shape: the shape of the result.
        mean, stddev: the mean and the standard deviation before truncation.
        dtype: a floating-point dtype; floatx by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> bool(abs(hilevel.random.truncated_normal((100,), seed=1)).max() <= 2)
    True
    """
    dtype = float_dtype(dtype)
    return draw_values(_truncated_normal, seed, shape, dtype, mean, stddev)


def _truncated_normal(
    backend: Backend, state: Array, shape: tuple[int, ...], mean: float, stddev: float, dtype: DType
) -> Array:
    xp = backend.xp
    low = 0.022750131948179195  # the probability below -2
    p = unit_uniform(backend, state, shape, compute_dtype(dtype)) * (1 - 2 * low) + low
    return (xp.clip(normal_quantile(xp, p), -2, 2) * stddev + mean).astype(dtype)


def randint(
    shape: ShapeLike, minval: int, maxval: int, dtype: DTypeLike = "int32", seed: SeedLike = None
) -> Tensor:
    """Return integers of the uniform distribution on `[minval, maxval)`.

    Args:
        shape: the shape of the result.
        minval, maxval: the interval.
        dtype: an integer dtype.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.randint((3,), 0, 10, seed=1)
    array([7, 6, 9], dtype=int32)

    Raises:
        ValueError: `maxval` is not above `minval`, or the dtype is not an integer dtype.
    """
    dtype = dtypes.as_dtype(dtype)
    if dtype.kind not in "iu":
        raise ValueError(
            f"randint: expected an integer dtype; got {dtype}. For floats use hilevel.random.uniform."
        )
    if maxval <= minval:
        raise ValueError(f"randint: maxval must be above minval; got minval={minval}, maxval={maxval}.")
    return draw_values(_randint, seed, shape, dtype, minval, maxval)


def _randint(
    backend: Backend, state: Array, shape: tuple[int, ...], minval: int, maxval: int, dtype: DType
) -> Array:
    words = _bits(backend, state, shape, 64) >> np.uint64(32)
    scaled = (words * np.uint64(maxval - minval)) >> np.uint64(32)
    return (scaled.astype(np.int64) + minval).astype(dtype)


def keep_mask(shape: Sequence[int], rate: float, seed: SeedLike) -> Tensor:
    """Return booleans that are True with the probability `1 - rate`, which is rounded to 1/65536."""
    if context.interpreter.infers_shapes:
        return _shape_of_draw(seed, shape, np.bool_)
    return bits(seed, shape, 16) >= np.uint16(min(int(rate * 65536 + 0.5), 65535))


def mask_shape(inputs: Tensor, noise_shape: Sequence[int | None] | None) -> tuple[int, ...]:
    """Return the noise shape, with the input's sizes in place of None."""
    shape = tuple(inputs.shape)
    if noise_shape is None:
        return shape
    return tuple(n if m is None else m for n, m in zip(shape, noise_shape, strict=True))


def dropout(
    inputs: TensorLike, rate: float, noise_shape: Sequence[int | None] | None = None, seed: SeedLike = None
) -> Tensor:
    """Set elements to zero with the probability `rate`, and divide the others by `1 - rate`. Srivastava et al.,
    2014.

    Args:
        inputs: a tensor of any shape.
        rate: a fraction. At 1 all elements are zero.
        noise_shape: the shape of the mask, with 1 for an axis that shares it and None for the input's size; the
            shape of the input by default.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.dropout(np.ones(4, "float32"), 0.5, seed=3).shape
    (4,)

    Raises:
        ValueError: `rate` is not a number from 0 to 1.
    """
    if not isinstance(rate, (int, float, np.number)) or not 0 <= rate <= 1:
        raise ValueError(f"random.dropout: rate must be a number from 0 to 1; got {rate!r}.")
    inputs = to_array(inputs)
    if rate == 1:
        return ops.zeros_like(inputs)
    return ops.drop(inputs, keep_mask(mask_shape(inputs, noise_shape), rate, seed), scale=1 / (1 - rate))


def categorical(
    logits: TensorLike, num_samples: int, dtype: DTypeLike = "int32", seed: SeedLike = None
) -> Tensor:
    """Draw indices with the probabilities `softmax(logits)`, of shape `(batch, num_samples)`.

    Args:
        logits: a tensor of shape `(batch, classes)`.
        num_samples: the number of draws for each row.
        dtype: the dtype of the indices.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> hilevel.random.categorical(np.array([[0.0, 100.0]]), 3, seed=1)
    array([[1, 1, 1]], dtype=int32)
    """
    logits = to_array(logits)
    batch, classes = logits.shape
    noise = uniform((batch, num_samples, classes), seed=seed)
    gumbel = -ops.log(-ops.log(noise + 1e-20) + 1e-20)
    return ops.argmax(logits[:, None, :] + gumbel, axis=-1).astype(dtypes.as_dtype(dtype))


def shuffle(x: TensorLike, axis: int = 0, seed: SeedLike = None) -> Tensor:
    """Return the slices of an axis in random order.

    Args:
        x: a tensor with at least one axis.
        axis: the axis.
        seed: an integer, a `SeedGenerator`, or None for the global generator.

    >>> import hilevel
    >>> sorted(hilevel.random.shuffle(np.arange(4), seed=1).tolist())
    [0, 1, 2, 3]
    """
    x = to_array(x)
    if context.interpreter.infers_shapes:
        return _shape_of_draw(seed, x.shape, x.dtype)
    order = ops.argsort(bits(seed, (x.shape[axis],), 64))
    return ops.take(x, order, axis=axis)


def permutation(n: int, seed: int, draw: int) -> np.ndarray[Any, Any]:
    """Return the integers below `n` in random order, computed on the host: the order of an epoch's samples."""
    words = get_backend("numpy").philox(seed, draw, -(-n // 4))[:n]
    return np.argsort(words)
