"""Values that Variables have in one thread only, during a trace, a capture or an attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

from hilevel.engine.context import context
from hilevel.engine.types import Array

if TYPE_CHECKING:
    from hilevel.engine.variables import Variable


class Overlay:
    """A block in which this thread reads and writes values of Variables in the overlay.

    The first read of a Variable copies its value from the enclosing overlay, or from the Variable, for the rest of the
    block. Values written in the block stay in the overlay until `commit`, which follows the block.

    Args:
        values: pairs of a Variable and its value in the block: an array or a tensor of a tape.

    >>> from hilevel.engine.overlay import Overlay
    >>> v = hilevel.Variable(1.0)
    >>> with Overlay() as overlay:
    ...     _ = v.assign(2.0)
    ...     print(float(v))
    2.0
    >>> float(v)
    1.0
    >>> overlay.commit()
    >>> float(v)
    2.0
    """

    __slots__ = ("outer", "seen", "values", "written")

    def __init__(self, values: Iterable[tuple[Variable, Any]] = ()) -> None:
        self.outer: Overlay | None = None
        self.values: dict[int, Any] = {}
        self.seen: dict[int, Variable] = {}
        self.written: dict[int, Variable] = {}
        for variable, value in values:
            self.values[id(variable)], self.seen[id(variable)] = value, variable

    def __enter__(self) -> Self:
        self.outer = context.overlay
        context.overlay = self
        return self

    def __exit__(self, *_: object) -> None:
        context.overlay = self.outer

    def read(self, variable: Variable) -> Any:
        """Return the value of a Variable."""
        value = self.values.get(id(variable))
        return self._enter(variable) if value is None else value

    def write(self, variable: Variable, value: Array) -> None:
        """Set the value of a Variable."""
        key = id(variable)
        self.values[key] = value
        self.seen[key] = self.written[key] = variable

    def _enter(self, variable: Variable) -> Any:
        """Return the value of a Variable that is read for the first time, and keep it."""
        value = variable._array if self.outer is None else self.outer.read(variable)
        self.values[id(variable)], self.seen[id(variable)] = value, variable
        return value

    def commit(self, omitted: Iterable[Variable] = ()) -> None:
        """Write the values to the Variables, or to the enclosing overlay. Omit some Variables."""
        left = set(map(id, omitted))
        for key, variable in self.written.items():
            if key not in left:
                variable.replace(self.values[key])

    def move(self, variable: Variable, moved: Callable[[Array], Array]) -> None:
        """Replace the values of a Variable, here and in the enclosing overlays, by a function of them."""
        if id(variable) in self.values:
            self.values[id(variable)] = moved(self.values[id(variable)])
        if self.outer is not None:
            self.outer.move(variable, moved)


class Usage:
    """The Variables that a function reads and writes, recorded while it runs on shapes (`context.usage`).

    A run on arrays may use fewer Variables, or others as well. Compilers check this.
    """

    def __init__(self) -> None:
        self.read: dict[int, Variable] = {}
        self.written: dict[int, Variable] = {}

    def variables(self) -> tuple[list[Variable], list[Variable]]:
        """Return the Variables that are written, and the Variables that are only read."""
        return [*self.written.values()], [v for key, v in self.read.items() if key not in self.written]


def note_read(variables: Iterable[Variable]) -> None:
    """Note that a function on shapes reads Variables."""
    if context.usage is not None:
        context.usage.read.update((id(v), v) for v in variables)


def note_written(variables: Iterable[Variable]) -> None:
    """Note that a function on shapes writes to Variables."""
    if context.usage is not None:
        context.usage.written.update((id(v), v) for v in variables)


def arrays_of(variables: Sequence[Variable]) -> list[Array]:
    """Return the values of Variables in this thread."""
    overlay = context.overlay
    return [v._array for v in variables] if overlay is None else [overlay.read(v) for v in variables]


def disposable_arrays(variables: Sequence[Variable], copy: Callable[[Array], Array]) -> list[Array]:
    """Return the values of Variables for a program that overwrites them.

    Values that another thread or the code around an overlay still needs are copied.
    """
    overlay = context.overlay
    if overlay is None:
        return [v._array for v in variables]
    return [overlay.read(v) if id(v) in overlay.written else copy(overlay.read(v)) for v in variables]


def replace_arrays(variables: Sequence[Variable], arrays: Sequence[Array]) -> None:
    """Give Variables new arrays, which no other code may change."""
    overlay = context.overlay
    for variable, array in zip(variables, arrays, strict=True):
        if overlay is None:
            variable._array = array
        else:
            overlay.write(variable, array)
