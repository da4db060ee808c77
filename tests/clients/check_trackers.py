"""MLflow and Weights & Biases, without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
import wandb

import hilevel

X = np.ones((32, 2), "float32")


def fitted(callback: Any) -> Any:
    model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)], name="small")
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], batch_size=8, epochs=2, verbose=0, callbacks=[callback])
    return model


def test_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run() as run:
        model = fitted(hilevel.callbacks.MLflowLogger(log_freq=3, save_model=True))
        fitted(hilevel.callbacks.MLflowLogger())
    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    assert found.data.params["optimizer/class"] == "Adam" and found.info.status == "FINISHED"
    losses = [m.value for m in client.get_metric_history(run.info.run_id, "loss")]
    assert losses[:2] == pytest.approx(model.history.history["loss"])
    assert [m.step for m in client.get_metric_history(run.info.run_id, "batch/loss")] == [3, 6]
    file = client.download_artifacts(run.info.run_id, "model/small.hilevel", str(tmp_path))
    np.testing.assert_array_equal(
        hilevel.models.load_model(file).predict(X, verbose=0), model.predict(X, verbose=0)
    )


def test_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with wandb.init(mode="offline", dir=str(tmp_path)) as run:
        model = fitted(hilevel.callbacks.WandbLogger(log_freq=2, save_model=True))
        assert run.config["optimizer/class"] == "Adam"
        assert run.summary["epoch/loss"] == pytest.approx(model.history.history["loss"][-1])
        assert run.summary["batch"] == 8
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
