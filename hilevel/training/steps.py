"""`compile`, and the steps of training, evaluation and prediction on a batch."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from hilevel import ops, optimizers, tree
from hilevel.api.configurable import named_arguments
from hilevel.api.serialization import deserialize, plain, serialize
from hilevel.engine.autodiff.functional import value_and_grad
from hilevel.engine.types import Config, Structure, Tensor
from hilevel.errors import warn
from hilevel.layers.base.layer import Layer
from hilevel.optimizers.base import Optimizer, OptimizerLike
from hilevel.random.seed import make_seed
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.outputs import LossesLike, LossWeights, MetricsLike, OutputLosses, OutputMetrics
from hilevel.training.state import TrainingState, of_training


class TrainableLayer(Layer):
    """A layer with `compile` and steps of training.

    A subclass may override `train_step`, `test_step`, `predict_step`, `compute_loss` and `compute_metrics`. These
    methods run on every backend, eagerly and compiled."""

    _built_from_start = False

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._training = TrainingState()

    optimizer = of_training("optimizer", "The optimizer of `compile`.")
    loss = of_training("loss", "The argument `loss` of `compile`.")
    compiled = of_training("compiled", "True after `compile`.")
    run_eagerly = of_training("run_eagerly", "True if the steps run as plain Python.")
    jit_compile = of_training("jit_compile", 'True if the steps are compiled; or `"auto"`.')
    steps_per_execution = of_training("steps_per_execution", 'The number of steps in one call, or `"auto"`.')
    stop_training = of_training("stop_training", "True if `fit` ends after the present step. It can be set.")
    stop_evaluating = of_training(
        "stop_evaluating", "True if `evaluate` ends after the present step. It can be set."
    )
    stop_predicting = of_training(
        "stop_predicting", "True if `predict` ends after the present step. It can be set."
    )
    history = of_training("history", "The `History` of the last `fit`; None before.")

    @property
    def output_names(self) -> list[str] | None:
        """The names of the outputs, as keys of a dict of targets; None while they are unknown."""
        return None

    @property
    def outputs(self) -> list[Any]:
        """The symbolic outputs of a functional model."""
        return []

    # -- compile -----------------------------------------------------------------------------------

    @named_arguments
    def compile(
        self,
        optimizer: OptimizerLike = "rmsprop",
        loss: LossesLike = None,
        loss_weights: LossWeights = None,
        metrics: MetricsLike = None,
        weighted_metrics: MetricsLike = None,
        run_eagerly: bool = False,
        steps_per_execution: int | str = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Set the optimizer, the loss and the metrics of training.

        Args:
            optimizer: a name, a config or an object.
            loss: a name, a function or an object; for several outputs a list, or a dict by output name.
            loss_weights: the factors of the losses of several outputs, in the structure of `loss`.
            metrics: names, functions or objects, without sample weights; for several outputs lists, or a dict by name.
            weighted_metrics: metrics with sample weights.
            run_eagerly: whether the steps run as plain Python, for debugging.
            steps_per_execution: the number of steps in one call, after which callbacks see the last step only. `"auto"`
                lets hilevel choose. With 1, several steps run as one program if it is faster (on JAX) and no callback
                needs each batch.
            jit_compile: whether to compile the steps, if the backend has a compiler; `"auto"` is True.
            auto_scale_loss: whether to wrap the optimizer of a model with the policy `"mixed_float16"` in a
                `LossScaleOptimizer`.

        Raises:
            UnknownNameError: a name is unknown.
            ValueError: `steps_per_execution` is not a positive integer.
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
            arguments={
                "loss": loss,
                "loss_weights": loss_weights,
                "metrics": metrics,
                "weighted_metrics": weighted_metrics,
                "run_eagerly": run_eagerly,
                "steps_per_execution": steps_per_execution,
                "jit_compile": jit_compile,
            },
            seed=make_seed(),
            history=self.history,
            access=self._training.access,
        )

    def get_compile_config(self) -> Config:
        """Return the arguments of `compile` as plain data, for `compile_from_config`; an empty dict before.

        A lambda has no plain form: the config is empty then, with a warning.

        >>> import hilevel
        >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> model.get_compile_config()["loss"]
        'mse'
        """
        state = self._training
        if not state.compiled:
            return {}
        try:
            return {"optimizer": serialize(state.optimizer), **plain(state.arguments)}
        except (TypeError, ValueError) as error:
            warn(
                f"The arguments of compile cannot be saved: {error} Call compile after loading; the state of the "
                "optimizer is not saved."
            )
            return {}

    def compile_from_config(self, config: Config) -> None:
        """Compile the model with a config of `get_compile_config`, and make the optimizer's state if it is built."""
        known = inspect.signature(TrainableLayer.compile).parameters
        settings = deserialize({key: value for key, value in config.items() if key in known})
        self.compile(**settings)
        if self.built and isinstance(self.optimizer, Optimizer):
            self.optimizer.build(self.trainable_variables)

    # -- one step ----------------------------------------------------------------------------------

    def train_step(self, data: Any) -> dict[str, Any]:
        """Run a step of training on a batch `x`, `(x, y)` or `(x, y, sample_weight)`.

        Returns:
            The loss and the metrics of the epoch so far, by name.
        """
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
        """Run a step of evaluation on a batch. Return the loss and the metrics so far, by name."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        _track(self, _loss(self, x, y, y_pred, sample_weight, False), x)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data: Any) -> Any:
        """Return the outputs for a batch."""
        x, _, _ = unpack_x_y_sample_weight(data)
        return self(x, training=False)

    def compute_loss(
        self,
        x: Structure = None,
        y: Structure = None,
        y_pred: Structure = None,
        sample_weight: Structure = None,
        training: bool = True,
    ) -> Tensor:
        """Return the loss of a batch: the loss of `compile`, plus the losses of layers and regularizers.

        Args:
            x, y, y_pred, sample_weight: the inputs, targets, outputs and sample weights of the batch.
            training: whether it is a step of training.

        Raises:
            ValueError: there is no loss.
        """
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
                "There is no loss to minimize: compile got none, and no layer adds one. Give "
                "compile(loss=...), or call add_loss in a layer."
            )
        return total

    def compute_metrics(
        self, x: Structure, y: Structure, y_pred: Structure, sample_weight: Structure = None
    ) -> dict[str, Any]:
        """Update the metrics with a batch, and return their results so far, by name."""
        self._training.build_metrics(y, y_pred, self.output_names)
        metrics = self._training.metrics
        assert metrics is not None
        if y is not None:
            metrics.update(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the results of the metrics so far, by name."""
        results: dict[str, Any] = {}
        for metric in self.metrics:
            result = metric.result()
            results.update(result if isinstance(result, dict) else {metric.name: result})
        return results

    # -- metrics -----------------------------------------------------------------------------------

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, the losses of several outputs, the metrics of `compile`, and the metrics of layers."""
        own = self._training.all_metrics()
        return own + [m for m in super().metrics if m not in own]

    @property
    def metrics_names(self) -> list[str]:
        """The names of the metrics."""
        return [m.name for m in self.metrics]

    def reset_metrics(self) -> None:
        """Reset all metrics."""
        for metric in self.metrics:
            metric.reset_state()


def _loss(
    model: TrainableLayer, x: Structure, y: Structure, y_pred: Structure, sample_weight: Structure, training: bool
) -> Tensor:  # fmt: skip
    """Call `compute_loss`, without `training` if a subclass does not take it."""
    parameters = inspect.signature(model.compute_loss).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    options = {"training": training} if takes_all or "training" in parameters else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)


def _scaled(optimizer: Optimizer | None, loss: Tensor) -> Tensor:
    """Return the loss to differentiate."""
    scale = getattr(optimizer, "scale_loss", None)
    return loss if scale is None else scale(loss)


def _track(model: TrainableLayer, loss: Tensor, x: Structure) -> None:
    """Update the mean of the loss over samples."""
    tracker = model._training.loss_tracker
    if tracker is not None:
        tracker.update_state(loss, sample_weight=_samples(x))


def _samples(x: Structure) -> int:
    """Return the number of samples in a batch."""
    return next((leaf.shape[0] for leaf in tree.flatten(x) if hasattr(leaf, "shape") and leaf.shape), 1)


def _with_loss_scale(optimizer: Optimizer | None) -> Optimizer | None:
    if optimizer is None or isinstance(optimizer, optimizers.LossScaleOptimizer):
        return optimizer
    return optimizers.LossScaleOptimizer(optimizer, name="loss_scale_optimizer")


def _overflow_allowed(optimizer: Optimizer | None) -> AbstractContextManager[None]:
    """Return a block in which NumPy does not warn of overflow if loss scaling detects it."""
    if isinstance(optimizer, optimizers.LossScaleOptimizer):
        return np.errstate(over="ignore", invalid="ignore")
    return nullcontext()
