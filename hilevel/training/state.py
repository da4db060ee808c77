"""The state of training, which `compile` makes and `fit` changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hilevel.engine.backends import current_backend
from hilevel.engine.compile.jit import JitFunction
from hilevel.engine.layouts import place_batch
from hilevel.engine.memory import size_text
from hilevel.engine.spec import shapes_text
from hilevel.engine.types import Structure
from hilevel.training.access import ModelAccess
from hilevel.training.outputs import OutputLosses, OutputMetrics

if TYPE_CHECKING:
    from hilevel.callbacks.callback_list import CallbackList
    from hilevel.training.data.batches import Batches
    from hilevel.training.trainer import Trainer


class Step:
    """A step of a model: `train_step`, `test_step` or `predict_step`, compiled or not.

    Attributes:
        programs: its compiled programs; None if it runs as plain Python.
        function: a function of a batch, the programs or the method.
        shapes: the shapes and dtypes of the batch for which weights, slots and metrics were made.
        leaves: the names of the leaves of this batch.
        ranges: the ranges in which the step expects the leaves.
        agreed: whether the processes of the program have compared their models and data.
    """

    def __init__(self, programs: JitFunction | None) -> None:
        self.programs = programs
        self.function: Any = None
        self.shapes: list[Any] | None = None
        self.leaves: list[str] | None = None
        self.ranges: Any = None
        self.agreed = False

    def run(self, batch: Any, local: bool = False, number: int = 0) -> Any:
        """Return the result for a batch. If it is `local`, it has the rows of this process only.

        An error names the step by its `number`, the index in the epoch.

        Plain Python gets the whole batch on each device. Its ops would exchange results one by one, and XLA ends a
        process whose CPU devices do so in several ops at once.
        """
        try:
            return self.function(place_batch(batch, local, divided=self.programs is not None))
        except Exception as error:
            _explain_exhausted_memory(error, batch)
            _name_step(error, number, batch)
            raise

    def run_many(self, count: int, bundle: Any, number: int = 0) -> tuple[Any, Any]:
        """Return the last result, and all results, for the first `count` batches of a bundle.

        An error names the first step by its `number`, the index in the epoch.
        """
        assert self.programs is not None
        try:
            return self.programs.call_many(count, place_batch(bundle, bundled=True))
        except Exception as error:
            _explain_exhausted_memory(error, bundle)
            _name_step(error, number)
            raise


def _name_step(error: Exception, number: int, batch: Structure = ()) -> None:
    """Add the step, unless it is the first of an epoch, and the shapes of its batch to an error."""
    if number:
        shapes = shapes_text(batch)
        where = f"step {number + 1}" + (f", with a batch of the shapes {shapes}" if shapes else "")
        error.add_note(f"This happened in {where}.")


def _explain_exhausted_memory(error: Exception, batch: Structure) -> None:
    """Add the batch, the memory and remedies to an error about exhausted memory."""
    backend = current_backend()
    if not backend.is_out_of_memory(error):
        return
    used, _, total = ("?" if n is None else size_text(n) for n in backend.memory_info())
    error.add_note(
        f"The memory of the device is exhausted in a step with a batch of the shapes {shapes_text(batch)}; {used} of "
        f"{total} are in use. A smaller batch_size needs less memory, and so do gradient_accumulation_steps of an "
        "optimizer with it, hilevel.remat, and the dtype policy mixed_float16."
    )


@dataclass(eq=False)
class TrainingState:
    """The state of the training of a model."""

    optimizer: Any = None
    loss: Any = None
    """The argument `loss` of `compile`."""
    losses: OutputLosses | None = None
    metrics: OutputMetrics | None = None
    loss_tracker: Any = None
    """The mean of the loss, a metric; None before the first step."""
    run_eagerly: bool = False
    jit_compile: bool | str = "auto"
    steps_per_execution: int | str = 1
    compiled: bool = False
    arguments: dict[str, Any] = field(default_factory=dict)
    """The arguments of `compile` by name, without the optimizer."""
    seed: int = 0
    """The seed of the order of samples, drawn by `compile`."""
    fits: int = 0
    """The number of calls of `fit` since `compile`. Each has other orders of samples."""
    epoch: int = 0
    batch: int = 0
    """The indices of the present epoch, and of the next batch in it."""
    batches: Any = None
    callbacks: Any = None
    """The batches and callbacks of `fit`, while it runs."""
    execution: Any = None
    """The present steps of training with their batches, an `Execution`, while they run and their events are called."""
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    history: Any = None
    access: ModelAccess = field(default_factory=ModelAccess)
    """The synchronization of training with the use of the model in other threads."""
    steps: dict[Any, Step] = field(default_factory=dict)
    """The steps in use, by kind, form, optimizer and trained weights."""

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"steps": {}, "batches": None, "callbacks": None, "execution": None}

    @contextmanager
    def running(self, batches: Batches, callbacks: CallbackList) -> Iterator[None]:
        """Return a block in which `fit` runs on these batches with these callbacks."""
        self.batches, self.callbacks, self.stop_training = batches, callbacks, False
        try:
            yield
        finally:
            self.batches = self.callbacks = self.execution = None

    def progress(self) -> dict[str, Any]:
        """Return the point that `fit` has reached: seed, counters, position of the data, and state of the callbacks.

        With the Variables of model, optimizer and metrics it determines all that follows.
        """
        return {
            **{name: getattr(self, name) for name in ("seed", "fits", "epoch", "batch")},
            "position": None if self.batches is None else self.batches.get_state(),
            "callbacks": [] if self.callbacks is None else self.callbacks.get_state(),
        }

    def all_metrics(self) -> list[Any]:
        """Return the mean loss, the losses of several outputs, and the metrics of `compile`."""
        own = [] if self.loss_tracker is None else [self.loss_tracker]
        own += self.losses.trackers if self.losses is not None else []
        return own + (self.metrics.all if self.metrics is not None else [])

    def build_metrics(self, y: Structure, y_pred: Structure, names: list[str] | None) -> None:
        """Make the metrics for targets and outputs of these shapes, once."""
        if self.metrics is not None:
            self.metrics.build(y, y_pred, names, self.losses)

    def next_seed(self) -> int:
        """Count a call of `fit`, and return the seed of its orders of samples."""
        self.fits += 1
        return (self.seed + self.fits - 1) % 2**32


def of_training(name: str, doc: str) -> Any:
    """Return a property of a model that is an attribute of its training state."""
    return property(
        lambda model: getattr(model._training, name),
        lambda model, value: setattr(model._training, name, value),
        doc=doc,
    )


def step_of(model: Trainer, kind: str) -> Step:
    """Return the step of a kind, "train", "test" or "predict", for the present optimizer and trained weights."""
    state = model._training
    eager = state.run_eagerly or state.jit_compile is False or model._has_host_layers
    key = (kind, eager, id(state.optimizer), tuple(map(id, model.trainable_variables)))
    method = getattr(model, f"{kind}_step")
    step = state.steps.get(key)
    if step is None:
        step = state.steps.setdefault(key, Step(None if eager else JitFunction(method)))
    step.function = step.programs or method
    return step
