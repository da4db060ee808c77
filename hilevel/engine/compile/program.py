"""The calls of a captured step as the source of a Python function."""

from __future__ import annotations

import math
import threading
from sys import getrefcount
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.compile.capture import Call, Capture, CapturedOutput, ValueId
from hilevel.engine.overlay import arrays_of, replace_arrays
from hilevel.engine.types import Array, Function


class CannotReplay(Exception):
    """The calls of a step, made again, would not give what the step gives."""


class Program:
    """A step as one straight line of calls, `source`, over the arrays of its Variables and the data.

    Arrays of Variables that the calls write to belong to the program, packed as the backend likes them best for its
    updates. Before each run they are put back where somebody has assigned another array, and copied where somebody
    else holds them. A program that writes in place runs in one thread at a time, and not under an overlay.
    """

    def __init__(self, capture: Capture) -> None:
        self.backend = capture.backend
        self.updates = _updates(capture)
        self._lock = threading.Lock()
        self.variables = [e.variable for e in capture.entered]
        self.changed = [variable for variable, _ in capture.left]
        writer = _Writer(capture, self.updates)
        self.source, self._scope = writer.source, writer.scope
        exec(compile(self.source, "<replayed step>", "exec"), self._scope)
        self._step: Function = self._scope["step"]
        self._pack()

    def __call__(self, data: list[Array]) -> Any:
        if not self.updates:
            return self._run(data)
        with self._lock:
            if self._count() != self._holders or not self._at_home():
                self._settle()
            return self._run(data)

    def _run(self, data: list[Array]) -> Any:
        result, new = self._step(arrays_of(self.variables), data)
        replace_arrays(self.changed, new)
        return result

    def _pack(self) -> None:
        """Bring what is written to into arrays of the program's own."""
        written = {id(v): v for update in self.updates for v in update.owners}
        now = {key: v._array for key, v in written.items()}
        homes, runners = self.backend.pack(
            [(u.call.function, u.call.kwargs, [now[id(v)] for v in u.owners]) for u in self.updates]
        )
        self._scope |= {u.name: runner for u, runner in zip(self.updates, runners, strict=True)}
        self._homes = [(v, homes[id(now[key])]) for key, v in written.items()]
        del now, homes
        self._move()
        self._arrays = [array for _, array in self._homes]
        self._arrays += list({id(a.base): a.base for a in self._arrays if a.base is not None}.values())
        self._holders = self._count()

    def _count(self) -> int:
        """How many there are, in sum, who hold the arrays that are written to."""
        return sum(map(getrefcount, self._arrays))

    def _at_home(self) -> bool:
        return all(variable._array is array for variable, array in self._homes)

    def _move(self) -> None:
        for variable, array in self._homes:
            if variable._array is not array:
                array[...] = variable._array
                variable._array = array

    def _settle(self) -> None:
        """Put the arrays that are written to in order: with other values now, or held by somebody else, too."""
        self._move()
        if self._count() != self._holders:
            self._pack()


class _Update:
    """A call that writes into the arrays of Variables, its `owners`; `given` are the other arguments."""

    def __init__(self, capture: Capture, call: Call, name: str) -> None:
        self.call, self.name = call, name
        self.owners: list[Any] = [capture.owners.get(_slot(call.args[i])) for i in call.writes]
        written = {0, *call.writes}
        self.given = [x for i, x in enumerate(call.args) if i not in written]
        owners = [id(owner) for owner in self.owners]
        if id(None) in owners or [id(capture.owners.get(s)) for s in call.out] != owners:
            raise CannotReplay("an array that is written to is not a Variable's")


def _updates(capture: Capture) -> list[_Update]:
    """The calls that write into the arrays of Variables.

    Raises:
        CannotReplay: something that is written to is no Variable's, or what it was before is used afterwards.
    """
    updates: list[_Update] = []
    old: set[int] = set()
    for call in capture.calls:
        if old.intersection(_slots([call.args, call.kwargs])):
            raise CannotReplay("an array is used after it was written to")
        if call.writes:
            old |= _before(capture, call)
            updates.append(_Update(capture, call, f"update_{len(updates)}"))
    kept = [k.value for _, k in capture.left] + [k.value for k in tree.flatten(capture.result)]
    if old.intersection(_slots(kept)):
        raise CannotReplay("what an array held before it was written to is returned")
    return updates


def _before(capture: Capture, call: Call) -> set[int]:
    """The slots that stand for what the Variables held before a call wrote to them."""
    written = {id(capture.owners.get(slot)) for slot in call.out}
    first = min(call.out)
    return {slot for slot, owner in capture.owners.items() if id(owner) in written and slot < first}


def _slot(x: Any) -> ValueId:
    if not isinstance(x, ValueId):
        raise CannotReplay("an array that is written to is not a Variable's")
    return x


def _slots(structure: Any) -> list[ValueId]:
    return [x for x in tree.flatten(structure) if isinstance(x, ValueId)]


class _Writer:
    """Writes the source of a step: `source`, and the constants in it, `scope`."""

    def __init__(self, capture: Capture, updates: list[_Update]) -> None:
        self.capture = capture
        writing = {id(update.call): update for update in updates}
        variables, data = [e.slot for e in capture.entered], capture.data
        self.names: dict[int, str] = {}
        self.names.update({slot: f"v{slot}" for slot in variables})
        self.names.update({slot: f"x{slot}" for slot in data})
        self.homes = {id(e.variable): self.names[e.slot] for e in capture.entered}
        self.scope: dict[str, Any] = {"snapshot": capture.backend.copy}
        self.known: dict[int, str] = {}
        self.last = _last_uses(capture)
        lines = [
            "def step(variables, data):",
            self.unpacked(variables, "variables"),
            self.unpacked(data, "data"),
        ]
        for number, call in enumerate(capture.calls):
            update = writing.get(id(call))
            lines += self.lines_of(call, number) if update is None else self.lines_of_update(update)
        result = self.expression(tree.map_structure(self.kept, capture.result))
        lines.append(f"    return {result}, [{', '.join(self.kept(kept).text for _, kept in capture.left)}]")
        self.source = "\n".join(line for line in lines if line) + "\n"

    def unpacked(self, slots: list[ValueId], source: str) -> str:
        return f"    {', '.join(self.names[slot] for slot in slots)}, = {source}" if slots else ""

    def lines_of(self, call: Call, number: int) -> list[str]:
        """The call, and the end of what is not used any more."""
        function = call.function if call.errors is None else _Under(call.errors, call.function)
        arguments = [self.expression(a) for a in call.args]
        arguments += [f"{name}={self.expression(a)}" for name, a in call.kwargs.items()]
        after: list[str] = []
        target = self.target(call.out, after)
        line = f"{self.constant(function)}({', '.join(arguments)})"
        lines = [f"    {target} = {line}" if target else f"    {line}", *after]
        used = dict.fromkeys(_slots([call.args, call.kwargs]))
        over = [self.names[s] for s in used if self.last[s] == number and self.names[s][0] == "t"]
        return [*lines, f"    del {', '.join(over)}"] if over else lines

    def lines_of_update(self, update: _Update) -> list[str]:
        """A call that writes: what it returns are the arrays that the Variables hold."""
        for slot in update.call.out:
            self.names[slot] = self.homes[id(self.capture.owners[slot])]
        arguments = [self.expression(a) for a in update.given]
        arguments += [f"{name}={self.expression(a)}" for name, a in update.call.kwargs.items()]
        return [f"    {update.name}({', '.join(arguments)})"]

    def target(self, out: Any, after: list[str]) -> str:
        """What a call's result is assigned to; of dicts, what is in them is taken out in lines of its own."""
        if isinstance(out, ValueId):
            if out not in self.last:
                return "_"
            self.names[out] = f"t{int(out)}"
            return self.names[out]
        if not _slots(out):
            return ""
        name = f"r{min(_slots(out)):d}"
        if isinstance(out, dict):
            for key, item in out.items():
                inner = self.target(item, after)
                after.insert(0, f"    {inner or '_'} = {name}[{key!r}]")
            return name
        return "".join(f"{self.target(item, after) or '_'}, " for item in out).join("()")

    def expression(self, x: Any) -> str:
        """The source of an argument."""
        if isinstance(x, _Text):
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
        """The name of something that is the same in each run."""
        if id(x) not in self.known:
            name = getattr(x, "__name__", type(x).__name__).strip("<>").split(".")[-1]
            name = f"{name}_{len(self.scope)}" if name.isidentifier() else f"c_{len(self.scope)}"
            self.known[id(x)], self.scope[name] = name, x
        return self.known[id(x)]

    def kept(self, kept: CapturedOutput) -> _Text:
        """What is left behind."""
        text = self.expression(kept.value)
        return _Text(f"snapshot({text})" if kept.copied else text)


class _Text:
    """A piece of source."""

    def __init__(self, text: str) -> None:
        self.text = text


class _Under:
    """A function under NumPy's settings for overflow and the like."""

    def __init__(self, errors: Any, function: Function) -> None:
        self.errors, self.function = errors, function
        self.__name__ = function.__name__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with np.errstate(**self.errors):
            return self.function(*args, **kwargs)


def _last_uses(capture: Capture) -> dict[int, int]:
    """The number of the last call that uses a slot; what is kept is used until the end."""
    last: dict[int, int] = {}
    for number, call in enumerate(capture.calls):
        last |= dict.fromkeys(_slots([call.args, call.kwargs]), number)
    kept = [k.value for _, k in capture.left] + [k.value for k in tree.flatten(capture.result)]
    return last | dict.fromkeys(_slots(kept), len(capture.calls))
