"""The define-by-run tape: what was computed, in order, and the way back through it.

An op that gets a `TapeTensor` value while its tape is open appends one `TapeTensor` more: the result, the op and the
arguments it came from. `backward` walks the list from its end, asking each op's rule for the gradients of its
arguments. While a recording is open during that walk, the rules run on traced values and `hilevel.ops`, so that
the gradients are recorded in turn: gradients of gradients need nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

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
from hilevel.engine.types import Array, Function
from hilevel.errors import TracedValueError


class Tape(Interpreter):
    """Records the ops on traced values, in order, and lets the interpreter below it compute.

    `watched` are the Variables that are traced when they are read (`auto`: every trainable one), `leaves` the
    traced values that came of it, by the Variable's id. `open` counts the blocks that record, `users` those that
    have still to be asked for gradients.
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
        """Itself."""
        return self

    @property
    def untaped(self) -> Interpreter:
        """The interpreter that computes."""
        return self.below

    def call(self, function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any] = NO_OPTIONS) -> Any:
        """By the interpreter below."""
        return self.below.call(function, args, kwargs)

    def use(self, layer: Any) -> None:
        """By the interpreter below."""
        self.below.use(layer)

    def leave(self, layer: Any) -> None:
        """By the interpreter below."""
        self.below.leave(layer)

    def refuse(self, why: str) -> None:
        """By the interpreter below."""
        self.below.refuse(why)

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute; record the result if an operand is traced by this tape and the op has a gradient."""
        values: list[Any] = []
        parents: list[TapeTensor | None] = []
        linked, on_host = False, True
        for a in args:
            parent = None
            if a.__class__ is TapeTensor:
                if a.tape is self:
                    parent, linked, a = a, True, a.value
                else:
                    a = a.leave()
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
        return _pick_all(node) if y.__class__ is tuple else node

    def gradients(self, recorded: bool) -> scope:
        """Return a block for a backward pass, which this tape records in turn, or which is only computed."""
        return scope(interpreter=self if recorded else context.interpreter.untaped)

    def leaf(self, variable: Any, value: Any) -> Any:
        """Return the traced value of a Variable that holds `value`: one for each array that it holds in turn."""
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
    """A value with its origin: the op, its arguments' values, and which of these are traced themselves.

    Outside of the tape that made it, it behaves as the plain array that it holds.
    """

    __slots__ = (
        "__weakref__", "attributes", "layer", "op", "parents", "picked", "residuals", "tape", "value",
        "values",
    )  # fmt: skip
    layer: Any
    """The layer in whose call the op was recorded. Set by interpreters that follow the calls of layers."""

    def __init__(self, value: Any, tape: Tape, op: Any = None, values: Any = (), parents: Any = ()) -> None:
        self.value = value
        self.tape = tape
        self.op = op
        self.values = values
        self.parents = parents
        self.attributes: dict[str, Any] = {}
        self.residuals: Any = None
        self.picked: int | None = None

    def numpy(self) -> np.ndarray[Any, Any]:
        """The value as a NumPy array, cut off from the computation.

        Raises:
            TracedValueError: the value is part of a compiled function and has no numbers yet.
        """
        return to_host(self.value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        if self.tape is context.interpreter.tape:
            raise TracedValueError(
                "numpy.asarray of a traced tensor would cut it off from its gradient without a word. "
                "If that is meant, say hilevel.ops.stop_gradient(x).numpy() or x.numpy(); "
                "otherwise use the functions of hilevel.ops."
            )
        return np.asarray(self.numpy(), dtype=dtype)

    def leave(self) -> Any:
        """Return the value, for an op outside of the tape.

        Raises:
            TracedValueError: the step that the value belongs to is over.
        """
        check_alive(self)
        return plain_array(self.value)

    def __repr__(self) -> str:
        return f"<TapeTensor {self.value!r}>"


ARRAYS.add(TapeTensor)
RECORDED.add(TapeTensor)


def to_host(value: Array) -> np.ndarray[Any, Any]:
    """The numbers of an array of any backend, as a copy on the host."""
    backend = backend_of(value)
    if not backend.is_concrete(value):
        raise TracedValueError(
            "This tensor belongs to a compiled function and has no numbers while it is traced. Return "
            "it from the function, or look at it with run_eagerly=True."
        )
    return backend.to_numpy(value)


# -- recording --------------------------------------------------------------------------------------


def paused() -> Any:
    """A block in which nothing is recorded."""
    return scope(interpreter=context.interpreter.untaped)


def constant(beside: Any, numbers: Any, dtype: Any = None) -> Array:
    """NumPy's numbers as an array of the backend that the array `beside` belongs to."""
    return backend_of(untraced(beside)).asarray(numbers, dtype=dtype)


def untraced(x: Any) -> Any:
    """The plain array of a traced value; anything else as it is."""
    return x.value if isinstance(x, TapeTensor) else x


def check_alive(x: TapeTensor) -> None:
    """Refuse a value whose step is over."""
    if x.tape.expired:
        raise TracedValueError(expired_message())


def expired_message() -> str:
    """What is said of a traced value that is used after its step, on every backend."""
    return (
        "A traced value was used after its step: a tensor made inside a differentiated or compiled "
        "function was kept (in an attribute, a list, a global) and used later. Return it from the "
        "function, or keep it in a hilevel.Variable with assign()."
    )


# -- the way back -----------------------------------------------------------------------------------


def backward(
    targets: Sequence[Any], seeds: Sequence[Any], sources: Iterable[TapeTensor], release: bool = False
) -> list[Any]:
    """The sum over targets of `seed * d target / d source`, for each source; None where there is no path.

    With `release`, the recording is emptied on the way, so that memory is given back as early as can be. Only what
    lies between targets and sources is computed.
    """
    again = context.interpreter.tape is not None
    gradients: dict[int, Any] = {}
    start: Tape | None = None
    for target, seed in zip(targets, seeds, strict=True):
        if isinstance(target, TapeTensor):
            start = target.tape
            _send(gradients, target, seed)
    wanted = list(sources)
    kept = {id(s): gradients[id(s)] for s in wanted if id(s) in gradients}
    if start is None:
        return [None] * len(wanted)
    keep = {id(s) for s in wanted}
    needed = _between(start.nodes, keep)
    release = release and not again
    for node in _reverse(start.nodes, release):
        key = id(node)
        g = gradients.pop(key, None)
        if g is not None:
            if key in keep:
                kept[key] = g
            if key in needed and node.op is not None:
                _pass_on(node, g, again, needed, gradients)
        if release:
            node.values = node.parents = ()
            node.residuals = None
    kept |= {key: g for key, g in gradients.items() if key in keep}
    return [kept.get(id(s)) for s in wanted]


def _between(nodes: list[TapeTensor], sources: set[int]) -> set[int]:
    """The ids of everything that depends on the sources, and of these."""
    needed = set(sources)
    for node in nodes:
        for parent in node.parents:
            if parent is not None and (
                id(parent) in needed or (parent.picked is not None and id(parent.parents[0]) in needed)
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


def _send(gradients: dict[int, Any], node: TapeTensor, g: Any) -> None:
    """Add a contribution to a node's gradient; that of one of several outputs to its place in the tuple."""
    if node.picked is not None:
        whole = node.parents[0]
        parts = gradients.setdefault(id(whole), [None] * len(whole.value))
        parts[node.picked] = g if parts[node.picked] is None else parts[node.picked] + g
        return
    key = id(node)
    before = gradients.get(key)
    gradients[key] = g if before is None else before + g


def _pass_on(node: TapeTensor, g: Any, again: bool, needed: set[int], gradients: dict[int, Any]) -> None:
    """Send each argument of a node its gradient, as the op's rule gives it, in the argument's shape and dtype."""
    if g.__class__ is list:
        g = tuple(zeros_like(v) if part is None else part for part, v in zip(g, node.value, strict=True))
    wanted = tuple(p is not None and (id(p) in needed or p.picked is not None) for p in node.parents)
    grads = _apply_rule(node, g, again, wanted)
    for parent, value, gradient in zip(node.parents, node.values, grads, strict=True):
        if parent is None or gradient is None:
            continue
        if gradient.shape != value.shape:
            gradient = sum_to_shape(gradient, value.shape)
        if gradient.dtype is not value.dtype and gradient.dtype != value.dtype:
            gradient = gradient.astype(value.dtype)
        if parent.picked is None:
            before = gradients.get(id(parent))
            gradients[id(parent)] = gradient if before is None else before + gradient
        else:
            _send(gradients, parent, gradient)


def _apply_rule(node: TapeTensor, g: Any, again: bool, wanted: tuple[bool, ...]) -> Sequence[Any]:
    """The gradients of those arguments for which they are wanted."""
    op = node.op
    if again:
        values = [v if p is None else p for p, v in zip(node.parents, node.values, strict=True)]
        y: Any = node.value if isinstance(node.value, tuple) else node
        return _demand(op.rule, wanted, tensor.ops, g, y, *values, **node.attributes)
    first = g[0] if g.__class__ is tuple else g
    backend = backend_of(first)
    override = backend.overrides[op]
    rule = op.rule if override is None or override.gradient is None else override.gradient
    attributes = node.attributes
    if node.residuals is not None:
        attributes = attributes | {"residuals": node.residuals}
    args = (rule, wanted, backend.xp, g, node.value, *node.values)
    interpreter = context.interpreter
    grads = _demand(*args, **attributes) if op.is_composite else interpreter.call(_demand, args, attributes)
    if not interpreter.is_plain:
        interpreter.differentiated(node, g, grads)
    return grads


def _demand(rule: Any, wanted: tuple[bool, ...], /, *args: Any, **kwargs: Any) -> list[Any]:
    """What a rule says, worked out where it is wanted and None where it is not."""
    grads = rule(*args, **kwargs)
    if not isinstance(grads, (tuple, list)):
        grads = (grads,)
    return [
        None if not want else g() if g.__class__ is _FUNCTION else g
        for g, want in zip(grads, wanted, strict=True)
    ]


_FUNCTION = type(lambda: None)


def sum_to_shape(g: Any, shape: tuple[int, ...]) -> Any:
    """Undo a broadcast: sum over the axes along which an array of `shape` was repeated."""
    lead = len(g.shape) - len(shape)
    if lead > 0:
        g = g.sum(axis=tuple(range(lead)))
    stretched = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    return g.sum(axis=stretched, keepdims=True) if stretched else g


def zeros_like(x: Array) -> Array:
    """An array of zeros in the shape and dtype of `x`."""
    return context.interpreter.call(backend_of(x).xp.zeros_like, (x,))


def ones_like(x: Array) -> Array:
    """An array of ones in the shape and dtype of `x`."""
    return context.interpreter.call(backend_of(x).xp.ones_like, (x,))


def _pick_all(node: TapeTensor) -> tuple[TapeTensor, ...]:
    """Return a traced value for each output of a node."""
    outputs = []
    for i, value in enumerate(node.value):
        output = TapeTensor(value, node.tape, None, (), (node,))
        output.picked = i
        outputs.append(output)
    return tuple(outputs)
