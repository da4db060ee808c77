"""Standardization of features by their mean and variance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Unpack

import numpy as np

from hilevel import ops
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.settings import settings
from hilevel.engine.types import Shape, Tensor, TensorLike
from hilevel.layers.base.checks import (
    flags,
    integers,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Normalization(Layer):
    """A layer that scales features to mean 0 and variance 1.

    The statistics are arguments, or computed from data by `adapt`.

    Args:
        axis: the axis or axes of the features, which have separate statistics; None for a single mean and variance.
        mean, variance: the statistics, in place of `adapt`; they broadcast to the shape of the features.
        invert: whether to compute the inverse, `x * sqrt(variance) + mean`.

    >>> import hilevel
    >>> layer = hilevel.layers.Normalization()
    >>> layer.adapt(np.array([[1.0], [3.0]]))
    >>> layer(np.array([[3.0]]))
    array([[1.]], dtype=float32)

    Raises:
        ValueError: only one of `mean` and `variance` is given, or their shapes do not fit; at `build`, an axis is out
            of range, or its size is unknown.
    """

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: TensorLike | None = None,
        variance: TensorLike | None = None,
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
        self._check_given()
        self.adapted = mean is not None

    def _check_given(self) -> None:
        """Raise ValueError if the statistics of the constructor have different shapes, or more axes than features."""
        if self.given is not None:
            shape, other = (statistic.shape for statistic in self.given)
            if shape != other or len(shape) > len(self._axes()):
                raise ValueError(
                    "Normalization: mean and variance must have one shape, with at most one axis for each of axis="
                    f"{self.axis}; got {shape} and {other}."
                )

    def _axes(self) -> tuple[int, ...]:
        return () if self.axis is None else (self.axis,) if isinstance(self.axis, int) else self.axis

    def build(self, input_shape: Shape) -> None:
        """Make the Variables of the statistics, if the constructor got none."""
        rank = len(input_shape)
        if not all(-rank <= a < rank for a in self._axes()):
            raise ValueError(f"{self._label()}: axis={self.axis} is out of range for inputs of {rank} axes.")
        self._kept = tuple(sorted(a % rank for a in self._axes()))
        if any(input_shape[i] is None for i in self._kept):
            raise ValueError(
                f"{self._label()} needs a known size of axis {self.axis}; got inputs of shape {tuple(input_shape)}."
            )
        self._view = tuple(int(n or 1) if i in self._kept else 1 for i, n in enumerate(input_shape))
        if self.given is None:
            shape = tuple(self._view[i] for i in self._kept)
            self.adapt_mean = self.add_weight(shape, "zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape, "ones", trainable=False, name="variance")
            self.count = self.add_weight((), "zeros", "int32", trainable=False, name="count")

    @property
    def mean(self) -> Tensor | None:
        """The mean, with as many axes as the inputs; None before the layer is built."""
        return self._statistic(0)

    @property
    def variance(self) -> Tensor | None:
        """The variance, with as many axes as the inputs; None before the layer is built."""
        return self._statistic(1)

    def _statistic(self, which: int) -> Tensor | None:
        if not self.built:
            return None
        if self.given is None:
            variable = (self.adapt_mean, self.adapt_variance)[which]
            return ops.reshape(ops.cast(variable, self.compute_dtype), self._view)
        value = self.given[which]
        own = self._kept[len(self._kept) - value.ndim :]
        aligned = value.reshape(
            [value.shape[own.index(i)] if i in own else 1 for i in range(len(self._view))]
        )
        return ops.cast(np.broadcast_to(aligned, self._view), self.compute_dtype)

    def _settings(self) -> dict[str, Any]:
        """Return the settings, with the statistics of the constructor."""
        mean, variance = self.given or (None, None)
        return super()._settings() | {"mean": mean, "variance": variance}

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Load the statistics of `adapt` from a mapping."""
        if self.given is None:
            super().load_own_variables(store)
            self.finalize_state()

    def adapt(self, data: TensorLike | Iterable[TensorLike]) -> None:
        """Compute mean and variance from data, and replace earlier statistics.

        Args:
            data: an array, or batches of arrays.

        Raises:
            ValueError: the data are empty, or the layer has statistics from its constructor.
        """
        if self.given is not None:
            raise ValueError(
                f'Normalization "{self.name}" has statistics from its constructor; adapt would replace them.'
            )
        batches = [data] if hasattr(data, "shape") else list(data)
        arrays = [np.asarray(b[0] if isinstance(b, tuple) else b, np.float64) for b in map(_host, batches)]
        if not arrays or not sum(a.size for a in arrays):
            raise ValueError(f'Normalization "{self.name}": adapt got no data.')
        if not self.built:
            self._build_for((arrays[0],), {})
        over = tuple(i for i in range(arrays[0].ndim) if i not in self._kept)
        sizes = [a.size / max(1, self.adapt_mean.size) for a in arrays]
        total = sum(sizes)
        mean = sum(a.mean(axis=over) * n for a, n in zip(arrays, sizes, strict=True)) / total
        spread = [np.square(a - mean.reshape(self._view)).mean(axis=over) for a in arrays]
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(sum(s * n for s, n in zip(spread, sizes, strict=True)) / total)
        self.count.assign(np.int32(total))
        self.finalize_state()

    def finalize_state(self) -> None:
        """Mark the statistics as complete, after they have been computed or loaded."""
        self.adapted = True

    def call(self, inputs: Tensor) -> Tensor:
        """Return `(x - mean) / sqrt(variance)`, or the inverse, in the shape of the inputs."""
        x = ops.cast(inputs, self.compute_dtype)
        mean, variance = self._statistic(0), self._statistic(1)
        scale = ops.maximum(ops.sqrt(variance), settings.epsilon)
        return x * scale + mean if self.invert else (x - mean) / scale


def _host(batch: TensorLike) -> Any:
    return to_host(batch) if hasattr(batch, "shape") else batch
