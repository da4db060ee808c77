"""What is done before a loop over batches: batches of the data, weights and metrics, checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from hilevel import metrics, tree
from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.overlay import Usage
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.errors import NotCompiledError, TracedValueError, warn
from hilevel.layers.base.layer import Layer, building
from hilevel.training import data as data_
from hilevel.training.data.adapters import CachedIterator, RepeatedBatches, StreamBatches
from hilevel.training.data.arrays import ArrayBatches
from hilevel.training.data.columns import named_leaves
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.outputs import check_probabilities
from hilevel.training.state import Step, step_of


def require_compiled(model: Any, what: str) -> None:
    """Raise NotCompiledError before `compile`."""
    if not model.compiled:
        raise NotCompiledError(
            f"Call compile(optimizer=..., loss=...) before {what}: the model does not know how it is "
            "to be trained."
        )


# -- batches of the data -------------------------------------------------------------------------------


def training_data(
    model: Any, x: Any, y: Any, sample_weight: Any, batch_size: Any, shuffle: bool, class_weight: Any,
    steps: int | None, validation_split: float, validation_data: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Return the batches to train on, and the data to validate on."""
    seed, dtype = model._training.next_seed(), model.variable_dtype
    if validation_split and validation_data is None:
        whole = data_.adapt(x, y, sample_weight, dtype=dtype)
        if not isinstance(whole, ArrayBatches):
            raise ValueError("validation_split needs arrays; of other data give validation_data.")
        (x, y, sample_weight), validation_data = whole.split(validation_split)
    batches: Any = data_.adapt(
        x, y, sample_weight, batch_size=batch_size, shuffle=bool(shuffle), seed=seed, steps=steps,
        class_weight=class_weight, output_names=model.output_names, dtype=dtype,
    )  # fmt: skip
    if steps is not None and not isinstance(batches, StreamBatches):
        batches = RepeatedBatches(batches, steps)
    return batches, validation_data


def validation_batches(model: Any, data: Any, batch_size: Any, steps: Any, repeated: bool) -> Any:
    """Return the batches to validate on, or None. A finite iterator is kept, if it is read more than once."""
    if data is None:
        return None
    x, y, w = unpack_x_y_sample_weight(data) if isinstance(data, (tuple, list)) else (data, None, None)
    if isinstance(x, Iterator) and steps is None and repeated:
        x = CachedIterator(x)
    return data_.adapt(x, y, w, batch_size=batch_size, steps=steps, dtype=model.variable_dtype)


def one_batch(model: Any, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> Any:
    """Return all samples as one batch."""
    return ArrayBatches(
        x, y, sample_weight, batch_size=2**62, class_weight=class_weight,
        output_names=model.output_names, dtype=model.variable_dtype,
    )  # fmt: skip


# -- weights, slots, metrics, and the ranges of the data -----------------------------------------------


def prepare(model: Any, kind: str, batches: Any) -> Step:
    """Make all that a step needs, and check the indices and labels in the data: those of arrays at once, those of other
    data before the step on each batch.

    Returns:
        The step of this kind, "train", "test" or "predict".

    Raises:
        OutOfRangeError: names the part of the data, the value, its range, and the layer or loss.
    """
    first = batches.first()
    step = _built_step(model, kind, first)
    if step.ranges != []:
        leaves = [name for name, _ in named_leaves(first)]
        if step.leaves != leaves:
            step.leaves, step.ranges = leaves, _ranges_of(model, kind, first)
        batches.expect(step.ranges)
    return step


def _built_step(model: Any, kind: str, batch: Any) -> Step:
    """Return the step, after it was run once on shapes where weights, optimizer slots or metrics may be missing."""
    shapes = [(x.shape[1:], x.dtype) for x in tree.flatten(batch) if hasattr(x, "shape")]
    with building:
        step = step_of(model, kind)
        if not model.built or (kind != "predict" and step.shapes != shapes):
            step = _build_by_step(model, kind, batch)
            step.shapes = shapes
    return step


def _build_by_step(model: Any, kind: str, batch: Any) -> Step:
    state = model._training
    if state.loss_tracker is None and kind != "predict" and state.compiled:
        state.loss_tracker = metrics.Mean(name="loss")
    data = on_shapes(batch)
    ranges: list[Any] = []
    needs_numbers = False
    usage = Usage()
    try:
        with scope(interpreter=SHAPES, ranges=ranges, usage=usage):
            if not model.built and type(model).call is not Layer.call:
                model(unpack_x_y_sample_weight(data)[0])
            getattr(model, f"{kind}_step")(data)
            if kind != "predict":
                _build_unused_metrics(model, data)
    except TracedValueError:
        needs_numbers = True  # only plain Python can give them: the step builds what it needs as it runs
    model._require_backend()
    step = step_of(model, kind)  # another one, if there are weights now
    if needs_numbers:
        step.run, step.programs = getattr(model, f"{kind}_step"), None
    elif step.programs is not None:
        step.programs.expect(usage)
    step.leaves, step.ranges = [name for name, _ in named_leaves(batch)], ranges
    return step


def _build_unused_metrics(model: Any, data: Any) -> None:
    """Make the metrics of `compile` where a step of the user's own has not used them."""
    state = model._training
    if state.metrics is None or state.metrics.built or not (state.metrics.given or state.metrics.weighted):
        return
    x, y, _ = unpack_x_y_sample_weight(data)
    state.build_metrics(y, model(x, training=False), model.output_names)


def _ranges_of(model: Any, kind: str, batch: Any) -> list[Any]:
    """Return the ranges that a built model expects of the leaves of a batch, by running a step on shapes. One that
    cannot be run on shapes has none."""
    ranges: list[Any] = []
    with suppress(Exception), scope(interpreter=SHAPES, ranges=ranges):
        getattr(model, f"{kind}_step")(on_shapes(batch))
    return ranges


def on_shapes(batch: Any) -> Any:
    """Return abstract tensors for the leaves of a batch, of a size of the batch that is not known."""
    leaves = [
        TensorSpec((UnknownSize(x.shape[0]), *x.shape[1:]), x.dtype, source=i)
        if getattr(x, "shape", ())
        else x
        for i, x in enumerate(tree.flatten(batch))
    ]
    return tree.pack_sequence_as(batch, leaves)


def check_losses(model: Any) -> None:
    """Check, once before training, that the outputs are of the kind that the losses expect."""
    outputs, losses = model.outputs, model._training.losses
    for term in losses.terms if losses and outputs else ():
        check_probabilities(term.loss, outputs[term.output])


# -- arguments -----------------------------------------------------------------------------------------


def check_counts(**counts: Any) -> None:
    """Raise ValueError if a number of steps is given that is not a positive integer."""
    for name, count in counts.items():
        if count is not None and (
            isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1
        ):
            raise ValueError(f"{name} must be a positive integer, or None for all batches; got {count!r}.")


def validation_epochs(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    """Return a function that says whether an epoch, counted from 0, ends with a validation.

    Raises:
        ValueError: the frequency is neither a positive integer nor a list of epochs.
    """
    if isinstance(frequency, (int, np.integer)) and not isinstance(frequency, bool) and frequency > 0:
        return lambda epoch: (epoch + 1) % frequency == 0
    if isinstance(frequency, (list, tuple, set, range)):
        return lambda epoch: epoch + 1 in frequency
    raise ValueError(
        f"validation_freq must be a positive integer, or a list of epochs counted from 1; got {frequency!r}."
    )


def warn_exhausted(count: int, epoch: int, epochs: int) -> None:
    """Warn that there are no data for the next epoch."""
    warn(
        f"The data ran out after {count} batches: training stops before epoch {epoch + 1} of {epochs}. Give fewer "
        "epochs or steps_per_epoch, a generator that goes on, or arrays or a PyDataset, which can be read again."
    )
