"""The define-by-run tape: the record of the ops of a forward pass, and the backward pass.

An op with a `TapeTensor` among its operands appends its result to the tape: another `TapeTensor`, with the op and the
operands. `backward` walks the tape from its end, and calls the gradient rule of each op. While a tape records that
walk, the rules run on `TapeTensor`s and `hilevel.ops`, so that gradients of gradients are available.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel.engine import tensor
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.interpreter import (
    ARRAYS,
    HOST_TYPES,
    NO_OPTIONS,
    RECORDED,
    Interpreter,
    backend_of,
    on_backend,
    plain_array,
)
from hilevel.engine.tensor import ConcreteTensor
from hilevel.engine.types import Array, DTypeLike, Function, TensorLike
from hilevel.errors import TracedValueError

if TYPE_CHECKING:
    from hilevel.engine.op import Op
    from hilevel.engine.variables import Variable


class Tape(Interpreter):
    """The interpreter that records ops in order; the interpreter below it computes.

    Attributes:
        nodes: the results of the recorded ops.
        watched: the Variables whose reads are recorded, by id.
        auto: whether all trainable Variables are watched.
        leaves: the tensors that reads of Variables returned, by the Variable's id.
        open: the number of open `GradientTape` blocks.
        users: the number of `GradientTape`s whose gradient has not been computed yet.
        expired: whether the step is over, so that its tensors must not be used any more.
    """

    def __init__(self) -> None:
        self.below: Interpreter = context.interpreter
        self.nodes: list[TapeTensor] = []
        self.watched: dict[int, Any] = {}
        self.leaves: dict[int, list[TapeTensor]] = {}
        self.auto = False
        self.open = 0
        self.users = 0
        self.expired = False

    @property
    def tape(self) -> Tape:
        """The tape itself."""
        return self

    @property
    def untaped(self) -> Interpreter:
        """The interpreter that computes."""
        return self.below

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """Call the function by the interpreter below."""
        return self.below.call(function, args, kwargs)

    def use(self, layer: object) -> None:
        """Notify the interpreter below."""
        self.below.use(layer)

    def leave(self, layer: object) -> None:
        """Notify the interpreter below."""
        self.below.leave(layer)

    def refuse(self, why: str) -> None:
        """Notify the interpreter below."""
        self.below.refuse(why)

    def run(self, op: Op[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute; record the result if an operand belongs to this tape and the op has a gradient rule."""
        values: list[Any] = []
        parents: list[TapeTensor | None] = []
        linked, on_host = False, True
        for a in args:
            parent = None
            if a.__class__ is TapeTensor:
                if a.tape is self:
                    parent, linked, a = a, True, a.value
                else:
                    a = a.unwrap()
            on_host = on_host and a.__class__ in HOST_TYPES
            parents.append(parent)
            values.append(a)
        backend = context.backend or current_backend()
        if not on_host:
            backend, values = on_backend(values, backend)
        if op.rule is None or not linked:
            return self.below.run(op, tuple(values), kwargs)
        if not backend.takes_host_arrays:
            values = list(backend.convert_operands(values))
        override = backend.overrides[op]
        saving = op.saving if override is None or override.gradient is None else override.saving
        form = saving or (override or op).value
        if self.below.is_plain:
            y = form(backend.xp, *values, **kwargs)
        else:
            y = self.below.call(form, (backend.xp, *values), kwargs)
        residuals = None
        if saving is not None:
            y, residuals = y
        node = TapeTensor(y, self, op, values, parents)
        node.attributes = kwargs
        node.residuals = residuals
        self.nodes.append(node)
        if not self.below.is_plain:
            self.below.recorded(node)
        return outputs_of(node) if y.__class__ is tuple else node

    def inner(self) -> Tape:
        """Return an empty tape that watches the same Variables, and computes by the same interpreter."""
        tape = Tape()
        tape.below, tape.watched, tape.auto = self.below, self.watched, self.auto
        return tape

    def clear(self) -> None:
        """Forget the record, whose reference cycles would keep its arrays until the next garbage collection."""
        self.nodes.clear()
        self.leaves.clear()

    def gradients(self, recorded: bool) -> scope:
        """Return a block for a backward pass, which this tape records or which is only computed."""
        return scope(interpreter=self if recorded else context.interpreter.untaped)

    def leaf(self, variable: Variable, value: Array) -> Any:
        """Return the tensor for a read of a Variable of this value. Reads of the same array return the same tensor."""
        if value.__class__ is TapeTensor:
            return value
        leaves = self.leaves.get(id(variable))
        if leaves is None:
            leaves = self.leaves[id(variable)] = []
            self.watched[id(variable)] = variable
        elif leaves[-1].value is value:
            return leaves[-1]
        leaves.append(TapeTensor(value, self))
        return leaves[-1]


class TapeTensor(ConcreteTensor):
    """A value on a tape with its op, the values of the operands, and their tensors on the tape (`parents`).

    Outside of its tape, it behaves as the plain array `value`.
    """

    __slots__ = (
        "__weakref__",
        "attributes",
        "layer",
        "op",
        "output_index",
        "parents",
        "residuals",
        "tape",
        "value",
        "values",
    )  # fmt: skip
    layer: Any
    """The layer whose call recorded the op. Some interpreters set it."""

    def __init__(
        self,
        value: Array,
        tape: Tape,
        op: Any = None,
        values: Sequence[Array] = (),
        parents: Sequence[Any] = (),
    ) -> None:
        self.value = value
        self.tape = tape
        self.op = op
        self.values = values
        self.parents = parents
        self.attributes: dict[str, Any] = {}
        self.residuals: Any = None
        self.output_index: int | None = None

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return the value as a NumPy array, through which no gradient passes.

        Raises:
            TracedValueError: the tensor belongs to a function that is being traced.
        """
        return to_host(self.value)

    def __array__(self, dtype: DTypeLike = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if self.tape is context.interpreter.tape:
            raise TracedValueError(
                "numpy.asarray of a recorded tensor would lose its gradient silently. "
                "If no gradient is needed, use hilevel.ops.stop_gradient(x).numpy() or x.numpy(); "
                "otherwise the functions of hilevel.ops."
            )
        return np.asarray(self.numpy(), dtype=dtype)

    def unwrap(self) -> Any:
        """Return the value, for an op outside of the tape.

        Raises:
            TracedValueError: the step of the tensor is over.
        """
        check_alive(self)
        return plain_array(self.value)

    def __repr__(self) -> str:
        return f"<TapeTensor {self.value!r}>"


ARRAYS.add(TapeTensor)
RECORDED.add(TapeTensor)


def to_host(value: Array) -> np.ndarray[Any, Any]:
    """Return a copy of an array of any backend as a NumPy array.

    Raises:
        TracedValueError: the array belongs to a function that is being traced.
    """
    backend = backend_of(value)
    if not backend.is_concrete(value):
        raise TracedValueError(
            "This tensor belongs to a compiled function and has no values during its trace. Return it from the "
            "function, or inspect it with run_eagerly=True."
        )
    return backend.to_numpy(value)


# -- recording --------------------------------------------------------------------------------------


def paused() -> Any:
    """Return a block in which nothing is recorded."""
    return scope(interpreter=context.interpreter.untaped)


def constant(beside: TensorLike, numbers: TensorLike, dtype: DTypeLike = None) -> Array:
    """Convert a NumPy array to an array of the backend of the tensor `beside`."""
    return backend_of(untraced(beside)).asarray(numbers, dtype=dtype)


def untraced(x: TensorLike) -> Array:
    """Return the plain array of a tensor of a tape; other objects unchanged."""
    return x.value if isinstance(x, TapeTensor) else x


def check_alive(x: TapeTensor) -> None:
    """Raise TracedValueError if the step of a tensor is over."""
    if x.tape.expired:
        raise TracedValueError(expired_message())


def expired_message() -> str:
    """Return the message about a tensor that is used after its step."""
    return (
        "A traced value was used after its step: a tensor of a differentiated or compiled function was stored, and "
        "used after the function had returned. Return it from the function, or assign it to a hilevel.Variable."
    )


# -- the backward pass -----------------------------------------------------------------------------------


def backward(
    targets: Sequence[Any], seeds: Sequence[Any], sources: Iterable[TapeTensor], release: bool = False
) -> list[Any]:
    """Return the sum over targets of `seed * d target / d source` for each source; None if no target depends on it.

    Args:
        targets: tensors; only tensors of a tape count.
        seeds: the gradient of each target.
        sources: tensors of the tape.
        release: whether to empty the tape during the pass, so that memory is freed early.
    """
    recorded = context.interpreter.tape is not None
    gradients: dict[int, Any] = {}
    tape: Tape | None = None
    for target, seed in zip(targets, seeds, strict=True):
        if isinstance(target, TapeTensor):
            tape = target.tape
            _accumulate(gradients, target, seed)
    sources = list(sources)
    found = {id(s): gradients[id(s)] for s in sources if id(s) in gradients}
    if tape is None:
        return [None] * len(sources)
    source_ids = {id(s) for s in sources}
    needed = _dependents(tape.nodes, source_ids)
    release = release and not recorded
    for node in _reverse(tape.nodes, release):
        key = id(node)
        g = gradients.pop(key, None)
        if g is not None:
            if key in source_ids:
                found[key] = g
            if key in needed and node.op is not None:
                _backpropagate(node, g, recorded, needed, gradients)
        if release:
            node.values = node.parents = ()
            node.residuals = None
    found |= {key: g for key, g in gradients.items() if key in source_ids}
    return [found.get(id(s)) for s in sources]


def _dependents(nodes: list[TapeTensor], sources: set[int]) -> set[int]:
    """Return the ids of the sources and of all nodes that depend on them."""
    needed = set(sources)
    for node in nodes:
        for parent in node.parents:
            if parent is not None and (
                id(parent) in needed or (parent.output_index is not None and id(parent.parents[0]) in needed)
            ):
                needed.add(id(node))
                break
    return needed


def _reverse(nodes: list[TapeTensor], release: bool) -> Iterator[TapeTensor]:
    if not release:
        yield from reversed(nodes[:])
        return
    while nodes:
        yield nodes.pop()


def _accumulate(gradients: dict[int, Any], node: TapeTensor, g: Array) -> None:
    """Add a contribution to a node's gradient. The gradients of an op with several outputs are a list."""
    if node.output_index is not None:
        whole = node.parents[0]
        parts = gradients.setdefault(id(whole), [None] * len(whole.value))
        parts[node.output_index] = g if parts[node.output_index] is None else parts[node.output_index] + g
        return
    key = id(node)
    before = gradients.get(key)
    gradients[key] = g if before is None else before + g


def _backpropagate(
    node: TapeTensor, g: Array, recorded: bool, needed: set[int], gradients: dict[int, Any]
) -> None:
    """Add the gradients by the op's rule to the gradients of its operands, in their shapes and dtypes."""
    if g.__class__ is list:
        g = tuple(zeros_like(v) if part is None else part for part, v in zip(g, node.value, strict=True))
    needs = tuple(p is not None and (id(p) in needed or p.output_index is not None) for p in node.parents)
    grads = _apply_rule(node, g, recorded, needs)
    for parent, value, gradient in zip(node.parents, node.values, grads, strict=True):
        if parent is None or gradient is None:
            continue
        if gradient.shape != value.shape:
            gradient = sum_to_shape(gradient, value.shape)
        if gradient.dtype is not value.dtype and gradient.dtype != value.dtype:
            gradient = gradient.astype(value.dtype)
        if parent.output_index is None:
            before = gradients.get(id(parent))
            gradients[id(parent)] = gradient if before is None else before + gradient
        else:
            _accumulate(gradients, parent, gradient)


def _apply_rule(node: TapeTensor, g: Array, recorded: bool, needs: tuple[bool, ...]) -> Sequence[Any]:
    """Return the gradients of the operands that need one; None for the others."""
    op = node.op
    if recorded:
        values = [v if p is None else p for p, v in zip(node.parents, node.values, strict=True)]
        y: Any = outputs_of(node) if isinstance(node.value, tuple) else node
        return _call_rule(op.rule, needs, tensor.ops, g, y, *values, **node.attributes)
    first = g[0] if g.__class__ is tuple else g
    backend = backend_of(first)
    override = backend.overrides[op]
    rule = op.rule if override is None or override.gradient is None else override.gradient
    attributes = node.attributes
    if node.residuals is not None:
        attributes = attributes | {"residuals": node.residuals}
    args = (rule, needs, backend.xp, g, node.value, *node.values)
    interpreter = context.interpreter
    grads = (
        _call_rule(*args, **attributes) if op.is_composite else interpreter.call(_call_rule, args, attributes)
    )
    if not interpreter.is_plain:
        interpreter.differentiated(node, g, grads)
    return grads


def _call_rule(rule: Function, needs: tuple[bool, ...], /, *args: Any, **kwargs: Any) -> list[Any]:
    """Call a gradient rule. Call the functions among its results if that gradient is needed; else return None."""
    grads = rule(*args, **kwargs)
    if not isinstance(grads, (tuple, list)):
        grads = (grads,)
    return [
        None if not want else g() if g.__class__ is _FUNCTION else g
        for g, want in zip(grads, needs, strict=True)
    ]


_FUNCTION = type(lambda: None)


def sum_to_shape(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum a gradient over the axes along which an operand of `shape` was broadcast."""
    lead = len(g.shape) - len(shape)
    if lead > 0:
        g = g.sum(axis=tuple(range(lead)))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=stretched, keepdims=True) if stretched else g


def zeros_like(x: Array) -> Array:
    """Return an array of zeros in the shape and dtype of `x`."""
    return context.interpreter.call(backend_of(x).xp.zeros_like, (x,))


def ones_like(x: Array) -> Array:
    """Return an array of ones in the shape and dtype of `x`."""
    return context.interpreter.call(backend_of(x).xp.ones_like, (x,))


def outputs_of(node: TapeTensor) -> tuple[TapeTensor, ...]:
    """Return a tensor for each output of a node."""
    outputs = []
    for i, value in enumerate(node.value):
        output = TapeTensor(value, node.tape, None, (), (node,))
        output.output_index = i
        outputs.append(output)
    return tuple(outputs)
