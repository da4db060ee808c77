"""`ModelCheckpoint`: the model in files during training."""

from __future__ import annotations

import math
import os
from typing import Any

from hilevel.callbacks.base import Monitor, MonitoringCallback
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.errors import nearest

MODELS = (".keras", ".hilevel")
WEIGHTS = (".weights.h5", ".safetensors", ".weights.npz", ".weights.json")
"""The endings of files of models and of weights, as in `hilevel.saving`."""


class ModelCheckpoint(MonitoringCallback):
    """A callback that saves the model or its weights, after epochs or batches, all or only the best.

    A file takes the place of an older one of the name when it is whole.

    Args:
        filepath: the name of the file, with fields for `epoch` and `batch`, counted from 1, and for the logs:
            `"{epoch:02d}-{val_loss:.2f}.keras"`. A model ends in `.keras` or `.hilevel`; weights end in `.weights.h5`,
            `.weights.npz`, `.safetensors` or `.weights.json`.
        monitor: the name of the value that tells the best.
        verbose: 1 prints a message for each file.
        save_best_only: whether to save only if the monitored value is better than at all saves before. NaN is never
            better. Logs without the value give a warning, and the model is saved.
        save_weights_only: whether to save the weights and the optimizer by `save_weights`, instead of the model.
        mode: `"min"`, `"max"`, or `"auto"`, which depends on the name.
        save_freq: `"epoch"`, or the number of batches after which to save. If steps run in bundles, the file is saved
            at the end of the bundle.
        initial_value_threshold: a value of `monitor` that the first save must improve on; None for none.

    Raises:
        ValueError: the name has another ending, or `mode` or `save_freq` is unknown.
        KeyError: at the first save, if the name has a field that is not in the logs.

    >>> import hilevel
    >>> checkpoint = hilevel.callbacks.ModelCheckpoint("{epoch:02d}.hilevel", save_best_only=True)
    """

    state_names = ("best", "_unsaved", "_epoch", "_in_epoch")

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__()
        self.filepath = os.fspath(filepath)
        _check(self.filepath, WEIGHTS if save_weights_only else MODELS, save_freq)
        self.watched = Monitor(monitor, mode)
        self.monitor, self.verbose = monitor, verbose
        self.save_best_only, self.save_weights_only, self.save_freq = (
            save_best_only,
            save_weights_only,
            save_freq,
        )
        self.best = initial_value_threshold
        self.every_batch = save_freq != "epoch"
        self._epoch = self._in_epoch = self._unsaved = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note the epoch."""
        self._epoch, self._in_epoch = epoch, 0

    def on_train_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Save, if `save_freq` batches have passed since the last save."""
        done = self.steps_done(batch)
        self._unsaved += done - self._in_epoch
        self._in_epoch = done
        if isinstance(self.save_freq, int) and self._unsaved >= self.save_freq:
            self._unsaved = 0
            self._save({"epoch": self._epoch + 1, "batch": done} | dict(logs or {}))

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, with `save_freq="epoch"`."""
        if self.save_freq == "epoch":
            self._save({"epoch": epoch + 1} | (logs or {}))

    def _save(self, values: dict[str, Any]) -> None:
        """Save the model, unless it is not the best."""
        path = self._path(values)
        if self.save_best_only and not self._is_best(values):
            return
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            best = f" {self.monitor}={self.best:g} is the best." if self.save_best_only and self.best else ""
            print(f"Epoch {values['epoch']}: saved to {path}.{best}")

    def _is_best(self, values: dict[str, Any]) -> bool:
        """Return True if the monitored value is missing, or is better than the best so far, which it becomes."""
        value = self.watched.read(values, "ModelCheckpoint")
        if value is None:
            return True
        if math.isnan(value) or not self.watched.is_better(self.model, value, self.best):
            return False
        self.best = value
        return True

    def _path(self, values: dict[str, Any]) -> str:
        try:
            return self.filepath.format(**values)
        except KeyError as error:
            name = str(error.args[0])
            raise KeyError(
                f"ModelCheckpoint: the file name {self.filepath} has a field {name}, which is not among "
                f"{', '.join(values)}.{nearest(name, values)}"
            ) from None


def _check(path: str, endings: tuple[str, ...], save_freq: int | str) -> None:
    if not path.endswith(endings):
        raise ValueError(f"ModelCheckpoint: the file name must end in {' or '.join(endings)}; got {path!r}.")
    if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
        raise ValueError(
            f'ModelCheckpoint: save_freq must be "epoch" or a positive integer; got {save_freq!r}.'
        )
