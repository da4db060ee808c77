"""The base of callbacks, and the history of training."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from hilevel import ops
from hilevel.api.configurable import NamedArguments
from hilevel.callbacks.drawing import format_logs
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.callbacks.plotting import Curve, plot_curves
from hilevel.engine.types import Function
from hilevel.errors import nearest, warn

if TYPE_CHECKING:
    from hilevel.models.model import Model

EVENTS = [
    f"on_{what}"
    for what in (
        "train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end",
        "test_begin", "test_end", "test_batch_begin", "test_batch_end",
        "epoch_resume", "predict_begin", "predict_end", "predict_batch_begin", "predict_batch_end",
        "batch_begin", "batch_end",
    )
]  # fmt: skip


ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
"""The short names of the events of a training batch. The default methods of the long names call the short ones."""


class Callback(NamedArguments):
    """Base of callbacks, whose methods are called at the events of training, evaluation and prediction.

    `self.model` is the model, `self.params` a dict with `epochs`, `steps` and `verbose`; both are None before
    training. `logs` has values by name, and is empty if an event has none. The values of a batch are fetched from the
    device when they are read. `self.model.stop_training = True` ends training, and
    `stop_evaluating` and `stop_predicting` end `evaluate` and `predict`.

    >>> import hilevel
    >>> class Shout(hilevel.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch + 1} is over")
    """

    model: Any = None
    every_batch = True
    """True if the methods for batches must be called for each batch. If not, `fit` may run several steps in one call,
    and call the methods for the first and the last."""

    only_writes = False
    """True if the callback only writes or sends the logs. Then it runs in the first process of several only."""
    params: Any = None
    state_names: tuple[str, ...] = ()
    """The attributes that change while a model is trained."""

    def __init__(self) -> None:
        self.params = None

    def get_state(self) -> dict[str, Any]:
        """Return copies of the attributes that training has changed, by name."""
        return {name: deepcopy(getattr(self, name)) for name in self.state_names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Set the attributes to the values that `get_state` returned."""
        for name in self.state_names:
            setattr(self, name, deepcopy(state[name]))

    def set_params(self, params: dict[str, Any]) -> None:
        """Set `params`: a dict with `epochs`, `steps` and `verbose`."""
        self.params = params

    def set_model(self, model: Model) -> None:
        """Set the model, before training."""
        self.model = model

    def on_train_begin(self, logs: Logs = None) -> None:
        """Handle the beginning of training."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Handle the end of training."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Handle the beginning of an epoch, counted from 0."""

    def on_epoch_resume(self, epoch: int, logs: Logs = None) -> None:
        """Handle the continuation of an epoch that another process has begun, in place of its beginning.

        `logs["batch"]` is the index of the next batch. The attributes in `state_names` have been restored.
        """

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Handle the end of an epoch, after its validation. `logs` has the loss and the metrics."""

    def on_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the beginning of a training step; short name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the end of a training step; short name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the beginning of a training step. The default calls `on_batch_begin`."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the end of a training step. The default calls `on_batch_end`."""
        self.on_batch_end(batch, logs=logs)

    def steps_done(self, batch: int) -> int:
        """Return the number of training steps of the epoch, in `on_train_batch_end(batch)`.

        With `steps_per_execution` the last execution of an epoch may have less steps than `batch` says.
        """
        execution = getattr(getattr(self.model, "_training", None), "execution", None)
        return batch + 1 if execution is None else execution.last + 1

    def on_test_begin(self, logs: Logs = None) -> None:
        """Handle the beginning of an evaluation or validation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Handle the end of an evaluation or validation."""

    def on_test_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the beginning of a step of evaluation."""

    def on_test_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the end of a step of evaluation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Handle the beginning of a prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Handle the end of a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the beginning of a step of prediction."""

    def on_predict_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Handle the end of a step of prediction."""


class History(Callback):
    """The record of training that `fit` returns: `history`, a dict of lists, and `epoch`, the list of the epochs.

    >>> import hilevel
    >>> history = hilevel.callbacks.History()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history, history.history
    (<History of 1 epoch: loss=0.5>, {'loss': [0.5]})
    """

    state_names = ("epoch", "history", "_trained", "_epochs")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []
        self._trained = 0
        self._epochs: dict[str, list[int]] = {}

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin a new list of epochs. The values are appended to the values of an earlier training."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Append the values of the epoch."""
        self.epoch.append(epoch)
        self._trained = max(epoch, self._trained) + 1
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self._epochs.setdefault(name, []).append(self._trained)

    def plot(self, metrics: str | Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw the values by epoch, one axis for each metric with its validation.

        It needs `pip install 'hilevel[plot]'`. The vertical axis is logarithmic if the values are positive, and the
        largest is more than 100 times the smallest. A second training with the same history continues the curves.

        Args:
            metrics: the names of the metrics, or one name; None for all.
            ax: an axis of matplotlib for each metric, or one axis; None for a new figure.

        Returns:
            The figure, a `matplotlib.figure.Figure`.

        Raises:
            ImportError: matplotlib is not installed.
            ValueError: there are no epochs, a name is unknown, or the number of axes is wrong.

        >>> import hilevel
        >>> history = hilevel.callbacks.History()
        >>> history.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
        >>> [axis.get_title() for axis in history.plot().axes]
        ['loss']
        """
        return plot_curves(self._curves(), metrics, ax)

    def _curves(self) -> dict[str, Curve]:
        """Return the epochs, counted from 1, and the values of each metric."""
        return {
            name: (self._epochs.get(name) or range(1, len(values) + 1), values)
            for name, values in self.history.items()
        }

    def __repr__(self) -> str:
        count = len(self.epoch)
        last = format_logs({name: values[-1] for name, values in self.history.items() if values})
        return f"<History of {count} epoch{'s' * (count != 1)}{': ' * bool(last)}{last}>"


class _OtherEvents(TypedDict, total=False):
    on_batch_begin: Function | None
    on_batch_end: Function | None
    on_test_begin: Function | None
    on_test_end: Function | None
    on_test_batch_begin: Function | None
    on_test_batch_end: Function | None
    on_predict_begin: Function | None
    on_predict_end: Function | None
    on_predict_batch_begin: Function | None
    on_predict_batch_end: Function | None


class LambdaCallback(Callback):
    """A callback made of functions of events.

    Args:
        on_epoch_begin, on_epoch_end: functions of `(epoch, logs)`.
        on_train_begin, on_train_end: functions of `(logs)`.
        on_train_batch_begin, on_train_batch_end: functions of `(batch, logs)`.
        **kwargs: functions for the other events of `Callback`, by name.

    >>> import hilevel
    >>> bell = hilevel.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch))
    >>> bell.on_epoch_end(3, {})
    3

    Raises:
        TypeError: there is no event of the name.
    """

    def __init__(
        self,
        on_epoch_begin: Function | None = None,
        on_epoch_end: Function | None = None,
        on_train_begin: Function | None = None,
        on_train_end: Function | None = None,
        on_train_batch_begin: Function | None = None,
        on_train_batch_end: Function | None = None,
        **kwargs: Unpack[_OtherEvents],
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
        } | dict(kwargs)  # fmt: skip
        for name, function in given.items():
            if name not in EVENTS:
                raise TypeError(f'LambdaCallback: there is no event "{name}".{nearest(name, EVENTS)}')
            if function is not None:
                setattr(self, name, function)


_LONG = {short: long for long, short in ALIASES.items()}

_UP = ["acc", "auc", "precision", "recall", "f1", "iou", "r2", "fmeasure", "true_", "similarity"]
_DOWN = [
    "loss",
    "error",
    "mse",
    "mae",
    "mape",
    "msle",
    "hinge",
    "crossentropy",
    "divergence",
    "logcosh",
    "false_",
]
"""Parts of the names of values of which the largest or the smallest is the best."""


class Monitor:
    """The value of the logs that a callback monitors.

    Args:
        monitor: its name.
        mode: `"min"`, `"max"`, or `"auto"`, which depends on the name.
        min_delta: the smallest change that is an improvement.

    Raises:
        ValueError: the mode is unknown.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode must be "auto", "min" or "max"; got {mode!r}.')
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self._warned = False

    def larger_is_better(self, model: Model | None) -> bool:
        """Return True if larger values are better, by the direction of the model's metric, or by the name.

        Raises:
            ValueError: the direction is unknown.
        """
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        for metric in getattr(model, "metrics", ()):
            direction = getattr(metric, "_direction", None)
            if metric.name == name and direction is not None:
                return bool(direction == "up")
        for parts, is_up in ((_UP, True), (_DOWN, False)):
            if any(part in name for part in parts):
                return is_up
        raise ValueError(
            f'The best value of "{self.monitor}" may be the largest or the smallest. Set mode="max" or mode="min", or '
            "check the name."
        )

    def op(self, model: Model | None) -> Any:
        """Return the op that compares a value with the best so far: `ops.greater` or `ops.less`."""
        return ops.greater if self.larger_is_better(model) else ops.less

    def is_better(self, model: Model | None, value: float, best: float | None) -> bool:
        """Whether the value is better than the best so far."""
        if best is None:
            return True
        if self.larger_is_better(model):
            return value - self.min_delta > best
        return value + self.min_delta < best

    def read(self, logs: BatchLogs, what: str) -> float | None:
        """Return the value. If the logs lack it, return None, with one warning that lists their names."""
        value = (logs or {}).get(self.monitor)
        if value is None and not self._warned:
            self._warned = True
            names = list(logs or {})
            warn(
                f'{what} looks for "{self.monitor}", which is not among the logs: '
                f"{', '.join(names) or 'none'}.{nearest(self.monitor, names)}"
                + (" Give fit validation data." if self.monitor.startswith("val_") else ""),
                UserWarning,
            )
        return value


class MonitoringCallback(Callback):
    """The base of callbacks that compare a value with the best so far."""

    watched: Monitor

    @property
    def monitor_op(self) -> Any:
        """The op that compares a value with the best so far, `ops.greater` or `ops.less`."""
        return self.watched.op(self.model)
