"""Callbacks: their decisions and the order of events against Keras; what they print and write."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_cases import SCRIPTS, events, play

import hilevel
from hilevel import callbacks, layers

WANTED = json.loads((Path(__file__).parents[1] / "data/training.json").read_text())
X, Y = np.ones((10, 2), "float32"), np.ones((10, 1), "float32")


def ready(**options: Any) -> Any:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(hilevel.optimizers.SGD(0.5), "mse", **options)
    return model


def fit(*more: Any, **options: Any) -> Any:
    model = options.pop("model", None) or ready()
    model.fit(X, Y, **{"epochs": 3, "batch_size": 5, "verbose": 0, "callbacks": list(more)} | options)
    return model


@pytest.mark.parametrize("name", SCRIPTS)
def test_decisions_are_those_of_keras(name: str) -> None:
    got, wanted = play(hilevel, name), WANTED["scripts"][name]
    assert (got["epochs"], got["weight"]) == (wanted["epochs"], wanted["weight"])
    np.testing.assert_allclose(got["rates"], wanted["rates"], rtol=1e-6)


def test_events_are_those_of_keras() -> None:
    got = events(hilevel)
    for what, wanted in WANTED["events"].items():
        assert [tuple(map(str, e)) for e in got[what]] == [tuple(map(str, e)) for e in wanted], what


def test_early_stopping_in_a_fit(backend: Any) -> None:
    stop = callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
    worse = callbacks.LearningRateScheduler(lambda epoch: 0.1 if epoch < 2 else 5.0)
    model = fit(worse, stop, epochs=20)
    assert len(model.history.epoch) < 20
    losses = model.history.history["loss"]
    assert stop.best == min(losses) and stop.best_epoch == int(np.argmin(losses))


def test_what_is_monitored_and_missing_is_told_once() -> None:
    with pytest.warns(UserWarning, match=r'"val_loss".*loss.*validation data') as told:
        fit(callbacks.EarlyStopping())
    assert len(told) == 1


def test_the_schedule_sees_and_sets_the_rate(backend: Any, capsys: Any) -> None:
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1)
    model = fit(halve)
    assert model.history.history["learning_rate"] == [0.25, 0.125, 0.0625]
    assert float(model.optimizer.learning_rate) == 0.0625
    assert "Epoch 3: learning_rate is 0.0625." in capsys.readouterr().out
    with pytest.raises(TypeError, match="number"):
        fit(callbacks.LearningRateScheduler(lambda epoch: None))


def test_a_file_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "log.csv"
    fit(callbacks.CSVLogger(path))
    fit(callbacks.CSVLogger(path, append=True), epochs=1)
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,loss,val_loss" and all(line.endswith(",NA") for line in lines[1:])
    assert [line.split(",")[0] for line in lines[1:]] == ["0", "1", "2", "0"]
    fit(callbacks.CSVLogger(path, separator=";"), epochs=1, validation_data=(X, Y))
    assert path.read_text().splitlines()[0] == "epoch;loss;val_loss"


def test_a_missing_number_is_na(tmp_path: Path) -> None:
    fit(callbacks.CSVLogger(tmp_path / "log.csv"), validation_data=(X, Y), validation_freq=[1])
    assert (tmp_path / "log.csv").read_text().splitlines()[2].endswith("NA")


def test_a_validation_that_comes_later_has_its_column(tmp_path: Path, backend: Any) -> None:
    path = tmp_path / "log.csv"
    model = fit(callbacks.CSVLogger(path), validation_data=(X, Y), validation_freq=2)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    assert rows[0] == ["epoch", "loss", "val_loss"]
    (value,) = model.history.history["val_loss"]
    assert [row[2] for row in rows[1:]] == ["NA", str(value), "NA"]


def test_a_file_of_numbers_is_closed_however_training_ends(tmp_path: Path) -> None:
    log = callbacks.CSVLogger(tmp_path / "log.csv")
    log.on_train_end()
    log.on_train_begin({})
    log.on_epoch_end(0, {"loss": 1.0})
    opened = log._file
    log.on_train_begin({})  # the training before ended without on_train_end
    assert opened.closed
    log.on_epoch_end(0, {"loss": 2.0})
    log.on_train_end({})
    log.on_train_end({})
    assert (tmp_path / "log.csv").read_text().splitlines() == ["epoch,loss,val_loss", "0,2.0,NA"]
    with pytest.raises(RuntimeError, match=r"log\.csv.*on_train_begin"):
        log.on_epoch_end(1, {"loss": 1.0})


def test_best_weights_are_restored_however_training_ends(backend: Any) -> None:
    stop = callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    stop.on_train_end()
    model = ready()
    stop.set_model(model)
    stop.on_train_begin({})
    best = model.get_weights()
    stop.on_epoch_end(0, {"loss": 1.0})
    model.set_weights([w + 1 for w in best])
    for _ in range(2):  # twice does no harm
        stop.on_train_end({})
        assert all((a == b).all() for a, b in zip(model.get_weights(), best, strict=True))


def test_not_a_number_ends_training(capsys: Any, backend: Any) -> None:
    model = ready()
    with pytest.warns(RuntimeWarning, match="NaN"):
        model.fit(X * np.nan, Y, batch_size=2, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN()])
    assert model.history.epoch == [0] and "batch 0" in capsys.readouterr().out
    with pytest.raises(hilevel.errors.NotFiniteError):
        ready().fit(X * np.nan, Y, verbose=0, callbacks=[callbacks.TerminateOnNaN(raise_error=True)])


def test_functions_as_a_callback() -> None:
    seen: list[Any] = []
    fit(
        callbacks.LambdaCallback(
            on_epoch_begin=lambda epoch, logs: seen.append(epoch),
            on_train_end=lambda logs: seen.append(sorted(logs)),
        )
    )
    assert seen == [0, 1, 2, ["loss"]]
    with pytest.raises(TypeError, match="on_epoch_end"):
        callbacks.LambdaCallback(on_epoch_ends=print)


def test_a_callback_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="function"):
        fit(lambda: None)


def test_a_list_of_callbacks_grows_and_knows_the_model() -> None:
    model = ready()
    listed = callbacks.CallbackList([], add_history=True, model=model, epochs=1)
    listed.on_epoch_end(0, {"loss": 1.0})
    seen: list[int] = []
    late = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    listed.append(late)
    listed.on_epoch_end(1, {"loss": 2.0})
    assert seen == [1] and late.model is model and late.params == {"epochs": 1}
    assert model.history.history == {"loss": [1.0, 2.0]}
    assert fit(listed.callbacks[0]).history is listed.callbacks[0]


def test_stop_training_ends_after_the_batch(backend: Any) -> None:
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_training = batch == 1

    model = fit(Stop(), batch_size=2)
    assert int(model.optimizer.iterations) == 2 and model.history.epoch == [0]


# -- what is printed --------------------------------------------------------------------------------


class Terminal(io.TextIOWrapper):
    """An output with an encoding, which may claim to be a terminal."""

    def __init__(self, encoding: str = "utf-8", terminal: bool = False) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal

    def text(self) -> str:
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


def printed(
    monkeypatch: Any, verbose: Any, encoding: str = "utf-8", terminal: bool = False, **options: Any
) -> str:
    out = Terminal(encoding, terminal)
    monkeypatch.setattr(sys, "stdout", out)
    fit(verbose=verbose, validation_data=(X, Y), **options)
    return out.text()


def test_where_no_bar_can_be_drawn_there_is_a_line_for_each_epoch(monkeypatch: Any) -> None:
    text = printed(monkeypatch, "auto")
    lines = text.splitlines()
    assert len(lines) == 3 and lines[0].startswith("Epoch 1/3 - 2 steps - ") and "val_loss=" in lines[0]
    assert not any(ord(c) < 32 and c != "\n" for c in text)


def test_a_terminal_gets_a_bar(monkeypatch: Any) -> None:
    monkeypatch.setenv("TERM", "xterm")
    text = printed(monkeypatch, "auto", terminal=True)
    assert "\rEpoch 3/3 |" in text and "0/2" in text and "Epoch 3/3 - 2 steps" in text
    assert "val_loss=" in text
    monkeypatch.setenv("TERM", "dumb")
    assert "\r" not in printed(monkeypatch, "auto", terminal=True)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("verbose", [0, 1, 2, "auto"])
def test_every_encoding_will_do(encoding: str, verbose: Any, monkeypatch: Any) -> None:
    text = printed(monkeypatch, verbose, encoding)
    assert bool(text) == (verbose != 0)
    text.encode(encoding)


def test_a_bar_counts_bundles_of_steps(monkeypatch: Any) -> None:
    model = ready(steps_per_execution=2)
    assert "Epoch 1/3 - 5 steps" in printed(monkeypatch, 2, model=model, batch_size=2)
    assert "Epoch 1/3 - 5 steps" in printed(monkeypatch, 1, model=model, batch_size=2)


def test_evaluate_and_predict_say_one_line(capsys: Any) -> None:
    model = ready()
    model.evaluate(X, Y, batch_size=5, verbose=2)
    model.predict(X, batch_size=5, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" - ")[:2] for line in lines] == [["Evaluate", "2 steps"], ["Predict", "2 steps"]]
    with pytest.raises(ValueError, match="verbose"):
        model.predict(X, verbose=7)


def test_a_bar_by_hand(capsys: Any) -> None:
    bar = hilevel.utils.Progbar(4, verbose=2, stateful_metrics=["rate"])
    bar.update(1, [("loss", 1.0), ("rate", 3.0)])
    bar.add(3, [("loss", 5.0), ("rate", 2.0)])
    assert capsys.readouterr().out == "4/4 - loss: 4.0000 - rate: 2.0000\n"
    drawn = hilevel.utils.Progbar(2, verbose=1)
    drawn.add(2, [("loss", 1.0)])
    assert "2/2" in capsys.readouterr().out


# -- events -----------------------------------------------------------------------------------------


class Spy(callbacks.Callback):
    """Notes each event with the type of its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, str]] = []
        self.before = (self.model, self.params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        self.seen.append(("set_model", ""))

    def set_params(self, params: Any) -> None:
        super().set_params(params)
        self.seen.append(("set_params", ",".join(sorted(params))))


def _spying(event: str) -> Any:
    def listen(self: Any, *args: Any, logs: Any = None) -> None:
        given = logs if logs is not None or isinstance(args[-1], int) else args[-1]
        self.seen.append((event, type(given).__name__))

    return listen


for _event in callbacks.base.EVENTS:
    if _event not in ("on_batch_begin", "on_batch_end"):
        setattr(Spy, _event, _spying(_event))


def test_every_event_has_logs_and_the_model_comes_before_the_params(backend: Any) -> None:
    spy = Spy()
    model = fit(spy, validation_data=(X, Y), epochs=1)
    model.evaluate(X, Y, verbose=0, callbacks=[spy])
    model.predict(X, verbose=0, callbacks=[spy])
    assert spy.before == (None, None)
    resumed = {"on_epoch_resume"}  # only in a training that another process began
    assert {event for event, _ in spy.seen} >= set(callbacks.base.EVENTS[:15]) - resumed
    assert [event for event, logs in spy.seen if logs == "NoneType"] == []
    assert spy.seen[:2] == [("set_model", ""), ("set_params", "epochs,steps,verbose")]


@pytest.mark.parametrize("steps", [1, 2])
def test_the_short_names_of_batch_events_are_called_for_each_batch(steps: int, backend: Any) -> None:
    class Short(callbacks.Callback):
        seen: list[Any] = []  # noqa: RUF012

        def on_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.seen.append(("begin", batch, dict(logs)))

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append(("end", batch, sorted(logs)))

    Short.seen.clear()
    fit(Short(), epochs=1, batch_size=2, model=ready(steps_per_execution=steps))
    number = list(range(0, 5, steps)), [n + steps - 1 for n in range(0, 5, steps)]
    assert [batch for what, batch, _ in Short.seen if what == "begin"] == number[0]
    assert [(b, logs) for what, b, logs in Short.seen if what == "end"] == [(b, ["loss"]) for b in number[1]]


def test_a_function_of_the_short_name_is_called_too(backend: Any) -> None:
    seen: list[int] = []
    fit(callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append(batch)), epochs=1, batch_size=2)
    assert seen == [0, 1, 2, 3, 4]


def test_a_long_name_that_is_overridden_does_not_call_the_short_one() -> None:
    class Both(callbacks.Callback):
        seen: list[str] = []  # noqa: RUF012

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append("long")

        def on_batch_end(self, batch: int, logs: Any = None) -> None:
            self.seen.append("short")

    fit(Both(), epochs=1, batch_size=10)
    assert Both.seen == ["long"]


def test_a_list_hands_events_model_and_params_on() -> None:
    seen: list[Any] = []
    late = callbacks.LambdaCallback(on_batch_end=lambda batch, logs: seen.append((batch, logs)))
    listed = callbacks.CallbackList([[late]])
    listed.set_params({"epochs": 3})
    listed.set_model("model")
    listed.on_batch_end(0)
    listed.on_train_batch_end(1, {"loss": 2.0})
    assert seen == [(0, {}), (1, {"loss": 2.0})]
    assert (late.model, late.params) == ("model", {"epochs": 3})
    with pytest.raises(AttributeError) as caught:
        listed.on_epoch_ends  # noqa: B018
    assert caught.value.name == "on_epoch_ends" and caught.value.obj is listed


def test_a_history_used_again_counts_its_epochs_anew_as_in_keras() -> None:
    history = callbacks.History()
    fit(history)
    fit(history)
    assert history.epoch == [0, 1, 2] and len(history.history["loss"]) == 6


def test_a_missing_number_is_warned_of_at_the_line_of_fit() -> None:
    with pytest.warns(UserWarning, match="val_loss") as caught:
        ready().fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping()])
    assert caught[0].filename == __file__


def test_a_history_shows_its_last_numbers(backend: Any) -> None:
    history = fit(epochs=2, validation_data=(X, Y)).history
    last = {name: f"{values[-1]:.4g}" for name, values in history.history.items()}
    assert repr(history) == f"<History of 2 epochs: loss={last['loss']}, val_loss={last['val_loss']}>"
    assert repr(callbacks.History()) == "<History of 0 epochs>"
