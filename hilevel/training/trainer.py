"""`fit`, `evaluate` and `predict`: the loops over batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.api.configurable import named_arguments
from hilevel.callbacks.base import History
from hilevel.callbacks.callback_list import CallbackList
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import get_backend
from hilevel.engine.context import context, scope
from hilevel.errors import warn
from hilevel.training import data as data_
from hilevel.training.data.arrays import ArrayBatches
from hilevel.training.loop import (
    Executions,
    Joined,
    NonFiniteMonitor,
    as_number,
    events,
    interruptible,
    run_steps,
)
from hilevel.training.prepare import (
    check_counts,
    check_losses,
    one_batch,
    prepare,
    require_compiled,
    training_data,
    validation_batches,
    validation_epochs,
    warn_exhausted,
)
from hilevel.training.steps import TrainableLayer


class Trainer(TrainableLayer):
    """What `Model` adds to `Layer`: `fit`, `evaluate` and `predict`, over steps that run on every backend."""

    def to(self, backend: Any) -> Any:
        """Move all the model holds to another backend, the optimizer's state and the metrics included.

        It may be called in the middle of training. Returns itself.
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
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Train the model for a number of epochs.

        Args:
            x: arrays, or lists or dicts of them; a generator or iterable of batches; a `PyDataset`.
            y: the targets, where x are arrays.
            batch_size: samples in a batch; 32 by default.
            epochs: up to which epoch.
            verbose: 0 says nothing, 1 draws a bar, 2 writes a line for each epoch; `"auto"` is 1 in a terminal or
                notebook, else 2.
            callbacks: `Callback` objects.
            validation_split: the share of the data, from their end, that is kept for validation.
            validation_data: `(x, y)` or `(x, y, sample_weight)`, or whatever `evaluate` takes.
            shuffle: whether the samples of arrays get a new order in each epoch.
            class_weight: `{class: weight}`; of several outputs `{output: {class: weight}}`. Classes that have no
                weight count 1; those that do not occur in arrays `y` are warned of.
            sample_weight: a weight for each sample.
            initial_epoch: where to count from.
            steps_per_epoch: batches in an epoch, where it is not all of them.
            validation_steps: batches of a validation, where it is not all of them.
            validation_batch_size: samples in a batch of validation; `batch_size` by default.
            validation_freq: after how many epochs to validate, or after which.

        Returns:
            A `History`, whose `history` holds the numbers of each epoch.

        Raises:
            NotCompiledError: before `compile`.
            ValueError, ShapeError: the data do not fit together, or not to the model.
        """
        require_compiled(self, "fit")
        check_counts(steps_per_epoch=steps_per_epoch, validation_steps=validation_steps)
        due = validation_epochs(validation_freq)
        state = self._training
        with self._home_scope(), state.turns.training(self._label()):
            batches, validation = training_data(
                self, x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch,
                validation_split, validation_data,
            )  # fmt: skip
            validation = validation_batches(
                self, validation, validation_batch_size or batch_size, validation_steps, epochs - initial_epoch > 1
            )  # fmt: skip
            step = prepare(self, "train", batches)
            check_losses(self)
            tell = CallbackList.make(callbacks, self, verbose, epochs, batches.steps, history=True)
            executions = Executions(step, batches, state.steps_per_execution, tell.watches("train"))
            monitor = NonFiniteMonitor()
            with state.running(batches, tell), events(tell, "train") as final, interruptible() as interrupts:
                for epoch in range(initial_epoch, epochs):
                    if not interrupts.fetch(batches.has_next):
                        warn_exhausted(batches.count, epoch, epochs)
                        break
                    state.epoch, state.batch = epoch, 0
                    self.reset_metrics()
                    tell.on_epoch_begin(epoch)
                    logs: Any = {}
                    steps = run_steps(
                        self, "train", executions, tell, interrupts, epoch=epoch, add=monitor.add
                    )
                    for execution, result in steps:
                        state.batch, logs = execution.last + 1, result
                        if self.stop_training:
                            break
                    monitor.check(epoch, batches)
                    epoch_logs = {name: as_number(value) for name, value in logs.items()}
                    if validation is not None and due(epoch):
                        epoch_logs |= _validate(self, validation, validation_steps, tell)
                    final.clear()
                    final.update(epoch_logs)
                    tell.on_epoch_end(epoch, epoch_logs)
                    interrupts.check()
                    if self.stop_training:
                        break
                if epochs > initial_epoch and hasattr(self.optimizer, "finalize_variable_values"):
                    self.optimizer.finalize_variable_values(self.trainable_variables)
            return self.history

    @named_arguments
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and the metrics on data; arguments as those of `fit`.

        Returns:
            The loss, or a list of loss and metrics, or with `return_dict` a dict of them by name.
        """
        require_compiled(self, "evaluate")
        check_counts(steps=steps)
        with self._home_scope():
            batches = data_.adapt(
                x, y, sample_weight, batch_size=batch_size, steps=steps, dtype=self.variable_dtype
            )
            tell = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            results = _evaluate(self, batches, steps, tell)
        return _one_or_all(results, return_dict)

    @named_arguments
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for data, as NumPy arrays; arguments as those of `fit`."""
        check_counts(steps=steps)
        with self._home_scope():
            batches = data_.adapt(x, batch_size=batch_size, steps=steps, dtype=self.variable_dtype)
            step = prepare(self, "predict", batches)
            tell = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            in_memory = isinstance(batches, ArrayBatches)
            if in_memory and batches.steps == 1 and not tell.callbacks:
                with _visit(self, with_metrics=False):
                    return tree.map_structure(_copied, step.run(batches.first()))
            executions = Executions(step, batches, self.steps_per_execution, tell.watches("predict"))
            samples = batches.samples if in_memory and steps is None else None  # type: ignore[attr-defined]
            outputs: Any = None

            def add(result: Any, count: int = 0) -> None:
                nonlocal outputs
                if outputs is None:
                    outputs = tree.map_structure(lambda _: Joined(samples), result)
                tree.map_structure(lambda joined, y: joined.add(_on_host(y, count)), outputs, result)

            with _visit(self, with_metrics=False), events(tell, "predict"), interruptible() as interrupts:
                for _ in run_steps(
                    self, "predict", executions, tell, interrupts, steps=steps, add=add, logs=_as_logs
                ):
                    pass
            return tree.map_structure(Joined.result, outputs)

    # -- single batches ----------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Run one step of training on these samples as one batch. Returns the loss and metrics of this batch."""
        require_compiled(self, "train_on_batch")
        return _on_batch(self, "train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Run one step of evaluation on these samples as one batch. Returns the loss and metrics of this batch."""
        require_compiled(self, "test_on_batch")
        return _on_batch(self, "test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for these samples as one batch, as NumPy arrays."""
        with self._home_scope():
            batches = one_batch(self, x)
            step = prepare(self, "predict", batches)
            with _visit(self, with_metrics=False):
                return tree.map_structure(to_host, step.run(batches.first()))


def _on_batch(model: Any, kind: str, x: Any, y: Any, w: Any, class_weight: Any, as_dict: bool) -> Any:
    with model._home_scope():
        batches = one_batch(model, x, y, w, class_weight)
        step = prepare(model, kind, batches)
        turns = model._training.turns
        with turns.step(model) if kind == "train" else _visit(model):
            model.reset_metrics()
            logs = {name: as_number(v) for name, v in step.run(batches.first()).items()}
    return _one_or_all(logs, as_dict)


def _evaluate(model: Any, batches: Any, steps: int | None, callbacks: CallbackList) -> dict[str, Any]:
    """Return the loss and the metrics on batches, by name."""
    step = prepare(model, "test", batches)
    executions = Executions(step, batches, model.steps_per_execution, callbacks.watches("test"))
    logs: Any = {}
    with _visit(model), events(callbacks, "test") as results, interruptible() as interrupts:
        model.reset_metrics()
        for _, result in run_steps(model, "test", executions, callbacks, interrupts, steps=steps):
            logs = result
        results.update((name, as_number(value)) for name, value in logs.items())
    return results


def _visit(model: Any, with_metrics: bool = True) -> AbstractContextManager[None]:
    """Return a block that sees the Variables as they are now, while another thread may train the model."""
    metrics = model.metrics_variables if with_metrics else ()
    return model._training.turns.visit([*model.weights, *model._states], metrics)


def _validate(model: Any, batches: Any, steps: int | None, callbacks: CallbackList) -> dict[str, Any]:
    """Return the loss and the metrics of a validation, by their names in the logs of `fit`."""
    with interruptible() as interrupts:
        found = interrupts.fetch(batches.has_next)
    if not found:
        warn(
            f"validation_data ran out after {batches.count} batches: there is no validation any more. Give "
            "fewer validation_steps, arrays, or a PyDataset, which can be read again."
        )
        return {}
    if type(model).evaluate is Trainer.evaluate:
        results = _evaluate(model, batches, steps, callbacks)
    else:  # of a subclass
        results = model.evaluate(batches, steps=steps, verbose=0, return_dict=True)
    return {f"val_{name}": value for name, value in results.items()}


def _one_or_all(logs: dict[str, Any], as_dict: bool) -> Any:
    """Return the logs, or their values: one by itself, several in a list."""
    values = list(logs.values())
    return logs if as_dict else values[0] if len(values) == 1 else values


def _as_logs(outputs: Any) -> dict[str, Any]:
    return {"outputs": outputs}


def _copied(x: Any) -> np.ndarray[Any, Any]:
    """The numbers in memory of their own, on the host."""
    return np.array(to_host(x))


def _on_host(y: Any, count: int) -> np.ndarray[Any, Any]:
    """Return an output for a batch as a NumPy array; or for the first `count` batches of several, joined."""
    return to_host(y)[:count].reshape((-1, *y.shape[2:])) if count else to_host(y)
