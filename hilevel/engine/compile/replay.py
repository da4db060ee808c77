"""Replay: the calls of a step without layers, dispatch and tape.

The first two runs on data of the same shapes are captured. If both made the same calls, these become the source of a
Python function with one line for each call, such as `t7 = relu(xp, t6)`. From the third run on only this function
runs. It makes the same calls, so that its results are equal to the bit. If the two runs differ, or a capture has a
reason against replay, the original function runs.

```python
def step(variables, data):
    v0, v1, v2, = variables
    x3, x4, = data
    t5, t6, = rectified_dense(xp, x3, v0, v1)
    ...
```
"""

from __future__ import annotations

import functools
import threading
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.compile.capture import Capture, layers_of
from hilevel.engine.compile.program import CannotReplay, Program
from hilevel.engine.context import context
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Array, Function

MAX_CAPTURES = 4
"""The maximum number of captured runs, after which the original function runs."""
MAX_FORMS = 64
"""The maximum number of forms of a function. The shapes and plain values in its arguments determine the form."""


class ReplayedFunction:
    """A function compiled for an eager backend, with one form for each structure and shape of its arguments."""

    def __init__(self, function: Function, backend: Backend) -> None:
        self.function = function
        self.backend = backend
        self.forms: dict[Any, _Specialization] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.backend.takes_host_arrays:
            args, kwargs = tree.map_structure(self._to_backend, (args, kwargs))
        arrays: list[Array] = []
        key = _key((args, kwargs) if kwargs else args, arrays)
        form = self.forms.get(key)
        if form is None or form.is_stale():
            if form is None and len(self.forms) >= MAX_FORMS:
                return self.function(*args, **kwargs)
            form = self.forms[key] = _Specialization()  # another thread may do the same; both capture
        program = form.program
        if program is None:
            return form.run(self.function, self.backend, args, kwargs)
        if program.has_buffers and context.overlay is not None:
            return self.function(*args, **kwargs)
        return program(arrays)

    def _to_backend(self, x: Array) -> Array:
        return self.backend.asarray(x) if isinstance(x, (np.ndarray, np.generic)) else x


class _Specialization:
    """One form of a function: captured, then replayed or not. Several threads may capture it at once."""

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

    def run(
        self, function: Function, backend: Backend, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Run the function. Capture the run unless a capture has been refused."""
        if self.refused:
            return function(*args, **kwargs)
        capture = Capture(backend)
        for layer in layers_of(function):
            capture.use(layer)
        result = capture.record(function, args, kwargs)
        with self.lock:
            if self.program is None and not self.refused:
                self._add(capture)
        return result

    def _add(self, capture: Capture) -> None:
        """Compare a capture with the previous capture, and compile it if they are equal."""
        before, self.capture = self.capture, capture
        self.layers = [*capture.layers.values()]
        self.changes = sum([layer._changes for layer in self.layers])
        self.tries += 1
        self.refused = capture.refused
        if before is not None and not self.refused and _are_equal_captures(before, capture):
            try:
                self.program = Program(capture)
            except CannotReplay as error:
                self.refused = str(error)
        elif self.tries == MAX_CAPTURES:
            self.refused = self.refused or "its calls are not the same in each run"
        if self.program or self.refused:
            self.capture = None


def _key(x: Any, arrays: list[Array]) -> Any:
    """Return the key of a form: structure, shapes, dtypes and all other values. Append the arrays to `arrays`."""
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


def _are_equal_captures(a: Capture, b: Capture) -> bool:
    """Return whether two runs made the same calls with the same Variables."""
    return _are_equal(_parts(a), _parts(b))


def _parts(capture: Capture) -> Any:
    return [
        [(e.variable, e.slot) for e in capture.variable_inputs],
        [(variable, output.value, output.copied) for variable, output in capture.variable_outputs],
        tree.map_structure(lambda output: (output.value, output.copied), capture.result),
        [(call.function, call.args, call.kwargs, call.out, call.errors) for call in capture.calls],
    ]


def _are_equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, (tuple, list)):
        return len(a) == len(b) and all(map(_are_equal, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(_are_equal(a[k], b[k]) for k in a)
    if isinstance(a, types.FunctionType):
        return a.__code__ is b.__code__ and _are_equal(_bound(a), _bound(b))
    if isinstance(a, functools.partial):
        return _are_equal((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if hasattr(a, "dtype") and hasattr(a, "shape"):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all() or _have_equal_bytes(a, b))
    if hasattr(a, "_array"):
        return False
    return bool(a == b)


def _bound(function: types.FunctionType) -> list[Any]:
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    return [cells, function.__defaults__, function.__kwdefaults__]


def _have_equal_bytes(a: Array, b: Array) -> bool:
    return isinstance(a, (np.ndarray, np.generic)) and a.tobytes() == b.tobytes()
