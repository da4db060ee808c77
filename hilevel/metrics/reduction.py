"""Sums and means of values over batches; most metrics are means of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from hilevel import losses, metrics, ops
from hilevel.api import serialization
from hilevel.engine.types import Config, DType, DTypeLike, Tensor, TensorLike
from hilevel.losses.base import cast_to, same_rank
from hilevel.metrics.base import Metric, accumulate


def _samplewise(
    values: TensorLike, sample_weight: TensorLike | None, reduce: Callable[..., Tensor], dtype: DType
) -> tuple[Tensor, Tensor | None]:
    """Return the weighted value of each sample, and the weights."""
    values = cast_to(values, dtype)
    if sample_weight is not None:
        values, weight = same_rank(values, cast_to(sample_weight, dtype))
        rank = len(weight.shape)
        values = _reduced(values, reduce, rank)
        weight = ops.broadcast_to(weight, values.shape)
        values = values * weight
        sample_weight = _reduced(weight, reduce, 1) if rank > 1 else weight
    return _reduced(values, reduce, 1), sample_weight


def _reduced(x: Tensor, reduce: Callable[..., Tensor], rank: int) -> Tensor:
    """Return the tensor, reduced over the axes from `rank` on."""
    return reduce(x, axis=tuple(range(rank, len(x.shape)))) if len(x.shape) > rank else x


class Sum(Metric):
    """The sum of values over all batches, weighted if there are weights.

    >>> total = hilevel.metrics.Sum()
    >>> total.update_state([1.0, 2.0])
    >>> total.update_state([3.0], sample_weight=[2.0])
    >>> float(total.result())
    9.0
    """

    def __init__(self, name: str | None = "sum", dtype: DTypeLike = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_weight(dtype=self.dtype, name="total")

    def update_state(self, values: TensorLike, sample_weight: TensorLike | None = None) -> None:
        """Add values, of any shape."""
        values, _ = _samplewise(values, sample_weight, ops.sum, self._dtype)
        accumulate(self.total, ops.sum(values))

    def result(self) -> Tensor:
        """Return the sum."""
        return self.total.value


class Mean(Metric):
    """The mean of values over all batches, weighted if there are weights.

    The first axis is the batch. The values of one sample are averaged first.

    >>> mean = hilevel.metrics.Mean()
    >>> mean.update_state([1.0, 2.0])
    >>> mean.update_state([6.0], sample_weight=[2.0])
    >>> float(mean.result())
    3.75
    """

    def __init__(self, name: str | None = "mean", dtype: DTypeLike = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_weight(dtype=self.dtype, name="total")
        self.count = self.add_weight(dtype=self.dtype, name="count")

    def update_state(self, values: TensorLike, sample_weight: TensorLike | None = None) -> None:
        """Accumulate values of any shape."""
        if isinstance(sample_weight, int) and getattr(values, "shape", None) == ():
            accumulate(self.total, values * sample_weight)
            accumulate(self.count, sample_weight)
            return
        values, sample_weight = _samplewise(values, sample_weight, ops.mean, self._dtype)
        accumulate(self.total, ops.sum(values))
        if sample_weight is not None:
            accumulate(self.count, ops.sum(sample_weight))
        else:
            accumulate(self.count, values.shape[0] if values.shape else 1)

    def result(self) -> Tensor:
        """Return the mean; 0 if there were no values."""
        return ops.divide_no_nan(self.total, self.count)


class MeanMetricWrapper(Mean):
    """The mean of a function `fn(y_true, y_pred, **kwargs)` that returns a value for each sample.

    Args:
        fn: the function.
        **kwargs: further arguments of the function.

    >>> metric = hilevel.metrics.MeanMetricWrapper(hilevel.losses.huber, name="huber", delta=2.0)
    >>> float(metric(np.array([[0.0]]), np.array([[1.0]])))
    0.5
    """

    def __init__(
        self, fn: Callable[..., Tensor], name: str | None = None, dtype: DTypeLike = None, **kwargs: Any
    ) -> None:
        super().__init__(name, dtype)
        self.fn = fn
        self.options = kwargs
        vars(self).update(kwargs)

    def update_state(  # type: ignore[override]
        self, y_true: TensorLike, y_pred: TensorLike, sample_weight: TensorLike | None = None
    ) -> None:
        """Accumulate the function's values for a batch."""
        super().update_state(self.fn(y_true, y_pred, **self.options), sample_weight)

    def get_config(self) -> Config:
        """Return the constructor's arguments, the function by its name."""
        config = super().get_config()
        return config | serialization.plain(self.options) if "fn" in config else config

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the metric that `get_config` described."""
        fn = config.get("fn")
        if isinstance(fn, (str, dict)):
            name = fn if isinstance(fn, str) else fn["config"]
            config = {**config, "fn": getattr(metrics, name, None) or losses.get(fn)}
        return cls(**config)
