"""`GradientTape`: derivatives of whatever is computed in a block."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import masks, tree
from hilevel.engine import tensor
from hilevel.engine.autodiff.functional import sum_groups
from hilevel.engine.autodiff.tape import Tape, TapeTensor, backward, ones_like, paused, untraced
from hilevel.engine.context import context
from hilevel.engine.dtypes import is_float
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import to_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable


class GradientTape:
    """Records what is computed in a block, and differentiates it.

    Trainable Variables are watched by themselves; a plain array is watched with `x = tape.watch(x)`. Tapes can be
    nested, for gradients of gradients, and several can be open at once; the work is recorded once for all.

    Args:
        persistent: whether `gradient` can be asked more than once.
        watch_accessed_variables: whether trainable Variables are watched when they are read.

    >>> import hilevel
    >>> w = hilevel.Variable(3.0)
    >>> with hilevel.GradientTape() as tape:
    ...     loss = w * w
    >>> tape.gradient(loss, w)
    np.float32(6.0)
    """

    def __init__(self, persistent: bool = False, watch_accessed_variables: bool = True) -> None:
        self._persistent = persistent
        self._auto = watch_accessed_variables
        self._record: Tape | None = None
        self._before: Any = None
        self._open = False
        self._used = False

    def __enter__(self) -> GradientTape:
        if self._open:
            raise RuntimeError("This GradientTape is already recording.")
        self._before = context.interpreter
        self._record = self._before.tape or Tape()
        self._record.auto |= self._auto
        self._record.open += 1
        self._record.users += 1
        if not self._before.infers_shapes:
            context.interpreter = self._record
        self._open, self._used = True, False
        return self

    def __exit__(self, *_: Any) -> None:
        record = self._recording()
        record.open -= 1
        context.interpreter = self._before
        self._open = False

    def _recording(self) -> Tape:
        if self._record is None:
            raise RuntimeError("This GradientTape has recorded nothing: use it in a with block.")
        return self._record

    def watch(self, tensor: Any) -> Any:
        """The tensor, or structure of them, in a form the tape can follow: `x = tape.watch(x)`. Variables, too.

        Raises:
            TypeError: it is not of a floating-point dtype.
        """
        return tree.map_structure(self._watch, tensor)

    def _watch(self, x: Any) -> Any:
        record = self._recording()
        if context.interpreter.infers_shapes:
            return to_array(x)
        if isinstance(x, Variable):
            record.watched[id(x)] = x
            return x
        array = to_array(x)
        if isinstance(array, TapeTensor) and array.tape is record:
            return array
        if not is_float(array.dtype):
            raise TypeError(
                f"GradientTape.watch: gradients are taken of floats; got dtype {array.dtype}. Cast it "
                "first: hilevel.ops.cast(x, 'float32')."
            )
        return masks.set_mask(TapeTensor(untraced(array), record), masks.mask_of(x))

    def watched_variables(self) -> list[Variable]:
        """The Variables that are being watched, in the order in which they were read."""
        return list(self._recording().watched.values())

    def stop_recording(self) -> Any:
        """A block inside the tape's block in which nothing is recorded."""
        return paused()

    def reset(self) -> None:
        """Forget what has been recorded."""
        record = self._recording()
        record.nodes.clear()
        record.leaves.clear()
        record.watched.clear()

    def gradient(
        self,
        target: Any,
        sources: Any,
        output_gradients: Any = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """The gradient of the sum of the targets' elements, for each source, in the structure of the sources.

        Args:
            target: a tensor computed in the block, or a structure of them.
            sources: Variables, or tensors that `watch` returned, in any structure.
            output_gradients: what the elements of the targets count, instead of 1 each.
            unconnected_gradients: `"none"` or `"zero"`, for sources the target does not depend on.

        Raises:
            RuntimeError: asked a second time, and the tape is not persistent.
            TypeError: a source that was not watched.
        """
        record = self._recording()
        if unconnected_gradients not in ("none", "zero"):
            raise ValueError(
                f'unconnected_gradients must be "none" or "zero"; got {unconnected_gradients!r}.'
            )
        if context.interpreter.infers_shapes:
            return tree.map_structure(lambda s: TensorSpec(s.shape, s.dtype), sources)
        targets = [_target(t) for t in tree.flatten(target)]
        groups = [self._leaves(source, record) for source in tree.flatten(sources)]
        again = self._begin(record)
        with record.gradients(recorded=again):
            seeds = _seeds(targets, output_gradients)
            release = not self._persistent and record.users == 0
            leaves = [leaf for group in groups for leaf in group]
            found = sum_groups(groups, backward(targets, seeds, leaves, release))
        if unconnected_gradients == "zero":
            found = [
                tensor.ops.zeros_like(s) if g is None else g
                for g, s in zip(found, tree.flatten(sources), strict=True)
            ]
        return tree.pack_sequence_as(sources, found)

    def _begin(self, record: Tape) -> bool:
        """Whether the gradients are to be recorded in turn: another tape is open, or this one stays."""
        if self._used and not self._persistent:
            raise RuntimeError(
                "GradientTape.gradient can be asked once; for more use GradientTape(persistent=True)."
            )
        if not self._used:
            record.users -= 1
        self._used = True
        return record.open - (self._open and not self._persistent) > 0

    def _leaves(self, source: Any, record: Tape) -> list[TapeTensor]:
        if isinstance(source, Variable):
            return record.leaves.get(id(source), [])
        if isinstance(source, TapeTensor):
            return [source]
        raise TypeError(
            "GradientTape.gradient: a source is an array that the tape cannot follow. "
            "Watch it, and use what watch returns: x = tape.watch(x); y = f(x); tape.gradient(y, x)."
        )

    def jacobian(self, target: Tensor, source: Any) -> Any:
        """All derivatives of a tensor, of shape `target.shape + source.shape`."""
        if not isinstance(target, TapeTensor):
            return None
        shape = tuple(target.shape)
        n = int(np.prod(shape, dtype=np.int64))
        seeds = np.eye(n, dtype=target.dtype).reshape((n, *shape))
        record = self._recording()
        again = self._begin(record)
        leaves = self._leaves(source, record)
        home = backend_of(target.value)
        with record.gradients(recorded=again):
            rows = [sum_groups([leaves], backward([target], [home.asarray(s)], leaves))[0] for s in seeds]
            if not rows or rows[0] is None:
                return None
            return tensor.ops.reshape(tensor.ops.stack(rows), shape + tuple(source.shape))


def _target(x: Any) -> Any:
    return x.read() if isinstance(x, Variable) else x


def _seeds(targets: list[Any], output_gradients: Any) -> list[Any]:
    if output_gradients is not None:
        return [to_array(g) for g in tree.flatten(output_gradients)]
    return [ones_like(t.value) if isinstance(t, TapeTensor) else None for t in targets]
