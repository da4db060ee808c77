"""The loss of connectionist temporal classification."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.engine.autodiff.tape import untraced
from hilevel.engine.context import context
from hilevel.engine.dtypes import INT32
from hilevel.engine.op import composite, to_array, to_float_array
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.core.control_flow import scan
from hilevel.ops.nn.activations import log_softmax
from hilevel.ops.numpy.comparison import logical_and, not_equal
from hilevel.ops.numpy.creation import full_like
from hilevel.ops.numpy.elementwise import where
from hilevel.ops.numpy.indexing import take_along_axis
from hilevel.ops.numpy.joining import stack
from hilevel.ops.numpy.reduction import at_least_float32
from hilevel.ops.numpy.shaping import moveaxis, pad, reshape
from hilevel.ops.numpy.transcendental import logaddexp

IMPOSSIBLE = -1e5
"""The logarithm of the probability 0, a finite number so that gradients are finite, too."""


@composite
def ctc_loss(
    target: TensorLike,
    output: TensorLike,
    target_length: TensorLike,
    output_length: TensorLike,
    mask_index: int = 0,
) -> Tensor:
    """Return the negative log probability of the targets over all alignments, of shape `(batch,)`, at least float32.

    A. Graves et al., Connectionist temporal classification, 2006. A target that is too long for its output has a loss
    of about 100000.

    Args:
        target: labels, integers of shape `(batch, labels)`.
        output: logits of shape `(batch, steps, classes)`.
        target_length: the number of labels of each sample, of shape `(batch,)`.
        output_length: the number of steps of each sample, of shape `(batch,)`.
        mask_index: the class that represents no label.

    >>> ops.ctc_loss([[1]], np.zeros((1, 2, 2)), [1], [2])
    array([0.28768207])

    Raises:
        ValueError: the shapes do not agree.
    """
    output = at_least_float32(to_float_array(output))
    if context.interpreter.infers_shapes:
        return TensorSpec(output.shape[:1], output.dtype)
    target, labels, steps = (
        untraced(to_array(v)).astype(INT32) for v in (target, target_length, output_length)
    )
    batch = output.shape[:1]
    if len(output.shape) != 3 or target.shape[:-1] != batch or labels.shape != batch or steps.shape != batch:
        raise ShapeError(
            "ctc_loss: expected target (batch, labels), output (batch, steps, classes) and lengths (batch,); got "
            f"{[tuple(x.shape) for x in (target, output, labels, steps)]}."
        )
    states = _with_blanks(target, mask_index)
    emitted = take_along_axis(log_softmax(output), states[:, None, :], axis=2)
    last = _forward(emitted, states, steps, mask_index)
    return -_end(last, labels)


def _with_blanks(target: Tensor, blank: int) -> Tensor:
    """Return the classes of the states of the model: the labels with a blank before, between and after them."""
    both = reshape(stack([full_like(target, blank), target], axis=-1), (target.shape[0], -1))
    return untraced(pad(both, ((0, 0), (0, 1)), constant_values=blank))


def _forward(emitted: Tensor, states: Tensor, steps: Tensor, blank: int) -> Tensor:
    """Return the log probability of each state at the last step of each sample."""
    # a label may follow the label before it without a blank between, if they differ
    jumps = logical_and(not_equal(states[:, 2:], states[:, :-2]), not_equal(states[:, 2:], blank))
    jumps = pad(
        where(jumps, 0.0, IMPOSSIBLE).astype(emitted.dtype), ((0, 0), (2, 0)), constant_values=IMPOSSIBLE
    )
    begin = np.arange(states.shape[1]) < 2
    emissions = moveaxis(emitted, 1, 0)

    def shifted(x: Tensor, n: int) -> Tensor:
        return pad(x, ((0, 0), (n, 0)), constant_values=IMPOSSIBLE)[:, : x.shape[1]]

    def step(before: Tensor, now: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
        emission, time = now
        reached = logaddexp(logaddexp(before, shifted(before, 1)), shifted(before, 2) + jumps)
        return where((time < steps)[:, None], reached + emission, before), None

    first = where(begin, emissions[0], IMPOSSIBLE)
    times = to_array(np.arange(1, emitted.shape[1]), INT32)
    return scan(step, first, (emissions[1:], times))[0] if emitted.shape[1] > 1 else first


def _end(last: Tensor, labels: Tensor) -> Tensor:
    """Return the log probability of the last label of each sample, or of the blank after it."""
    index = 2 * labels[:, None]
    after = take_along_axis(last, index, axis=1)[:, 0]
    own = take_along_axis(last, untraced(where(index > 0, index - 1, 0)), axis=1)[:, 0]
    return where(labels > 0, logaddexp(after, own), after)
