"""Layers that prepare data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel._types import Shape, Tensor
from hilevel.autodiff.tape import to_host
from hilevel.config import settings
from hilevel.layers.checks import bad_setting, flags, integers, is_numeric, one_of, positive, set_unsupported
from hilevel.layers.layer import Layer
from hilevel.layers.settings import Options
from hilevel.ops._ranges import expect_indices


class Rescaling(Layer):
    """`x * scale + offset`.

    Args:
        scale: the factor, `1 / 255` for pictures.
        offset: what is added.

    >>> import hilevel
    >>> hilevel.layers.Rescaling(1 / 255)(np.array([255, 0], "uint8"))
    array([1., 0.], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        for name, value in (("scale", scale), ("offset", offset)):
            if not is_numeric(value):
                raise bad_setting("Rescaling", name, "a number, or an array of numbers", value)
        self.scale, self.offset = scale, offset

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs times scale plus offset, as floats."""
        x = ops.cast(inputs, self.compute_dtype)
        scale, offset = (
            v if isinstance(v, (int, float)) else ops.cast(np.asarray(v), self.compute_dtype)
            for v in (self.scale, self.offset)
        )
        return ops.add(ops.multiply(x, scale), offset)


class Normalization(Layer):
    """Brings features to mean 0 and variance 1, with statistics that are given or taken from data by `adapt`.

    Args:
        axis: the axis, or axes, whose indices have statistics of their own; None for one of all.
        mean: the mean, instead of `adapt`.
        variance: the variance, instead of `adapt`.
        invert: whether to go back from normalised data.

    >>> import hilevel
    >>> layer = hilevel.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[3.0]]))
    array([[1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        if (mean is None) != (variance is None):
            raise ValueError("Normalization: give both mean and variance, or neither and call adapt.")
        flags("Normalization", invert=invert)
        self.axis = () if axis in ((), []) else integers("Normalization", "axis", axis, none=True)
        self.invert = invert
        self.given = None if mean is None else (np.asarray(mean), np.asarray(variance))
        self.adapted = mean is not None

    def build(self, input_shape: Shape) -> None:
        """Make the statistics."""
        axes = () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis
        rank = len(input_shape)
        self._kept = tuple(sorted(a % rank for a in axes))
        self._view = tuple(int(n or 1) if i in self._kept else 1 for i, n in enumerate(input_shape))
        shape = tuple(self._view[i] for i in self._kept)
        self.mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
        self.variance = self.add_weight(shape, "ones", trainable=False, name="variance")
        self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")
        if self.given is not None:
            self.mean.assign(np.broadcast_to(self.given[0], shape))
            self.variance.assign(np.broadcast_to(self.given[1], shape))

    def save_own_variables(self, store: Any) -> None:
        """Put the statistics that were learned into a dict; statistics that were given are in the config."""
        if self.given is None:
            super().save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        """Take the statistics that were learned from a dict."""
        if self.given is None:
            super().load_own_variables(store)
            self.adapted = True

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data: an array, or batches of arrays. What was known before is forgotten."""
        if self.given is not None:
            raise ValueError(
                f'Normalization "{self.name}" was given its statistics; adapt would replace them.'
            )
        batches = [data] if hasattr(data, "shape") else list(data)
        arrays = [np.asarray(b[0] if isinstance(b, tuple) else b, np.float64) for b in map(_host, batches)]
        if not arrays or not sum(a.size for a in arrays):
            raise ValueError(f'Normalization "{self.name}": adapt got no data.')
        if not self.built:
            self._build_for((arrays[0],), {})
        over = tuple(i for i in range(arrays[0].ndim) if i not in self._kept)
        sizes = [a.size / max(1, self.mean.size) for a in arrays]
        total = sum(sizes)
        mean = sum(a.mean(axis=over) * n for a, n in zip(arrays, sizes, strict=True)) / total
        spread = [np.square(a - mean.reshape(self._view)).mean(axis=over) for a in arrays]
        self.mean.assign(mean)
        self.variance.assign(sum(s * n for s, n in zip(spread, sizes, strict=True)) / total)
        self.count.assign(np.int32(total))
        self.adapted = True

    def call(self, inputs: Tensor) -> Tensor:
        """`(x - mean) / sqrt(variance)`, or the reverse."""
        x = ops.cast(inputs, self.compute_dtype)
        mean = ops.reshape(self.mean, self._view)
        scale = ops.maximum(ops.sqrt(ops.reshape(self.variance, self._view)), settings.epsilon)
        return x * scale + mean if self.invert else (x - mean) / scale


def _host(batch: Any) -> Any:
    return to_host(batch) if hasattr(batch, "shape") else batch


class CategoryEncoding(Layer):
    """Integers as vectors: one of them, the set of them, or the count of each.

    Args:
        num_tokens: how many different integers there are, from 0.
        output_mode: `"one_hot"` a vector for each integer, `"multi_hot"` one for each sample with ones for those in it,
            `"count"` one for each sample with their numbers.
        sparse: not implemented.

    >>> import hilevel
    >>> hilevel.layers.CategoryEncoding(3, "count")(np.array([[0, 2, 2]]))
    array([[1., 0., 2.]], dtype=float32)

    Raises:
        ValueError: the mode is none of the three.
        IndexError: at a call, a number is not below `num_tokens`, where the numbers are in the host's memory.
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        set_unsupported(self, sparse=bool(sparse))
        modes = ("one_hot", "multi_hot", "count", "binary")
        output_mode = one_of("CategoryEncoding", "output_mode", output_mode, modes)
        output_mode = "multi_hot" if output_mode == "binary" else output_mode
        self.num_tokens = positive("CategoryEncoding", "num_tokens", num_tokens)
        self.output_mode = output_mode

    def call(self, inputs: Tensor, count_weights: Tensor = None) -> Tensor:
        """Shape `(batch, n)` to `(batch, num_tokens)`; one_hot: a new last axis, in place of one of length 1."""
        if count_weights is not None and self.output_mode != "count":
            raise ValueError("CategoryEncoding: count_weights are for output_mode='count'.")
        advice = "Give the layer a larger num_tokens: the largest integer plus 1."
        expect_indices(inputs, self.num_tokens, f"{self._label()}: integer", advice)
        hot = ops.one_hot(inputs, self.num_tokens, dtype=self.compute_dtype)
        if self.output_mode == "one_hot":
            last_is_one = len(inputs.shape) > 1 and inputs.shape[-1] == 1
            return ops.squeeze(hot, axis=-2) if last_is_one else hot
        if len(inputs.shape) < 1:
            return hot
        if self.output_mode == "multi_hot":
            return ops.max(hot, axis=-2)
        if count_weights is not None:
            hot = hot * ops.expand_dims(ops.cast(count_weights, hot.dtype), -1)
        return ops.sum(hot, axis=-2)
