"""Numbers as the intervals in which they lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.types import Array, Config, Tensor
from hilevel.layers.base.checks import bad_setting, is_numeric, number, one_of, positive, set_unsupported
from hilevel.layers.base.layer import Layer


def _increases(values: Any) -> bool:
    """Whether values are numbers, of which each is larger than the one before."""
    return is_numeric(values) and np.ndim(values) == 1 and bool(np.all(np.diff(np.asarray(values)) > 0))


class Discretization(Layer):
    """The index of the interval in which each number lies. The intervals are given, or learned from data by `adapt`.

    Args:
        bin_boundaries: where the intervals meet, in ascending order; the first and the last are open. A boundary
            belongs to the interval above it.
        num_bins: how many intervals `adapt` makes, of about as many numbers each.
        epsilon: how far these shares may be wrong; large data are summed up by about `1 / epsilon` numbers.
        output_mode: `"int"` the index, `"one_hot"` a vector for each number, `"multi_hot"` a vector for each sample
            with ones for the intervals in it, `"count"` with their numbers.
        sparse: not implemented; only False is accepted.

    >>> import hilevel
    >>> hilevel.layers.Discretization([0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]]))
    array([[0, 2, 3, 1]], dtype=int32)

    Raises:
        ValueError: not one of `bin_boundaries` and `num_bins` is given; at a call, `adapt` is still to be called.
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype, name=name, **kwargs)
        set_unsupported(self, sparse=bool(sparse))
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                "Discretization: give either bin_boundaries or num_bins, and call adapt with the latter."
            )
        modes = ("int", "one_hot", "multi_hot", "count")
        self.output_mode = one_of("Discretization", "output_mode", output_mode, modes)
        self.num_bins = None if num_bins is None else positive("Discretization", "num_bins", num_bins)
        self.epsilon = number("Discretization", "epsilon", epsilon, 0, 1)
        if bin_boundaries is not None and not _increases(bin_boundaries):
            raise bad_setting(
                "Discretization", "bin_boundaries", "numbers in increasing order", bin_boundaries
            )
        self.boundaries = None if bin_boundaries is None else np.asarray(bin_boundaries, "float32")
        self._summary = np.zeros((2, 0), "float32")

    @property
    def bin_boundaries(self) -> list[float] | None:
        """Where the intervals meet; None before `adapt`."""
        return None if self.boundaries is None else self.boundaries.tolist()

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Any:
        """A layer as `get_config` describes it."""
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return cls(**config)
        layer = cls(**config | {"bin_boundaries": None})
        layer.boundaries = np.asarray(config["bin_boundaries"], "float32")
        return layer

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Find boundaries between which about as many numbers of data lie: of an array, or of batches, `steps` of them.

        Raises:
            ValueError: the boundaries were given.
        """
        if self.num_bins is None:
            raise ValueError(f"{self._label()} was given its boundaries; adapt would replace them.")
        self.reset_state()
        batches: Iterable[Any] = [data] if hasattr(data, "shape") else data
        for i, batch in enumerate(batches):
            if steps is not None and i >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self._summary = np.zeros((2, 0), "float32")

    def update_state(self, data: Any) -> None:
        """Take in the numbers of a batch."""
        values = to_host(data) if hasattr(data, "shape") else data
        seen = _summary(np.asarray(values, "float32"), self.epsilon)
        both = np.concatenate([seen, self._summary], axis=1)
        self._summary = _shorter(both[:, np.argsort(both[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of what was seen."""
        if self.num_bins is not None:
            self.boundaries = _shorter(self._summary, 1 / self.num_bins)[0, :-1]

    def call(self, inputs: Tensor) -> Tensor:
        """The index of each number's interval, or vectors of them."""
        if self.boundaries is None:
            raise ValueError(
                f"{self._label()} has no boundaries yet: call adapt with data, or give bin_boundaries."
            )
        indices, depth = ops.digitize(inputs, self.boundaries), len(self.boundaries) + 1
        if self.output_mode == "int":
            return indices
        rank = len(indices.shape)
        if self.output_mode == "one_hot" and rank > 1 and indices.shape[-1] == 1:
            indices = ops.squeeze(indices, axis=-1)
        hot = ops.one_hot(indices, depth, dtype=self.compute_dtype)
        if self.output_mode == "one_hot":
            return hot
        return (ops.sum if self.output_mode == "count" else ops.max)(hot, axis=min(1, rank - 1))


def _summary(values: Array, epsilon: float) -> Array:
    """About `1 / epsilon` of the numbers, in order, and how many each stands for."""
    step = max(values.size * epsilon, 1)
    chosen = np.sort(values, axis=None)[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _shorter(summary: Array, epsilon: float) -> Array:
    """A summary by numbers below which the shares `epsilon`, `2 * epsilon`, ... lie, by linear interpolation."""
    if summary.shape[1] * epsilon < 1:
        return summary
    total = summary[1].cumsum()
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    values = np.interp(shares, total / total[-1], summary[0])
    weights = np.interp(shares, total / total[-1], total)
    return np.stack([values, np.diff(weights, prepend=0)]).astype("float32")
