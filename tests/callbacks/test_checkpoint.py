"""`ModelCheckpoint`: which files it saves, against Keras, and what is in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_cases import CHECKPOINTS, checkpoints

import hilevel
from hilevel import callbacks, layers

WANTED = json.loads((Path(__file__).parents[1] / "data/checkpoints.json").read_text())
X = np.arange(20, dtype="float32").reshape(10, 2) / 20
Y = X[:, :1]


def fit(*more: Any, **options: Any) -> Any:
    hilevel.set_random_seed(0)
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(hilevel.optimizers.Adam(0.1), "mse", steps_per_execution=options.pop("bundle", 1))
    model.fit(X, Y, **{"epochs": 3, "batch_size": 2, "verbose": 0, "callbacks": list(more)} | options)
    return model


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.filterwarnings("ignore:ModelCheckpoint looks for")
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_files_are_those_of_keras(name: str) -> None:
    assert checkpoints(hilevel, name) == WANTED[name]


def test_a_model_goes_on_from_its_file(tmp_path: Path, backend: Any) -> None:
    path = tmp_path / "new/{epoch:02d}.hilevel"
    whole = fit(callbacks.ModelCheckpoint(path), shuffle=False)
    assert names(tmp_path / "new") == ["01.hilevel", "02.hilevel", "03.hilevel"]
    loaded = hilevel.models.load_model(tmp_path / "new/02.hilevel")
    loaded.fit(X, Y, batch_size=2, verbose=0, shuffle=False, initial_epoch=2, epochs=3)
    for a, b in zip(loaded.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_are_of_the_batch(tmp_path: Path, backend: Any) -> None:
    """With bundles, too, the file has the weights at the end of the batch that its name has."""
    kept: dict[str, Any] = {}
    see = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: kept.update({f"{batch + 1}": see.model.get_weights()})
    )
    path = tmp_path / "{batch}.weights.npz"
    model = fit(callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=3), see, bundle=2, epochs=1)
    assert names(tmp_path) == ["4.weights.npz"]
    model.load_weights(tmp_path / "4.weights.npz")
    assert all((a == b).all() for a, b in zip(model.get_weights(), kept["4"], strict=True))


def test_the_best_is_left_in_one_file(tmp_path: Path, capsys: Any, backend: Any) -> None:
    path = tmp_path / "best.hilevel"
    worse = callbacks.LearningRateScheduler(lambda epoch: 0.05 if epoch < 2 else 5.0)
    best = callbacks.ModelCheckpoint(path, save_best_only=True, verbose=1)
    model = fit(worse, best, validation_data=(X, Y), epochs=4)
    losses = model.history.history["val_loss"]
    assert best.best == min(losses) and losses[-1] > best.best
    assert np.isclose(hilevel.models.load_model(path).evaluate(X, Y, verbose=0), best.best, rtol=1e-5)
    said = capsys.readouterr().out.splitlines()
    assert said[-1] == f"Epoch {np.argmin(losses) + 1}: saved to {path}. val_loss={best.best:g} is the best."


def test_nan_is_never_the_best(tmp_path: Path) -> None:
    saved: list[str] = []
    best = callbacks.ModelCheckpoint("{epoch}.keras", "loss", save_best_only=True)
    best.model = type("Model", (), {"save": lambda self, path: saved.append(path), "metrics": ()})()
    for epoch, loss in enumerate([float("nan"), 1.0, float("nan"), 0.5]):
        best.on_epoch_end(epoch, {"loss": loss})
    assert saved == ["2.keras", "4.keras"]


def test_the_averages_are_saved_behind_the_callback_that_swaps(tmp_path: Path, backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile(hilevel.optimizers.SGD(0.1, use_ema=True), "mse")
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    path = tmp_path / "averages.weights.npz"
    model.fit(X, Y, verbose=0, callbacks=[swap, callbacks.ModelCheckpoint(path, save_weights_only=True)])
    with np.load(path) as file:
        saved = [file[f"layers/dense/vars/{i}"] for i in range(2)]
    assert all((a == b.numpy()).all() for a, b in zip(saved, model.optimizer._averages, strict=True))


def test_the_state_goes_on_counting() -> None:
    first, second = (callbacks.ModelCheckpoint("{batch}.keras", save_freq=4) for _ in range(2))
    first.on_train_batch_end(0, {})
    first.on_train_batch_end(2, {})
    second.set_state(first.get_state())
    saved: list[str] = []
    second.model = type("Model", (), {"save": lambda self, path: saved.append(path)})()
    second.on_epoch_begin(1)
    second.on_train_batch_end(0, {})
    assert saved == ["1.keras"]


def test_a_field_that_is_missing_is_named_at_the_first_save(tmp_path: Path) -> None:
    with pytest.raises(
        KeyError, match=r"field val_los, which is not among epoch, loss, val_loss.*\"val_loss\""
    ):
        fit(callbacks.ModelCheckpoint(tmp_path / "{val_los:.2f}.keras"), validation_data=(X, Y))
    with pytest.raises(KeyError, match=r"field batch, which is not among epoch, loss\."):
        fit(callbacks.ModelCheckpoint(tmp_path / "{batch}.keras", save_best_only=True))
    assert names(tmp_path) == []


def test_a_best_without_its_value_is_saved_with_one_warning(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="ModelCheckpoint.*val_loss.*validation data") as told:
        fit(callbacks.ModelCheckpoint(tmp_path / "{epoch}.hilevel", save_best_only=True), epochs=2)
    assert len(told) == 1 and names(tmp_path) == ["1.hilevel", "2.hilevel"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"filepath": "model.h5"}, r"must end in \.keras or \.hilevel; got 'model\.h5'"),
        ({"filepath": "model.keras", "save_weights_only": True}, r"must end in \.weights\.h5 or"),
        ({"filepath": "model.keras", "save_freq": "batch"}, "save_freq"),
        ({"filepath": "model.keras", "save_freq": 0}, "save_freq"),
        ({"filepath": "model.keras", "mode": "best"}, "mode"),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        callbacks.ModelCheckpoint(**arguments)
