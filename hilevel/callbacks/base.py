"""The base of callbacks, and the history of training."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from hilevel.api.configurable import NamedArguments
from hilevel.callbacks.drawing import numbers
from hilevel.errors import nearest, warn

EVENTS = [
    f"on_{what}"
    for what in (
        "train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end",
        "test_begin", "test_end", "test_batch_begin", "test_batch_end",
        "predict_begin", "predict_end", "predict_batch_begin", "predict_batch_end",
        "batch_begin", "batch_end",
    )
]  # fmt: skip


ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
"""The short names of the two events of a training batch: the default of the long one calls the short one."""


class Callback(NamedArguments):
    """Base of callbacks: override the events you want to act on.

    `self.model` is the model, `self.params` a dict with `epochs`, `steps` and `verbose`; both are None before
    training. `logs` are numbers by name, empty where an event has none; those of a batch are fetched from the
    device when they are read. Setting `self.model.stop_training = True` ends training.

    >>> import hilevel
    >>> class Shout(hilevel.callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"epoch {epoch + 1} is over")
    """

    model: Any = None
    every_batch = True
    """Whether the events of batches, where it acts on them, have to come for each batch. If not, fit may run several
    steps in one go, and tells of the first and the last."""

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
        """Called before training with `epochs`, `steps` and `verbose`."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Called before training with the model."""
        self.model = model

    def on_train_begin(self, logs: Any = None) -> None:
        """Training begins."""

    def on_train_end(self, logs: Any = None) -> None:
        """Training has ended."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """An epoch, counted from 0, begins."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """An epoch has ended, its validation included."""

    def on_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Short name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Any = None) -> None:
        """Short name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A batch of training begins; calls `on_batch_begin`."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """A batch of training has been run; calls `on_batch_end`."""
        self.on_batch_end(batch, logs=logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """An evaluation, or validation, begins."""

    def on_test_end(self, logs: Any = None) -> None:
        """An evaluation, or validation, has ended."""

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A batch of evaluation begins."""

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """A batch of evaluation has been run."""

    def on_predict_begin(self, logs: Any = None) -> None:
        """A prediction begins."""

    def on_predict_end(self, logs: Any = None) -> None:
        """A prediction has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        """A batch of prediction begins."""

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        """A batch of prediction has been run."""


class History(Callback):
    """Keeps the numbers of each epoch: `history` is a dict of lists, `epoch` the list of their epochs. `fit`
    returns it.

    >>> import hilevel
    >>> history = hilevel.callbacks.History()
    >>> history.on_epoch_end(0, {"loss": 0.5})
    >>> history, history.history
    (<History of 1 epoch: loss=0.5>, {'loss': [0.5]})
    """

    state_names = ("epoch", "history")

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin a new list of epochs; the numbers are appended to those of an earlier training."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the epoch's numbers."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def __repr__(self) -> str:
        count = len(self.epoch)
        last = numbers({name: values[-1] for name, values in self.history.items() if values})
        return f"<History of {count} epoch{'s' * (count != 1)}{': ' * bool(last)}{last}>"


class LambdaCallback(Callback):
    """A callback made of functions, one for each event that is to be acted on.

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
        TypeError: an event of that name does not exist.
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        given = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin, "on_train_batch_end": on_train_batch_end,
        } | kwargs  # fmt: skip
        for name, function in given.items():
            if name not in EVENTS:
                raise TypeError(f'LambdaCallback: there is no event "{name}".{nearest(name, EVENTS)}')
            if function is not None:
                setattr(self, name, function)


_LONG = {short: long for long, short in ALIASES.items()}


class Monitor:
    """Reads one number of the logs, and says whether it is better than another.

    Args:
        monitor: its name.
        mode: `"min"`, `"max"`, or `"auto"`, which guesses by the name.
        min_delta: by how much it has to be better.

    Raises:
        ValueError: the mode is none of the three.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode must be "auto", "min" or "max"; got {mode!r}.')
        self.monitor = monitor
        self.mode = mode
        self.min_delta = abs(min_delta)
        self._told = False

    def larger_is_better(self, model: Any) -> bool:
        """Whether growing is improving; by the direction of the model's metric of that name, else by the name."""
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        for metric in getattr(model, "metrics", ()):
            direction = getattr(metric, "_direction", None)
            if metric.name == name and direction is not None:
                return bool(direction == "up")
        good = ("acc", "auc", "precision", "recall", "f1", "iou", "r2", "fmeasure", "true_")
        return any(part in name for part in good)

    def better(self, model: Any, value: float, best: float | None) -> bool:
        """Whether the value is better than the best so far."""
        if best is None:
            return True
        if self.larger_is_better(model):
            return value - self.min_delta > best
        return value + self.min_delta < best

    def read(self, logs: Any, what: str) -> float | None:
        """The number; None, with one warning that says what there is, if it is missing."""
        value = (logs or {}).get(self.monitor)
        if value is None and not self._told:
            self._told = True
            names = list(logs or {})
            warn(
                f'{what} looks for "{self.monitor}", which is not among the logs: '
                f"{', '.join(names) or 'none'}.{nearest(self.monitor, names)}"
                + (" Give fit validation data." if self.monitor.startswith("val_") else ""),
                UserWarning,
            )
        return value
