"""Progress: lines, bars in terminals of any width, and the one display of a notebook."""

from __future__ import annotations

import importlib
import re
import sys
import threading
import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from test_callbacks import Terminal, X, Y, ready

import hilevel
from hilevel import callbacks
from hilevel.callbacks import drawing


def terminal(monkeypatch: Any, width: int = 80) -> Terminal:
    out = Terminal(terminal=True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", out)
    return out


LOGS = {"loss": 0.123456, "accuracy": 0.9876, "auc": 0.55555, "mean_error": 1.5}
FITTING = {30: (0, 0), 40: (0, 1), 60: (2, 2), 80: (3, 3), 120: (4, 4)}
"""Numbers that fit beside a bar, and where the number of steps is unknown, by width."""


@pytest.mark.parametrize("width", FITTING)
@pytest.mark.parametrize("steps", [5, None])
def test_numbers_of_a_bar_are_whole_in_every_width(width: int, steps: int | None, monkeypatch: Any) -> None:
    out = terminal(monkeypatch, width)
    bar = drawing.Bars()
    bar.begin("Epoch 1/10", steps, interval=0.0)
    for _ in range(5):
        bar.move(1, LOGS)
    bar.close()
    drawn = [part.rstrip() for part in re.split(r"[\r\n]", out.text()) if part.strip()]
    assert len(drawn) >= 5 and max(map(len, drawn)) <= width
    count = FITTING[width][steps is None]
    for part in drawn[1:]:
        assert part.split(", ")[1:] == drawing.format_logs(LOGS).split(", ")[:count]


def test_a_fit_in_a_narrow_terminal_cuts_no_number(monkeypatch: Any, backend: Any) -> None:
    out = terminal(monkeypatch, 60)
    model = ready(metrics=["mean_absolute_error", "mean_squared_error", "r2_score"])
    slow = callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: time.sleep(0.11))
    model.fit(X, Y, batch_size=5, verbose=1, callbacks=[slow])
    drawn = re.findall(r"\r(Epoch 1/1 \|.*?)(?=[\r\n])", out.text())
    assert any("loss=" in part for part in drawn)
    assert all(re.search(r"(\d\d:\d\d|=[\d.e+-]+)$", part.rstrip()) for part in drawn)


def test_a_system_without_threads_draws_bars(monkeypatch: Any) -> None:
    def start(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr(importlib.import_module("tqdm").tqdm, "monitor", None)
    out = terminal(monkeypatch)
    ready().fit(X, Y, epochs=2, batch_size=5, verbose=1)
    assert "Epoch 2/2 |" in out.text()


# -- notebooks --------------------------------------------------------------------------------------


class Notebook:
    """What a notebook shows: its displays, each with its last state."""

    def __init__(self) -> None:
        self.displays: list[dict[str, str]] = []
        self.updates = 0

    def display(self, state: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw and display_id
        self.displays.append(state)
        index, notebook = len(self.displays) - 1, self

        class Handle:
            def update(self, state: dict[str, str], raw: bool) -> None:
                assert raw
                notebook.displays[index] = state
                notebook.updates += 1

        return Handle()


@pytest.fixture
def notebook(monkeypatch: Any) -> Notebook:
    shown = Notebook()
    module = ModuleType("IPython.display")
    module.display = shown.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(drawing, "in_notebook", lambda: True)
    return shown


def test_a_notebook_keeps_one_table_of_a_training(notebook: Notebook, capsys: Any, backend: Any) -> None:
    model = ready()
    model.fit(X, Y, epochs=3, batch_size=5, validation_data=(X, Y), validation_freq=2)
    (state,) = notebook.displays
    assert capsys.readouterr().out == ""
    lines = state["text/plain"].splitlines()
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    rows = re.findall("<tr>(.*?)</tr>", state["text/html"])
    assert rows[0] == "<th></th><th>steps</th><th>time</th><th>loss</th><th>val_loss</th>"
    value = drawing.format_value(model.history.history["val_loss"][0])
    assert len(rows) == 4 and rows[2].endswith(f"<td>{value}</td>") and rows[1].endswith("<td></td>")
    assert "progress" not in state["text/html"]


def test_a_notebook_shows_the_bar_while_an_epoch_runs_and_not_after_an_interruption(
    notebook: Notebook,
) -> None:
    bar = callbacks.ProgbarLogger()
    bar.set_params({"epochs": 2, "steps": 4, "verbose": 1})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    assert '<progress value="0" max="4">' in notebook.displays[0]["text/html"]
    bar.on_train_batch_end(2, {"<loss>": 0.5})
    bar.on_train_end()
    assert notebook.displays == [{"text/plain": "", "text/html": ""}]


def test_quick_epochs_do_not_flood_a_notebook_and_long_trainings_are_cut(notebook: Notebook) -> None:
    model = ready()
    model.optimizer.learning_rate = 0.01
    model.fit(X, Y, epochs=300, batch_size=10)
    (state,) = notebook.displays
    assert notebook.updates < 300
    lines = state["text/plain"].splitlines()
    assert lines[0] == "200 earlier epochs are in the History." and lines[-1].startswith("Epoch 300/300")
    assert len(lines) == 1 + drawing.MAX_ROWS == state["text/html"].count("<tr>")


def test_evaluations_predictions_and_bars_by_hand_in_a_notebook(notebook: Notebook) -> None:
    model = ready()
    model.evaluate(X, Y)
    model.predict(X, batch_size=5)
    by_hand = hilevel.utils.Progbar(2)
    by_hand.add(2, [("loss & co", 1.0)])
    assert [state["text/plain"].split(" - ")[0] for state in notebook.displays] == [
        "Evaluate",
        "Predict",
        "2 steps",
    ]
    assert "loss &amp; co" in notebook.displays[2]["text/html"]


def test_a_bar_by_hand_remains_with_its_last_numbers(monkeypatch: Any) -> None:
    out = terminal(monkeypatch)
    bar = hilevel.utils.Progbar(2, interval=1000.0)
    bar.add(1, [("loss", 1.0)])
    bar.add(1, [("loss", np.float32(2.0))])
    assert out.text().rstrip().endswith("loss=1.5")


def test_a_bar_by_hand_writes_lines_without_a_terminal(capsys: Any) -> None:
    bar = hilevel.utils.Progbar(None, interval=0.0, stateful_metrics=["last"])
    bar.update(1, [("loss", [0.0, 2.0]), ("last", np.array(4.0))])
    bar.update(2, [("loss", 2.0), ("last", 1e-5)])
    assert capsys.readouterr().out.splitlines() == [
        "1/? - loss: 1.0000 - last: 4.0000",
        "2/? - loss: 1.5000 - last: 1.0000e-05",
    ]
    slow = hilevel.utils.Progbar(3, interval=1e9)
    for step in range(1, 4):
        slow.update(step)
    assert capsys.readouterr().out.splitlines()[-1] == "3/3"


def test_a_value_of_a_bar_is_averaged_or_not() -> None:
    with pytest.raises(ValueError, match="only one of"):
        hilevel.utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])
