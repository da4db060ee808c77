"""Capturing a step: the calls that a function makes of an eager backend, in order, as it runs.

While a capture is open, what ops return is `CapturedTensor`: the array, and its number among the step's values. Every
call of an op's value or gradient rule is made, and noted. What the function does with numbers that the capture cannot
see - it looks at them, keeps them, sets an attribute of a layer - is a reason to leave it as it is.
"""

from __future__ import annotations

import gc
import operator
import types
import weakref
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from hilevel import tree
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import ARRAYS, EVALUATE, NO_OPTIONS, NUMBERS, RECORDED, Observer
from hilevel.engine.overlay import Overlay
from hilevel.engine.protocol import Backend
from hilevel.engine.tensor import ConcreteTensor
from hilevel.engine.types import Array, Function


class CapturedTensor(ConcreteTensor):
    """An array of a step that is being captured. Afterwards it is the plain array again."""

    __slots__ = ("__weakref__", "capture", "dtype", "shape", "slot", "value")

    def __init__(self, value: Array, capture: Capture, slot: ValueId) -> None:
        self.value = value
        self.shape, self.dtype = value.shape, value.dtype  # type: ignore[misc]
        self.capture = capture
        self.slot = slot

    def leave(self) -> Any:
        """Return itself in its capture, the array after it."""
        now = context.interpreter
        return self if now is self.capture or now.untaped is self.capture else self.value

    def numbers(self) -> Array:
        """Return the array, for code that looks at its numbers; a step that depends on them cannot be replayed."""
        self.capture.refuse("it looks at the numbers of a tensor")
        return self.value

    def numpy(self) -> np.ndarray[Any, Any]:
        """The numbers as a NumPy array."""
        return self.capture.backend.to_numpy(self.numbers())

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.numbers(), dtype=dtype)

    def __getattr__(self, name: str) -> Any:
        """What the array can do beside the operations of tensors, `tolist` for instance: that looks at its numbers."""
        if name in self.__slots__:
            raise AttributeError(name)
        attribute = getattr(self.value, name)
        self.numbers()
        return attribute

    def copy(self) -> Any:
        """The same numbers in memory of their own."""
        return self.capture.call(_copy, (self,))

    def __repr__(self) -> str:
        return f"<CapturedTensor {self.value!r}>"


ARRAYS.add(CapturedTensor)
RECORDED.add(CapturedTensor)


def _copy(x: Array) -> Array:
    return x.copy()


def value_of(x: Any) -> Any:
    """Return the array of a captured one; a structure with such arrays; anything else as it is."""
    return x.value if x.__class__ is CapturedTensor else _within(x, _VALUE, value_of)


def slot_of(x: Any) -> Any:
    """Return the slot of a captured array; a structure with such slots; anything else as it is."""
    return x.slot if x.__class__ is CapturedTensor else _within(x, _SLOT, slot_of)


_VALUE, _SLOT = attrgetter("value"), attrgetter("slot")
_NESTED = (tuple, list, dict)
"""Classes of arguments in which there may be captured arrays."""


def _within(x: Any, of: Function, of_nested: Function) -> Any:
    """Return a structure with `of(item)` in place of each captured array; one that has none, as it is."""
    if not isinstance(x, _NESTED):
        return x
    items = [*x.values()] if isinstance(x, dict) else x
    new = [
        of(item)
        if item.__class__ is CapturedTensor
        else of_nested(item)
        if isinstance(item, _NESTED)
        else item
        for item in items
    ]
    if all(map(operator.is_, new, items)):
        return x
    if isinstance(x, dict):
        return dict(zip(x, new, strict=True))
    return new if isinstance(x, list) else tuple(new)


def layers_of(function: Any) -> list[Any]:
    """Return the layers that a function can reach without calling them: in the object it is a method of, in that
    object's attributes, in its closure, and in the globals that it names; and in those of the functions found there."""
    layers: dict[int, Any] = {}
    functions, seen = [function], {function}
    while functions:
        for x in _held_by(functions.pop()):
            if hasattr(x, "_flatten_layers") and not isinstance(x, type):
                layers.update((id(layer), layer) for layer in x._flatten_layers())
            elif isinstance(x, (types.FunctionType, types.MethodType)) and x not in seen:
                seen.add(x)
                functions.append(x)
    return list(layers.values())


def _held_by(function: Any) -> list[Any]:
    """Return the objects in a function's closure, globals and object, and those in lists and dicts there."""
    owner = getattr(function, "__self__", None)
    code = getattr(function, "__code__", None)
    held = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if cell != _EMPTY]
    held += [function.__globals__.get(name) for name in code.co_names] if code else []
    held += [] if owner is None else [owner, function.__func__, *getattr(owner, "__dict__", {}).values()]
    return held + tree.flatten([x for x in held if isinstance(x, (list, tuple, dict)) and len(x) < _FEW])


_EMPTY = types.CellType()
_FEW = 100
"""Layers are looked for in lists and dicts with fewer items."""


def root(x: Array) -> Array:
    """The array that owns the memory of an array."""
    base = getattr(x, "base", None)
    return x if base is None or not hasattr(base, "dtype") else base


class ValueId(int):
    """The number of a value in a step, among the data, the Variables and the results."""

    __slots__ = ()


class Call:
    """One call of a step. In `args`, `kwargs` and `out` a `ValueId` stands for an array; all else is as it was.

    `writes` are the positions of the arguments that a program writes the results to, in place. `errors` are NumPy's
    settings for overflow and the like, where they are not the usual ones."""

    __slots__ = ("args", "errors", "function", "kwargs", "out", "writes")

    def __init__(
        self, function: Function, args: Any, kwargs: Any, out: Any, writes: Sequence[int], errors: Any
    ) -> None:
        self.function, self.args, self.kwargs, self.out = function, args, kwargs, out
        self.writes, self.errors = writes, errors


class CapturedOutput:
    """What a step leaves behind, in a Variable or as a result: a slot or a constant, to be copied or not."""

    __slots__ = ("copied", "value")

    def __init__(self, value: Any, copied: bool) -> None:
        self.value, self.copied = value, copied


class CapturedInput(NamedTuple):
    """A Variable that a step uses, and what it held before: the slot and the array."""

    variable: Any
    slot: ValueId
    array: Array


class _Captures(Overlay):
    """The values of Variables while a step is captured: captured arrays."""

    __slots__ = ("capture",)

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self.capture = capture

    def _enter(self, variable: Any) -> Any:
        value = super()._enter(variable)
        self.values[id(variable)] = value = self.capture.enter(variable, value)
        return value

    def write(self, variable: Any, value: Any) -> None:
        if id(variable) not in self.values:
            self._enter(variable)
        super().write(variable, value)


class _YoungOnly:
    """A block without garbage collection, at whose end all that it made is still young: quick to be looked through."""

    def __enter__(self) -> None:
        self.enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self.enabled:
            gc.enable()


class Capture(Observer):
    """The interpreter of one run of a step, which notes the calls of functions of arrays.

    `data` are the slots of the arrays it was given, `entered` the Variables that it used; `left` are those that hold
    another array afterwards, and `result` is what the function returned. `layers` are those that it used. `owners` says
    of slots that are, or look into, the array of a Variable which one it is. `refused` says why the step cannot be
    replayed, if it cannot.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.calls: list[Call] = []
        self.data: list[ValueId] = []
        self.entered: list[CapturedInput] = []
        self.left: list[tuple[Any, CapturedOutput]] = []
        self.result: Any = None
        self.owners: dict[int, Any] = {}
        self.written: list[Array] = []
        self.refused = ""
        self.layers: dict[int, Any] = {}
        self._types = backend.array_types
        self._count = 0
        self._usual = np.geterr()
        self._roots: dict[int, tuple[Any, Array]] = {}
        self._alive: list[weakref.ref[CapturedTensor]] = []

    def use(self, layer: Any) -> None:
        """Take note of a layer whose attributes the step may depend on."""
        self.layers[id(layer)] = layer

    def refuse(self, why: str) -> None:
        """Say that the step cannot be replayed."""
        self.refused = self.refused or why

    # -- running -----------------------------------------------------------------------------------

    def follow(self, function: Function, args: Any, kwargs: Any) -> Any:
        """Call the function on data, whose arrays become the first slots, and capture what it does."""
        with _YoungOnly():
            overlay = _Captures(self)
            try:
                with scope(interpreter=self), overlay:
                    args, kwargs = tree.map_structure(self._enter_data, (args, kwargs))
                    result = function(*args, **kwargs)
            finally:
                self._leave(overlay)
                del overlay
            del args, kwargs
            self.result = tree.map_structure(self._keep, result)
            result = tree.map_structure(self._plain, result)
            if self._any_alive():
                self.refuse("it keeps a tensor of the step")
        return result

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute the result of an op, on this backend where all arrays are captured."""
        for a in args:
            if a.__class__ is not CapturedTensor and a.__class__ not in NUMBERS:
                return super().run(op, args, kwargs)
        if not self.backend.takes_host_arrays:
            args = self.backend.convert_operands(args)
        return self.call((self.backend.overrides[op] or op).value, (self.backend.xp, *args), kwargs)

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Call a function of arrays, and note it; what it calls in turn is part of it."""
        plain = _within(args, _VALUE, value_of)
        options = _within(kwargs, _VALUE, value_of) if kwargs else kwargs
        before, context.interpreter = context.interpreter, EVALUATE
        try:
            out = function(*plain, **options)
        finally:
            context.interpreter = before
        writes = function.writes(*plain, **options) if hasattr(function, "writes") else ()
        for position, array in zip(writes, out if writes else (), strict=True):
            self._note_written(args[position], array)
        out = self._captured(out)
        errors = np.geterr()
        slots = _within(args, _SLOT, slot_of), _within(kwargs, _SLOT, slot_of) if kwargs else {}
        made = out.slot if out.__class__ is CapturedTensor else slot_of(out)
        self.calls.append(Call(function, *slots, made, writes, None if errors == self._usual else errors))
        return out

    def _note_written(self, target: Any, array: Array) -> None:
        """Note an array that a program will write to the array of a Variable, the target, in place."""
        owner = self.owners.get(target.slot) if target.__class__ is CapturedTensor else None
        self._roots[id(array)] = (owner, array)
        self.written.append(array)

    # -- what goes in ------------------------------------------------------------------------------

    def _enter_data(self, x: Any) -> Any:
        if not self.backend.is_array(x):
            return x
        self._roots[id(root(x))] = (None, root(x))
        captured = self._captured(x)
        self.data.append(captured.slot)
        return captured

    def enter(self, variable: Any, value: Array) -> Any:
        """Return a captured array, a copy of `value`, for a Variable that is used for the first time."""
        if variable.backend is not self.backend:
            self.refuse(f'the Variable "{variable.path}" is on another backend')
            return value
        value = self.backend.copy(value)
        self._roots[id(value)] = (variable, value)
        captured = self._captured(value)
        self.entered.append(CapturedInput(variable, captured.slot, value))
        return captured

    def _captured(self, value: Any) -> Any:
        """Return the result of a call, with captured arrays in place of arrays."""
        if not isinstance(value, self._types):
            if isinstance(value, (tuple, list)):
                parts = [self._captured(part) for part in value]
                return parts if isinstance(value, list) else tuple(parts)
            if isinstance(value, dict):
                return {key: self._captured(part) for key, part in value.items()}
            if value is not None and not isinstance(value, (bool, int, float, str)):
                self.refuse(f"a call returns {type(value).__name__}")
            return value
        slot = ValueId(self._count)
        self._count += 1
        found = self._roots.get(id(value if getattr(value, "base", None) is None else root(value)))
        if found is not None:
            self.owners[slot] = found[0]
        captured = CapturedTensor(value, self, slot)
        self._alive.append(weakref.ref(captured))
        return captured

    # -- what comes out ----------------------------------------------------------------------------

    def _leave(self, overlay: Overlay) -> None:
        """Give the Variables that were written plain arrays, each its own."""
        entered = {id(e.variable): e.array for e in self.entered}
        in_place = set(map(id, self.written))
        for key, variable in overlay.written.items():
            held = overlay.values[key]
            value = held.value if held.__class__ is CapturedTensor else held
            if value is entered.get(key):
                continue
            if key in entered and id(value) not in in_place:
                kept = self._keep(held)
                self.left.append((variable, kept))
                value = self.backend.copy(value) if kept.copied else value
            variable.replace(value)

    def _keep(self, x: Any) -> CapturedOutput:
        is_array = self.backend.is_array(x)
        return CapturedOutput(
            slot_of(x), is_array and (x.__class__ is not CapturedTensor or self._is_owned(x))
        )

    def _plain(self, x: Any) -> Any:
        return self.backend.copy(value_of(x)) if self._is_owned(x) else value_of(x)

    def _is_owned(self, x: Any) -> bool:
        return id(root(value_of(x))) in self._roots

    def _any_alive(self) -> bool:
        for generation in (0, 1):  # the second, as another thread may have collected meanwhile
            if not [1 for reference in self._alive if reference() is not None]:
                return False
            gc.collect(generation)  # what only a circle of references keeps is not kept
        return bool([1 for reference in self._alive if reference() is not None])
