"""`trace_nan`, which finds the op that makes the first NaN or infinity."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hilevel import ops, tree
from hilevel.callbacks.base import Callback
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import is_float
from hilevel.engine.interpreter import EVALUATE, NO_OPTIONS, Observer, backend_of, plain_array
from hilevel.engine.overlay import Overlay
from hilevel.engine.types import Array, Function
from hilevel.errors import NotFiniteError

if TYPE_CHECKING:
    from hilevel.engine.variables import Variable
    from hilevel.layers.base.layer import Layer

ADVICE = {
    "log": "The logarithm of 0 is -inf, and of a negative value NaN: add a small constant, as in ops.log(x + 1e-7).",
    "sqrt": "The root of a negative value is NaN, its slope at 0 infinite: add a small constant: ops.sqrt(x + 1e-7).",
    "rsqrt": "Operands must be positive: add a small constant, as in ops.rsqrt(x + 1e-7).",
    "divide": "The divisor has zeros, or very small values: add a small constant, or use ops.divide_no_nan.",
    "reciprocal": "The operand has zeros, or very small values: add a small constant.",
    "exp": "The operand is too large: subtract its maximum first, as ops.softmax and ops.logsumexp do.",
    "power": "A negative value to a fractional power is NaN, 0 to a negative power infinite.",
    "embedding_lookup": "An index outside the table gives NaN: compare the indices with input_dim.",
}
GENERAL_ADVICE = (
    "Look at the ranges of the operands. A smaller learning rate, or clipnorm=1.0, keeps weights small."
)


class trace_nan(Callback):
    """A block, or a callback of `fit`, that raises an error at the first op that makes NaN or infinity.

    It checks every call of an op, in the forward pass, the backward pass and the updates of weights. NaN in the data
    or in a Variable is reported at the first op whose result has it. Infinity in an operand, as in masks, is allowed
    until an op makes NaN of it.

    It affects its own thread only. Compiled functions run as plain Python, and the tape replaces the backend's own
    differentiation, as with `compile(run_eagerly=True)`. Each result is checked: a step takes many times as long.
    Overflow that a `LossScaleOptimizer` handles is an error here: look for NaN in float32 or bfloat16.

    Raises:
        NotFiniteError: a `FloatingPointError` that names the op, the layer and the step, with advice.
        RuntimeError: the block is entered in a compiled function.

    >>> import hilevel
    >>> with hilevel.debug.trace_nan():
    ...     try:
    ...         hilevel.ops.log([1.0, 0.0])
    ...     except FloatingPointError as error:
    ...         print(str(error).split(" Operands: ")[0])
    The op log made 1 infinite of 2 elements out of finite operands, outside of a layer.
    """

    def __init__(self) -> None:
        super().__init__()
        self._blocks: list[ExitStack] = []
        self._batch = ExitStack()
        self._epoch: int | None = None

    def __enter__(self) -> Self:
        self._blocks.append(enter_check(""))
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.pop().close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Begin the checks of a batch."""
        self._begin(f"at epoch {(self._epoch or 0) + 1}, step {batch + 1}")

    def on_test_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Begin the checks of a batch."""
        self._begin(f"at step {batch + 1} of the evaluation")

    def on_predict_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Begin the checks of a batch."""
        self._begin(f"at step {batch + 1} of the prediction")

    def _begin(self, when: str) -> None:
        self._batch.close()
        self._batch = enter_check(when)

    def _end(self, *_: object, **__: object) -> None:
        """End the checks, after a batch or an error in it."""
        self._batch.close()

    on_train_batch_end = on_test_batch_end = on_predict_batch_end = _end
    on_train_end = on_test_end = on_predict_end = _end


def enter_check(when: str) -> ExitStack:
    """Enter a `_Check`, below an open tape, until the returned stack is closed. Do nothing while inferring shapes."""
    stack = ExitStack()
    before = context.interpreter
    if before.infers_shapes:
        return stack
    if context.compiling:
        raise RuntimeError(
            "trace_nan was entered in a compiled function, whose values are unknown. Enter it around the call "
            "of the function, give fit callbacks=[trace_nan()], or compile the model with run_eagerly=True."
        )
    reads, tape = _Reads(), before.tape
    check = _Check(when, reads)
    stack.enter_context(np.errstate(all="ignore"))
    stack.enter_context(reads)
    if tape is None:
        stack.enter_context(scope(interpreter=check))
    else:
        stack.callback(setattr, tape, "below", tape.below)
        tape.below = check
    return stack


class _Reads(Overlay):
    """An overlay without values, which notes in `seen` the Variables that are read."""

    __slots__ = ()

    def read(self, variable: Variable) -> Any:
        self.seen[id(variable)] = variable
        return variable._array if self.outer is None else self.outer.read(variable)

    def write(self, variable: Variable, value: Array) -> None:
        if self.outer is None:
            variable._array = value
        else:
            self.outer.write(variable, value)


class _Check(Observer):
    """An interpreter that evaluates ops, and raises an error if an op makes NaN or infinity.

    Args:
        when: a clause with the current step; empty if it is unknown.
        reads: the overlay that notes the Variables that are read.
    """

    def __init__(self, when: str, reads: _Reads) -> None:
        self.when, self.reads = when, reads
        self.layers: list[Layer | None] = [None]

    def use(self, layer: Any) -> None:
        self.layers.append(layer)

    def leave(self, layer: Any) -> None:
        self.layers.pop()

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Call a function of arrays. Ops that it calls are not checked on their own."""
        with scope(interpreter=EVALUATE):
            return function(*args, **kwargs)

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        y = super().run(op, args, kwargs)
        formula = kwargs.get("formula")
        of = "" if formula is None else f" of {formula.__qualname__.partition('.')[0]}"
        self._check(f"op {op.name}{of}", op, (args, kwargs), y, self.layers[-1])
        return y

    def recorded(self, node: Any) -> None:
        node.layer = self.layers[-1]
        self._check(f"op {node.op.name}", node.op, (node.values, node.attributes), node.value, node.layer)

    def differentiated(self, node: Any, g: Any, gradients: Sequence[Any]) -> None:
        operands = g, node.value, node.values, node.attributes
        what = f"gradient of the op {node.op.name}"
        self._check(what, node.op, operands, gradients, getattr(node, "layer", None))

    def _check(self, what: str, op: Any, operands: object, results: object, layer: Layer | None) -> None:
        broken = [x for x in _floats(results) if not _test("isfinite", x).all()]
        if not broken:
            return
        given = _floats(operands)
        infinite = any(_test("isinf", x).any() for x in given)
        with_nan = [x for x in broken if _test("isnan", x).any()]
        if infinite and not with_nan:
            return
        nans = [x for x in given if _test("isnan", x).any()]
        what += _caller(op.name)
        if nans:
            origin, advice = self._origin(nans[0])
            said = f"NaN in {origin} reached the {what}"
        else:
            said = (
                f"The {what} made {_count([*with_nan, *broken][0])} out of {'in' * infinite}finite operands"
            )
            advice = ADVICE.get(op.name, GENERAL_ADVICE)
        place = "outside of a layer" if layer is None else f"in the layer {_described(layer)}"
        shapes = [", ".join(map(_range, arrays)) for arrays in (given, broken)]
        raise NotFiniteError(
            f"{said}, {place}{', ' * bool(self.when)}{self.when}. Operands: {shapes[0] or 'no floats'}. "
            f"Results that are not finite: {shapes[1]}. {advice}"
        )

    def _origin(self, x: Array) -> tuple[str, str]:
        """Return the origin of an operand with NaN, a Variable of its shape with NaN or else the data, and advice."""
        for v in self.reads.seen.values():
            if v.shape == tuple(x.shape) and is_float(v.dtype) and _test("isnan", plain_array(v.array)).any():
                return (
                    f'the Variable "{v.path}"',
                    "Check the values that were assigned to it, or the file that it was loaded from.",
                )
        return "the data", "Look for NaN in the data, and remove it or replace it, as by ops.nan_to_num."


def _floats(structure: object) -> list[Any]:
    """Return the floating-point arrays with known values, including Python floats."""
    leaves = [np.asarray(x) if x.__class__ is float else plain_array(x) for x in tree.flatten(structure)]
    arrays = [x for x in leaves if hasattr(x, "shape") and is_float(x.dtype)]
    return [x for x in arrays if backend_of(x).is_concrete(x)]


def _test(name: str, x: Array) -> Any:
    """Return the result of a function of the array module, for each element."""
    return getattr(backend_of(x).xp, name)(x)


def _count(x: Array) -> str:
    """Return the numbers of NaN and infinite elements, in words."""
    counts = {word: int(_test(name, x).sum()) for word, name in (("NaN", "isnan"), ("infinite", "isinf"))}
    return f"{' and '.join(f'{n:,} {word}' for word, n in counts.items() if n)} of {math.prod(x.shape):,} elements"


def _range(x: Array) -> str:
    """Return the dtype, the shape, the range of the finite elements, and the number of the others, in words."""
    values = backend_of(x).to_numpy(x).astype("float64")
    finite = values[np.isfinite(values)]
    extent = f" from {finite.min():.3g} to {finite.max():.3g}" if finite.size else ""
    return f"{x.dtype}{tuple(x.shape)}{extent}{f' ({_count(x)})' if finite.size < values.size else ''}"


def _described(layer: Layer) -> str:
    return f'{type(layer).__name__} "{layer.path or layer.name}"'


def _caller(name: str) -> str:
    """Return a clause with the function of `hilevel.ops` that was called, if it is not the op."""
    frame, found = sys._getframe(1), name
    while frame.f_back is not None and not _is_of_ops(frame):
        frame = frame.f_back
    while frame.f_back is not None and _is_of_ops(frame):
        found = frame.f_code.co_name if frame.f_code.co_name in dir(ops) else found
        frame = frame.f_back
    return "" if found == name else f" (called by ops.{found})"


def _is_of_ops(frame: FrameType) -> bool:
    return frame.f_globals.get("__name__", "").startswith(("hilevel.ops.", "hilevel.engine.op"))
