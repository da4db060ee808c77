"""The access of several threads to one model."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.variables import Variable
from hilevel.layers.base.layer import Layer


class ModelAccess:
    """The synchronization of threads that train a model with threads that use it.

    A reader, `predict` or `evaluate`, computes with the arrays that the Variables have at its beginning. No reader
    begins during a training step, and the step does not change the arrays of readers.

    >>> from hilevel.training.access import ModelAccess
    >>> access, v = ModelAccess(), hilevel.Variable(1.0)
    >>> with access.read([v]):
    ...     _ = v.assign(2.0)
    >>> float(v)
    2.0
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.trainer: threading.Thread | None = None
        self.readers = 0
        self.has_new_reader = False

    def __reduce__(self) -> Any:
        return ModelAccess, ()  # a copy of a model has its own threads

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
        """Return a block for a step that changes the model's Variables. The arrays of readers do not change."""
        with self.lock:
            if self.has_new_reader:
                for v in model._all_variables:
                    v.replace(v.backend.copy(v.array))
                self.has_new_reader = False
            yield

    @contextmanager
    def read(self, variables: Sequence[Variable], metrics: Sequence[Variable] = ()) -> Iterator[None]:
        """Return a block in which the Variables have their values at its beginning.

        Values that are written in the block are assigned to the Variables at its end. While another thread trains the
        model, none is assigned; the values of `metrics` are assigned only while no thread trains it.
        """
        with self.lock:
            held = [*variables, *metrics]
            overlay = Overlay(zip(held, arrays_of(held), strict=True))
            self.readers += 1
            self.has_new_reader = True
        try:
            with overlay:
                yield
        finally:
            with self.lock:
                self.readers -= 1
                self.has_new_reader = self.has_new_reader and self.readers > 0
        if self.trainer is None:
            overlay.commit()
        elif self.trainer is threading.current_thread():
            overlay.commit(omitted=metrics)
