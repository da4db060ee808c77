"""`fit`, `evaluate` and `predict`: the loops over batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
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
from hilevel.data.adapters import Kept, RepeatedBatches, StreamBatches
from hilevel.data.arrays import ArrayBatches
from hilevel.data.columns import named_leaves
from hilevel.data.unpack import unpack_x_y_sample_weight
from hilevel.data.weights import warn_of_unused
from hilevel.errors import TracedValueError, warn
from hilevel.layers.layer import Layer
from hilevel.ops._abstract import Abstract, Unknown
from hilevel.random.seed import make_seed
from hilevel.training.loop import Executions, Joined, Logs, Watch, as_number, events, interruptible
from hilevel.training.outputs import check_probabilities
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
            self._hidden_steps, self._hidden_built_on = {}, {}
            self._hidden_ranges = {}
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

    def _executions(self, kind: str, batches: Any, tell: CallbackList, key: Any) -> Executions:
        return Executions(self._step(kind, key), batches, self.steps_per_execution, tell.watches(kind))

    def _build_on(self, kind: str, batch: Any) -> None:
        """Make everything a step needs - weights, optimizer slots, metrics - by running it once on shapes."""
        shapes = [(x.shape[1:], x.dtype) for x in tree.flatten(batch) if hasattr(x, "shape")]
        if self.built and self._hidden_built_on.get(self._step_key(kind)) == shapes:
            return
        if self._hidden_loss_tracker is None and kind != "predict" and self.compiled:
            self._hidden_loss_tracker = metrics.Mean(name="loss")

        data = _on_shapes(batch)
        ranges: list[Any] = []
        try:
            with scope(abstract=1, recording=None, ranges=ranges):
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
        self._hidden_ranges[self._step_key(kind)] = [name for name, _ in named_leaves(batch)], ranges

    def _find_ranges(self, kind: str, batch: Any) -> list[Any]:
        """Return the ranges that a built model expects of the leaves of a batch, by running a step on shapes. One that
        cannot be run on shapes has none."""
        ranges: list[Any] = []
        with suppress(Exception), scope(abstract=1, recording=None, ranges=ranges):
            getattr(self, f"{kind}_step")(_on_shapes(batch))
        return ranges

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
        self._needs_compile("fit")
        _check_counts(steps_per_epoch=steps_per_epoch, validation_steps=validation_steps)
        due = _validation_epochs(validation_freq)
        with self._home_scope():
            batches, validation = self._training_data(
                x, y, sample_weight, batch_size, shuffle, class_weight, steps_per_epoch,
                validation_split, validation_data,
            )  # fmt: skip
            validation = self._validation_batches(
                validation, validation_batch_size or batch_size, validation_steps, epochs - initial_epoch > 1
            )
            self._build_on("train", batches.first())
            self._check_losses()
            key = self._check_ranges("train", batches)
            tell = CallbackList.make(callbacks, self, verbose, epochs, batches.steps, history=True)
            executions = self._executions("train", batches, tell, key)
            self.stop_training = False
            watch = Watch()
            with events(tell, "train") as last_logs, interruptible() as interrupts:
                for epoch in range(initial_epoch, epochs):
                    if not interrupts.fetch(batches.has_next):
                        _warn_exhausted(batches.count, epoch, epochs)
                        break
                    self.reset_metrics()
                    tell.on_epoch_begin(epoch)
                    logs: Any = {}
                    for execution in interrupts.read(executions.epoch(epoch)):
                        tell.on_train_batch_begin(execution.first)
                        with self._home_scope():  # a callback may have moved the model
                            logs = executions.run(execution, watch.add)
                        tell.on_train_batch_end(execution.last, Logs(logs))
                        interrupts.check()
                        if self.stop_training:
                            break
                    watch.check(epoch, batches)
                    epoch_logs = {name: as_number(value) for name, value in logs.items()}
                    if validation is not None and due(epoch):
                        epoch_logs |= self._validate(validation, validation_steps, tell)
                    last_logs.clear()
                    last_logs.update(epoch_logs)
                    tell.on_epoch_end(epoch, epoch_logs)
                    interrupts.check()
                    if self.stop_training:
                        break
                if epochs > initial_epoch and hasattr(self.optimizer, "finalize_variable_values"):
                    self.optimizer.finalize_variable_values(self.trainable_variables)
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
        if class_weight is not None and isinstance(batches, ArrayBatches):
            warn_of_unused(class_weight, y, self.output_names)
        if steps is not None and not isinstance(batches, StreamBatches):
            batches = RepeatedBatches(batches, steps)
        return batches, validation_data

    def _validation_batches(self, data: Any, batch_size: Any, steps: Any, repeated: bool) -> Any:
        """Return the batches to validate on, or None. A finite iterator is kept, if it is read more than once."""
        if data is None:
            return None
        x, y, w = unpack_x_y_sample_weight(data) if isinstance(data, (tuple, list)) else (data, None, None)
        if isinstance(x, Iterator) and steps is None and repeated:
            x = Kept(x)
        return data_.adapt(x, y, w, batch_size=batch_size, steps=steps, dtype=self.variable_dtype)

    def _validate(self, batches: Any, steps: Any, tell: Any) -> dict[str, Any]:
        """Return the results of an evaluation by their names in the logs of `fit`."""
        with interruptible() as interrupts:
            found = interrupts.fetch(batches.has_next)
        if not found:
            warn(
                f"validation_data ran out after {batches.count} batches: there is no validation any more. Give "
                "fewer validation_steps, arrays, or a PyDataset, which can be read again."
            )
            return {}
        results = self.evaluate(batches, steps=steps, verbose=0, callbacks=tell, return_dict=True)
        return {f"val_{name}": value for name, value in results.items()}

    def _check_losses(self) -> None:
        """Check, once before training, that the outputs are of the kind that the losses expect."""
        outputs = self.outputs
        for term in self._hidden_output_losses.terms if self._hidden_output_losses and outputs else ():
            check_probabilities(term.loss, outputs[term.output])

    def _check_ranges(self, kind: str, batches: Any) -> Any:
        """Check indices and labels: those of arrays at once, those of other data before the step on each batch.

        Returns:
            The key of the step.

        Raises:
            OutOfRangeError: names the part of the data, the value, its range, and the layer or loss.
        """
        if not self.built:
            self._build_on(kind, batches.first())
        key = self._step_key(kind)
        names, ranges = self._hidden_ranges.get(key, (None, None))
        if ranges != []:
            first = batches.first()
            found = [name for name, _ in named_leaves(first)]
            if names != found:
                ranges = self._find_ranges(kind, first)
                self._hidden_ranges[key] = found, ranges
            batches.expect(ranges)
        return key

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
        _check_counts(steps=steps)
        with self._home_scope():
            batches = data_.adapt(
                x, y, sample_weight, batch_size=batch_size, steps=steps, dtype=self.variable_dtype
            )
            self._build_on("test", batches.first())
            key = self._check_ranges("test", batches)
            tell = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            executions = self._executions("test", batches, tell, key)
            self.reset_metrics()
            logs: Any = {}
            with events(tell, "test") as results, interruptible() as interrupts:
                for execution in interrupts.read(executions.epoch(0, steps)):
                    tell.on_test_batch_begin(execution.first)
                    logs = executions.run(execution, lambda *_: None)
                    tell.on_test_batch_end(execution.last, Logs(logs))
                    interrupts.check()
                results.update((name, as_number(value)) for name, value in logs.items())
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
        _check_counts(steps=steps)
        with self._home_scope():
            batches = data_.adapt(x, batch_size=batch_size, steps=steps, dtype=self.variable_dtype)
            if isinstance(batches, StreamBatches):
                batches.first()  # refuses data without a batch
            key = self._check_ranges("predict", batches)
            tell = CallbackList.make(callbacks, self, verbose, 1, steps or batches.steps)
            if batches.steps == 1 and isinstance(batches, ArrayBatches) and not tell.callbacks:
                return tree.map_structure(_copied, self._step("predict", key)(batches.first()))
            executions = self._executions("predict", batches, tell, key)
            samples = batches.samples if isinstance(batches, ArrayBatches) and steps is None else None
            outputs: Any = None

            def add(result: Any, count: int = 0) -> None:
                nonlocal outputs
                if outputs is None:
                    outputs = tree.map_structure(lambda _: Joined(samples), result)
                tree.map_structure(lambda joined, y: joined.add(_on_host(y, count)), outputs, result)

            with events(tell, "predict"):
                for execution in executions.epoch(0, steps):
                    tell.on_predict_batch_begin(execution.first)
                    last = executions.run(execution, add)
                    tell.on_predict_batch_end(execution.last, {"outputs": last})
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
        self._needs_compile("train_on_batch")
        return self._on_batch("train", x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Run one step of evaluation on these samples as one batch. Returns the loss and metrics of this batch."""
        self._needs_compile("test_on_batch")
        return self._on_batch("test", x, y, sample_weight, None, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for these samples as one batch, as NumPy arrays."""
        with self._home_scope():
            batches = self._one_batch(x, None, None, None)
            self._check_ranges("predict", batches)
            return tree.map_structure(to_host, self._step("predict")(batches.first()))

    def _on_batch(self, kind: str, x: Any, y: Any, w: Any, class_weight: Any, as_dict: bool) -> Any:
        with self._home_scope():
            batches = self._one_batch(x, y, w, class_weight)
            batch = batches.first()
            self._build_on(kind, batch)
            self._check_ranges(kind, batches)
            self.reset_metrics()
            logs = {name: as_number(v) for name, v in self._step(kind)(batch).items()}
        values = list(logs.values())
        return logs if as_dict else values[0] if len(values) == 1 else values

    def _one_batch(self, x: Any, y: Any, w: Any, class_weight: Any) -> Any:
        return ArrayBatches(
            x, y, w, batch_size=2**62, class_weight=class_weight,
            output_names=self.output_names, dtype=self.variable_dtype,
        )  # fmt: skip


def _on_shapes(batch: Any) -> Any:
    """Return abstract tensors for the leaves of a batch, of a size of the batch that is not known."""
    leaves = [
        Abstract((Unknown(x.shape[0]), *x.shape[1:]), x.dtype, source=i) if getattr(x, "shape", ()) else x
        for i, x in enumerate(tree.flatten(batch))
    ]
    return tree.pack_sequence_as(batch, leaves)


def _copied(x: Any) -> np.ndarray[Any, Any]:
    """The numbers in memory of their own, on the host."""
    return np.array(to_host(x))


def _on_host(y: Any, count: int) -> np.ndarray[Any, Any]:
    """Return an output for a batch as a NumPy array; or for the first `count` batches of several, joined."""
    return to_host(y)[:count].reshape((-1, *y.shape[2:])) if count else to_host(y)


def _check_counts(**counts: Any) -> None:
    """Raise ValueError if a number of steps is given that is not a positive integer."""
    for name, count in counts.items():
        if count is not None and (
            isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 1
        ):
            raise ValueError(f"{name} must be a positive integer, or None for all batches; got {count!r}.")


def _validation_epochs(frequency: int | Sequence[int]) -> Callable[[int], bool]:
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


def _warn_exhausted(count: int, epoch: int, epochs: int) -> None:
    warn(
        f"The data ran out after {count} batches: training stops before epoch {epoch + 1} of {epochs}. Give fewer "
        "epochs or steps_per_epoch, a generator that goes on, or arrays or a PyDataset, which can be read again."
    )
