"""Callbacks for services that keep the settings, the values and the models of runs: MLflow, Weights & Biases."""

from __future__ import annotations

import numbers
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.callbacks.base import Callback
from hilevel.callbacks.logs import BatchLogs, Logs


class RunLogger(Callback):
    """The base of these callbacks. A run that is active is used, and stays active; else one begins with the training.

    A subclass names its package, and implements the methods from `active_run` to `save`.

    Args:
        log_freq, save_model: as in `MLflowLogger`.
    """

    package: str
    only_writes = True
    state_names = ("batches",)

    def __init__(self, log_freq: int | None = None, save_model: bool = False) -> None:
        super().__init__()
        if log_freq is not None and log_freq < 1:
            raise ValueError(f"{type(self).__name__}: log_freq must be at least 1, or None; got {log_freq}.")
        self.service = import_optional(self.package, self.package, type(self).__name__)
        self.log_freq, self.save_model = log_freq, save_model
        self.every_batch = log_freq is not None
        self.batches = 0
        self.run: Any = None
        self._is_own = False

    def active_run(self) -> Any:
        """Return the run that the program has begun; None for none."""
        raise NotImplementedError

    def begin_run(self) -> Any:
        """Begin a run, and return it."""
        raise NotImplementedError

    def end_run(self) -> None:
        """End the run that `begin_run` began."""
        raise NotImplementedError

    def configure(self, settings: dict[str, Any]) -> None:
        """Record the settings."""
        raise NotImplementedError

    def log(self, values: dict[str, float], kind: str, step: int) -> None:
        """Record values of an `"epoch"` or a `"batch"`, which has the number `step`."""
        raise NotImplementedError

    def save(self, file: Path) -> None:
        """Store a file in the run."""
        raise NotImplementedError

    def on_train_begin(self, logs: Logs = None) -> None:
        """Begin the run with the settings of `fit` and the config of the optimizer."""
        optimizer = self.model.optimizer
        settings = {key: value for key, value in (self.params or {}).items() if key in ("epochs", "steps")}
        settings |= {"parameters": self.model.count_params(), "optimizer/class": type(optimizer).__name__}
        settings |= {f"optimizer/{key}": value for key, value in optimizer.get_config().items()}
        active = self.active_run()
        self._is_own = active is None
        self.run = self.begin_run() if active is None else active
        self.configure({k: v for k, v in settings.items() if isinstance(v, (str, numbers.Number))})

    def on_train_batch_end(self, batch: int, logs: BatchLogs = None) -> None:
        """Record the values of every `log_freq`-th batch."""
        self.batches += 1
        if self.log_freq is not None and self.batches % self.log_freq == 0:
            self.log(_scalars(logs), "batch", self.batches)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Record the values of the epoch."""
        self.log(_scalars(logs), "epoch", epoch)

    def on_train_end(self, logs: Logs = None) -> None:
        """Store the model, and end the run, unless the program has begun it."""
        if self.save_model:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / f"{self.model.name}.hilevel"
                self.model.save(file)
                self.save(file)
        if self._is_own:
            self.end_run()


def _scalars(logs: Any) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0}


class MLflowLogger(RunLogger):
    """A callback that records training in MLflow: settings as parameters, values as metrics, the model as an artifact.

    It needs `pip install mlflow`. The values of epochs have their names, such as `val_loss`, and the number of the
    epoch as step. The values of batches have names such as `batch/loss`. A run that is active is used, and stays
    active; else a run begins and ends with the training.

    Args:
        log_freq: the number of batches between two recordings of the values of batches; None for epochs only.
        save_model: whether to store the trained model in the run, as a file in the format `.hilevel`.

    Raises:
        ImportError: mlflow is not installed.
        ValueError: `log_freq` is less than 1.

    >>> import hilevel
    >>> hilevel.callbacks.MLflowLogger(log_freq=100)  # doctest: +SKIP
    """

    package = "mlflow"

    def active_run(self) -> Any:
        """Return the active run."""
        return self.service.active_run()

    def begin_run(self) -> Any:
        """Begin a run."""
        return self.service.start_run()

    def end_run(self) -> None:
        """End the run."""
        self.service.end_run()

    def configure(self, settings: dict[str, Any]) -> None:
        """Record the settings. MLflow refuses other values of parameters that the run has already."""
        known = self.service.get_run(self.run.info.run_id).data.params
        self.service.log_params({key: value for key, value in settings.items() if key not in known})

    def log(self, values: dict[str, float], kind: str, step: int) -> None:
        """Record metrics."""
        prefix = "" if kind == "epoch" else "batch/"
        self.service.log_metrics({f"{prefix}{name}": value for name, value in values.items()}, step=step)

    def save(self, file: Path) -> None:
        """Store an artifact."""
        self.service.log_artifact(str(file), "model")


class WandbLogger(RunLogger):
    """A callback that records training in Weights & Biases: settings in the config, values, the model as an artifact.

    It needs `pip install wandb`. Values have names such as `epoch/val_loss` and `batch/loss`, with the number of the
    epoch or batch as their axis. A run is used or begun as by `MLflowLogger`. `WANDB_MODE=offline` records to
    files.

    Args:
        log_freq, save_model: as in `MLflowLogger`.

    Raises:
        ImportError: wandb is not installed.
        ValueError: `log_freq` is less than 1.

    >>> import hilevel
    >>> hilevel.callbacks.WandbLogger(save_model=True)  # doctest: +SKIP
    """

    package = "wandb"

    def active_run(self) -> Any:
        """Return the active run."""
        return self.service.run

    def begin_run(self) -> Any:
        """Begin a run."""
        return self.service.init()

    def end_run(self) -> None:
        """End the run."""
        self.run.finish()

    def configure(self, settings: dict[str, Any]) -> None:
        """Record the settings in the config."""
        self.run.config.update(settings, allow_val_change=True)
        for kind in ("epoch", "batch"):
            self.run.define_metric(f"{kind}/*", step_metric=kind)

    def log(self, values: dict[str, float], kind: str, step: int) -> None:
        """Record values with their number."""
        self.run.log({kind: step} | {f"{kind}/{name}": value for name, value in values.items()})

    def save(self, file: Path) -> None:
        """Store an artifact of the type `model`."""
        artifact = self.service.Artifact(f"run-{self.run.id}-model", type="model")
        artifact.add_file(str(file))
        self.run.log_artifact(artifact)
