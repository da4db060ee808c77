"""`fit`, `evaluate` and `predict`: the loops over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hilevel import data as data_
from hilevel import metrics, tree
from hilevel._context import context, scope
from hilevel.autodiff.jit import jit
from hilevel.autodiff.tape import to_host
from hilevel.backends import get_backend
from hilevel.callbacks.base import CallbackList, History
from hilevel.configurable import named_arguments
from hilevel.data.adapters import StreamBatches
from hilevel.data.arrays import ArrayBatches
from hilevel.data.unpack import unpack_x_y_sample_weight
from hilevel.errors import TracedValueError
from hilevel.layers.layer import Layer
from hilevel.losses.base import Loss
from hilevel.ops._abstract import Abstract, Unknown
from hilevel.random.seed import make_seed
from hilevel.training.loop import Cut, Executions, Logs, Watch, as_number, interruptible
from hilevel.training.outputs import check_probabilities, targets_by_output
from hilevel.training.steps import Steps


class Trainer(Steps):
    """What `Model` adds to `Layer`: `fit`, `evaluate` and `predict`, over steps that run on every backend."""

    # -- state -------------------------------------------------------------------------------------

    def to(self, backend: Any) -> Any:
        """Move all the model holds to another backend, the optimizer's state and the metrics included.

        It may be called in the middle of training. Returns itself.
        """
        target = get_backend(backend)
        if target is not self._backend:
            self._hidden_steps, self._hidden_built_on, self._hidden_paces = {}, {}, {}
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

    def _step(self, kind: str, key: Any = None) -> Callable[[Any], Any]:
        """The compiled form of `train_step`, `test_step` or `predict_step`, made once for the state it works on."""
        step = getattr(self, f"{kind}_step")
        if self.run_eagerly or self.jit_compile is False:
            return step
        key = key or self._step_key(kind)
        if key not in self._hidden_steps:
            self._hidden_steps[key] = jit(step)
        return self._hidden_steps[key]

    def _executions(self, kind: str, batches: Any, tell: CallbackList) -> Executions:
        key = self._step_key(kind)
        paces = self._hidden_paces.setdefault(key, {})
        return Executions(self._step(kind, key), batches, self.steps_per_execution, tell.watches(kind), paces)

    def _build_on(self, kind: str, batch: Any) -> None:
        """Make everything a step needs - weights, optimizer slots, metrics - by running it once on shapes."""
        shapes = [(x.shape[1:], x.dtype) for x in tree.flatten(batch) if hasattr(x, "shape")]
        if self.built and self._hidden_built_on.get(self._step_key(kind)) == shapes:
            return
        if self._hidden_loss_tracker is None and kind != "predict" and self.compiled:
            self._hidden_loss_tracker = metrics.Mean(name="loss")

        def stand_in(x: Any) -> Any:
            if not hasattr(x, "shape"):
                return x
            return Abstract((Unknown(x.shape[0]), *x.shape[1:]), x.dtype) if len(x.shape) else x

        data = tree.map_structure(stand_in, batch)
        try:
            with scope(abstract=1, recording=None):
                if not self.built and type(self).call is not Layer.call:
                    self(unpack_x_y_sample_weight(data)[0])
                getattr(self, f"{kind}_step")(data)
                if kind != "predict":
                    self._build_unused_metrics(data)
        except TracedValueError:
            # The step asks for numbers, as only plain Python can give: it builds what it needs as it runs.
            self._hidden_steps[self._step_key(kind)] = getattr(self, f"{kind}_step")
        self._home()
        self._hidden_built_on[self._step_key(kind)] = shapes

    def _build_unused_metrics(self, data: Any) -> None:
        """Make the metrics of `compile` where a step of the user's own has not come to them."""
        compiled = self._hidden_output_metrics
        if compiled is None or compiled.built or not (compiled.given or compiled.weighted):
            return
        x, y, _ = unpack_x_y_sample_weight(data)
        self._build_metrics(y, self(x, training=False))

    def _step_key(self, kind: str) -> Any:
        return (kind, id(self.optimizer), tuple(id(v) for v in self.trainable_variables))

    # -- fit ---------------------------------------------------------------------------------------

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
            class_weight: `{class: weight}`; of several outputs `{output: {class: weight}}`.
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
        self._needs_compile("fit")
        with self._home_scope():
            batches, validation = self._training_data(
                x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch,
                validation_split, validation_data,
            )  # fmt: skip
            self._build_on("train", batches.first())
            self._check_targets(batches)
            tell = CallbackList.make(callbacks, self, verbose, epochs, batches.steps, history=True)
            executions = self._executions("train", batches, tell)
            self.stop_training = False
            watch = Watch()
            logs: Any = {}
            tell.on_train_begin()
            with interruptible() as check_interrupt:
                for epoch in range(initial_epoch, epochs):
                    self.reset_metrics()
                    tell.on_epoch_begin(epoch)
                    for execution in executions.epoch(epoch):
                        tell.on_train_batch_begin(execution.first)
                        with self._home_scope():  # a callback may have moved the model
                            logs = executions.run(execution, watch.add)
                        tell.on_train_batch_end(execution.last, Logs(logs))
                        check_interrupt()
                        if self.stop_training:
                            break
                    watch.check(epoch, batches)
                    epoch_logs = {name: as_number(value) for name, value in logs.items()}
                    if validation is not None and _due(validation_freq, epoch):
                        result = self._validate(
                            validation, validation_batch_size or batch_size, validation_steps, tell
                        )
                        epoch_logs |= {f"val_{name}": value for name, value in result.items()}
                    tell.on_epoch_end(epoch, epoch_logs)
                    check_interrupt()
                    if self.stop_training:
                        break
            tell.on_train_end(epoch_logs if epochs > initial_epoch else {})
            return self.history

    def _training_data(
        self, x: Any, y: Any, sample_weight: Any, batch_size: Any, shuffle: bool, class_weight: Any,
        steps: int | None, validation_split: float, validation_data: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """The batches to train on, and the data to validate on."""
        options: dict[str, Any] = {
            "batch_size": batch_size, "shuffle": bool(shuffle), "seed": make_seed() if shuffle else 0,
            "steps": steps, "class_weight": class_weight,
            "output_names": self.output_names, "dtype": self.variable_dtype,
        }  # fmt: skip
        if validation_split and validation_data is None:
            whole = data_.adapt(x, y, sample_weight, dtype=self.variable_dtype)
            if not isinstance(whole, ArrayBatches):
                raise ValueError("validation_split needs arrays; of other data give validation_data.")
            (x, y, sample_weight), validation_data = whole.split(validation_split)
        batches = data_.adapt(x, y, sample_weight, **options)
        if steps is not None and not isinstance(batches, StreamBatches):
            batches = Cut(batches, steps)
        return batches, validation_data

    def _validate(self, validation: Any, batch_size: Any, steps: Any, tell: Any) -> dict[str, Any]:
        x, y, w = (
            unpack_x_y_sample_weight(validation)
            if isinstance(validation, (tuple, list))
            else (validation, None, None)
        )
        return self.evaluate(
            x, y, batch_size=batch_size, sample_weight=w, steps=steps, verbose=0,
            callbacks=tell, return_dict=True,
        )  # fmt: skip

    def _check_targets(self, batches: Any) -> None:
        """Once, before training: that outputs are what the losses expect, and integer labels within their range."""
        losses = self._hidden_output_losses
        if losses is None or not losses.names:
            return
        for loss, output in zip(losses.losses, self.outputs or [None] * len(losses.names), strict=True):
            check_probabilities(loss, output)
        structure = getattr(batches, "structure", None)
        shapes = self.__dict__.get("_hidden_shapes", [])
        if structure is None or structure[1] is None or len(shapes) != len(losses.names):
            return
        targets = targets_by_output(structure[1], losses.names, "y")
        for loss, target, shape in zip(losses.losses, targets, shapes, strict=True):
            if isinstance(loss, Loss) and isinstance(target, np.ndarray):
                loss.check_data(target, shape)

    # -- evaluate and predict ----------------------------------------------------------------------

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
        self._needs_compile("evaluate")
        with self._home_scope():
            batches = data_.adapt(
                x, y, sample_weight, batch_size=batch_size, steps=steps, dtype=self.variable_dtype
            )
            self._build_on("test", batches.first())
            tell = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            executions = self._executions("test", batches, tell)
            self.reset_metrics()
            logs: Any = {}
            tell.on_test_begin()
            with interruptible() as check_interrupt:
                for execution in executions.epoch(0, steps):
                    tell.on_test_batch_begin(execution.first)
                    logs = executions.run(execution, lambda *_: None)
                    tell.on_test_batch_end(execution.last, Logs(logs))
                    check_interrupt()
            results = {name: as_number(value) for name, value in logs.items()}
            tell.on_test_end(results)
        if return_dict:
            return results
        values = list(results.values())
        return values[0] if len(values) == 1 else values

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
        with self._home_scope():
            batches = data_.adapt(x, batch_size=batch_size, steps=steps, dtype=self.variable_dtype)
            if not self.built:
                self._build_on("predict", batches.first())
            tell = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            if batches.steps == 1 and isinstance(batches, ArrayBatches) and not tell.callbacks:
                return tree.map_structure(_copied, self._step("predict")(batches.first()))
            executions = self._executions("predict", batches, tell)
            outputs: list[Any] = []
            tell.on_predict_begin()
            for execution in executions.epoch(0, steps):
                tell.on_predict_batch_begin(execution.first)
                last = executions.run(
                    execution, lambda result, count=0: outputs.append(_on_host(result, count))
                )
                tell.on_predict_batch_end(execution.last, {"outputs": last})
            tell.on_predict_end()
            return tree.map_structure(lambda *parts: np.concatenate(parts), *outputs)

    # -- single batches ----------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One step of training on these samples as one batch; the metrics go on from the last call."""
        self._needs_compile("train_on_batch")
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One step of evaluation on these samples as one batch; the metrics go on from the last call."""
        self._needs_compile("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for these samples as one batch, as NumPy arrays."""
        with self._home_scope():
            batch = self._one_batch(x, None, None, None)
            if not self.built:
                self._build_on("predict", batch)
            return tree.map_structure(to_host, self._step("predict")(batch))

    def _on_batch(self, kind: str, x: Any, y: Any, w: Any, class_weight: Any, as_dict: bool) -> Any:
        with self._home_scope():
            batch = self._one_batch(x, y, w, class_weight)
            self._build_on(kind, batch)
            logs = {name: as_number(v) for name, v in self._step(kind)(batch).items()}
        values = list(logs.values())
        return logs if as_dict else values[0] if len(values) == 1 else values

    def _one_batch(self, x: Any, y: Any, w: Any, class_weight: Any) -> Any:
        return ArrayBatches(
            x, y, w, batch_size=2**62, class_weight=class_weight,
            output_names=self.output_names, dtype=self.variable_dtype,
        ).first()  # fmt: skip


def _copied(x: Any) -> np.ndarray[Any, Any]:
    """The numbers in memory of their own, on the host."""
    return np.array(to_host(x))


def _on_host(outputs: Any, count: int) -> Any:
    """The outputs for a batch as NumPy arrays; or for the first `count` batches of several, as one."""
    if not count:
        return tree.map_structure(to_host, outputs)
    return tree.map_structure(lambda y: to_host(y)[:count].reshape((-1, *y.shape[2:])), outputs)


def _due(frequency: int | Sequence[int], epoch: int) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency
