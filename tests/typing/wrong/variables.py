"""Wrong uses of Variables, gradients, and own ops."""

from typing import Any

import hilevel
from hilevel import ops

variable = hilevel.Variable(1.0, trainabel=True)  # error
hilevel.Variable()  # error
hilevel.Variable(1.0, name=3)  # error
hilevel.Variable(1.0, trainable="yes")  # error
point = hilevel.Variable(1.0)
point.asign(2.0)  # error
point.assign()  # error
shape: str = point.shape  # error
hilevel.grad(3)  # error
hilevel.grad()  # error
hilevel.jit(3)  # error
hilevel.value_and_grad(lambda: 1.0, variable=[point])  # error

with hilevel.GradientTape() as tape:
    tape.watch()  # error
tape.gradients(point, point)  # error
tape.gradient(point)  # error


@ops.op(dtyp="float")  # error
def double(xp: Any, x: Any) -> Any:
    return 2 * x


@ops.op(dtype="float", shape=3)  # error
def triple(xp: Any, x: Any) -> Any:
    return 3 * x
