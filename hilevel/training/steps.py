"""`compile`, and the steps of training: what is done with one batch."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from hilevel import ops, optimizers, tree
from hilevel._types import Tensor
from hilevel.autodiff.functional import value_and_grad
from hilevel.configurable import named_arguments
from hilevel.data.unpack import unpack_x_y_sample_weight
from hilevel.errors import NotCompiledError
from hilevel.layers.layer import Layer
from hilevel.training.outputs import OutputLosses, OutputMetrics


class Steps(Layer):
    """A layer that can be compiled, and has steps of training. A subclass may override `train_step`, `test_step`,
    `predict_step`, `compute_loss` and `compute_metrics`; what they are written in runs on every backend, eagerly and
    compiled."""

    _built_from_start = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.optimizer: Any = None
        self.loss: Any = None
        self.stop_training = False
        self.history: Any = None
        self.run_eagerly = False
        self.jit_compile: bool | str = "auto"
        self.steps_per_execution: int | str = 1
        self.compiled = False
        self._hidden_output_losses: OutputLosses | None = None
        self._hidden_output_metrics: OutputMetrics | None = None
        self._hidden_loss_tracker: Any = None
        self._hidden_steps: dict[Any, Any] = {}
        self._hidden_built_on: dict[Any, Any] = {}
        self._hidden_ranges: dict[Any, Any] = {}

    def __getstate__(self) -> dict[str, Any]:
        compiled = ("_hidden_steps", "_hidden_built_on", "_hidden_ranges")
        return super().__getstate__() | {name: {} for name in compiled}

    @property
    def output_names(self) -> list[str] | None:
        """The names by which targets can be given in a dict; None before they are known."""
        return None

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs, of a model that is a graph."""
        return []

    # -- compile -----------------------------------------------------------------------------------

    @named_arguments
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is to be trained.

        Args:
            optimizer: a name or an object.
            loss: a name, a function or an object; of several outputs a list, or a dict by output name.
            loss_weights: what the losses of several outputs are multiplied with.
            metrics: names, functions or objects, that do not see sample weights.
            weighted_metrics: the same, that do.
            run_eagerly: whether the steps run as plain Python, for debugging.
            steps_per_execution: how many steps are run in one go; callbacks see only the last of them. `"auto"` leaves
                the choice to hilevel. With 1 several steps are run as one program all the same where that is faster (on
                JAX) and no callback acts on batches.
            jit_compile: whether the steps are compiled, where the backend has a compiler; `"auto"` is yes.
            auto_scale_loss: whether the optimizer of a model whose policy is `"mixed_float16"` is put into a
                `LossScaleOptimizer`.

        Raises:
            UnknownNameError: a name is misspelt; names the nearest.
        """
        self._hidden_output_losses = None if loss is None else OutputLosses(loss, loss_weights)
        self._hidden_output_metrics = OutputMetrics(metrics, weighted_metrics)
        self.optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            self.optimizer = _with_loss_scale(self.optimizer)
        self.loss = loss
        self.run_eagerly = run_eagerly
        self.jit_compile = jit_compile
        if steps_per_execution != "auto" and (
            not isinstance(steps_per_execution, int) or steps_per_execution < 1
        ):
            raise ValueError(
                f'steps_per_execution must be a positive integer or "auto"; got {steps_per_execution!r}.'
            )
        self.steps_per_execution = steps_per_execution
        self._hidden_loss_tracker = None
        self._hidden_steps, self._hidden_built_on, self._hidden_ranges = {}, {}, {}
        self.stop_training = False
        self.compiled = True

    def _needs_compile(self, what: str, without_loss: bool = False) -> None:
        if not self.compiled:
            raise NotCompiledError(
                f"Call compile(optimizer=..., loss=...) before {what}: the model does not know how it is "
                "to be trained."
            )

    # -- one step ----------------------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """Run one step of training on a batch `x`, `(x, y)` or `(x, y, sample_weight)`. Returns the metrics so far, by
        name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        weights = self.trainable_variables

        def forward() -> tuple[Any, Any]:
            y_pred = self(x, training=True)
            loss = self._loss_of(x, y, y_pred, sample_weight, True)
            return self._scaled(loss), (loss, y_pred)

        with _overflow_allowed(self.optimizer):
            (_, (loss, y_pred)), gradients = value_and_grad(forward, has_aux=True, variables=weights)()
        self.optimizer.apply(gradients, weights)
        self._track(loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of evaluation on a batch: returns the metrics so far, by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        self._track(self._loss_of(x, y, y_pred, sample_weight, False), x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def _loss_of(self, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
        """Call `compute_loss`, without `training` where a subclass does not take it."""
        parameters = inspect.signature(self.compute_loss).parameters
        takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
        options = {"training": training} if takes_all or "training" in parameters else {}
        return self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The loss of a batch: that of `compile`, and what layers and regularizers add."""
        total: Any = None
        losses = self._hidden_output_losses
        if losses is not None:
            losses.build(y, y_pred, self.output_names)
            self._build_metrics(y, y_pred)
            total = losses(y, y_pred, sample_weight, _samples(y_pred))
        for extra in self.losses:
            extra = ops.sum(extra)
            total = extra if total is None else total + extra
        if total is None:
            raise ValueError(
                "There is nothing to make small: compile was given no loss, and no layer adds one. Give "
                "compile(loss=...), or call add_loss in a layer."
            )
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Take a batch into the metrics, and return what they say so far, by name."""
        self._build_metrics(y, y_pred)
        assert self._hidden_output_metrics is not None
        if y is not None:
            self._hidden_output_metrics.update(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """What the metrics say so far, by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    def _build_metrics(self, y: Any, y_pred: Any) -> None:
        if self._hidden_output_metrics is None:
            return
        self._hidden_output_metrics.build(y, y_pred, self.output_names, self._hidden_output_losses)

    def _track(self, loss: Any, x: Any) -> None:
        """Take a batch's loss into the mean over samples."""
        if self._hidden_loss_tracker is not None:
            self._hidden_loss_tracker.update_state(loss, sample_weight=_samples(x))

    def _scaled(self, loss: Any) -> Any:
        scale = getattr(self.optimizer, "scale_loss", None)
        return loss if scale is None else scale(loss)

    # -- metrics -----------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the losses of several outputs, the metrics of `compile` and those of layers."""
        own = [] if self._hidden_loss_tracker is None else [self._hidden_loss_tracker]
        losses, compiled = self._hidden_output_losses, self._hidden_output_metrics
        own += losses.trackers if losses is not None else []
        own += compiled.all if compiled is not None else []
        return own + [m for m in super().metrics if m not in own]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset_state()


def _samples(x: Any) -> int:
    """The number of samples in a batch."""
    return next((leaf.shape[0] for leaf in tree.flatten(x) if hasattr(leaf, "shape") and leaf.shape), 1)


def _with_loss_scale(optimizer: Any) -> Any:
    if optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer):
        return optimizer
    return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def _overflow_allowed(optimizer: Any) -> AbstractContextManager[None]:
    """A block in which NumPy does not warn of overflow where it is expected: loss scaling looks for it itself."""
    if isinstance(optimizer, optimizers.LossScaleOptimizer):
        return np.errstate(over="ignore", invalid="ignore")
    return nullcontext()
