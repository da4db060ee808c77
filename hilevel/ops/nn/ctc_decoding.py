"""Labels from the outputs of connectionist temporal classification."""

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
from hilevel.ops.math.ranking import top_k
from hilevel.ops.nn.activations import log_softmax
from hilevel.ops.nn.encoding import one_hot
from hilevel.ops.numpy.comparison import equal, logical_and, not_equal
from hilevel.ops.numpy.creation import full, zeros
from hilevel.ops.numpy.elementwise import floor_divide, mod, stop_gradient, where
from hilevel.ops.numpy.indexing import take_along_axis
from hilevel.ops.numpy.joining import concatenate
from hilevel.ops.numpy.products import matmul
from hilevel.ops.numpy.reduction import all, argmax, argsort, at_least_float32, max, sum
from hilevel.ops.numpy.shaping import broadcast_to, moveaxis, reshape
from hilevel.ops.numpy.transcendental import logaddexp

NOTHING, UNUSED = -1, -2
"""The label after the end of a path, and the label of a beam without a path."""


@composite
def ctc_decode(
    inputs: TensorLike,
    sequence_lengths: TensorLike,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[Tensor, Tensor]:
    """Return the labels of sequences, and their scores. They have no gradient.

    Args:
        inputs: logits of shape `(batch, steps, classes)`.
        sequence_lengths: the number of steps of each sample, integers of shape `(batch,)`.
        strategy: `"greedy"` for the largest class of each step, or `"beam_search"` for the most probable labels by a
            search over prefixes (A. Hannun et al., First-pass large vocabulary continuous speech recognition using
            bi-directional recurrent DNNs, 2014).
        beam_width: the number of prefixes that the search keeps after each step.
        top_paths: the number of results of the search.
        merge_repeated: whether the greedy strategy joins equal classes of consecutive steps.
        mask_index: the class that represents no label; the last class for None.

    Returns:
        The labels, int32 of shape `(top_paths, batch, steps)`, with -1 after the last one. The scores, of shape
        `(batch, top_paths)`: log probabilities of the search, or the negative sum of the largest logits.

    >>> ops.ctc_decode(np.array([[[0.0, 2.0], [0.0, 1.0], [3.0, 0.0]]]), [3])
    (array([[[ 1, -1, -1]]], dtype=int32), array([[-6.]]))

    Raises:
        ValueError: there is no such strategy, the shapes do not agree, or `top_paths` is larger than `beam_width`.
    """
    if strategy not in ("greedy", "beam_search"):
        raise ValueError(f"ctc_decode: Invalid strategy {strategy!r}; expected 'greedy' or 'beam_search'.")
    x = at_least_float32(to_float_array(inputs))
    lengths = to_array(sequence_lengths)
    if len(x.shape) != 3 or len(lengths.shape) != 1:
        raise ShapeError(
            f"ctc_decode: expected inputs (batch, steps, classes) and lengths (batch,); got {tuple(x.shape)} and "
            f"{tuple(lengths.shape)}."
        )
    blank = x.shape[-1] - 1 if mask_index is None else mask_index
    paths = 1 if strategy == "greedy" else top_paths
    if paths > beam_width:
        raise ValueError(f"ctc_decode: top_paths={paths} is larger than beam_width={beam_width}.")
    if context.interpreter.infers_shapes:
        return TensorSpec((paths, *x.shape[:2]), INT32), TensorSpec((x.shape[0], paths), x.dtype)
    x, lengths = untraced(stop_gradient(x)), untraced(lengths).astype(INT32)
    if strategy == "greedy":
        return _greedy(x, lengths, blank, merge_repeated)
    return _beam_search(x, lengths, blank, beam_width, paths)


def _range(n: int) -> Tensor:
    """Return the integers below `n`, on the device."""
    return to_array(np.arange(n, dtype=np.int32))


def _greedy(x: Tensor, lengths: Tensor, blank: int, merge_repeated: bool) -> tuple[Tensor, Tensor]:
    steps = _range(x.shape[1])
    valid = steps < lengths[:, None]
    labels = argmax(x, axis=-1)
    kept = logical_and(valid, not_equal(labels, blank))
    if merge_repeated:
        begins = full((x.shape[0], 1), True, dtype="bool")
        kept = logical_and(kept, concatenate([begins, not_equal(labels[:, 1:], labels[:, :-1])], axis=1))
    order = argsort(where(kept, steps, x.shape[1]), axis=1)
    packed = take_along_axis(where(kept, labels, NOTHING), order, axis=1)
    scores = -sum(where(valid, max(x, axis=-1), 0.0), axis=1, keepdims=True)
    return packed[None].astype(INT32), scores


# -- the search over prefixes ------------------------------------------------------------------------


def _beam_search(x: Tensor, lengths: Tensor, blank: int, width: int, paths: int) -> tuple[Tensor, Tensor]:
    batch, steps, _ = x.shape
    never = float("-inf")
    prefixes = full((batch, width, steps), UNUSED, dtype="int32")
    is_first = _range(width) == 0
    beams = (
        where(is_first[:, None], NOTHING, prefixes),
        zeros((batch, width), dtype="int32"),
        where(is_first, zeros((batch, width), dtype=x.dtype), never),
        full((batch, width), never, dtype=x.dtype),
    )

    def step(before: tuple[Tensor, ...], now: tuple[Tensor, Tensor]) -> tuple[Any, None]:
        emission, time = now
        after = _extended(before, emission, blank)
        going_on = time < lengths
        chosen = [
            where(reshape(going_on, (batch,) + (1,) * (len(new.shape) - 1)), new, old)
            for new, old in zip(after, before, strict=True)
        ]
        return tuple(chosen), None

    times = _range(steps)
    (labels, _, on_blank, on_label), _ = scan(step, beams, (moveaxis(log_softmax(x), 1, 0), times))
    scores, best = top_k(logaddexp(on_blank, on_label), paths)
    found = take_along_axis(labels, best[..., None], axis=1)
    return moveaxis(where(equal(found, UNUSED), NOTHING, found), 1, 0).astype(INT32), scores


def _extended(beams: tuple[Tensor, ...], emission: Tensor, blank: int) -> tuple[Tensor, ...]:
    """Return the most probable prefixes after a step.

    Args:
        beams: the labels of the prefixes, of shape `(batch, width, steps)`, and their lengths. Then the log
            probabilities of the alignments that end with a blank, and with the last label.
        emission: the log probabilities of the classes, of shape `(batch, classes)`.
        blank: the class that represents no label.
    """
    prefixes, sizes, on_blank, on_label = beams
    width, classes = sizes.shape[1], emission.shape[-1]
    total = logaddexp(on_blank, on_label)
    end = where(sizes > 0, sizes - 1, 0)
    last = where(sizes > 0, take_along_axis(prefixes, end[..., None], axis=2)[..., 0], blank)
    hits = one_hot(last, classes, dtype=total.dtype)
    longer = where(equal(hits, 1), on_blank[..., None], total[..., None]) + emission[:, None, :]
    longer = where(_range(classes) == blank, float("-inf"), longer)

    is_parent = _parents(prefixes, sizes, end)
    own = take_along_axis(longer, broadcast_to(last[:, None, :], (len(last), width, width)), axis=2)
    from_parent = max(where(is_parent, own, float("-inf")), axis=1)
    longer = where(matmul(is_parent.astype(total.dtype), hits) > 0, float("-inf"), longer)
    stay_blank = total + emission[:, None, blank]
    stay_label = logaddexp(on_label + take_along_axis(emission, last, axis=1), from_parent)
    return _selected(prefixes, sizes, stay_blank, stay_label, longer)


def _parents(prefixes: Tensor, sizes: Tensor, end: Tensor) -> Tensor:
    """Return whether the first prefix is the second without its last label, of shape `(batch, width, width)`."""
    shorter = where(_range(prefixes.shape[2]) == end[..., None], NOTHING, prefixes)
    same = all(equal(prefixes[:, :, None, :], shorter[:, None, :, :]), axis=-1)
    return logical_and(same, equal(sizes[:, :, None] + 1, sizes[:, None, :]))


def _selected(
    prefixes: Tensor, sizes: Tensor, on_blank: Tensor, on_label: Tensor, longer: Tensor
) -> tuple[Tensor, ...]:
    """Return the most probable of the prefixes and of the prefixes with one more label."""
    batch, width, classes = longer.shape
    scores = concatenate([logaddexp(on_blank, on_label), reshape(longer, (batch, width * classes))], axis=1)
    best, chosen = top_k(scores, width)
    is_longer = chosen >= width
    source = where(is_longer, floor_divide(chosen - width, classes), chosen)
    label = mod(chosen - width, classes)
    labels, sizes, on_blank, on_label = (
        take_along_axis(prefixes, source[..., None], axis=1),
        *(take_along_axis(x, source, axis=1) for x in (sizes, on_blank, on_label)),
    )
    is_new = logical_and(is_longer[..., None], _range(prefixes.shape[2]) == sizes[..., None])
    labels = where(is_new, label[..., None], labels)
    is_used = best > float("-inf")
    return (
        where(is_used[..., None], labels, UNUSED).astype(INT32),
        where(is_used, sizes + is_longer.astype(INT32), 0).astype(INT32),
        where(is_longer, float("-inf"), on_blank),
        where(is_longer, best, on_label),
    )
