"""The calls of a captured step as the source of a Python function."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from sys import getrefcount
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.compile.branches import same, without_branches
from hilevel.engine.compile.capture import Call, Capture, CapturedOutput, ValueId, begin_if, end_if, slots_in
from hilevel.engine.overlay import arrays_of, replace_arrays
from hilevel.engine.types import Array, Function


class CannotReplay(Exception):
    """A repetition of the captured calls would not have the effect of the step."""


class Program:
    """A captured step as Python source without branches, over the arrays of its Variables and the data.

    The program owns the arrays of Variables that its calls overwrite, its buffers. `Backend.pack` chooses their
    layout. A step that changes Variables and runs by `Backend.launcher` has no conditions, and buffers for all of its
    Variables. Before each run, a Variable with another array is bound to its buffer again. If other code has a
    reference to a buffer, new buffers are allocated. A program with buffers runs in one thread at a time, and not
    under an overlay.
    """

    def __init__(self, capture: Capture) -> None:
        self.backend = capture.backend
        writes = bool(capture.variable_outputs) or any(call.writes for call in capture.calls)
        self._launcher = self.backend.launcher if writes and not capture.overlaid else None
        if self._launcher is not None:
            capture.calls = without_branches(capture)
        capture.calls = self.backend.fuse(capture.calls, capture.specs, _outputs(capture))
        self.updates = _in_place_updates(capture)
        self._lock = threading.Lock()
        self.variables = [e.variable for e in capture.variable_inputs]
        self.changed = [variable for variable, _ in capture.variable_outputs]
        writer = _SourceWriter(capture, self.updates, assigns=self._launcher is not None)
        self.source, self._namespace = writer.source, writer.scope
        exec(compile(self.source, "<replayed step>", "exec"), self._namespace)
        self._step: Function = self._namespace["step"]
        self._pack()

    def __call__(self, data: list[Array]) -> Any:
        if not self.has_buffers:
            return self._run(data)
        with self._lock:
            if self._count_references() != self._reference_count or not self._are_bound():
                self._rebind()
            return self._run(data)

    @property
    def has_buffers(self) -> bool:
        """True if the program owns arrays of Variables. Then it must not run under an overlay."""
        return bool(self._buffers)

    def _run(self, data: list[Array]) -> Any:
        result, new = self._step(arrays_of(self.variables), data)
        if new:
            replace_arrays(self.changed, new)
        return result

    def _pack(self) -> None:
        """Allocate the buffers, and bind the Variables to them."""
        owned = {id(v): v for update in self.updates for v in update.owners}
        if self._launcher is not None:
            owned |= {id(v): v for v in self.variables}
        current = {key: v._array for key, v in owned.items()}
        buffers, runners = self.backend.pack(
            [(u.call.function, u.call.kwargs, [current[id(v)] for v in u.owners]) for u in self.updates]
        )
        self._namespace |= {u.name: runner for u, runner in zip(self.updates, runners, strict=True)}
        for array in current.values():
            if id(array) not in buffers:
                buffers[id(array)] = self.backend.copy(array)
        self._buffers = [(v, buffers[id(current[key])]) for key, v in owned.items()]
        if self._launcher is not None:
            self._step = self._launcher(self.source, self._namespace)
        del current, buffers
        self._bind()
        self._arrays = [array for _, array in self._buffers]
        self._arrays += list({id(a.base): a.base for a in self._arrays if a.base is not None}.values())
        self._reference_count = self._count_references()

    def _count_references(self) -> int:
        """Return the sum of the reference counts of the buffers."""
        return sum(map(getrefcount, self._arrays))

    def _are_bound(self) -> bool:
        return all(variable._array is array for variable, array in self._buffers)

    def _bind(self) -> None:
        for variable, array in self._buffers:
            if variable._array is not array:
                array[...] = variable._array
                variable._array = array

    def _rebind(self) -> None:
        """Bind the Variables to their buffers; to new buffers if other code has references."""
        self._bind()
        if self._count_references() != self._reference_count:
            self._pack()


class _Update:
    """A call that overwrites the arrays of Variables, its `owners`; `given` are the other arguments."""

    def __init__(self, capture: Capture, call: Call, name: str) -> None:
        self.call, self.name = call, name
        self.owners: list[Any] = [capture.owners.get(_slot(call.args[i])) for i in call.writes]
        written = {0, *call.writes}
        self.given = [x for i, x in enumerate(call.args) if i not in written]
        owners = [id(owner) for owner in self.owners]
        if id(None) in owners or [id(capture.owners.get(s)) for s in call.out] != owners:
            raise CannotReplay("an overwritten array belongs to no Variable")


def _in_place_updates(capture: Capture) -> list[_Update]:
    """Return the calls that overwrite the arrays of Variables.

    Raises:
        CannotReplay: an overwritten array belongs to no Variable, or its old value is used afterwards.
    """
    updates: list[_Update] = []
    old: set[int] = set()
    for call in capture.calls:
        if old.intersection(_read_by(capture, call)):
            raise CannotReplay("an array is used after it was overwritten")
        if call.writes:
            old |= _old_values(capture, call)
            updates.append(_Update(capture, call, f"update_{len(updates)}"))
    if old.intersection(_outputs(capture)):
        raise CannotReplay("the value of an overwritten array is returned")
    return updates


def _read_by(capture: Capture, call: Call) -> list[ValueId]:
    """Return the slots that a call reads. A value that was written in place is not chosen, but there in any case."""
    if call.function is not end_if:
        return slots_in([call.args, call.kwargs])
    pairs = zip(*call.args, call.out, strict=True)
    return [s for new, old, slot in pairs if not capture.choices[slot] for s in slots_in([new, old])]


def _old_values(capture: Capture, call: Call) -> set[int]:
    """Return the slots of the values that a call overwrites."""
    written = {id(capture.owners.get(slot)) for slot in call.out}
    first = min(call.out)
    return {slot for slot, owner in capture.owners.items() if id(owner) in written and slot < first}


def _slot(x: object) -> ValueId:
    if not isinstance(x, ValueId):
        raise CannotReplay("an overwritten array belongs to no Variable")
    return x


def _outputs(capture: Capture) -> list[ValueId]:
    """Return the slots of the result and of the new values of Variables."""
    results = tree.flatten(capture.result)
    return slots_in([output.value for output in [*(o for _, o in capture.variable_outputs), *results]])


class _SourceWriter:
    """The translation of a capture to source: `source`, and the constants in it, `scope`.

    The step returns its result and the new arrays of Variables. If it `assigns`, it writes them to the old arrays.
    """

    def __init__(self, capture: Capture, updates: list[_Update], assigns: bool = False) -> None:
        self.capture = capture
        writing = {id(update.call): update for update in updates}
        variables, data = [e.slot for e in capture.variable_inputs], capture.data
        self.names: dict[int, str] = {}
        self.names.update({slot: f"v{slot}" for slot in variables})
        self.names.update({slot: f"x{slot}" for slot in data})
        self.variable_names = {id(e.variable): self.names[e.slot] for e in capture.variable_inputs}
        self.scope: dict[str, Any] = {"copy": capture.backend.copy}
        self.constants: dict[int, str] = {}
        self.last = _last_uses(capture)
        lines = [
            "def step(variables, data):",
            self.unpacked(variables, "variables"),
            self.unpacked(data, "data"),
        ]
        depth = 0
        for index, call in enumerate(capture.calls):
            update = writing.get(id(call))
            depth -= call.function is end_if
            found = self.lines_of(call, index) if update is None else self.lines_of_update(update)
            lines += ["    " * depth + line for line in found]
            depth += call.function is begin_if
        result = self.expression(tree.map_structure(self.output, capture.result))
        new = [(v, self.output(output).text) for v, output in capture.variable_outputs]
        if assigns and new:
            lines.append(f"    result = {result}")
            lines.append(
                f"    {', '.join(f'n{i}' for i in range(len(new)))}, = {', '.join(t for _, t in new)},"
            )
            lines += [f"    {self.variable_names[id(v)]}[...] = n{i}" for i, (v, _) in enumerate(new)]
            result, new = "result", []
        lines.append(f"    return {result}, [{', '.join(text for _, text in new)}]")
        self.source = "\n".join(line for line in lines if line) + "\n"

    def unpacked(self, slots: list[ValueId], source: str) -> str:
        return f"    {', '.join(self.names[slot] for slot in slots)}, = {source}" if slots else ""

    def lines_of(self, call: Call, index: int) -> list[str]:
        """Return the lines of a call, with a `del` of the values that no later call uses."""
        if call.function is begin_if:
            return [f"    if {self.expression(call.args[0])}:"]
        if call.function is end_if:
            return self.lines_of_choices(call)
        if call.function is same:
            self.names |= {slot: self.names[new] for new, slot in zip(*call.args, call.out, strict=True)}
            return []
        function = call.function if call.errors is None else _WithErrorState(call.errors, call.function)
        arguments = [self.expression(a) for a in call.args]
        arguments += [f"{name}={self.expression(a)}" for name, a in call.kwargs.items()]
        after: list[str] = []
        target = self.target(call.out, after)
        line = f"{self.constant(function)}({', '.join(arguments)})"
        lines = [f"    {target} = {line}" if target else f"    {line}", *after]
        used = dict.fromkeys(slots_in([call.args, call.kwargs]))
        over = [self.names[s] for s in used if self.last[s] == index and self.names[s][0] == "t"]
        return [*lines, f"    del {', '.join(over)}"] if over else lines

    def lines_of_choices(self, call: Call) -> list[str]:
        """Return the lines after a condition, which assign the new or the old values of Variables."""
        taken, other = ["        pass"], []
        for new, old, slot in zip(*call.args, call.out, strict=True):
            if self.capture.choices[slot]:
                self.names[slot] = self.names[new]
                continue
            self.names[slot] = f"t{int(slot)}"
            taken.append(f"        {self.names[slot]} = {self.expression(new)}")
            other.append(f"        {self.names[slot]} = {self.expression(old)}")
        return [*taken, "    else:", *other] if other else taken

    def lines_of_update(self, update: _Update) -> list[str]:
        """Return the line of a call that writes in place. Its results are the arrays of the Variables."""
        for slot in update.call.out:
            self.names[slot] = self.variable_names[id(self.capture.owners[slot])]
        arguments = [self.expression(a) for a in update.given]
        arguments += [f"{name}={self.expression(a)}" for name, a in update.call.kwargs.items()]
        return [f"    {update.name}({', '.join(arguments)})"]

    def target(self, out: Any, after: list[str]) -> str:
        """Return the target of the assignment of a call's result. Lines in `after` unpack the items of a dict."""
        if isinstance(out, ValueId):
            if out not in self.last:
                return "_"
            self.names[out] = f"t{int(out)}"
            return self.names[out]
        if not slots_in(out):
            return ""
        name = f"r{min(slots_in(out)):d}"
        if isinstance(out, dict):
            for key, item in out.items():
                inner = self.target(item, after)
                after.insert(0, f"    {inner or '_'} = {name}[{key!r}]")
            return name
        return "".join(f"{self.target(item, after) or '_'}, " for item in out).join("()")

    def expression(self, x: Any) -> str:
        """Return the source of an argument."""
        if isinstance(x, _Source):
            return x.text
        if isinstance(x, ValueId):
            return self.names[x]
        if x is None or x.__class__ in (bool, int, str) or (x.__class__ is float and math.isfinite(x)):
            return repr(x)
        if not isinstance(x, (tuple, list, dict)):
            return self.constant(x)
        if isinstance(x, dict):
            text = ", ".join(f"{k!r}: {self.expression(v)}" for k, v in x.items()).join("{}")
        else:
            items = "".join(f"{self.expression(item)}, " for item in x)
            text = items.join("()") if isinstance(x, tuple) else items.join("[]")
        if x.__class__ in (tuple, list, dict):
            return text
        return f"{self.constant(x.__class__)}({'*' if hasattr(x, '_fields') else ''}{text})"

    def constant(self, x: Any) -> str:
        """Return the name of an object that is the same in each run."""
        if id(x) not in self.constants:
            name = getattr(x, "__name__", type(x).__name__).strip("<>").split(".")[-1]
            name = f"{name}_{len(self.scope)}" if name.isidentifier() else f"c_{len(self.scope)}"
            self.constants[id(x)], self.scope[name] = name, x
        return self.constants[id(x)]

    def output(self, output: CapturedOutput) -> _Source:
        """Return the source of an output of the step."""
        text = self.expression(output.value)
        return _Source(f"copy({text})" if output.copied else text)


class _Source:
    """A piece of source, in place of an argument."""

    def __init__(self, text: str) -> None:
        self.text = text


class _WithErrorState:
    """A function with the `numpy.errstate` of its call in the capture."""

    def __init__(self, errors: Mapping[str, Any], function: Function) -> None:
        self.errors, self.function = errors, function
        self.__name__ = function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with np.errstate(**self.errors):
            return self.function(*args, **kwargs)


def _last_uses(capture: Capture) -> dict[int, int]:
    """Return the index of the last call that uses each slot; for outputs the number of calls."""
    last: dict[int, int] = {}
    for index, call in enumerate(capture.calls):
        last |= dict.fromkeys(slots_in([call.args, call.kwargs]), index)
    return last | dict.fromkeys(_outputs(capture), len(capture.calls))
