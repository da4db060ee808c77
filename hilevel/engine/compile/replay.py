"""Replaying a step: what a function did twice in the same way, as one straight line of calls.

The first two runs on data of the same shapes are captured. If they made the same calls, these become the source of a
Python function - `t7 = relu(xp, t6)`, a line for each call - and from the third run on nothing else is executed: no
layers, no dispatch, no tape. The calls are the same, so that the results are the same to the bit. Where the two runs
differ, or a capture says why it cannot be replayed, the function runs as it is.

```python
def step(variables, data):
    v0, v1, v2, = variables
    x3, x4, = data
    t5, t6, = rectified_dense(xp, x3, v0, v1)
    ...
```
"""

from __future__ import annotations

import threading
import types
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.compile.capture import Capture, layers_of
from hilevel.engine.compile.program import CannotReplay, Program
from hilevel.engine.context import context
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Array, Function

TRIES = 4
"""How many runs are captured at most before a function is left as it is."""
MOST = 64
"""How many forms a function may have, by the shapes and the plain values in its arguments."""


class ReplayedFunction:
    """The compiled form of a function on an eager backend: one form for each structure and shape of its arguments."""

    def __init__(self, function: Function, backend: Backend) -> None:
        self.function = function
        self.backend = backend
        self.forms: dict[Any, _Specialization] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.backend.takes_host_arrays:
            args, kwargs = tree.map_structure(self._brought_over, (args, kwargs))
        arrays: list[Array] = []
        key = _key((args, kwargs) if kwargs else args, arrays)
        form = self.forms.get(key)
        if form is None or form.is_stale():
            if form is None and len(self.forms) >= MOST:
                return self.function(*args, **kwargs)
            form = self.forms[key] = _Specialization()  # another thread may do the same: both capture
        program = form.program
        if program is None:
            return form.run(self.function, self.backend, args, kwargs)
        if program.updates and context.overlay is not None:
            return self.function(*args, **kwargs)
        return program(arrays)

    def _brought_over(self, x: Any) -> Any:
        return self.backend.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else x


class _Specialization:
    """One form of a function: captured, then replayed or left as it is. Several threads may capture it at once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.program: Program | None = None
        self.capture: Capture | None = None
        self.layers: list[Any] = []
        self.changes = 0
        self.tries = 0
        self.refused = ""

    def is_stale(self) -> bool:
        """Return whether an attribute of a layer that the function uses has changed since it was captured."""
        return not self.refused and sum([layer._changes for layer in self.layers]) != self.changes

    def run(self, function: Function, backend: Backend, args: Any, kwargs: Any) -> Any:
        """Run the function, captured as long as it is not known whether it can be replayed."""
        if self.refused:
            return function(*args, **kwargs)
        capture = Capture(backend)
        for layer in layers_of(function):
            capture.use(layer)
        result = capture.follow(function, args, kwargs)
        with self.lock:
            if self.program is None and not self.refused:
                self._add(capture)
        return result

    def _add(self, capture: Capture) -> None:
        """Compare a capture with the one before, and write a program of it if they are alike."""
        before, self.capture = self.capture, capture
        self.layers = [*capture.layers.values()]
        self.changes = sum([layer._changes for layer in self.layers])
        self.tries += 1
        self.refused = capture.refused
        if before is not None and not self.refused and _alike(before, capture):
            try:
                self.program = Program(capture)
            except CannotReplay as error:
                self.refused = str(error)
        elif self.tries == TRIES:
            self.refused = self.refused or "it does not do the same in each run"
        if self.program or self.refused:
            self.capture = None


def _key(x: Any, arrays: list[Array]) -> Any:
    """What must be equal for a program to fit: structure, shapes, dtypes, and all that is not an array."""
    kind = x.__class__
    if kind is np.ndarray:
        arrays.append(x)
        return x.shape, x.dtype
    if isinstance(x, (tuple, list)):
        return (kind, *[_key(item, arrays) for item in x])
    if isinstance(x, dict):
        return (kind, *[(name, _key(value, arrays)) for name, value in x.items()])
    if hasattr(x, "dtype") and hasattr(x, "shape") and not hasattr(x, "_array"):
        arrays.append(x)
        return kind, x.shape, x.dtype
    return kind, x if x.__hash__ is not None else id(x)


# -- comparing two captures -------------------------------------------------------------------------


def _alike(a: Capture, b: Capture) -> bool:
    """Whether two runs did the same with the same Variables."""
    return _same(_parts(a), _parts(b))


def _parts(capture: Capture) -> Any:
    return [
        [(e.variable, e.slot) for e in capture.entered],
        [(variable, kept.value, kept.copied) for variable, kept in capture.left],
        tree.map_structure(lambda kept: (kept.value, kept.copied), capture.result),
        [(call.function, call.args, call.kwargs, call.out, call.errors) for call in capture.calls],
    ]


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, types.FunctionType):
        return a.__code__ is b.__code__ and _same(_bound(a), _bound(b))
    if hasattr(a, "dtype") and hasattr(a, "shape"):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all() or _same_bytes(a, b))
    if hasattr(a, "_array"):
        return False
    return bool(a == b)


def _bound(function: Any) -> Any:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return [cells, function.__defaults__, function.__kwdefaults__]


def _same_bytes(a: Any, b: Any) -> bool:
    return isinstance(a, (np.ndarray, np.generic)) and a.tobytes() == b.tobytes()
