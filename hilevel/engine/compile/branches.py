"""Conditions of a captured step as choices between values, for programs that run without Python.

```text
if t5:                            t7 = scale(t3)
    t7 = scale(t3)          ->    update_0(t7, condition=t5)
    update_0(t7)                  t9 = where(t5, t8, v2)
    t9 = t8
else:
    t9 = v2
```
"""

from __future__ import annotations

from collections.abc import Sequence

from hilevel.engine.compile.capture import Call, Capture, ValueId, begin_if, end_if
from hilevel.engine.types import Array


def same(values: Sequence[Array]) -> None:
    """Mark values that are other slots' values. The calls of a program contain the mark."""


def without_branches(capture: Capture) -> list[Call]:
    """Return the calls of a capture without conditions.

    All calls run. A call that writes in place gets the argument `condition`, an array: if it is false, nothing is
    written. A choice is made between the other values.
    """
    conditions: list[ValueId] = []
    calls: list[Call] = []
    for call in capture.calls:
        if call.function is begin_if:
            conditions.append(_both(capture, calls, [*conditions[-1:], call.args[0]]))
        elif call.function is end_if:
            calls += _choices(capture, call, conditions.pop())
        elif call.writes and conditions:
            options = {**call.kwargs, "condition": conditions[-1]}
            calls.append(Call(call.function, call.args, options, call.out, call.writes, call.errors))
        else:
            calls.append(call)
    return calls


def _both(capture: Capture, calls: list[Call], conditions: list[ValueId]) -> ValueId:
    """Return the slot of a condition within another condition; append the call that computes it."""
    if len(conditions) == 1:
        return conditions[0]
    slot = ValueId(len(capture.specs))
    capture.specs.append(capture.specs[conditions[0]])
    calls.append(Call(capture.backend.xp.logical_and, tuple(conditions), {}, slot, (), None))
    return slot


def _choices(capture: Capture, call: Call, condition: ValueId) -> list[Call]:
    """Return the calls that choose between the new and the old values after a condition."""
    calls, names = [], []
    for new, old, slot in zip(*call.args, call.out, strict=True):
        if capture.choices[slot]:
            names.append((new, slot))
        else:
            calls.append(Call(capture.backend.xp.where, (condition, new, old), {}, slot, (), None))
    kept, slots = zip(*names, strict=True) if names else ((), ())
    return [*calls, Call(same, (kept,), {}, slots, (), None)]
