"""Trainings that are killed and continued, against the same training without a kill."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.callbacks import BackupAndRestore, Callback, EarlyStopping
from hilevel.errors import InvalidFileError

PROGRAM = Path(__file__).parents[1] / "data/resumed_training.py"


def run(folder: Path, kills: list[str], **settings: Any) -> dict[str, Any]:
    """Return all that a training leaves, after the kills, each in a process of its own."""
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for kill in [*kills, ""]:
        words = [f"{name}={value}" for name, value in {**settings, "kill": kill}.items()]
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(folder), *words],
            env=environment,
            capture_output=True,
            text=True,
        )
        expected = (-9, 0) if kill.startswith("time") else (-9,) if kill else (0,)
        assert done.returncode in expected, done.stderr[-2000:]
    return dict(np.load(folder / "result.npz"))


CASES = {
    "batches": ({"save": 3, "data": "arrays"}, ["batch:17", "batch:4"]),
    "epochs": ({"save": "epoch", "data": "arrays"}, ["batch:13", "save:1"]),
    "a generator that tells its position": ({"save": 2, "data": "stateful"}, ["batch:9", "batch:7"]),
    "a PyDataset": ({"save": 4, "data": "dataset"}, ["batch:11", "save:2"]),
    "steps_per_epoch": ({"save": 3, "data": "steps"}, ["batch:8", "validation:2"]),
    "any moment": ({"save": 2, "data": "arrays"}, ["time:0.3", "time:0.2", "write:1"]),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "backend"), [*((name, "numpy") for name in CASES), ("batches", "jax"), ("epochs", "jax")]
)
def test_a_killed_training_ends_as_if_nothing_had_happened(name: str, backend: str, tmp_path: Path) -> None:
    settings, kills = CASES[name]
    whole = run(tmp_path / "whole", [], backend=backend, **settings)
    killed = run(tmp_path / "killed", kills, backend=backend, **settings)
    assert sorted(whole) == sorted(killed)
    for key in whole:
        np.testing.assert_array_equal(whole[key], killed[key], key)


@pytest.mark.slow
def test_a_training_continues_on_another_backend(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", [], backend="numpy", save=3, data="arrays")
    (tmp_path / "killed").mkdir()
    words = [str(PROGRAM), str(tmp_path / "killed"), "save=3", "data=arrays"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for kill, backend, code in (("batch:14", "numpy", -9), ("", "jax", 0)):
        done = subprocess.run([sys.executable, *words, f"backend={backend}", f"kill={kill}"], env=environment)
        assert done.returncode == code
    killed = dict(np.load(tmp_path / "killed/result.npz"))
    for key in whole:
        if key not in ("csv", "random") and not key.startswith("time"):
            np.testing.assert_allclose(whole[key], killed[key], rtol=1e-4, atol=1e-4, err_msg=key)


class StopAt(Callback):
    """Raises an error at a batch."""

    def __init__(self, batch: int) -> None:
        super().__init__()
        self.left = batch

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("stopped")


X, Y = np.random.default_rng(0).normal(size=(20, 3)).astype("float32"), np.arange(20, dtype="float32") % 3


def small() -> Any:
    hilevel.utils.set_random_seed(1)
    model = hilevel.Sequential(
        [hilevel.Input((3,)), layers.Dense(4, "tanh"), layers.Dropout(0.2), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    return model


def test_resume_continues_and_removes_the_state(tmp_path: Path) -> None:
    whole = small().fit(X, Y, batch_size=4, epochs=5, verbose=0).history
    with pytest.raises(RuntimeError):
        small().fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[StopAt(13)], resume=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["training.hilevel"]
    history = small().fit(X, Y, batch_size=4, epochs=5, verbose=0, callbacks=[StopAt(99)], resume=tmp_path)
    assert history.history == whole and history.epoch == [0, 1, 2, 3, 4]
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_that_is_arranged_at_the_begin_of_an_epoch(tmp_path: Path) -> None:
    """The callback of docs/your_own_data.md: earlier calls of `on_epoch_end` are not repeated."""

    class Shuffled(hilevel.utils.PyDataset):
        def arrange(self, epoch: int) -> None:
            self.order = np.random.default_rng(epoch).permutation(len(X))

        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> Any:
            return X[self.order[i::3]], Y[self.order[i::3]]

    def train(batches: int) -> Any:
        data = Shuffled()
        data.arrange(0)
        arrange = hilevel.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: data.arrange(epoch))
        return small().fit(data, epochs=4, verbose=0, callbacks=[arrange, StopAt(batches)], resume=tmp_path)

    whole = train(99)
    with pytest.raises(RuntimeError):
        train(8)
    assert train(99).history == whole.history


def test_an_early_stop_is_not_trained_past(tmp_path: Path) -> None:
    def train(**settings: Any) -> Any:
        stop = EarlyStopping("loss", min_delta=9.0, patience=1)
        listeners = [stop, BackupAndRestore(tmp_path, **settings)]
        return small().fit(X, Y, batch_size=4, epochs=9, verbose=0, callbacks=listeners)

    first, again = train(delete_checkpoint=False), train()
    assert 1 < len(first.epoch) < 9 and again.epoch == first.epoch


def test_events_of_a_resumed_epoch(tmp_path: Path) -> None:
    class Events(Callback):
        state_names = ("seen",)

        def __init__(self) -> None:
            super().__init__()
            self.seen: list[str] = []

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.seen.append(f"begin {epoch}")

        def on_epoch_resume(self, epoch: int, logs: Any = None) -> None:
            self.seen.append(f"resume {epoch} at {logs['batch']}")

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.seen.append(f"end {epoch}")

    with pytest.raises(RuntimeError):
        small().fit(
            X, Y, batch_size=4, epochs=2, verbose=0,
            callbacks=[Events(), StopAt(8), BackupAndRestore(tmp_path, save_freq=1)],
        )  # fmt: skip
    events = Events()
    small().fit(
        X, Y, batch_size=4, epochs=2, verbose=0,
        callbacks=[events, StopAt(99), BackupAndRestore(tmp_path, save_freq=1)],
    )  # fmt: skip
    assert events.seen == ["begin 0", "end 0", "begin 1", "resume 1 at 2", "end 1"]


def interrupted(folder: Path, **settings: Any) -> None:
    with pytest.raises(RuntimeError):
        small().fit(
            X,
            Y,
            batch_size=4,
            epochs=3,
            verbose=0,
            callbacks=[StopAt(13), BackupAndRestore(folder, **settings)],
        )


def test_the_names_of_a_models_attributes_are_free(tmp_path: Path) -> None:
    class Named(hilevel.Model):
        def __init__(self) -> None:
            super().__init__()
            self.state, self.states = layers.Dense(2), [layers.Dense(1)]

        def call(self, x: Any) -> Any:
            return self.states[0](self.state(x))

    def train(*more: Any) -> Any:
        hilevel.utils.set_random_seed(1)
        model = Named()
        model.compile("adam", "mse")
        return model.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=list(more)).history

    with pytest.raises(RuntimeError):
        train(StopAt(13), BackupAndRestore(tmp_path))
    assert train(StopAt(99), BackupAndRestore(tmp_path)) == train()


def test_metrics_of_any_name_are_in_the_state(tmp_path: Path) -> None:
    class Strange(Callback):
        state_names = ("kept",)

        def __init__(self) -> None:
            super().__init__()
            self.kept = {"a:b\\c": np.arange(3)}

    with pytest.raises(RuntimeError):
        small().fit(
            X,
            Y,
            batch_size=4,
            epochs=3,
            verbose=0,
            callbacks=[Strange(), StopAt(13), BackupAndRestore(tmp_path)],
        )
    strange = Strange()
    strange.kept = {}
    small().fit(
        X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[strange, StopAt(99), BackupAndRestore(tmp_path)]
    )
    np.testing.assert_array_equal(strange.kept["a:b\\c"], np.arange(3))


def test_a_callback_list_stays_itself() -> None:
    model, history = small(), hilevel.callbacks.History()
    listed = hilevel.callbacks.CallbackList([history], model=model, epochs=7, steps=5, verbose=0)
    model.fit(X, Y, batch_size=4, epochs=1, callbacks=listed)
    assert history.params["epochs"] == 7 and listed.callbacks == [history]


def test_the_step_of_nan_counts_from_the_begin_of_the_epoch(tmp_path: Path) -> None:
    bad = np.where(np.arange(20) == 15, np.nan, Y)
    train = lambda stop: small().fit(
        X, bad, batch_size=4, shuffle=False, verbose=0,
        callbacks=[StopAt(stop), BackupAndRestore(tmp_path, save_freq=1)],
    )  # fmt: skip
    with pytest.raises(RuntimeError, match="stopped"):
        train(3)
    with pytest.warns(RuntimeWarning, match="epoch 1, step 4"):
        train(99)


def test_a_damaged_state_is_refused_and_the_one_before_is_used(tmp_path: Path) -> None:
    interrupted(tmp_path, double_checkpoint=True)
    path = tmp_path / "training.hilevel"
    path.write_bytes(path.read_bytes()[:-50])
    whole = small().fit(X, Y, batch_size=4, epochs=3, verbose=0).history
    backup = BackupAndRestore(tmp_path, double_checkpoint=True)
    with pytest.warns(UserWarning, match="the state before it"):
        history = small().fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[StopAt(99), backup]).history
    assert history == whole
    interrupted(tmp_path)
    path.write_bytes(b"nothing")
    with pytest.raises(InvalidFileError, match=r"training\.hilevel.*Remove the file"):
        small().fit(X, Y, batch_size=4, epochs=3, verbose=0, resume=tmp_path)


def test_the_state_of_another_model_or_of_other_callbacks_is_refused(tmp_path: Path) -> None:
    interrupted(tmp_path)
    other = hilevel.Sequential([hilevel.Input((3,)), layers.Dense(5), layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(InvalidFileError, match="dense"):
        other.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[StopAt(9), BackupAndRestore(tmp_path)])
    with pytest.raises(InvalidFileError, match="same callbacks"):
        small().fit(X, Y, batch_size=4, epochs=3, verbose=0, resume=tmp_path)


def test_a_callback_whose_state_cannot_be_saved(tmp_path: Path) -> None:
    class Odd(Callback):
        state_names = ("thing",)
        thing = object()

    with pytest.raises(TypeError, match="state/callbacks/0/state/thing is a object"):
        small().fit(X, Y, epochs=2, verbose=0, callbacks=[Odd()], resume=tmp_path)


@pytest.mark.parametrize("save_freq", [0, "batch", -1, 1.5])
def test_an_unknown_frequency(save_freq: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="save_freq"):
        BackupAndRestore(tmp_path, save_freq=save_freq)
