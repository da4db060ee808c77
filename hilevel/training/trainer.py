"""`fit`, `evaluate` and `predict`: the loops over batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import numpy as np

from hilevel import tree
from hilevel.api.configurable import named_arguments
from hilevel.callbacks.backup import BackupAndRestore
from hilevel.callbacks.base import Callback, History
from hilevel.callbacks.callback_list import CallbackList, CallbacksLike, as_list
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import get_backend
from hilevel.engine.context import context, scope
from hilevel.engine.protocol import Backend
from hilevel.engine.types import Structure, Tensor
from hilevel.errors import warn
from hilevel.training import data as data_
from hilevel.training.backup import Backups, Point
from hilevel.training.data.arrays import ArrayBatches
from hilevel.training.data.batches import Batches
from hilevel.training.data.types import ClassWeight, Data
from hilevel.training.loop import (
    Executions,
    Logs,
    NonFiniteMonitor,
    RowBuffer,
    as_number,
    events,
    interruptible,
    run_steps,
)
from hilevel.training.prepare import (
    check_counts,
    check_losses,
    limited_epochs,
    limited_steps,
    one_batch,
    prepare,
    reading,
    require_compiled,
    training_data,
    validation_batches,
    validation_epochs,
    warn_exhausted,
)
from hilevel.training.processes import Votes
from hilevel.training.steps import TrainableLayer


class Trainer(TrainableLayer):
    """A layer with `fit`, `evaluate` and `predict`, whose steps run on every backend."""

    def to(self, backend: str | Backend) -> Self:
        """Move the model to another backend, with the state of the optimizer and the metrics. Return the model.

        It may be called during training, by a callback.
        """
        target = get_backend(backend)
        if target is not self._backend:
            self._training.steps = {}
        super().to(target)
        for variable in getattr(self.optimizer, "variables", ()):
            variable.to(target)
        return self

    @contextmanager
    def _home_scope(self) -> Iterator[None]:
        home = self._backend
        if home is None or context.backend is home:
            yield
        else:
            with scope(backend=home):
                yield

    @named_arguments
    def fit(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: CallbacksLike = None,
        validation_split: float = 0.0,
        validation_data: Data | None = None,
        shuffle: bool | str = True,
        class_weight: ClassWeight | None = None,
        sample_weight: Data | None = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        resume: str | os.PathLike[str] | None = None,
    ) -> History:
        """Train the model for a number of epochs.

        Args:
            x: an array of shape `(samples, ...)`, or a list or dict of arrays; a generator or iterable of batches; a
                `PyDataset`. An array may lie in a file.
            y: the targets, if x is an array or a structure of arrays.
            batch_size: the number of samples in a batch; 32 by default. Data that are batches ignore it, with a
                warning.
            epochs: the number of the last epoch.
            verbose: 0 prints nothing, 1 draws a bar, 2 prints a line for each epoch; `"auto"` is 1 in a terminal or
                notebook, else 2.
            callbacks: `Callback` objects.
            validation_split: the fraction of the samples, at the end of the arrays, for validation.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, or other data that `evaluate` accepts.
            shuffle: whether the samples of arrays have a new order in each epoch. `"batch"` shuffles blocks, and the
                samples in windows of blocks, for arrays in files that are larger than memory.
            class_weight: `{class: weight}`, or `{output: {class: weight}}` for several outputs. Other classes have the
                weight 1. Classes that do not occur in the array `y` give a warning.
            sample_weight: a weight for each sample, of shape `(samples,)`.
            initial_epoch: the number of the first epoch, counted from 0.
            steps_per_epoch: the number of batches in an epoch, rounded up to a multiple of `steps_per_execution`; by
                default all. Each epoch continues where the epoch before it ended, up to the end of the data.
            validation_steps: the number of batches in a validation; by default all.
            validation_batch_size: the number of samples in a batch of validation; `batch_size` by default.
            validation_freq: the number of epochs between validations, or a list of the epochs with a validation,
                counted from 1.
            resume: a folder for the state of the training, which is saved after each epoch. If it has a state of a
                `fit` that did not end, this one continues it. It is short for the callback `BackupAndRestore(resume)`.

        Returns:
            A `History`, whose `history` has the loss and the metrics of each epoch.

        Raises:
            NotCompiledError: `compile` was not called.
            ValueError: an argument is wrong, or the data do not fit together.
            ShapeError: the data do not fit the model.
        """
        require_compiled(self, "fit")
        check_counts(steps_per_epoch=steps_per_epoch, validation_steps=validation_steps)
        epochs = limited_epochs(epochs)
        steps_per_epoch, validation_steps = limited_steps(steps_per_epoch), limited_steps(validation_steps)
        due = validation_epochs(validation_freq)
        state = self._training
        callbacks = _with_backup(callbacks, resume)
        backups = Backups(self, as_list(callbacks))
        is_resumed = backups.state is not None
        with self._home_scope(), state.access.training(self._label()):
            batches, validation = training_data(
                self, x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch,
                validation_split, validation_data,
            )  # fmt: skip
            validation = validation_batches(
                self, validation, validation_batch_size, batch_size, validation_steps, epochs - initial_epoch > 1
            )  # fmt: skip
            step = prepare(self, "train", batches)
            check_losses(self)
            listeners = CallbackList.make(
                callbacks, self, verbose, epochs, batches.steps, history=True, resumed=is_resumed
            )
            executions = Executions(step, batches, state.steps_per_execution, listeners.watches("train"))
            monitor = NonFiniteMonitor()
            with (
                reading(batches, validation),
                state.running(batches, listeners),
                events(listeners, "train") as final,
                interruptible() as interrupts,
            ):
                point = Point(initial_epoch)
                if backups.state is not None:
                    point = backups.state.restore(self, listeners, batches, validation)
                    final.update(point.logs)
                for epoch in range(point.epoch, epochs):
                    start = point.batch if epoch == point.epoch else 0
                    if self.stop_training and not start:
                        break
                    if not interrupts.fetch(batches.has_next):
                        warn_exhausted(batches.count, epoch, epochs)
                        break
                    state.epoch, state.batch = epoch, start
                    if start:
                        listeners.on_epoch_resume(epoch, {"batch": start})
                    else:
                        self.reset_metrics()
                        listeners.on_epoch_begin(epoch)
                    logs: Any = point.logs if start else {}
                    steps = run_steps(
                        self,
                        "train",
                        executions,
                        listeners,
                        interrupts,
                        epoch=epoch,
                        start=start,
                        add=monitor.add,
                    )
                    for execution, result in () if self.stop_training else steps:
                        logs = result
                        count = execution.last - execution.first + 1
                        backups.save(validation, Point(epoch, state.batch, Logs(logs)), count)
                        if self.stop_training:
                            break
                    monitor.check(epoch, batches, start, ends=self.stop_training)
                    epoch_logs = {name: as_number(value) for name, value in logs.items()}
                    if validation is not None and due(epoch):
                        epoch_logs |= _validate(self, validation, validation_steps, listeners)
                    final.clear()
                    final.update(epoch_logs)
                    listeners.on_epoch_end(epoch, epoch_logs)
                    backups.save(validation, Point(epoch + 1, 0, epoch_logs))
                    Votes(self, "stop_training", interrupts).cast()
                    interrupts.check()
                    if self.stop_training:
                        break
                if epochs > initial_epoch and hasattr(self.optimizer, "finalize_variable_values"):
                    self.optimizer.finalize_variable_values(self.trainable_variables)
            backups.finish()
            return self.history

    @named_arguments
    def evaluate(
        self,
        x: Data | None = None,
        y: Data | None = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Data | None = None,
        steps: int | None = None,
        callbacks: CallbacksLike = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute the loss and the metrics on data.

        Args:
            x, y, batch_size, verbose, sample_weight, callbacks: as in `fit`.
            steps: the number of batches; by default all.
            return_dict: whether to return a dict.

        Returns:
            The loss, or a list of the loss and the metrics; with `return_dict` a dict by name.

        Raises:
            NotCompiledError: `compile` was not called.
        """
        require_compiled(self, "evaluate")
        check_counts(steps=steps)
        steps = limited_steps(steps)
        with self._home_scope():
            batches = data_.adapt(
                x, y, sample_weight, batch_size=batch_size, steps=steps, dtype=self.variable_dtype
            )
            listeners = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            with reading(batches):
                results = _evaluate(self, batches, steps, listeners)
        return _one_or_all(results, return_dict)

    @named_arguments
    def predict(
        self,
        x: Data,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: CallbacksLike = None,
    ) -> Any:
        """Compute the outputs for data.

        Args:
            x, batch_size, verbose, callbacks: as in `fit`.
            steps: the number of batches; by default all.

        Returns:
            A NumPy array of shape `(samples, ...)`, or the structure of several outputs.
        """
        check_counts(steps=steps)
        steps = limited_steps(steps)
        with self._home_scope():
            batches = data_.adapt(x, batch_size=batch_size, steps=steps, dtype=self.variable_dtype)
            step = prepare(self, "predict", batches)
            listeners = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            in_memory = isinstance(batches, ArrayBatches)
            if in_memory and batches.steps == 1 and not listeners.callbacks:
                with _read_access(self, with_metrics=False):
                    return tree.map_structure(_host_copy, step.run(batches.first()))
            executions = Executions(step, batches, self.steps_per_execution, listeners.watches("predict"))
            samples = batches.samples if in_memory and steps is None else None  # type: ignore[attr-defined]
            outputs: Any = None

            def add(result: Structure, count: int = 0) -> None:
                nonlocal outputs
                if outputs is None:
                    outputs = tree.map_structure(lambda _: RowBuffer(samples), result)
                tree.map_structure(lambda rows, y: rows.add(_on_host(y, count)), outputs, result)

            with (
                reading(batches),
                _read_access(self, with_metrics=False),
                events(listeners, "predict"),
                interruptible() as interrupts,
            ):
                for _ in run_steps(
                    self, "predict", executions, listeners, interrupts, steps=steps, add=add, logs=_as_logs
                ):
                    pass
            return tree.map_structure(RowBuffer.result, outputs)

    # -- single batches ----------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Data,
        y: Data | None = None,
        sample_weight: Data | None = None,
        class_weight: ClassWeight | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Run a step of training on these samples, as one batch. Return its loss and metrics, as `evaluate` does."""
        require_compiled(self, "train_on_batch")
        return _on_batch(self, "train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Data, y: Data | None = None, sample_weight: Data | None = None, return_dict: bool = False
    ) -> Any:
        """Run a step of evaluation on these samples, as one batch. Return its loss and metrics, as `evaluate` does."""
        require_compiled(self, "test_on_batch")
        return _on_batch(self, "test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Data) -> Any:
        """Compute the outputs for these samples, as one batch. Return NumPy arrays."""
        with self._home_scope():
            batches = one_batch(self, x)
            step = prepare(self, "predict", batches)
            with _read_access(self, with_metrics=False):
                return tree.map_structure(to_host, step.run(batches.first()))


def _on_batch(
    model: Trainer, kind: str, x: Data, y: Data | None, w: Data | None, class_weight: ClassWeight | None,
    as_dict: bool,
) -> Any:  # fmt: skip
    with model._home_scope():
        batches = one_batch(model, x, y, w, class_weight)
        step = prepare(model, kind, batches)
        access = model._training.access
        with access.step(model) if kind == "train" else _read_access(model):
            model.reset_metrics()
            logs = {name: as_number(v) for name, v in step.run(batches.first()).items()}
    return _one_or_all(logs, as_dict)


def _evaluate(model: Trainer, batches: Batches, steps: int | None, callbacks: CallbackList) -> dict[str, Any]:
    """Return the loss and the metrics on batches, by name."""
    step = prepare(model, "test", batches)
    executions = Executions(step, batches, model.steps_per_execution, callbacks.watches("test"))
    logs: Any = {}
    with _read_access(model), events(callbacks, "test") as results, interruptible() as interrupts:
        model.reset_metrics()
        for _, result in run_steps(model, "test", executions, callbacks, interrupts, steps=steps):
            logs = result
        results.update((name, as_number(value)) for name, value in logs.items())
    return results


def _read_access(model: Trainer, with_metrics: bool = True) -> AbstractContextManager[None]:
    """Return a block in which the Variables have their present values, even if another thread trains the model."""
    metrics = model.metrics_variables if with_metrics else ()
    return model._training.access.read([*model.weights, *model._states], metrics)


def _with_backup(
    callbacks: CallbacksLike, folder: str | os.PathLike[str] | None
) -> list[Callback] | CallbackList:
    """Return the callbacks of `fit`, with one that saves the state in a folder, if it is given."""
    if folder is None:
        return callbacks if isinstance(callbacks, CallbackList) else as_list(callbacks)
    return [*as_list(callbacks), BackupAndRestore(folder)]


def _validate(model: Trainer, batches: Any, steps: int | None, callbacks: CallbackList) -> dict[str, Any]:
    """Return the loss and the metrics of a validation, by their names in the logs of `fit`."""
    with interruptible() as interrupts:
        found = interrupts.fetch(batches.has_next)
    if not found:
        warn(
            f"validation_data ran out after {batches.count} batches: there is no more validation. Give "
            "fewer validation_steps, arrays, or a PyDataset, which can be read again."
        )
        return {}
    if type(model).evaluate is Trainer.evaluate:
        results = _evaluate(model, batches, steps, callbacks)
    else:  # overridden by a subclass
        results = model.evaluate(batches, steps=steps, verbose=0, return_dict=True)
    return {f"val_{name}": value for name, value in results.items()}


def _one_or_all(logs: dict[str, Any], as_dict: bool) -> Any:
    """Return the logs, or their values: a single one, or a list of several."""
    values = list(logs.values())
    return logs if as_dict else values[0] if len(values) == 1 else values


def _as_logs(outputs: object) -> dict[str, Any]:
    return {"outputs": outputs}


def _host_copy(x: Tensor) -> np.ndarray[Any, Any]:
    """Return a copy of an array on the host."""
    return np.array(to_host(x))


def _on_host(y: Tensor, count: int) -> np.ndarray[Any, Any]:
    """Return an output for a batch as a NumPy array, or the joined outputs for the first `count` of several batches."""
    return to_host(y)[:count].reshape((-1, *y.shape[2:])) if count else to_host(y)
