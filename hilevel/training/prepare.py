"""The preparation of a loop over batches: batches of the data, weights and metrics, checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel import metrics, tree
from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.overlay import Usage
from hilevel.engine.settings import settings
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.errors import DistributionError, NotCompiledError, TracedValueError, warn
from hilevel.layers.base.layer import Layer, building
from hilevel.training import data as data_
from hilevel.training.data.adapters import ContinuedBatches
from hilevel.training.data.arrays import ArrayBatches
from hilevel.training.data.batches import Batches
from hilevel.training.data.columns import named_leaves
from hilevel.training.data.streams import CachedIterator, StreamBatches
from hilevel.training.data.types import ClassWeight, Data
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.outputs import check_probabilities
from hilevel.training.processes import check_agreement
from hilevel.training.state import Step, step_of

if TYPE_CHECKING:
    from hilevel.training.trainer import Trainer


def require_compiled(model: Trainer, what: str) -> None:
    """Raise NotCompiledError if `compile` was not called."""
    if not model.compiled:
        raise NotCompiledError(
            f"Call compile(optimizer=..., loss=...) before {what}: the model has no optimizer, loss "
            "and metrics."
        )


# -- batches of the data -------------------------------------------------------------------------------


def training_data(
    model: Trainer, x: Data | None, y: Data | None, sample_weight: Data | None, batch_size: int | None,
    shuffle: bool | str, class_weight: ClassWeight | None, steps: int | None, validation_split: float,
    validation_data: Data | None,
) -> tuple[Any, Any]:  # fmt: skip
    """Return the batches for training, and the data for validation."""
    seed, dtype = model._training.next_seed(), model.variable_dtype
    steps = None if steps is None else round_up(steps, model.steps_per_execution)
    if validation_split and validation_data is None:
        whole = data_.adapt(x, y, sample_weight, dtype=dtype)
        if not isinstance(whole, ArrayBatches):
            raise ValueError("validation_split requires arrays; for other data give validation_data.")
        (x, y, sample_weight), validation_data = whole.split(validation_split)
    batches: Any = data_.adapt(
        x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, seed=seed, steps=steps,
        class_weight=class_weight, output_names=model.output_names, dtype=dtype,
    )  # fmt: skip
    if isinstance(batches, ArrayBatches):
        batches.warn_of_slow_order()
    if steps is not None and not isinstance(batches, StreamBatches):
        batches = ContinuedBatches(batches, steps)
    return batches, validation_data


def validation_batches(
    model: Trainer, data: Data | None, batch_size: int | None, training_batch_size: int | None, steps: int | None,
    repeated: bool,
) -> Any:  # fmt: skip
    """Return the batches for validation, or None. An iterator that is read repeatedly is cached."""
    if data is None:
        return None
    x, y, w = unpack_x_y_sample_weight(data) if isinstance(data, (tuple, list)) else (data, None, None)
    if isinstance(x, Iterator) and steps is None and repeated:
        x = CachedIterator(x)
    return data_.adapt(
        x, y, w, batch_size=batch_size, default_batch_size=training_batch_size or 32, steps=steps,
        dtype=model.variable_dtype,
    )  # fmt: skip


def one_batch(
    model: Trainer,
    x: Data,
    y: Data | None = None,
    sample_weight: Data | None = None,
    class_weight: ClassWeight | None = None,
) -> Any:
    """Return all samples as one batch."""
    return ArrayBatches(
        x, y, sample_weight, batch_size=2**62, class_weight=class_weight,
        output_names=model.output_names, dtype=model.variable_dtype,
    )  # fmt: skip


@contextmanager
def reading(*batches: Batches | None) -> Iterator[None]:
    """Return a block at whose end the threads and processes that read these batches end."""
    try:
        yield
    finally:
        for each in batches:
            if each is not None:
                each.close()


# -- weights, slots, metrics, and the ranges of the data -----------------------------------------------


def prepare(model: Trainer, kind: str, batches: Batches) -> Step:
    """Build the weights, slots and metrics for a step, and check the indices and labels in the data.

    Arrays are checked at once, other data batch by batch.

    Returns:
        The step of the kind "train", "test" or "predict".

    Raises:
        OutOfRangeError: a value in the data is outside its range.
    """
    first = batches.first()
    step = _built_step(model, kind, first)
    check_layouts(model, step)
    if not step.agreed:
        check_agreement(model, kind, batches, first)
        step.agreed = True
    if step.ranges != []:
        leaves = [name for name, _ in named_leaves(first)]
        if step.leaves != leaves:
            step.leaves, step.ranges = leaves, _ranges_of(model, kind, first)
        batches.expect(step.ranges)
    return step


def _built_step(model: Trainer, kind: str, batch: object) -> Step:
    """Return the step. If weights, slots or metrics may be missing, run it once on shapes."""
    shapes = [(x.shape[1:], x.dtype) for x in tree.flatten(batch) if hasattr(x, "shape")]
    with building:
        step = step_of(model, kind)
        if not model.built or (kind != "predict" and step.shapes != shapes):
            step = _build_by_step(model, kind, batch)
            step.shapes = shapes
    return step


def _build_by_step(model: Trainer, kind: str, batch: object) -> Step:
    state = model._training
    if state.loss_tracker is None and kind != "predict" and state.compiled:
        state.loss_tracker = metrics.Mean(name="loss")
    data = as_specs(batch)
    ranges: list[Any] = []
    needs_values = False
    usage = Usage()
    try:
        with scope(interpreter=SHAPES, ranges=ranges, usage=usage):
            if not model.built and type(model).call is not Layer.call:
                model(unpack_x_y_sample_weight(data)[0])
            getattr(model, f"{kind}_step")(data)
            if kind != "predict":
                _build_unused_metrics(model, data)
    except TracedValueError:
        needs_values = True  # the step runs as plain Python, and builds the rest at its first run
        if model._has_host_layers:
            model(unpack_x_y_sample_weight(batch)[0], training=False)  # makes the weights
    model._require_backend()
    step = step_of(model, kind)  # another step, if there are weights now
    if needs_values:
        step.function, step.programs = getattr(model, f"{kind}_step"), None
    elif step.programs is not None:
        step.programs.expect(usage)
    step.leaves, step.ranges = [name for name, _ in named_leaves(batch)], ranges
    return step


def _build_unused_metrics(model: Trainer, data: object) -> None:
    """Make the metrics of `compile` if the user's own step does not use them."""
    state = model._training
    if state.metrics is None or state.metrics.built or not (state.metrics.given or state.metrics.weighted):
        return
    x, y, _ = unpack_x_y_sample_weight(data)
    state.build_metrics(y, model(x, training=False), model.output_names)


def _ranges_of(model: Trainer, kind: str, batch: object) -> list[Any]:
    """Return the ranges of the leaves of a batch for a built model, from a run of the step on shapes.

    A step that cannot be run on shapes has no ranges."""
    ranges: list[Any] = []
    with suppress(Exception), scope(interpreter=SHAPES, ranges=ranges):
        getattr(model, f"{kind}_step")(as_specs(batch))
    return ranges


def as_specs(batch: object) -> Any:
    """Return abstract tensors for the leaves of a batch, with an unknown batch size."""
    leaves = [
        TensorSpec((UnknownSize(x.shape[0]), *x.shape[1:]), x.dtype, source=i)
        if getattr(x, "shape", ())
        else x
        for i, x in enumerate(tree.flatten(batch))
    ]
    return tree.pack_sequence_as(batch, leaves)


def check_layouts(model: Trainer, step: Step) -> None:
    """Check that a step of plain Python has whole weights.

    Raises:
        DistributionError: weights are divided over several devices.
    """
    if step.programs is None and any(v.layout is not None and v.layout.is_divided for v in model.weights):
        raise DistributionError(
            "The step runs as plain Python (run_eagerly=True, jit_compile=False, or a layer on the host), and weights "
            "are divided over several devices. Compile the step, or use DataParallel, which keeps weights whole."
        )


def check_losses(model: Trainer) -> None:
    """Check before training that the activations of the outputs fit the losses."""
    outputs, losses = model.outputs, model._training.losses
    for term in losses.terms if losses and outputs else ():
        if isinstance(term.output, int):
            check_probabilities(term.loss, outputs[term.output])


# -- arguments -----------------------------------------------------------------------------------------


def check_counts(**counts: int | None) -> None:
    """Raise ValueError if a number of steps is neither a positive integer nor None."""
    for name, count in counts.items():
        if count is not None and (
            isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1
        ):
            raise ValueError(f"{name} must be a positive integer, or None for all batches; got {count!r}.")


def round_up(steps: int, size: int | str) -> int:
    """Return a number of steps rounded up to a multiple of `steps_per_execution`."""
    return steps if isinstance(size, str) else -(-steps // size) * size


def validation_epochs(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    """Return a function that is True for the epochs, counted from 0, that end with a validation.

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


def limited_epochs(epochs: int) -> int:
    """Return a number of epochs, at most `config.max_epochs`, with a warning if that is lower."""
    limit = settings.max_epochs
    if limit is None or epochs <= limit:
        return epochs
    warn(f"config.set_max_epochs limits the training to {limit} epochs.")
    return limit


def limited_steps(steps: int | None) -> int | None:
    """Return a number of steps, at most `config.max_steps_per_epoch`, with a warning if that is lower. None is all."""
    limit = settings.max_steps_per_epoch
    if limit is None or (steps is not None and steps <= limit):
        return steps
    warn(f"config.set_max_steps_per_epoch limits the data to {limit} batches.")
    return limit


def warn_exhausted(count: int, epoch: int, epochs: int) -> None:
    """Warn that there are no data for the next epoch."""
    warn(
        f"The data ran out after {count} batches: training stops before epoch {epoch + 1} of {epochs}. Give fewer "
        "epochs or steps_per_epoch, a generator that goes on, or arrays or a PyDataset, which can be read again."
    )
