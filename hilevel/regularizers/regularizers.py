"""Regularizers: penalties on weights and outputs."""

from __future__ import annotations

import math
from typing import TypeAlias

from hilevel import ops
from hilevel.api.configurable import Configurable
from hilevel.engine.types import Config, Function, Tensor, TensorLike
from hilevel.errors import ShapeError


class Regularizer(Configurable):
    """Base of regularizers, which return the penalty of a tensor as a scalar.

    >>> class Height(hilevel.regularizers.Regularizer):
    ...     def __call__(self, x):
    ...         return 0.5 * ops.max(x)
    >>> Height()(np.array([1.0, 4.0]))
    np.float64(2.0)
    """

    def __call__(self, x: TensorLike) -> Tensor | float:
        """Return the penalty of `x`; 0 here."""
        return 0.0


class L1L2(Regularizer):
    """The penalty `l1 * sum(|x|) + l2 * sum(x^2)`.

    Args:
        l1, l2: the factors, not negative.

    >>> hilevel.regularizers.L1L2(l1=1.0, l2=0.5)(np.array([1.0, -2.0]))
    np.float64(5.5)

    Raises:
        ValueError: a factor is not a finite number of at least 0.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1 = _factor("l1", l1 or 0.0)
        self.l2 = _factor("l2", l2 or 0.0)

    def __call__(self, x: TensorLike) -> Tensor | float:
        if not self.l1 and not self.l2:
            return ops.zeros((), x.dtype)
        first = self.l1 * ops.sum(ops.abs(x)) if self.l1 else 0.0
        return first + self.l2 * ops.sum(ops.square(x)) if self.l2 else first


class L1(Regularizer):
    """The penalty `l1 * sum(|x|)`.

    Args:
        l1: the factor, not negative.

    >>> hilevel.regularizers.L1(0.5)(np.array([1.0, -2.0]))
    np.float64(1.5)

    Raises:
        ValueError: the factor is not a finite number of at least 0.
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l1 * ops.sum(ops.abs(x))


class L2(Regularizer):
    """The penalty `l2 * sum(x^2)`.

    Args:
        l2: the factor, not negative.

    >>> hilevel.regularizers.L2(0.5)(np.array([1.0, -2.0]))
    np.float64(2.5)

    Raises:
        ValueError: the factor is not a finite number of at least 0.
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Tensor) -> Tensor:
        return self.l2 * ops.sum(ops.square(x))


class OrthogonalRegularizer(Regularizer):
    """The mean absolute cosine between the rows, or the columns, of a matrix, times `factor`.

    Args:
        factor: the factor of the mean.
        mode: `"rows"` or `"columns"`, the vectors that shall become orthogonal.

    >>> hilevel.regularizers.OrthogonalRegularizer(1.0)(np.array([[1.0, 0.0], [2.0, 0.0]]))
    np.float64(1.0)

    Raises:
        ValueError: the factor is not a finite number of at least 0, or the mode is unknown.
        ShapeError: at a call, the tensor has not two axes.
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f'OrthogonalRegularizer: `mode` must be "rows" or "columns"; got {mode!r}.')
        self.factor = _factor("factor", factor)
        self.mode = mode

    def __call__(self, inputs: Tensor) -> Tensor:
        inputs = ops.convert_to_tensor(inputs)
        if len(inputs.shape) != 2:
            raise ShapeError(
                f"OrthogonalRegularizer expects a matrix, got shape {tuple(inputs.shape)}. "
                "Reshape the tensor, or use it on another weight."
            )
        rows = ops.normalize(inputs if self.mode == "rows" else ops.transpose(inputs), axis=1)
        size = rows.shape[0]
        cosines = ops.matmul(rows, ops.transpose(rows))
        others = cosines * (1.0 - ops.eye(size, dtype=cosines.dtype))
        return self.factor * ops.sum(ops.abs(others)) / (size * (size - 1.0))


def _factor(name: str, value: object) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(f"`{name}` must be a finite number, not below 0; got {value!r}.")
    return float(value)


RegularizerLike: TypeAlias = Regularizer | str | Function | Config | None
"""A regularizer, its name or config, a class, or a function of a tensor that returns a scalar."""

l1, l2, l1_l2 = L1, L2, L1L2
orthogonal_regularizer = OrthogonalRegularizer
