"""Errors and Ctrl-C in training: events at the end, the history, and data sources that block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = np.tanh(X[:, :1])


@pytest.fixture(autouse=True)
def _default_handler() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where a shell has started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def ready(**options: Any) -> Any:
    hilevel.set_random_seed(1)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", **options)
    return model


class Events(hilevel.callbacks.Callback):
    """Notes the events, and raises an error at one of them."""

    def __init__(self, at: str, error: BaseException) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.at, self.error = at, error

    def _note(self, name: str) -> None:
        self.seen.append(name)
        if name == self.at:
            raise self.error

    def on_train_begin(self, logs: Any = None) -> None:
        self._note("begin")

    def on_train_end(self, logs: Any = None) -> None:
        self._note("end")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._note(f"epoch {epoch}")

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._note("batch")

    def on_test_begin(self, logs: Any = None) -> None:
        self._note("test begin")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._note("test batch")

    def on_test_end(self, logs: Any = None) -> None:
        self._note("test end")

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self._note("predict batch")

    def on_predict_end(self, logs: Any = None) -> None:
        self._note("predict end")


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
@pytest.mark.parametrize("at", ["epoch 1", "batch", "test batch"])
def test_training_ends_with_its_event(at: str, error: BaseException, backend: Any) -> None:
    model, events = ready(), Events(at, error)
    with pytest.raises(type(error)):
        model.fit(X, Y, epochs=5, verbose=0, callbacks=[events], validation_data=(X, Y))
    assert events.seen[0] == "begin" and events.seen[-1] == "end" and events.seen.count("end") == 1
    assert ("test end" in events.seen) == ("test begin" in events.seen)
    assert model.history.epoch == ([0] if at == "epoch 1" else [])
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_evaluation_and_prediction_end_with_their_events(backend: Any) -> None:
    for at, end, call in (
        ("test batch", "test end", "evaluate"),
        ("predict batch", "predict end", "predict"),
    ):
        events = Events(at, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            getattr(ready(), call)(
                X, verbose=0, callbacks=[events], **({"y": Y} if call == "evaluate" else {})
            )
        assert events.seen[-1] == end


def test_an_error_of_the_data_ends_training(backend: Any) -> None:
    def failing() -> Any:
        yield X, Y
        raise OSError("the disk is gone")

    events = Events("never", RuntimeError())
    with pytest.raises(OSError, match="the disk is gone"):
        ready().fit(failing(), epochs=1, verbose=0, callbacks=[events])
    assert events.seen == ["begin", "batch", "end"]


def test_the_last_numbers_come_with_the_end(backend: Any) -> None:
    seen: list[Any] = []
    end = hilevel.callbacks.LambdaCallback(on_train_end=lambda logs: seen.append(dict(logs)))
    history = ready().fit(X, Y, epochs=2, verbose=0, callbacks=[end]).history
    assert seen == [{"loss": history["loss"][-1]}]


def test_the_best_weights_are_restored_after_an_interruption(backend: Any) -> None:
    model = ready()
    early = hilevel.callbacks.EarlyStopping(monitor="loss", patience=50, restore_best_weights=True)
    best: list[Any] = []

    class Spoil(hilevel.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                best.extend(model.get_weights())
                model.set_weights([w + 5 for w in model.get_weights()])
            if epoch == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=9, verbose=0, callbacks=[early, Spoil()])
    for got, wanted in zip(model.get_weights(), best, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_the_file_of_a_csv_logger_is_closed_after_an_error(tmp_path: Path, backend: Any) -> None:
    log = hilevel.callbacks.CSVLogger(tmp_path / "log.csv")
    with pytest.raises(RuntimeError):
        ready().fit(X, Y, epochs=5, verbose=0, callbacks=[log, Events("epoch 1", RuntimeError())])
    assert log._file is None
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 3


# -- Ctrl-C as it comes from the keyboard --------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.parametrize("where", ["first", "later", "validation"])
def test_ctrl_c_while_a_data_source_blocks(where: str, backend: Any) -> None:
    blocked = threading.Event()

    def blocking(good: int) -> Any:
        for _ in range(good):
            yield X, Y
        blocked.set()
        time.sleep(60)

    def interrupt() -> None:
        blocked.wait(30)
        time.sleep(0.1)
        os.kill(os.getpid(), signal.SIGINT)

    model, events = ready(), Events("never", RuntimeError())
    threading.Thread(target=interrupt, daemon=True).start()
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        if where == "validation":
            model.fit(X, Y, verbose=0, callbacks=[events], validation_data=blocking(2))
        else:
            model.fit(blocking(1 if where == "first" else 3), verbose=0, callbacks=[events])
    assert time.monotonic() - begin < 20
    assert events.seen[-1] == "end"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


PROGRAM = """
import os, signal, time
import numpy as np
import hilevel
from hilevel import layers

class Slow(hilevel.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.steps = 0
    def call(self, inputs):
        return self.dense(inputs)
    def train_step(self, data):
        hilevel.ops.convert_to_numpy(data[0])  # cannot be run on shapes: each call is a step
        self.steps += 1
        if self.steps == 3:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.3)
        logs = super().train_step(data)
        print("step", self.steps, flush=True)
        return logs

model = Slow()
model.compile("sgd", "mse", run_eagerly=True)
x = np.ones((40, 4), "float32")
try:
    model.fit(x, x[:, :1], batch_size=4, verbose=0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_waits_for_the_end_of_a_step() -> None:
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    lines = run.stdout.split("\n")
    assert lines[-2] == "interrupted", run.stderr
    assert lines[-3] == "step 3"
