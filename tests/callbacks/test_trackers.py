"""Callbacks for MLflow and Weights & Biases, on stand-ins of the packages; tests/clients has the packages themselves."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers

X = np.ones((32, 2), "float32")


def trained(*callbacks: Any, epochs: int = 2) -> Any:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)], name="small")
    model.compile("adam", "mse")
    model.fit(
        X,
        X[:, :1],
        batch_size=8,
        epochs=epochs,
        validation_data=(X, X[:, :1]),
        verbose=0,
        callbacks=callbacks,
    )
    return model


class MLflow(ModuleType):
    """The functions of mlflow that the callback uses."""

    def __init__(self) -> None:
        super().__init__("mlflow")
        self.run: Any = None
        self.runs: list[Any] = []
        self.logged: list[Any] = []

    def active_run(self) -> Any:
        return self.run

    def start_run(self) -> Any:
        self.run = SimpleNamespace(
            info=SimpleNamespace(run_id=len(self.runs)), data=SimpleNamespace(params={}), files=[]
        )
        self.runs.append(self.run)
        return self.run

    def end_run(self) -> None:
        self.run = None

    def get_run(self, run_id: int) -> Any:
        return self.runs[run_id]

    def log_params(self, params: Any) -> None:
        assert not params.keys() & self.run.data.params.keys()
        self.run.data.params.update(params)

    def log_metrics(self, values: Any, step: int) -> None:
        self.logged.append((step, values))

    def log_artifact(self, path: str, folder: str) -> None:
        self.run.files.append((folder, Path(path).name, Path(path).stat().st_size > 0))


def test_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = MLflow()
    monkeypatch.setitem(sys.modules, "mlflow", mlflow)
    model = trained(hilevel.callbacks.MLflowLogger(log_freq=3, save_model=True))
    (run,) = mlflow.runs
    assert mlflow.run is None and run.files == [("model", "small.hilevel", True)]
    assert run.data.params["epochs"] == 2 and run.data.params["optimizer/class"] == "Adam"
    assert run.data.params["parameters"] == 3 and run.data.params["optimizer/beta_1"] == 0.9
    epochs = [(step, values["val_loss"]) for step, values in mlflow.logged if "val_loss" in values]
    assert epochs == list(enumerate(model.history.history["val_loss"]))
    assert [step for step, values in mlflow.logged if "batch/loss" in values] == [3, 6]
    mlflow.start_run()
    for epochs_of_run in (
        1,
        2,
    ):  # the run of the program has the parameters of the first training, and goes on
        trained(hilevel.callbacks.MLflowLogger(), epochs=epochs_of_run)
    assert mlflow.run is not None and mlflow.run.data.params["epochs"] == 1


class Wandb(ModuleType):
    """The functions of wandb that the callback uses."""

    class Artifact:
        def __init__(self, name: str, type: str) -> None:
            self.name, self.type, self.files = name, type, list[str]()

        def add_file(self, path: str) -> None:
            self.files.append(Path(path).name)

    def __init__(self) -> None:
        super().__init__("wandb")
        self.run: Any = None
        self.config: dict[str, Any] = {}
        self.logged: list[Any] = []
        self.artifacts: list[Any] = []

    def init(self) -> Any:
        self.run = SimpleNamespace(
            id="r1", config=SimpleNamespace(update=lambda new, allow_val_change: self.config.update(new)),
            define_metric=lambda name, step_metric: None, log=self.logged.append,
            log_artifact=self.artifacts.append, finish=lambda: setattr(self, "run", None),
        )  # fmt: skip
        return self.run


def test_weights_and_biases(monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = Wandb()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    model = trained(hilevel.callbacks.WandbLogger(log_freq=2, save_model=True))
    assert wandb.run is None and wandb.config["steps"] == 4
    assert [(a.name, a.type, a.files) for a in wandb.artifacts] == [
        ("run-r1-model", "model", ["small.hilevel"])
    ]
    epochs = [(values["epoch"], values["epoch/loss"]) for values in wandb.logged if "epoch" in values]
    assert epochs == list(enumerate(model.history.history["loss"]))
    assert [values["batch"] for values in wandb.logged if "batch" in values] == [2, 4, 6, 8]
    run = wandb.init()
    trained(hilevel.callbacks.WandbLogger())
    assert wandb.run is run


def test_missing_packages_and_wrong_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, logger in (
        ("mlflow", hilevel.callbacks.MLflowLogger),
        ("wandb", hilevel.callbacks.WandbLogger),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=f"pip install '{name}'"):
            logger()
        with pytest.raises(ValueError, match="at least 1"):
            logger(log_freq=0)
