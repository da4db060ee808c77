"""`compile`, and the steps of training: what is done with one batch."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from hilevel import ops, optimizers, tree
from hilevel.api.configurable import named_arguments
from hilevel.engine.autodiff.functional import value_and_grad
from hilevel.engine.types import Tensor
from hilevel.layers.base.layer import Layer
from hilevel.random.seed import make_seed
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.outputs import OutputLosses, OutputMetrics
from hilevel.training.state import TrainingState, of_training


class TrainableLayer(Layer):
    """A layer that can be compiled, and has steps of training. A subclass may override `train_step`, `test_step`,
    `predict_step`, `compute_loss` and `compute_metrics`; what they are written in runs on every backend, eagerly and
    compiled."""

    _built_from_start = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._training = TrainingState()

    optimizer = of_training("optimizer", "The optimizer of `compile`.")
    loss = of_training("loss", "The loss that `compile` was given.")
    compiled = of_training("compiled", "Whether `compile` was called.")
    run_eagerly = of_training("run_eagerly", "Whether the steps run as plain Python.")
    jit_compile = of_training("jit_compile", 'Whether the steps are compiled, or `"auto"`.')
    steps_per_execution = of_training(
        "steps_per_execution", 'The number of steps that run in one go, or `"auto"`.'
    )
    stop_training = of_training("stop_training", "Whether `fit` ends after the present step. It can be set.")
    history = of_training("history", "The `History` of the last `fit`; None before.")

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
        if steps_per_execution != "auto" and (
            not isinstance(steps_per_execution, int) or steps_per_execution < 1
        ):
            raise ValueError(
                f'steps_per_execution must be a positive integer or "auto"; got {steps_per_execution!r}.'
            )
        optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            optimizer = _with_loss_scale(optimizer)
        self._training = TrainingState(
            optimizer=optimizer,
            loss=loss,
            losses=None if loss is None else OutputLosses(loss, loss_weights),
            metrics=OutputMetrics(metrics, weighted_metrics),
            run_eagerly=run_eagerly,
            jit_compile=jit_compile,
            steps_per_execution=steps_per_execution,
            compiled=True,
            seed=make_seed(),
            history=self.history,
            turns=self._training.turns,
        )

    # -- one step ----------------------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """Run one step of training on a batch `x`, `(x, y)` or `(x, y, sample_weight)`. Returns the metrics so far, by
        name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        weights = self.trainable_variables

        def forward() -> tuple[Any, Any]:
            y_pred = self(x, training=True)
            loss = _loss(self, x, y, y_pred, sample_weight, True)
            return _scaled(self.optimizer, loss), (loss, y_pred)

        with _overflow_allowed(self.optimizer):
            (_, (loss, y_pred)), gradients = value_and_grad(forward, has_aux=True, variables=weights)()
        self.optimizer.apply(gradients, weights)
        _track(self, loss, x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        """One step of evaluation on a batch: returns the metrics so far, by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        _track(self, _loss(self, x, y, y_pred, sample_weight, False), x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """The outputs for a batch."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

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
        losses = self._training.losses
        if losses is not None:
            losses.build(y, y_pred, self.output_names)
            self._training.build_metrics(y, y_pred, self.output_names)
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
        self._training.build_metrics(y, y_pred, self.output_names)
        metrics = self._training.metrics
        assert metrics is not None
        if y is not None:
            metrics.update(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """What the metrics say so far, by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    # -- metrics -----------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the losses of several outputs, the metrics of `compile` and those of layers."""
        own = self._training.all_metrics()
        return own + [m for m in super().metrics if m not in own]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Forget all batches."""
        for metric in self.metrics:
            metric.reset_state()


def _loss(model: TrainableLayer, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Tensor:
    """Return what `compute_loss` returns, called without `training` where a subclass does not take it."""
    parameters = inspect.signature(model.compute_loss).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    options = {"training": training} if takes_all or "training" in parameters else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)


def _scaled(optimizer: Any, loss: Any) -> Any:
    """Return the loss to differentiate."""
    scale = getattr(optimizer, "scale_loss", None)
    return loss if scale is None else scale(loss)


def _track(model: TrainableLayer, loss: Any, x: Any) -> None:
    """Update the mean of the loss over samples."""
    tracker = model._training.loss_tracker
    if tracker is not None:
        tracker.update_state(loss, sample_weight=_samples(x))


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
