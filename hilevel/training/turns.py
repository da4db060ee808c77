"""Turns between the training of a model and its use in other threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.variables import Variable
from hilevel.layers.base.layer import Layer


class Turns:
    """The synchronization of threads that train a model with threads that use it.

    A visitor, `predict` or `evaluate`, computes with the arrays that the Variables have at its beginning. No visitor
    begins during a training step, and the step does not change the arrays of visitors.

    >>> from hilevel.training.turns import Turns
    >>> turns, v = Turns(), hilevel.Variable(1.0)
    >>> with turns.visit([v]):
    ...     _ = v.assign(2.0)
    >>> float(v)
    2.0
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.trainer: threading.Thread | None = None
        self.visitors = 0
        self.has_new_visitor = False

    def __reduce__(self) -> Any:
        return Turns, ()  # a copy of a model has its own turns

    @contextmanager
    def training(self, label: str) -> Iterator[None]:
        """Return a block in which this thread trains the model with the name `label`.

        Raises:
            RuntimeError: another thread trains it.
        """
        with self.lock:
            before, here = self.trainer, threading.current_thread()
            if before is not None and before is not here and before.is_alive():
                raise RuntimeError(
                    f'{label} is being trained in another thread, "{before.name}". Wait for its end, or '
                    "train a copy of the model, which pickle or copy.deepcopy makes."
                )
            self.trainer = here
        try:
            yield
        finally:
            self.trainer = before

    @contextmanager
    def step(self, model: Layer) -> Iterator[None]:
        """Return a block for a step that changes the model's Variables. The arrays of visitors do not change."""
        with self.lock:
            if self.has_new_visitor:
                for v in model.variables:
                    v.replace(v.backend.copy(v.array))
                self.has_new_visitor = False
            yield

    @contextmanager
    def visit(self, variables: Sequence[Variable], metrics: Sequence[Variable] = ()) -> Iterator[None]:
        """Return a block in which the Variables have their values at its beginning.

        Values that are written in the block are assigned to the Variables at its end. While another thread trains the
        model, none is assigned; the values of `metrics` are assigned only while no thread trains it.
        """
        with self.lock:
            held = [*variables, *metrics]
            overlay = Overlay(zip(held, arrays_of(held), strict=True))
            self.visitors += 1
            self.has_new_visitor = True
        try:
            with overlay:
                yield
        finally:
            with self.lock:
                self.visitors -= 1
                self.has_new_visitor = self.has_new_visitor and self.visitors > 0
        if self.trainer is None:
            overlay.commit()
        elif self.trainer is threading.current_thread():
            overlay.commit(apart_from=metrics)
