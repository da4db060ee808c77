"""`remat`: a function whose intermediate results are computed again for the backward pass, and not stored."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from hilevel import masks, tree
from hilevel.engine.autodiff.functional import linearize
from hilevel.engine.autodiff.tape import Tape, TapeTensor, outputs_of, untraced
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import is_float
from hilevel.engine.interpreter import plain_array
from hilevel.engine.op import composite
from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.types import Array, Function, Namespace
from hilevel.engine.variables import Variable

_SETTINGS = ("training", "autocast", "dropout_factors", "name_scopes", "in_remat_layer")
"""The attributes of the context that the repetition of a call takes over."""


def remat(f: Function) -> Function:
    """Return the function with rematerialization, also called gradient checkpointing.

    The forward pass stores only the arguments. The backward pass calls the function again for its intermediate
    results. This saves memory, and takes the time of one more forward pass. The values stay the same: the repetition
    reads Variables as they were, draws the same random numbers, and changes no Variable.

    Args:
        f: a function of tensors, or a layer. It may read and write Variables. It must not depend on other values that
            change between both calls, such as the random numbers of Python.

    Returns:
        A function of the same arguments, with the same results.

    Source: Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016, https://arxiv.org/abs/1604.06174.

    >>> import hilevel
    >>> block = hilevel.remat(lambda x: ops.tanh(x * x))
    >>> hilevel.grad(lambda x: ops.sum(block(x)))(np.zeros(2))
    array([0., 0.])
    """

    @functools.wraps(f)
    def rematerialized(*args: Any, **kwargs: Any) -> Any:
        return _call(f, args, kwargs)

    return rematerialized


@composite
def _call(f: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Call a function with rematerialization, if its gradient may be computed."""
    tape, backend = context.interpreter.tape, current_backend()
    if tape is not None:
        return _on_tape(tape, _Segment(f, args, kwargs))
    if backend.remat is None or not context.interpreter.is_plain or not _is_traced(args, kwargs):
        return f(*args, **kwargs)
    return _by_backend(backend.remat, _Segment(f, args, kwargs))


def _is_traced(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether the backend may be differentiating or compiling the call."""
    backend = current_backend()
    return context.overlay is not None or any(
        backend.is_array(x) and not backend.is_concrete(x) for x in tree.flatten((args, kwargs))
    )


class _Segment:
    """A call of a function as a function of its tensors, which may be repeated with other ones.

    Attributes:
        tensors: the tensors of a floating-point dtype among the arguments.
    """

    def __init__(self, f: Function, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self.f, self.arguments = f, (tuple(args), dict(kwargs))
        self.flat = tree.flatten(self.arguments)
        backend = current_backend()
        self.positions = [
            i for i, x in enumerate(self.flat) if backend.is_array(untraced(x)) and is_float(x.dtype)
        ]
        self.tensors = [self.flat[i] for i in self.positions]
        self.settings = {name: getattr(context, name) for name in _SETTINGS}

    def run(self, tensors: Sequence[Any]) -> tuple[Any, list[Any], list[Any]]:
        """Return the result for other tensors in place of its own, the losses that layers added, and the masks."""
        flat = list(self.flat)
        for i, own, tensor in zip(self.positions, self.tensors, tensors, strict=True):
            mask = masks.mask_of(own)
            flat[i] = tensor if mask is None else masks.set_mask(tensor, mask)
        args, kwargs = tree.pack_sequence_as(self.arguments, flat)
        losses: list[Any] = []
        with scope(losses=losses, **self.settings):
            result = self.f(*args, **kwargs)
        return result, losses, [masks.mask_of(x) for x in tree.flatten(result)]


class _Results:
    """The results of a run of a segment: the tensors among them, and the way to return other tensors for these."""

    def __init__(self, run: tuple[Any, list[Any], list[Any]], is_tensor: Function) -> None:
        self.run, self.losses = run, run[1]
        self.flat = tree.flatten(run)
        self.positions = [i for i, x in enumerate(self.flat) if is_tensor(x)]
        self.tensors = [self.flat[i] for i in self.positions]

    def with_tensors(self, tensors: Sequence[Any]) -> Any:
        """Return the result with other tensors. Set their masks, and add the losses to those around the call."""
        flat = list(self.flat)
        for i, tensor in zip(self.positions, tensors, strict=True):
            flat[i] = tensor
        result, losses, found = tree.pack_sequence_as(self.run, flat)
        for tensor, mask in zip(tree.flatten(result), found, strict=True):
            if mask is not None:
                masks.set_mask(tensor, mask)
        self.losses[:] = losses
        if context.losses is not None:
            context.losses.extend(losses)
        return result


# -- on the tape ---------------------------------------------------------------------------------------


def _on_tape(tape: Tape, segment: _Segment) -> Any:
    """Run a segment, and record it as one op of its tensors and of the Variables that it reads."""
    inner = tape.inner()
    with Overlay() as overlay, scope(interpreter=inner):
        inputs = [TapeTensor(plain_array(x), inner) for x in segment.tensors]
        results = _Results(segment.run(inputs), lambda x: isinstance(x, TapeTensor) and x.tape is inner)
    state = list(zip(overlay.seen.values(), arrays_of(list(overlay.seen.values())), strict=True))
    overlay.commit()
    variables = [(v, value) for v, value in state if id(v) in inner.leaves]
    inner.clear()
    values = tuple(x.value for x in results.tensors)
    if not values:
        return results.with_tensors(())
    parents = [x if isinstance(x, TapeTensor) and x.tape is tape else None for x in segment.tensors]
    parents += [tape.leaf(v, value) for v, value in variables]
    arrays = [x.value for x in inputs] + [value for _, value in variables]
    op = _Repetition(segment, [v for v, _ in variables], state, results.positions)
    node = TapeTensor(values, tape, op, arrays, parents)
    tape.nodes.append(node)
    return results.with_tensors(outputs_of(node))


class _Repetition:
    """The op of a segment on a tape, whose gradient rule runs the segment again."""

    name = "remat"
    is_composite = True

    def __init__(
        self,
        segment: _Segment,
        variables: list[Variable],
        state: list[tuple[Variable, Array]],
        positions: list[int],
    ) -> None:
        self.segment, self.variables, self.state, self.positions = segment, variables, state, positions

    def rule(self, xp: Namespace, g: tuple[Array, ...], y: Any, *values: Array) -> Any:
        """Return the gradients of the tensors and Variables of the segment."""
        repeat = None if context.interpreter.tape is not None else current_backend().remat
        again = self._again if repeat is None else repeat(self._again)
        _, _, pullback = linearize(again, values, once=True)
        return pullback(list(g))

    def _again(self, *values: Array) -> list[Array]:
        """Run the segment with the Variables as they were, and return its tensors."""
        count = len(self.segment.tensors)
        read = zip(self.variables, values[count:], strict=True)
        with Overlay([*self.state, *read]):
            flat = tree.flatten(self.segment.run(values[:count]))
        return [flat[i] for i in self.positions]


# -- by the backend's own differentiation --------------------------------------------------------------


def _by_backend(repeat: Function, segment: _Segment) -> Any:
    """Run a segment by the backend's own rematerialization, which needs a pure function."""
    backend = current_backend()
    found: list[Any] = []

    def pure(tensors: Sequence[Array]) -> tuple[list[Array], list[Array]]:
        with Overlay() as overlay:
            results = _Results(segment.run(tensors), backend.is_array)
        written = list(overlay.written.values())
        found[:] = results, written
        return results.tensors, [overlay.read(v) for v in written]

    tensors, state = repeat(pure)(list(segment.tensors))
    results, written = found
    for variable, value in zip(written, state, strict=True):
        variable.replace(value)
    return results.with_tensors(tensors)
