"""Calls that reach an interpreter although none of their tensors is a specification."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hilevel import ops
from hilevel.engine.context import scope
from hilevel.engine.interpreter import Shapes
from hilevel.engine.spec import TensorSpec, UnknownSize, size_from

N = UnknownSize(240)


class Recorder(Shapes):
    """An interpreter that notes the names of the ops that it infers."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def infer(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.names.append(op.name)
        return super().infer(op, args, kwargs)


@pytest.mark.parametrize(
    "name, call, shape",
    [
        ("broadcast_to", lambda: ops.zeros((N, 2)), (N, 2)),
        ("broadcast_to", lambda: ops.ones(N), (N,)),
        ("arange", lambda: ops.arange(N), (N,)),
        ("getitem", lambda: ops.getitem(np.ones((3, 2)), TensorSpec((N,), "int32")), (N, 2)),
        ("take_along_axis", lambda: ops.take_along_axis(TensorSpec((N, 3), "float32"), np.zeros((1, 2), "int32"), 1), (N, 2)),
        ("cond", lambda: ops.cond(TensorSpec((), "bool"), lambda: np.ones(3), lambda: np.zeros(3)), (3,)),
    ],
)  # fmt: skip
def test_the_interpreter_infers_it(name: str, call: Any, shape: tuple[int, ...]) -> None:
    recorder = Recorder()
    with scope(interpreter=recorder):
        y = call()
    assert (recorder.names, y.shape) == ([name], shape)


def test_a_computed_size_keeps_its_class() -> None:
    class Size(UnknownSize):
        pass

    assert type(size_from(Size(7), N)) is Size
    assert size_from(UnknownSize(1), N) == 2
