"""The state of the current thread: all dynamic scope of the library."""

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
    """The state of one thread. The class attributes are its values in a new thread."""

    def __init__(self) -> None:
        self.added_losses: WeakKeyDictionary[Any, list[Any]] = WeakKeyDictionary()
        """The losses that each layer added in its last call in this thread."""

    backend: Backend | None = None
    """The backend of the innermost `use_backend` block; None stands for the default of the process."""
    interpreter: Any = None
    """The `Interpreter` that executes the calls of ops; `Evaluate` by default."""
    overlay: Overlay | None = None
    """The values that Variables have in this thread only; None outside of an `Overlay` block."""
    usage: Usage | None = None
    """The record of the Variables that a step reads and writes, while it runs on shapes."""
    compiling: int = 0
    """The number of compiled functions that are running, one inside the other."""
    training: bool | None = None
    """The `training` argument of the outermost layer call; None outside of one."""
    losses: list[Any] | None = None
    """The losses that layers added during the outermost layer call."""
    autocast: Any = None
    """The dtype that float Variables are read in (mixed precision); None for their own."""
    updating: bool = False
    """True while an optimizer changes Variables. They are read as stored then, without their views."""
    dropout_factors: Mapping[int, Any] = MappingProxyType({})
    """The factors of inputs and states, by the id of the recurrent cell, while cells run over a sequence."""
    name_scopes: tuple[str, ...] = ()
    """The names of the open `name_scope` blocks."""
    ranges: list[Any] | None = None
    """The ranges of the indices and labels in a batch, while a step runs on shapes."""
    remat: Any = None
    """The innermost `RematScope`; None outside of one."""
    in_remat_layer: bool = False
    """True in the call of a layer that is rematerialized as a whole."""
    placeholder_size: Any = None
    """The integer that replaces unknown dimensions while a graph is built; None elsewhere."""
    reading: Any = None
    """The `Reading` of the batch that a data pipeline makes; None outside of one."""
    declaring: Any = None
    """The layer whose own `compute_output_shape` or `compute_output_spec` is running."""


context = Context()


class scope:
    """A block in which attributes of the context have other values."""

    __slots__ = ("before", "values")

    def __init__(self, **values: Any) -> None:
        self.values = values

    def __enter__(self) -> None:
        self.before = {name: getattr(context, name) for name in self.values}
        context.__dict__.update(self.values)

    def __exit__(self, *_: object) -> None:
        context.__dict__.update(self.before)
