"""Discretization of values to intervals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from hilevel import ops
from hilevel.dtype_policies import DTypePolicyLike
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.settings import settings
from hilevel.engine.types import Array, Config, Shape, Tensor, TensorLike
from hilevel.layers.base.checks import bad_setting, is_numeric, number, one_of, positive, set_sparse
from hilevel.layers.base.layer import Layer


def _is_increasing(values: Any) -> bool:
    """Return whether values are numeric and increase."""
    return is_numeric(values) and np.ndim(values) == 1 and bool(np.all(np.diff(np.asarray(values)) > 0))


class Discretization(Layer):
    """A layer that replaces each value by the index of its interval, in the same shape.

    The boundaries are an argument, or computed from data by `adapt`.

    Args:
        bin_boundaries: the boundaries of the intervals, in increasing order. A boundary belongs to the interval above
            it; the first and the last interval are unbounded.
        num_bins: the number of intervals that `adapt` makes, with about equally many data each.
        epsilon: the error of the quantiles as a fraction; `adapt` summarizes large data by about `1 / epsilon` values.
        output_mode: `"int"` for the index, `"one_hot"` for a vector for each value. `"multi_hot"` gives a vector for
            each sample with ones for its intervals, `"count"` with their counts.
        sparse: only for compatibility with Keras; True gives a warning, and dense results.

    >>> import hilevel
    >>> hilevel.layers.Discretization([0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]]))
    array([[0, 2, 3, 1]], dtype=int32)

    Raises:
        ValueError: both or neither of `bin_boundaries` and `num_bins` are given; at a call, `adapt` was not called.
    """

    _not_in_config = ("trainable",)

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: DTypePolicyLike = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype, name=name, **kwargs)
        set_sparse(self, sparse)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                "Discretization: give either bin_boundaries or num_bins, and call adapt with the latter."
            )
        modes = ("int", "one_hot", "multi_hot", "count")
        self.output_mode = one_of("Discretization", "output_mode", output_mode, modes)
        self.num_bins = None if num_bins is None else positive("Discretization", "num_bins", num_bins)
        self.epsilon = number("Discretization", "epsilon", epsilon, 0, 1)
        if bin_boundaries is not None and not _is_increasing(bin_boundaries):
            raise bad_setting("Discretization", "bin_boundaries", "increasing values", bin_boundaries)
        self.boundaries = None if bin_boundaries is None else np.asarray(bin_boundaries, "float32")
        self._summary = np.zeros((2, 0), "float32")

    @property
    def bin_boundaries(self) -> list[float] | None:
        """The boundaries of the intervals; None before `adapt`."""
        return None if self.boundaries is None else self.boundaries.tolist()

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to, which is floatx."""
        return settings.floatx

    @property
    def output_dtype(self) -> str:
        """The dtype of the outputs, int32 for indices, else the compute dtype."""
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the output, before `adapt`, too."""
        shape = tuple(input_shape)
        depth = self.num_bins if self.boundaries is None else len(self.boundaries) + 1
        if self.output_mode == "int":
            return shape
        if self.output_mode == "one_hot":
            return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
        return (*shape[:1], *shape[2:], depth) if len(shape) > 1 else (depth,)

    def compute_output_spec(self, inputs: Any) -> SymbolicTensor:
        """Return a symbolic tensor of the shape and dtype of the output."""
        return SymbolicTensor(self.compute_output_shape(inputs.shape), self.output_dtype, name=self.name)

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> Self:
        """Return a layer from a config of `get_config`."""
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return cls(**config)
        layer = cls(**config | {"bin_boundaries": None})
        layer.boundaries = np.asarray(config["bin_boundaries"], "float32")
        return layer

    def adapt(self, data: TensorLike | Iterable[TensorLike], steps: int | None = None) -> None:
        """Compute boundaries for intervals with about equally many data each.

        Args:
            data: an array, or batches of arrays.
            steps: the number of batches to use; all by default.

        Raises:
            ValueError: the layer has boundaries already.
        """
        if self.num_bins is None:
            raise ValueError(
                f"{self._label()} has boundaries from its constructor; adapt would replace them."
            )
        self.reset_state()
        batches: Iterable[Any] = [data] if hasattr(data, "shape") else data
        for i, batch in enumerate(batches):
            if steps is not None and i >= steps:
                break
            self.update_state(batch)
        self.finalize_state()

    def reset_state(self) -> None:
        """Reset the summary of the data."""
        self._summary = np.zeros((2, 0), "float32")

    def update_state(self, data: TensorLike) -> None:
        """Add a batch to the summary of the data."""
        values = to_host(data) if hasattr(data, "shape") else data
        new = _summarize(np.asarray(values, "float32"), self.epsilon)
        both = np.concatenate([new, self._summary], axis=1)
        self._summary = _compress(both[:, np.argsort(both[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries from the summary of the data."""
        if self.num_bins is not None:
            self.boundaries = _compress(self._summary, 1 / self.num_bins)[0, :-1]

    def call(self, inputs: Tensor) -> Tensor:
        """Return the index of each value's interval, or the vectors of `output_mode`."""
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


def _summarize(values: Array, epsilon: float) -> Array:
    """Return about `1 / epsilon` of the values, in order, with the number of values that each represents."""
    step = max(values.size * epsilon, 1)
    chosen = np.sort(values, axis=None)[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def _compress(summary: Array, epsilon: float) -> Array:
    """Return the summary by the quantiles of `epsilon`, `2 * epsilon`, ..., with linear interpolation."""
    if summary.shape[1] * epsilon < 1:
        return summary
    total = summary[1].cumsum()
    fractions = epsilon + np.arange(0.0, 1.0, epsilon)
    values = np.interp(fractions, total / total[-1], summary[0])
    weights = np.interp(fractions, total / total[-1], total)
    return np.stack([values, np.diff(weights, prepend=0)]).astype("float32")
