"""The state of an optimizer, and its change under a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from hilevel import initializers, ops
from hilevel.config import floatx
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context
from hilevel.engine.layouts import undivided_layout
from hilevel.engine.names import distinct
from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.types import DTypeLike, Function, Tensor, TensorLike
from hilevel.engine.variables import Variable, restore_variables, store_variables


class State:
    """The Variables of an optimizer, in the order in which they are made and saved."""

    name: str

    def __init__(self) -> None:
        self._variables: list[Variable] = []
        self._unbuilt: int | None = None
        """The number of Variables before the slots were made; None while there are no slots."""

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: str | Function | None = "zeros",
        dtype: DTypeLike = None,
        aggregation: str = "none",
        layout: object = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new Variable of the optimizer's state."""
        variable = Variable(
            initializers.get(initializer),
            shape=tuple(shape),
            dtype=dtype or floatx(),
            trainable=False,
            aggregation=aggregation,
            layout=layout or undivided_layout(shape, current_backend()),
            name=name,
        )
        variable.path = distinct(f"{self.name}/{variable.name}", {v.path for v in self._variables})
        self._variables.append(variable)
        return variable

    def add_variable_from_reference(
        self,
        reference_variable: Variable,
        name: str | None = None,
        initializer: str | Function | None = "zeros",
    ) -> Variable:
        """Return a new Variable in the shape and dtype of another, with a name made from the path of the other."""
        path = reference_variable.path.replace("/", "_")
        return self.add_variable(
            reference_variable.shape,
            initializer,
            reference_variable.dtype,
            layout=reference_variable.layout,
            name=f"{path}_{name or 'var'}",
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: str | Sequence[str], initializer: Any = "zeros"
    ) -> Any:
        """Return a list of Variables like the given ones; for a list of names, a tuple of such lists."""
        if isinstance(name, str):
            return [self.add_variable_from_reference(v, name, initializer) for v in trainable_variables]
        kinds = initializer if isinstance(initializer, (list, tuple)) else [initializer] * len(name)
        pairs = list(zip(name, kinds, strict=True))
        rows = [
            [self.add_variable_from_reference(v, n, kind) for n, kind in pairs] for v in trainable_variables
        ]
        return tuple(list(column) for column in zip(*rows, strict=True)) or tuple([] for _ in name)

    @property
    def variables(self) -> list[Variable]:
        """All Variables, which are the number of steps, the learning rate, and the slots of each weight."""
        return list(self._variables)

    def set_weights(self, weights: Sequence[TensorLike]) -> None:
        """Set all `variables` from arrays in their order."""
        self.load_own_variables({str(i): w for i, w in enumerate(weights)})

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write the state as NumPy arrays into a dict, under `"0"`, `"1"`, ..."""
        store_variables(self.variables, store)

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the state from a dict that `save_own_variables` wrote. A state before `build` leaves the slots alone.

        Raises:
            ValueError: the number of arrays differs, for example before `build`.
        """
        variables = self.variables
        if len(store) == self._unbuilt:
            variables = variables[: self._unbuilt]
        advice = (
            " Build it first, on the model's trainable variables: optimizer.build(model.trainable_variables)."
        )
        restore_variables(variables, store, f'The optimizer "{self.name}"', advice)


def run_if(condition: Tensor, action: Callable[[], None], variables: Sequence[Variable]) -> None:
    """Run an action that changes Variables, if a condition is true. It may be a value of the compiled program.

    >>> from hilevel.optimizers.state import run_if
    >>> v = hilevel.Variable(1.0)
    >>> run_if(np.bool_(False), lambda: v.assign(2.0), [v])
    >>> v.numpy()
    array(1., dtype=float32)
    """
    if current_backend().is_concrete(condition):
        context.interpreter.run_if(condition, action)
        return

    def changed() -> list[Any]:
        with Overlay():
            action()
            return arrays_of(variables)

    values = ops.cond(condition, changed, lambda: arrays_of(variables))
    for v, value in zip(variables, values, strict=True):
        v.replace(value)
