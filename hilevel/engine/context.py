"""What is in force in the current thread. All dynamic scope of the library is on this page."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from hilevel.engine.overlay import Overlay, Usage
    from hilevel.engine.protocol import Backend


class Context(threading.local):
    """One per thread; the class attributes are what a new thread starts with."""

    def __init__(self) -> None:
        self.added_losses: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
        """The losses that layers added in their last call in this thread, by layer."""

    backend: Backend | None = None
    """Set by `use_backend`; None stands for the process-wide default."""
    interpreter: Any = None
    """The `Interpreter` that gets the calls of ops; the one that evaluates where none is set."""
    overlay: Overlay | None = None
    """The values of Variables that hold in this thread only; None where the Variables' own do."""
    usage: Usage | None = None
    """The record of the Variables that a step reads and writes, while it runs on shapes."""
    compiling: int = 0
    """How many compiled functions we are inside of."""
    training: bool | None = None
    """The `training` argument of the outermost layer call; None outside of one."""
    losses: list[Any] | None = None
    """What layers add to the loss, collected by the outermost layer call."""
    autocast: Any = None
    """The dtype that float Variables are read in (mixed precision); None for their own."""
    updating: bool = False
    """Whether an optimizer changes Variables, which are read as they are stored then, without their views."""
    dropout_factors: Mapping[int, Any] = MappingProxyType({})
    """The factors of inputs and states, by the id of the recurrent cell, while cells run over a sequence."""
    name_scopes: tuple[str, ...] = ()
    """The names of the blocks of `name_scope` we are inside of."""
    ranges: list[Any] | None = None
    """While a step is run on shapes: the ranges of the indices and labels in its batch."""
    stand_in: Any = None
    """While a graph is built: the integer that stands for unknown dimensions; None elsewhere."""
    declaring: Any = None
    """The layer whose own `compute_output_shape` or `compute_output_spec` is being called."""


context = Context()


class scope:
    """Set attributes of the context for a block, and put back what was there."""

    __slots__ = ("before", "values")

    def __init__(self, **values: Any) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: getattr(context, name) for name in self.values}
        context.__dict__.update(self.values)

    def __exit__(self, *_: object) -> None:
        context.__dict__.update(self.before)
