"""Functions without side effects: a scope in which Variables have given values, and keep new values to themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable


class StatelessScope:
    """A block in which Variables have other values. Assignments in the block do not change the Variables.

    Args:
        state_mapping: pairs of a Variable and its value in the block.
        collect_losses: whether `add_loss` keeps losses in the list `losses`.
        initialize_variables: ignored; for compatibility with Keras. Variables have values from the start.

    Raises:
        ValueError: a key is no Variable, or a value has another shape than its Variable.

    >>> import hilevel
    >>> v = hilevel.Variable(1.0)
    >>> with hilevel.StatelessScope([(v, np.float32(5.0))]) as scope:
    ...     _ = v.assign(v + 1)
    >>> float(scope.get_current_value(v)), float(v)
    (6.0, 1.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self.losses: list[Any] = []
        self._overlay = Overlay([(v, _checked(v, value)) for v, value in state_mapping or ()])

    def __enter__(self) -> Self:
        self._overlay.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._overlay.__exit__(*error)

    def add_loss(self, loss: Tensor) -> None:
        """Add a loss to the list `losses`."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Tensor]) -> None:
        """Set the value of a Variable in the block, from a pair of both."""
        variable, value = update
        self._overlay.write(variable, _checked(variable, value))

    def get_current_value(self, variable: Variable) -> Any:
        """Return the value of a Variable in the block; None if the block has neither given nor assigned one."""
        return self._overlay.values.get(id(variable))


def _checked(variable: object, value: Any) -> Any:
    """Return the value of a Variable as an array of its backend and dtype."""
    if not isinstance(variable, Variable):
        raise ValueError(
            f"StatelessScope: expected a Variable for each value; got {type(variable).__name__}."
        )
    return variable.as_value(value)


def run_stateless(
    groups: Sequence[tuple[str, Sequence[Variable], Sequence[Any]]], function: Callable[[], Any]
) -> tuple[Any, list[list[Any]]]:
    """Return the result of a function, and the values after it of groups of Variables.

    Args:
        groups: for each group its label, the Variables, and their values before the call.
        function: the function, without arguments.

    Raises:
        ValueError: a group has another number of values than of Variables.
    """
    for label, variables, values in groups:
        if len(variables) != len(values):
            names = ", ".join(v.path for v in variables)
            raise ValueError(f"Expected {len(variables)} values of the {label} ({names}); got {len(values)}.")
    pairs = [pair for _, variables, values in groups for pair in zip(variables, values, strict=True)]
    with StatelessScope(pairs):
        result = function()
        return result, [arrays_of(variables) for _, variables, _ in groups]


class SymbolicScope:
    """A block of symbolic computation: ops infer shapes from shapes, and Variables keep their values.

    In the block, Variables are read as `TensorSpec`, and assignments have no effect.

    >>> import hilevel
    >>> v = hilevel.Variable(np.zeros(3))
    >>> with hilevel.SymbolicScope():
    ...     y = hilevel.ops.exp(v)
    ...     _ = v.assign_add(np.ones(3))
    >>> y.shape, v.numpy()
    ((3,), array([0., 0., 0.]))
    """

    def __enter__(self) -> Self:
        self._block = scope(interpreter=SHAPES)
        self._block.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._block.__exit__(*error)
