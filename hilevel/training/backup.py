"""The whole state of a training in a file, from which another process continues it bit for bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel.api.lazy import LazyModule
from hilevel.callbacks.backup import BackupAndRestore
from hilevel.errors import InvalidFileError, warn
from hilevel.random.seed import get_random_state, set_random_state

if TYPE_CHECKING:
    from hilevel.callbacks.callback_list import CallbackList
    from hilevel.training.data.batches import Batches
    from hilevel.training.trainer import Trainer

saving: Any = LazyModule("hilevel.saving.state")
archives: Any = LazyModule("hilevel.saving.archive")
limits: Any = LazyModule("hilevel.saving.limits")
npy: Any = LazyModule("hilevel.saving.npy")
structures: Any = LazyModule("hilevel.saving.structures")
files: Any = LazyModule("hilevel.utils.atomic")
"""The modules of files, which are loaded when the first state is saved."""

Array = np.ndarray[Any, Any]
_STATE = "state.json"
_ARRAYS = "arrays/"


@dataclass
class Point:
    """The point between two steps at which `fit` begins or continues.

    Attributes:
        epoch: the index of the epoch.
        batch: the index of the next batch in it.
        logs: the values after the last batch.
    """

    epoch: int
    batch: int = 0
    logs: Mapping[str, Any] = field(default_factory=dict)


def save(path: Path, model: Trainer, validation: Any, point: Point) -> None:
    """Write the state of the present training to a file, which is replaced when the new one is whole.

    Args:
        path: the file.
        model: the model, during `fit`.
        validation: the batches for validation, or None.
        point: the point that `fit` has reached.
    """
    state = model._training
    arrays = saving.collect(model)
    for name, variables in _others(model).items():
        arrays.update((f"{name}/{i}", saving.as_plain_array(v, name)) for i, v in enumerate(variables))
    progress = {
        **state.progress(),
        "stop_training": state.stop_training,
        "validation": None if validation is None else validation.get_state(),
        "epoch": point.epoch,
        "batch": point.batch,
        "logs": dict(point.logs),
        "random": get_random_state(),
    }
    try:
        described = structures.to_plain(progress, "state", arrays)
    except TypeError as error:
        raise TypeError(
            f"The state of a callback or of the data cannot be saved: {error} Override get_state and set_state."
        ) from None
    with files.replacing(path) as file, archives.Writer(file) as archive:
        archive.json(_STATE, described)
        npy.write(archive, arrays, _ARRAYS)


def _others(model: Trainer) -> dict[str, list[Any]]:
    """Return the Variables that are not in the files of a model: states of layers, and metrics of `compile`."""
    metrics = [v for metric in model._training.all_metrics() for v in metric.variables]
    states = [v for layer in model._flatten_layers() for v in layer._state_variables()]
    return {"states": states, "metrics": metrics}


class Backup:
    """The state of a training that was read from a file.

    Args:
        path: the file.

    Raises:
        InvalidFileError: the file is damaged, or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with limits.reading(path, "state of a training"), path.open("rb") as file:
            archive = archives.Archive(file)
            self.arrays: dict[str, Array] = dict(npy.NpyArrays(archive, _ARRAYS))
            self.state = structures.from_plain(archive.json(_STATE), self.arrays)

    def begin(self, model: Trainer) -> None:
        """Set the seed of the orders of samples, before the batches are made."""
        model._training.seed, model._training.fits = self.state["seed"], self.state["fits"] - 1

    def restore(self, model: Trainer, callbacks: CallbackList, batches: Batches, validation: Any) -> Point:
        """Set the Variables, the callbacks, the data and the random generators. Return the point to continue at.

        Raises:
            InvalidFileError: the file is of another model or of other callbacks.
        """
        with limits.reading(self.path, "state of a training"):
            saving.restore(model, self.arrays, self.path)
            for name, variables in _others(model).items():
                for i, variable in enumerate(variables):
                    variable.assign(self.arrays[f"{name}/{i}"])
            callbacks.set_state(self.state["callbacks"])
            batches.set_state(self.state["position"])
            if validation is not None and self.state["validation"] is not None:
                validation.set_state(self.state["validation"])
            set_random_state(self.state["random"])
        model._training.stop_training = self.state["stop_training"]
        return Point(self.state["epoch"], self.state["batch"], self.state["logs"])


class Backups:
    """The `BackupAndRestore` callbacks of a call of `fit`, and the saved state that it continues, or None.

    Args:
        model: the model.
        callbacks: the callbacks of `fit`.

    Raises:
        InvalidFileError: a state is damaged, and there is no earlier one.
    """

    def __init__(self, model: Trainer, callbacks: Sequence[Any]) -> None:
        self.model = model
        self.callbacks = [c for c in callbacks if isinstance(c, BackupAndRestore)]
        found = map(_read, self.callbacks)
        self.state = next((state for state in found if state is not None), None)
        if self.state is not None:
            self.state.begin(model)

    def save(self, validation: Any, point: Point, batches: int | None = None) -> None:
        """Save the state where it is due.

        Args:
            validation: the batches for validation, or None.
            point: the point that `fit` has reached.
            batches: the number of batches since the last call; None at the end of an epoch.
        """
        for callback in self.callbacks:
            if callback.is_due(batches):
                callback.make_room()
                save(callback.path, self.model, validation, point)

    def finish(self) -> None:
        """Remove the states after a training without an error."""
        for callback in self.callbacks:
            callback.finish()


def _read(callback: BackupAndRestore) -> Backup | None:
    """Return the saved state of a callback, or the state before it if it is damaged; None if there is none."""
    for rest in callback.path.parent.glob(".*.part"):  # of a kill while it was written
        files.remove(rest)
    if not callback.path.exists() and not callback.previous.exists():
        return None
    try:
        return Backup(callback.path)
    except (InvalidFileError, FileNotFoundError) as error:
        if not callback.previous.exists():
            raise InvalidFileError(
                f"{error} Remove the file to begin the training anew, or restore it from a copy."
            ) from error
        warn(f"{error} The training continues from the state before it.")
        return Backup(callback.previous)
