"""`GradientTape`: derivatives of computations in a block."""

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
from hilevel.engine.types import Structure, Tensor, TensorLike
from hilevel.engine.variables import Variable


class GradientTape:
    """A block whose ops are recorded and can be differentiated.

    Trainable Variables are watched automatically, plain arrays by `x = tape.watch(x)`. Tapes can be nested, for
    gradients of gradients. Several tapes can be open at once; each op is recorded once for all of them.

    Args:
        persistent: whether `gradient` and `jacobian` can be called more than once.
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

    def __exit__(self, *_: object) -> None:
        record = self._recording()
        record.open -= 1
        context.interpreter = self._before
        self._open = False

    def _recording(self) -> Tape:
        if self._record is None:
            raise RuntimeError("This GradientTape has no record: use it in a with block.")
        return self._record

    def watch(self, tensor: TensorLike) -> Any:
        """Return a tensor, or each tensor of a structure, as a tensor of the tape. Variables are watched themselves.

        Args:
            tensor: a tensor or a Variable of a floating-point dtype, or a nested structure of them.

        Raises:
            TypeError: the dtype is not a floating-point dtype.
        """
        return tree.map_structure(self._watch, tensor)

    def _watch(self, x: TensorLike) -> Any:
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
                f"GradientTape.watch expects a floating-point dtype; got {array.dtype}. Cast the tensor "
                "first: hilevel.ops.cast(x, 'float32')."
            )
        return masks.set_mask(TapeTensor(untraced(array), record), masks.mask_of(x))

    def watched_variables(self) -> list[Variable]:
        """Return the watched Variables, in the order in which they were read."""
        return list(self._recording().watched.values())

    def stop_recording(self) -> Any:
        """Return a block, inside the tape's block, in which nothing is recorded."""
        return paused()

    def reset(self) -> None:
        """Clear the record."""
        record = self._recording()
        record.clear()
        record.watched.clear()

    def gradient(
        self,
        target: Structure,
        sources: Structure,
        output_gradients: Structure = None,
        unconnected_gradients: str = "none",
    ) -> Any:
        """Return the gradient of the sum of the targets' elements for each source, in the structure of the sources.

        Args:
            target: a tensor computed in the block, or a nested structure of tensors.
            sources: Variables, or tensors that `watch` returned, in a nested structure.
            output_gradients: the weight of each element of the targets, in the structure and shapes of `target`; 1 by
                default.
            unconnected_gradients: the gradient of a source that the targets do not depend on: None for `"none"`,
                zeros for `"zero"`.

        Raises:
            RuntimeError: the tape is not persistent, and this is the second call.
            TypeError: a source was not watched.
            ValueError: `unconnected_gradients` is neither `"none"` nor `"zero"`.
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
        """Return whether the backward pass has to be recorded: for another open tape, or as this one is persistent."""
        if self._used and not self._persistent:
            raise RuntimeError(
                "GradientTape.gradient can be called once. Use GradientTape(persistent=True) for more calls."
            )
        if not self._used:
            record.users -= 1
        self._used = True
        return record.open - (self._open and not self._persistent) > 0

    def _leaves(self, source: object, record: Tape) -> list[TapeTensor]:
        if isinstance(source, Variable):
            return record.leaves.get(id(source), [])
        if isinstance(source, TapeTensor):
            return [source]
        raise TypeError(
            "GradientTape.gradient: a source is an array that the tape does not watch. "
            "Watch it, and use the tensor that watch returns: x = tape.watch(x); y = f(x); tape.gradient(y, x)."
        )

    def jacobian(self, target: Tensor, source: Tensor) -> Any:
        """Return the Jacobian, of shape `target.shape + source.shape`; None if there is no dependence.

        Args:
            target: a tensor computed in the block.
            source: a Variable, or a tensor that `watch` returned.
        """
        if not isinstance(target, TapeTensor):
            return None
        shape = tuple(target.shape)
        n = int(np.prod(shape, dtype=np.int64))
        seeds = np.eye(n, dtype=target.dtype).reshape((n, *shape))
        record = self._recording()
        again = self._begin(record)
        leaves = self._leaves(source, record)
        backend = backend_of(target.value)
        with record.gradients(recorded=again):
            rows = [sum_groups([leaves], backward([target], [backend.asarray(s)], leaves))[0] for s in seeds]
            if not rows or rows[0] is None:
                return None
            return tensor.ops.reshape(tensor.ops.stack(rows), shape + tuple(source.shape))


def _target(x: TensorLike) -> Any:
    return x.read() if isinstance(x, Variable) else x


def _seeds(targets: list[Any], output_gradients: Structure) -> list[Any]:
    if output_gradients is not None:
        return [to_array(g) for g in tree.flatten(output_gradients)]
    return [ones_like(t.value) if isinstance(t, TapeTensor) else None for t in targets]
