"""Capture: one run of a step in which the calls of functions of arrays are recorded, in order.

During a capture, ops return `CapturedTensor`s: an array, and its slot, the index of the value in the step. Each
call of an op's value or gradient rule is executed and recorded. A step cannot be replayed if it reads values,
stores tensors, or sets attributes of layers: the record does not contain these actions.
"""

from __future__ import annotations

import gc
import operator
import types
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hilevel import tree
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import ARRAYS, EVALUATE, NO_OPTIONS, NUMBERS, RECORDED, Observer
from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.protocol import Backend
from hilevel.engine.tensor import ConcreteTensor
from hilevel.engine.types import Array, DType, DTypeLike, Function

if TYPE_CHECKING:
    from hilevel.engine.op import Op
    from hilevel.engine.variables import Variable


class CapturedTensor(ConcreteTensor):
    """An array of a step during its capture. After the capture it behaves as the plain array."""

    __slots__ = ("__weakref__", "capture", "dtype", "shape", "slot", "value")

    def __init__(self, value: Array, capture: Capture, slot: ValueId) -> None:
        self.value = value
        self.shape, self.dtype = value.shape, value.dtype  # type: ignore[misc]
        self.capture = capture
        self.slot = slot

    def unwrap(self) -> Any:
        """Return the tensor itself during its capture, and the array after it."""
        now = context.interpreter
        return self if now is self.capture or now.untaped is self.capture else self.value

    def read_values(self) -> Array:
        """Return the array, for code that reads its values. A step that depends on values cannot be replayed."""
        self.capture.refuse("it reads the values of a tensor")
        return self.value

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the value as a NumPy array."""
        return self.capture.backend.to_numpy(self.read_values())

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.read_values(), dtype=dtype)

    def __getattr__(self, name: str) -> Any:
        """Return another attribute of the array, such as `nonzero`. The step reads values by that."""
        if name in self.__slots__:
            raise AttributeError(name)
        attribute = getattr(self.value, name)
        self.read_values()
        return attribute

    def copy(self) -> Any:
        """Return a copy of the array."""
        return self.capture.call(_copy, (self,))

    def __repr__(self) -> str:
        return f"<CapturedTensor {self.value!r}>"


ARRAYS.add(CapturedTensor)
RECORDED.add(CapturedTensor)


def _copy(x: Array) -> Array:
    return x.copy()


def value_of(x: Any) -> Any:
    """Replace captured tensors, also in a nested structure, by their arrays."""
    return x.value if x.__class__ is CapturedTensor else _within(x, _VALUE, value_of)


def slot_of(x: Any) -> Any:
    """Replace captured tensors, also in a nested structure, by their slots."""
    return x.slot if x.__class__ is CapturedTensor else _within(x, _SLOT, slot_of)


_VALUE, _SLOT = attrgetter("value"), attrgetter("slot")
_NESTED = (tuple, list, dict)
"""The classes of arguments that may contain captured tensors."""


def _within(x: Any, of: Function, of_nested: Function) -> Any:
    """Return a structure with `of(item)` in place of each captured tensor; without any, the structure itself."""
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


def layers_of(function: Function) -> list[Any]:
    """Return the layers that a function may use.

    They are found in the object that a method belongs to, in its attributes, in the closure, and in the globals that
    the function names. Functions that are found there are searched as well.
    """
    layers: dict[int, Any] = {}
    functions, seen = [function], {function}
    while functions:
        for x in _reachable_from(functions.pop()):
            if hasattr(x, "_flatten_layers") and not isinstance(x, type):
                layers.update((id(layer), layer) for layer in x._flatten_layers())
            elif isinstance(x, (types.FunctionType, types.MethodType)) and x not in seen:
                seen.add(x)
                functions.append(x)
    return list(layers.values())


def _reachable_from(function: Any) -> list[Any]:
    """Return the objects in a function's closure, globals and instance, and in lists and dicts there."""
    owner = getattr(function, "__self__", None)
    code = getattr(function, "__code__", None)
    held = [cell.cell_contents for cell in getattr(function, "__closure__", None) or () if cell != _EMPTY]
    held += [function.__globals__.get(name) for name in code.co_names] if code else []
    held += [] if owner is None else [owner, function.__func__, *getattr(owner, "__dict__", {}).values()]
    return held + tree.flatten(
        [x for x in held if isinstance(x, (list, tuple, dict)) and len(x) < _MAX_ITEMS]
    )


_EMPTY = types.CellType()
_MAX_ITEMS = 100
"""The number of items up to which lists and dicts are searched for layers."""


def base_array(x: Array) -> Array:
    """Return the array that owns the memory of an array."""
    base = getattr(x, "base", None)
    return x if base is None or not hasattr(base, "dtype") else base


class ValueId(int):
    """The slot of a value: its index in the step."""

    __slots__ = ()


def slots_in(structure: object) -> list[ValueId]:
    """Return the slots in a nested structure."""
    return [x for x in tree.flatten(structure) if isinstance(x, ValueId)]


class Call:
    """One call of a step. In `args`, `kwargs` and `out`, a `ValueId` replaces each array.

    Args:
        function, args, kwargs: the function and its arguments.
        out: the result.
        writes: the positions of the arguments that a program overwrites with the results.
        errors: the settings of `numpy.errstate`, if they differ from the settings around the step; else None.
    """

    __slots__ = ("args", "errors", "function", "kwargs", "out", "writes")

    def __init__(
        self,
        function: Function,
        args: Any,
        kwargs: Any,
        out: Any,
        writes: Sequence[int],
        errors: Mapping[str, Any] | None,
    ) -> None:
        self.function, self.args, self.kwargs, self.out = function, args, kwargs, out
        self.writes, self.errors = writes, errors


def begin_if(condition: Array) -> None:
    """Mark the begin of calls that are made only if a condition is true. The record of a capture contains the mark."""


def end_if(new: list[Array], old: list[Array]) -> None:
    """Mark the end of these calls. The results are the values after them, or the old ones."""


class CapturedOutput:
    """A result of a step, or a new value of a Variable: a slot or a constant, and whether to copy it."""

    __slots__ = ("copied", "value")

    def __init__(self, value: Any, copied: bool) -> None:
        self.value, self.copied = value, copied


class CapturedInput(NamedTuple):
    """A Variable that a step uses, with the slot and the array of its first value."""

    variable: Variable
    slot: ValueId
    array: Array


class _CaptureOverlay(Overlay):
    """The overlay of a capture: the values of Variables are captured tensors."""

    __slots__ = ("capture",)

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self.capture = capture

    def _enter(self, variable: Variable) -> Any:
        value = super()._enter(variable)
        self.values[id(variable)] = value = self.capture.enter(variable, value)
        return value

    def write(self, variable: Variable, value: Array) -> None:
        if id(variable) not in self.values:
            self._enter(variable)
        super().write(variable, value)


class _WithoutGarbageCollection:
    """A block without garbage collection. New objects stay in generation 0, so that collecting them is fast."""

    def __enter__(self) -> None:
        self.enabled = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self.enabled:
            gc.enable()


class Capture(Observer):
    """The interpreter of one run of a step, which records the calls of functions of arrays.

    Attributes:
        calls: the recorded calls.
        data: the slots of the arguments.
        variable_inputs: the Variables that the step used.
        variable_outputs: the Variables that have another array after the step, and their new values.
        result: the result of the step.
        owners: for the slot of the array of a Variable, or of a view of it, the Variable.
        written: the arrays that a program overwrites.
        layers: the layers that the step used, by id.
        specs: the shape and dtype of each value, by its slot.
        choices: the slots of the values of Variables after an action that a condition decides. True stands for a value
            that the action writes in place.
        overlaid: whether the step ran under an overlay, to which it wrote.
        refused: the reason why the step cannot be replayed, or "".
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.calls: list[Call] = []
        self.data: list[ValueId] = []
        self.variable_inputs: list[CapturedInput] = []
        self.variable_outputs: list[tuple[Any, CapturedOutput]] = []
        self.result: Any = None
        self.owners: dict[int, Any] = {}
        self.written: list[Array] = []
        self.overlaid = False
        self.refused = ""
        self.layers: dict[int, Any] = {}
        self.choices: dict[int, bool] = {}
        self._types = backend.array_types
        self.specs: list[tuple[tuple[int, ...], DType]] = []
        self._usual_errors = np.geterr()
        self._owned: dict[int, tuple[Any, Array]] = {}
        self._references: list[weakref.ref[CapturedTensor]] = []

    def use(self, layer: object) -> None:
        """Note a layer whose attributes the step may depend on."""
        self.layers[id(layer)] = layer

    def refuse(self, why: str) -> None:
        """Note why the step cannot be replayed."""
        self.refused = self.refused or why

    # -- running -----------------------------------------------------------------------------------

    def record(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Call the function and record its calls of functions of arrays. Return its result."""
        self.overlaid = context.overlay is not None
        with _WithoutGarbageCollection():
            overlay = _CaptureOverlay(self)
            try:
                with scope(interpreter=self), overlay:
                    args, kwargs = tree.map_structure(self._enter_data, (args, kwargs))
                    result = function(*args, **kwargs)
            finally:
                self._write_variables(overlay)
                del overlay
            del args, kwargs
            self.result = tree.map_structure(self._as_output, result)
            result = tree.map_structure(self._as_result, result)
            if self._has_live_tensors():
                self.refuse("it keeps a tensor of the step")
        return result

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute the result of an op; on this backend, if all arrays are captured."""
        for a in args:
            if a.__class__ is not CapturedTensor and a.__class__ not in NUMBERS:
                return super().run(op, args, kwargs)
        if not self.backend.takes_host_arrays:
            args = self.backend.convert_operands(args)
        return self.call((self.backend.overrides[op] or op).value, (self.backend.xp, *args), kwargs)

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Call a function of arrays, and record the call. Nested calls are not recorded."""
        plain = _within(args, _VALUE, value_of)
        options = _within(kwargs, _VALUE, value_of) if kwargs else kwargs
        before, context.interpreter = context.interpreter, EVALUATE
        try:
            out = function(*plain, **options)
        finally:
            context.interpreter = before
        writes = function.writes(*plain, **options) if hasattr(function, "writes") else ()
        for position, array in zip(writes, out if writes else (), strict=True):
            self._note_in_place(args[position], array)
        out = self._captured(out)
        errors = np.geterr()
        slots = _within(args, _SLOT, slot_of), _within(kwargs, _SLOT, slot_of) if kwargs else {}
        made = out.slot if out.__class__ is CapturedTensor else slot_of(out)
        self.calls.append(
            Call(function, *slots, made, writes, None if errors == self._usual_errors else errors)
        )
        return out

    def run_if(self, condition: Any, action: Callable[[], object]) -> None:
        """Record the calls of an action under a condition. The action runs in any case, as its calls are needed."""
        if condition.__class__ is not CapturedTensor:
            super().run_if(condition, action)
            return
        self.calls.append(Call(begin_if, (condition.slot,), {}, None, (), None))
        with Overlay() as overlay, nullcontext() if condition.value else self._without_warnings():
            action()
        changed = list(overlay.written.values())
        new, old = [overlay.read(v) for v in changed], arrays_of(changed)
        in_place = set(map(id, self.written))
        chosen = []
        for after, before in zip(new, old, strict=True):
            choice = self._captured(value_of(after if condition.value else before))
            self.choices[choice.slot] = id(value_of(after)) in in_place
            chosen.append(choice)
        self.calls.append(Call(end_if, tuple(map(slot_of, (new, old))), {}, slot_of(chosen), (), None))
        for variable, choice in zip(changed, chosen, strict=True):
            variable.replace(choice)

    @contextmanager
    def _without_warnings(self) -> Iterator[None]:
        """Return a block of calls whose results do not count. NumPy does not warn of them, and this is not recorded."""
        before = self._usual_errors
        with np.errstate(all="ignore"):
            self._usual_errors = np.geterr()
            try:
                yield
            finally:
                self._usual_errors = before

    def _note_in_place(self, target: Array, array: Array) -> None:
        """Note an array that a program will write in place to the array of a Variable, the target."""
        owner = self.owners.get(target.slot) if target.__class__ is CapturedTensor else None
        self._owned[id(array)] = (owner, array)
        self.written.append(array)

    # -- inputs ------------------------------------------------------------------------------

    def _enter_data(self, x: Any) -> Any:
        if not self.backend.is_array(x):
            return x
        self._owned[id(base_array(x))] = (None, base_array(x))
        captured = self._captured(x)
        self.data.append(captured.slot)
        return captured

    def enter(self, variable: Variable, value: Array) -> Any:
        """Return a captured copy of the value of a Variable that is used for the first time."""
        if variable.backend is not self.backend:
            self.refuse(f'the Variable "{variable.path}" is on another backend')
            return value
        value = self.backend.copy(value)
        self._owned[id(value)] = (variable, value)
        captured = self._captured(value)
        self.variable_inputs.append(CapturedInput(variable, captured.slot, value))
        return captured

    def _captured(self, value: Any) -> Any:
        """Return the result of a call, with captured tensors in place of arrays."""
        if not isinstance(value, self._types):
            if isinstance(value, (tuple, list)):
                parts = [self._captured(part) for part in value]
                return parts if isinstance(value, list) else tuple(parts)
            if isinstance(value, dict):
                return {key: self._captured(part) for key, part in value.items()}
            if value is not None and not isinstance(value, (bool, int, float, str)):
                self.refuse(f"a call returns {type(value).__name__}")
            return value
        array: Array = value
        slot = ValueId(len(self.specs))
        self.specs.append((array.shape, array.dtype))
        found = self._owned.get(id(value if getattr(value, "base", None) is None else base_array(value)))
        if found is not None:
            self.owners[slot] = found[0]
        captured = CapturedTensor(value, self, slot)
        self._references.append(weakref.ref(captured))
        return captured

    # -- outputs ----------------------------------------------------------------------------

    def _write_variables(self, overlay: Overlay) -> None:
        """Write plain arrays, which share no memory, to the Variables that the step wrote."""
        arrays = {id(e.variable): e.array for e in self.variable_inputs}
        in_place = set(map(id, self.written))
        for key, variable in overlay.written.items():
            held = overlay.values[key]
            value = held.value if held.__class__ is CapturedTensor else held
            choice = self.choices.get(held.slot) if held.__class__ is CapturedTensor else None
            if choice is None and value is arrays.get(key):
                continue
            if choice is not None:
                if not choice:
                    self.variable_outputs.append((variable, CapturedOutput(held.slot, False)))
                variable.replace(value)
                continue
            if key in arrays and id(value) not in in_place:
                kept = self._as_output(held)
                self.variable_outputs.append((variable, kept))
                value = self.backend.copy(value) if kept.copied else value
            variable.replace(value)

    def _as_output(self, x: Array) -> CapturedOutput:
        is_array = self.backend.is_array(x)
        return CapturedOutput(
            slot_of(x), is_array and (x.__class__ is not CapturedTensor or self._is_owned(x))
        )

    def _as_result(self, x: Array) -> Array:
        return self.backend.copy(value_of(x)) if self._is_owned(x) else value_of(x)

    def _is_owned(self, x: Array) -> bool:
        return id(base_array(value_of(x))) in self._owned

    def _has_live_tensors(self) -> bool:
        for generation in (0, 1):  # generation 1, as another thread may have collected meanwhile
            if not [1 for reference in self._references if reference() is not None]:
                return False
            gc.collect(generation)  # free the tensors in reference cycles
        return bool([1 for reference in self._references if reference() is not None])
