"""The list of callbacks that a run of training, evaluation or prediction calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

from hilevel import tree
from hilevel.callbacks.base import _LONG, ALIASES, EVENTS, Callback, History
from hilevel.callbacks.logs import BatchLogs
from hilevel.callbacks.progress import ProgbarLogger, verbosity
from hilevel.engine.settings import settings

if TYPE_CHECKING:
    from hilevel.models.model import Model
    from hilevel.training.trainer import Trainer


class CallbackList:
    """A list of callbacks, which are called in order.

    Args:
        callbacks: a callback, or an iterable of callbacks.
        add_history: whether a `History` is added, if there is none.
        add_progbar: whether a progress bar is added, if there is none.
        model: the model.
        **params: the parameters of the run: `epochs`, `steps`, `verbose`.

    >>> import hilevel
    >>> len(hilevel.callbacks.CallbackList(add_history=True).callbacks)
    1
    """

    def __init__(
        self,
        callbacks: Callback | Iterable[Callback] | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Trainer | None = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Callback] = as_list(callbacks)
        if add_history and not any(isinstance(c, History) for c in self.callbacks):
            self.callbacks.append(History())
        if add_progbar and not any(isinstance(c, ProgbarLogger) for c in self.callbacks):
            self.callbacks.insert(0, ProgbarLogger())
        self.model: Any = model
        self.params = params
        for callback in self.callbacks:
            self._adopt(callback)

    def set_params(self, params: dict[str, Any]) -> None:
        """Pass `epochs`, `steps` and `verbose` to each callback."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Model) -> None:
        """Pass the model to each callback."""
        self.model = model
        for callback in self.callbacks:
            self._adopt_model(callback)

    @classmethod
    def make(
        cls,
        callbacks: CallbacksLike,
        model: Trainer,
        verbose: str | int,
        epochs: int,
        steps: int | None,
        history: bool = False,
        resumed: bool = False,
    ) -> CallbackList:
        """Return the list for a run of `fit` (with a history), `evaluate` or `predict`.

        With `resumed` the callbacks get an earlier state after `on_train_begin`.

        A `CallbackList` of an outer run is returned itself."""
        if isinstance(callbacks, CallbackList):
            made = callbacks
        else:
            level = verbosity(verbose) if settings.process == 0 else 0
            made = cls(callbacks, history, bool(level), model, verbose=level, epochs=epochs, steps=steps)
        if resumed:
            made.set_params({**made.params, "resumed": True})
        return made

    def get_state(self) -> list[dict[str, Any]]:
        """Return the class and the state of each callback, in their order."""
        return [
            {"class": type(c).__name__, "state": c.get_state() if _runs(c) else {}} for c in self.callbacks
        ]

    def set_state(self, states: list[dict[str, Any]]) -> None:
        """Give each callback the state that `get_state` returned for it.

        Raises:
            ValueError: the number of callbacks differs, or a state is of another class.
        """
        names = [type(callback).__name__ for callback in self.callbacks]
        if [state["class"] for state in states] != names:
            raise ValueError(
                f"The state is of the callbacks {', '.join(s['class'] for s in states)}; fit has {', '.join(names)}. "
                "Give the same callbacks in the same order."
            )
        for callback, state in zip(self.callbacks, states, strict=True):
            if _runs(callback):
                callback.set_state(state["state"])

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self._adopt(callback)
        self.callbacks.append(callback)
        for event in EVENTS:
            self.__dict__.pop(event, None)

    def watches(self, kind: str) -> bool:
        """Return True if a method must be called for each batch of a kind, "train", "test" or "predict"."""
        events = (f"on_{kind}_batch_begin", f"on_{kind}_batch_end")
        return any(c.every_batch and _overrides(c, event) for c in self.callbacks for event in events)

    def _adopt(self, callback: Callback) -> None:
        """Set the model and the parameters of a callback."""
        if not isinstance(callback, Callback):
            raise TypeError(
                f"callbacks must be hilevel.callbacks.Callback objects; got {type(callback).__name__}."
            )
        if self.model is not None:
            self._adopt_model(callback)
        callback.set_params(self.params)

    def _adopt_model(self, callback: Callback) -> None:
        callback.set_model(self.model)
        if isinstance(callback, History):
            self.model.history = callback

    def __getattr__(self, event: str) -> Callable[..., None]:
        if event not in EVENTS:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {event!r}", name=event, obj=self
            )
        event = _LONG.get(event, event)
        listeners = [getattr(c, event) for c in self.callbacks if _runs(c) and _overrides(c, event)]
        if not listeners:
            self.__dict__[event] = _no_listener
            return _no_listener
        count = 2 if "epoch" in event or "batch" in event else 1
        run = _call_all if event in ENDS else _call

        def call(*args: object, logs: BatchLogs = None) -> None:
            arguments = (*args, logs)[:count]
            if arguments[-1] is None:
                arguments = (*arguments[:-1], {})
            run(listeners, arguments)

        self.__dict__[event] = call
        return call


ENDS = ("on_train_end", "on_test_end", "on_predict_end")
"""The events that all callbacks receive, also after an error in one of them."""

CallbacksLike: TypeAlias = Callback | Iterable[Callback] | CallbackList | None
"""Callbacks as `fit` accepts them: one, an iterable of several, or None."""


def _call(listeners: Sequence[Callable[..., None]], arguments: Sequence[object]) -> None:
    for listener in listeners:
        listener(*arguments)


def _call_all(listeners: Sequence[Callable[..., None]], arguments: Sequence[object]) -> None:
    """Call each listener, also after an error in one before it."""
    with ExitStack() as stack:
        for listener in reversed(listeners):
            stack.callback(listener, *arguments)


def _no_listener(*_: object, logs: BatchLogs = None) -> None:
    """Do nothing, for an event that no callback overrides."""


def as_list(callbacks: CallbacksLike) -> list[Any]:
    """Return callbacks as a list."""
    if isinstance(callbacks, CallbackList):
        return callbacks.callbacks
    if callbacks is None:
        return []
    if isinstance(callbacks, Iterable):
        return tree.flatten(list(callbacks))
    return [callbacks]


def _runs(callback: Callback) -> bool:
    """Return whether the callback runs in this process."""
    return settings.process == 0 or not callback.only_writes


def _overrides(callback: Callback, event: str) -> bool:
    """Return True if the callback overrides the method of an event, or of its short name."""
    if event in vars(callback) or getattr(type(callback), event) is not getattr(Callback, event):
        return True
    return event in ALIASES and _overrides(callback, ALIASES[event])
