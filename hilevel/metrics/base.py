"""The base of metrics: state in Variables, which is updated, read and reset."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

from hilevel import dtype_policies, initializers, ops, tree
from hilevel.api import registry
from hilevel.api.configurable import Configurable
from hilevel.config import floatx
from hilevel.engine.names import unique_name
from hilevel.engine.stateless import run_stateless
from hilevel.engine.types import Config, DType, DTypeLike, Function, Shape, Tensor, TensorLike
from hilevel.engine.variables import Variable, restore_variables, store_variables


class Metric(Configurable):
    """Base of metrics: statistics that are accumulated over batches.

    A subclass makes its state in `__init__` with `add_weight`, changes it in `update_state` with `assign`, and
    computes a tensor from it in `result`. These methods run eagerly and in compiled functions.

    Args:
        dtype: the dtype of the computation, by default floatx.
        name: the name, by default made from the class.

    >>> class Largest(hilevel.metrics.Metric):
    ...     def __init__(self, name=None, dtype=None):
    ...         super().__init__(dtype, name)
    ...         self.seen = self.add_weight(name="seen")
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign(ops.maximum(self.seen, ops.max(y_pred)))
    ...     def result(self):
    ...         return self.seen.value
    >>> Largest()(None, np.array([1.0, 3.0]))
    array(3., dtype=float32)
    """

    def __init__(self, dtype: DTypeLike = None, name: str | None = None) -> None:
        self.name = name or unique_name(registry.snake_case(type(self).__name__))
        self._dtype: DType = dtype_policies.get(dtype or floatx()).compute
        self._variables: list[Variable] = []

    @property
    def dtype(self) -> str:
        """The name of the dtype that the metric is computed in."""
        return str(self._dtype.name)

    # -- state -------------------------------------------------------------------------------------

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: str | Function | None,
        dtype: DTypeLike = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Return a new Variable of the metric. Without an initializer it is zeros."""
        variable = Variable(
            _initializer(initializer),
            tuple(shape),
            dtype or floatx(),
            trainable=False,
            autocast=False,
            aggregation=aggregation,
            name=name,
        )
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: str | Function | None = None,
        dtype: DTypeLike = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new Variable of the metric. Without an initializer it is zeros."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def build(self, y_true_shape: Shape, y_pred_shape: Shape) -> None:
        """Make the Variables whose shapes depend on the data, before a function that updates them is compiled."""

    @property
    def variables(self) -> list[Variable]:
        """The metric's Variables, then the Variables of the metrics in its attributes."""
        held = [item for value in vars(self).values() for item in tree.flatten(value)]
        own = [item for item in held if isinstance(item, Variable)]
        nested = [v for item in held if isinstance(item, Metric) for v in item.variables]
        return list({id(v): v for v in own + nested}.values())

    # -- update and result ------------------------------------------------------------------------

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Accumulate the statistics of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no update_state method.")

    def result(self) -> Any:
        """Return the metric of all batches since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} has no result method.")

    def reset_state(self) -> None:
        """Reset all Variables to zeros."""
        for v in self.variables:
            v.assign(ops.zeros(v.shape, dtype=v.dtype))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    # -- storage -----------------------------------------------------------------------------------

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write the Variables as NumPy arrays into a dict, under `"0"`, `"1"`, ..."""
        store_variables(self._variables, store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the arrays of `save_own_variables`.

        Raises:
            ValueError: the number of arrays is not the number of Variables.
        """
        restore_variables(self._variables, store, f'The metric "{self.name}"')

    # -- without side effects ----------------------------------------------------------------------

    def stateless_update_state(
        self, metric_variables: Sequence[Tensor], *args: Any, **kwargs: Any
    ) -> list[Tensor]:
        """Return the values of the Variables after `update_state` from these values."""
        return self._with(metric_variables, lambda: self.update_state(*args, **kwargs))[1]

    def stateless_result(self, metric_variables: Sequence[Tensor]) -> Any:
        """Return the result for these values of the Variables."""
        return self._with(metric_variables, self.result)[0]

    def stateless_reset_state(self) -> list[Tensor]:
        """Return the values of the Variables after `reset_state`."""
        return self._with([v.value for v in self.variables], self.reset_state)[1]

    def _with(self, values: Sequence[Tensor], function: Callable[[], Any]) -> tuple[Any, list[Tensor]]:
        """Return the result of a function and the values of the Variables after it, if they begin with these values."""
        groups = [(f'variables of the metric "{self.name}"', self.variables, values)]
        result, (state,) = run_stateless(groups, function)
        return result, state

    def __repr__(self) -> str:
        return f'<{type(self).__name__} "{self.name}">'


MetricLike: TypeAlias = Metric | str | Function | Config | None
"""A metric as `compile` accepts it: an object, a name, a function `(y_true, y_pred)`, a config, or None."""


def _initializer(identifier: str | Function | None) -> Any:
    if identifier is None or (isinstance(identifier, str) and identifier == "zeros"):
        return ops.zeros
    return initializers.get(identifier)


def accumulate(variable: Variable, value: TensorLike) -> None:
    """Add to a metric's Variable."""
    variable.assign(ops.add(variable, value))
