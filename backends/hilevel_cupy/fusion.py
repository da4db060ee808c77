"""Fusion: chains of element-wise calls of a captured step as one kernel each.

Each call of a function of arrays is traced (`expressions.py`). Calls with results of one shape are joined into one
kernel, at the position of the first call, if their operands are there by then. A value that no other call uses stays
in a register.

```text
t5 = add(cupy, t3, v1)
t6 = tanh(cupy, t5)                             ->   t6, t9, = fused(t3, v1, g8)
t9 = _call_rule(rule, cupy, g8, t6, t5)
```
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import cupy
import numpy as np

from hilevel import tree
from hilevel.engine.compile.capture import Call, ValueId, begin_if, end_if, slots_in
from hilevel.engine.types import Function
from hilevel_cupy import expansion
from hilevel_cupy.expansion import Spec, expanded, replaced
from hilevel_cupy.expressions import ELEMENTWISE, Expression, Functions, NotElementwiseError, Trace, kernel

MAX_ARRAYS, MAX_CALLS = 32, 64
"""The maximum number of arrays of a kernel, as CUDA passes 4 kB of parameters, and its maximum number of calls."""
FUNCTIONS = Functions()
FORMS = {id(function): ELEMENTWISE[name] for name, function in expansion.FUNCTIONS.items()}
"""The forms of CuPy's functions for one element, by the `id` of the function."""


def fuse(calls: Sequence[Call], specs: Sequence[Spec], outputs: Iterable[ValueId]) -> list[Call]:
    """Return calls with a call of a kernel in place of each group of element-wise calls.

    Args:
        calls: the calls of a captured step.
        specs: the shape and dtype of each value, by its slot.
        outputs: the slots that are used after the calls.
    """
    fusion = _Fusion(specs)
    for call in calls:
        fusion.add(call)
    return fusion.result(outputs)


class _Fusion:
    """The steps of a program: plain calls, and groups of element-wise calls."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self.specs = list(specs)
        self.steps: list[Call | _Group] = []
        self.positions: dict[int, int] = {}
        self.latest: dict[tuple[int, ...], _Group] = {}

    def add(self, call: Call) -> None:
        """Add a call, or the calls in it, to the steps."""
        if call.function in (begin_if, end_if):
            self.latest.clear()
        shape = _elementwise_shape(call, self.specs)
        parts = expanded(call, self.specs) if shape is None and not call.writes else None
        for part in parts or [call]:
            self._add(part, _elementwise_shape(part, self.specs) if parts else shape)

    def _add(self, call: Call, shape: tuple[int, ...] | None) -> None:
        if shape is None:
            position = len(self.steps)
            self.steps.append(call)
        else:
            position = self._group_for(call, shape).position
        self.positions |= dict.fromkeys(slots_in(call.out), position)

    def _group_for(self, call: Call, shape: tuple[int, ...]) -> _Group:
        """Add an element-wise call to a group, and return the group."""
        group = self.latest.get(shape)
        read = slots_in([call.args, call.kwargs])
        if (
            group is None
            or any(self.positions.get(s, -1) > group.position for s in read)
            or not group.add(call)
        ):
            group = self.latest[shape] = _Group(self.specs, len(self.steps))
            group.add(call)
            self.steps.append(group)
        return group

    def result(self, outputs: Iterable[ValueId]) -> list[Call]:
        """Return the calls of the steps, without the values that only their own group uses."""
        readers: dict[int, set[int]] = {slot: {-1} for slot in outputs}
        for i, step in enumerate(self.steps):
            for call in step.calls if isinstance(step, _Group) else [step]:
                for slot in slots_in([call.args, call.kwargs]):
                    readers.setdefault(slot, set()).add(i)
        calls: list[Call] = []
        for i, step in enumerate(self.steps):
            calls += (
                [step] if isinstance(step, Call) else step.fused({s for s in readers if readers[s] - {i}})
            )
        return calls


class _Group:
    """Element-wise calls with results of one shape, at a position among the steps."""

    def __init__(self, specs: Sequence[Spec], position: int) -> None:
        self.specs, self.position = specs, position
        self.calls: list[Call] = []
        self._arrays: set[Any] = set()

    def add(self, call: Call) -> bool:
        """Add a call if the kernel has room for it, and return whether it has."""
        arrays = self._arrays | set(slots_in([call.args, call.kwargs, call.out]))
        if self.calls and (len(arrays) > MAX_ARRAYS or len(self.calls) == MAX_CALLS):
            return False
        self._arrays = arrays
        self.calls.append(call)
        return True

    def fused(self, used: set[int]) -> list[Call]:
        """Return a call of a kernel; the calls themselves if they are a single operation.

        Args:
            used: the slots of the values that other steps use.
        """
        body = _Body(self.specs)
        for call in self.calls:
            body.run(call)
        out = [s for call in self.calls for s in slots_in(call.out) if s in used]
        if len(body.trace.statements) < 2 or not out:
            return self.calls
        results = [body.values[s] for s in out]
        fused = _kernel(
            ", ".join(f"{x.dtype.name} {x.name}" for x in map(body.value, body.operands)),
            ", ".join(f"{x.dtype.name} y{i}" for i, x in enumerate(results)),
            (*body.trace.statements, *(f"y{i} = {x.name};" for i, x in enumerate(results))),
        )
        return [Call(fused, tuple(body.operands), {}, tuple(out) if len(out) > 1 else out[0], (), None)]


class _Body:
    """The trace of calls as the body of a kernel.

    Attributes:
        operands: the slots, and the arrays that are constants of the step, that the calls read.
        values: the expressions of operands and results.
    """

    def __init__(self, specs: Sequence[Spec]) -> None:
        self.trace = Trace()
        self.operands: list[Any] = []
        self.values: dict[Any, Expression] = {}
        self._specs = specs

    def run(self, call: Call) -> None:
        """Call the function of a call on expressions.

        Raises:
            NotElementwiseError: a result has another shape or dtype than in the capture. Functions that do more than
                arithmetic on elements raise errors of any class.
        """
        function = FORMS.get(id(call.function), call.function)
        args, kwargs = replaced((call.args, call.kwargs), self.value)
        results = tree.flatten(function(*args, **kwargs))
        for slot, y in zip(tree.flatten(call.out), results, strict=True):
            if isinstance(slot, ValueId):
                if not isinstance(y, Expression) or (y.shape, y.dtype) != self._specs[slot]:
                    raise NotElementwiseError("A result is not as in the capture.")
                self.values[slot] = y

    def value(self, x: Any) -> Any:
        """Return an argument as the function gets it."""
        if x is cupy:
            return FUNCTIONS
        if not isinstance(x, (ValueId, cupy.ndarray)):
            return x
        key = x if isinstance(x, ValueId) else ("constant", id(x))
        if key not in self.values:
            shape, dtype = self._specs[x] if isinstance(x, ValueId) else (x.shape, x.dtype)
            self.values[key] = Expression(self.trace, f"a{len(self.operands)}", dtype, shape)
            self.operands.append(x)
        y = self.values[key]
        return Expression(self.trace, y.name, y.dtype, y.shape, is_argument=True)


def _elementwise_shape(call: Call, specs: Sequence[Spec]) -> tuple[int, ...] | None:
    """Return the shape of the results of an element-wise call; None for another call."""
    shapes = {specs[slot][0] for slot in slots_in(call.out)}
    if call.writes or len(shapes) != 1:
        return None
    body = _Body(specs)
    try:
        body.run(call)
    except Exception:
        return None
    (shape,) = shapes
    operands = [body.value(x).shape for x in body.operands]
    return shape if np.broadcast_shapes(*operands) == shape else None


@lru_cache(maxsize=4096)
def _kernel(operands: str, results: str, body: tuple[str, ...]) -> Function:
    """Return the kernel of a group. Groups with the same statements have the same."""
    return kernel(operands, results, body, "hilevel_fused")
