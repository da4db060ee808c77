"""The collective operations of a compiled step, read from its program."""

from __future__ import annotations

import math
import re
from typing import Any

import jax

from hilevel.engine.layouts import place_batch
from hilevel.engine.overlay import arrays_of

KINDS = ("all-reduce", "all-gather", "all-to-all", "reduce-scatter", "collective-permute")
_CALL = re.compile(rf"= (.*?) ({'|'.join(KINDS)})(?:-start)?\(")
_SHAPE = re.compile(r"(\w+)\[([\d,]*)\]")
_BYTES = {"f32": 4, "s32": 4, "u32": 4, "f64": 8, "u64": 8, "s64": 8, "bf16": 2, "f16": 2, "pred": 1, "u8": 1}


def of_text(text: str) -> dict[str, int]:
    """Return the bytes of the results of each kind of collective operation of a program of XLA."""
    found: dict[str, int] = {}
    for result, kind in _CALL.findall(text):
        sizes = [
            _BYTES[dtype] * math.prod(int(n) for n in shape.split(",") if n)
            for dtype, shape in _SHAPE.findall(result)
        ]
        found[kind] = found.get(kind, 0) + sum(sizes)
    return found


def of_step(model: Any, batch: Any) -> dict[str, int]:
    """Return the bytes of the collective operations of the model's step of training."""
    (step,) = [step for key, step in model._training.steps.items() if key[0] == "train"]
    compiled = step.programs.compiled["jax"]
    programs = [*compiled.entries.values(), *compiled.bundles.values()]
    entry = programs[0]
    if not compiled.entries:
        raise AssertionError("The step ran in bundles only.")
    data = jax.tree.leaves(place_batch(batch))
    state = entry.state
    program = state.program.lower(arrays_of(state.written), arrays_of(state.read), data).compile()
    return of_text(program.as_text())
