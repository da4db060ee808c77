"""`History.plot`: the curves in the figure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest

import hilevel
from hilevel import callbacks, layers

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


@pytest.fixture(autouse=True)
def pyplot() -> Iterator[Any]:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def curves(axis: Any) -> dict[str, tuple[list[float], list[float]]]:
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in axis.lines}


def of(**values: list[float]) -> Any:
    history = callbacks.History()
    for epoch in range(max(map(len, values.values()))):
        history.on_epoch_end(epoch, {name: v[epoch] for name, v in values.items()})
    return history


def test_each_metric_has_an_axis_with_its_validation(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=5, verbose=0, validation_data=(X, Y), validation_freq=2)
    loss, mae = history.plot().axes
    assert [a.get_title() for a in (loss, mae)] == ["loss", "mae"] and mae.get_xlabel() == "epoch"
    values = history.history
    assert curves(loss) == {
        "training": ([1, 2, 3, 4, 5], values["loss"]),
        "validation": ([2, 4], values["val_loss"]),
    }
    assert [t.get_text() for t in loss.get_legend().get_texts()] == ["training", "validation"]


def test_a_second_training_continues_the_curves() -> None:
    history = callbacks.History()
    for epoch in (4, 5, 0, 1):
        history.on_epoch_end(epoch, {"loss": 1.0})
    (axis,) = history.plot().axes
    assert curves(axis)["training"][0] == [5, 6, 7, 8] and axis.get_legend() is None
    copied = callbacks.History()
    copied.set_state(history.get_state())
    assert curves(copied.plot().axes[0]) == curves(axis)
    copied.history = {"loss": [3.0, 2.0]}  # loaded from a file, for example
    copied._epochs = {}
    assert curves(copied.plot().axes[0])["training"] == ([1, 2], [3.0, 2.0])


def test_metrics_are_chosen_and_drawn_into_axes(pyplot: Any) -> None:
    history = of(loss=[1.0, 2.0], val_loss=[3.0, 4.0], mae=[5.0, 6.0], val_only=[7.0, 8.0])
    assert [a.get_title() for a in history.plot().axes] == ["loss", "mae", "only"]
    assert [a.get_title() for a in history.plot("val_loss").axes] == ["loss"]
    figure, axes = pyplot.subplots(1, 3)
    assert history.plot(["mae", "loss"], ax=axes[:2]) is figure
    assert [len(a.lines) for a in axes] == [1, 2, 0]
    assert history.plot("mae", ax=axes[2]) is figure and curves(axes[2])["training"][1] == [5.0, 6.0]


def test_the_axis_is_logarithmic_over_several_decades() -> None:
    history = of(loss=[1e-4, float("nan"), 1.0], mae=[1.0, float("inf"), 50.0], low=[0.0, 1.0, 1e3])
    assert [a.get_yscale() for a in history.plot().axes] == ["log", "linear", "linear"]


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (3, (1, 3)), (4, (2, 2)), (5, (2, 3))])
def test_axes_are_laid_out_in_rows(count: int, shape: tuple[int, int]) -> None:
    figure = of(**{f"m{i}": [1.0] for i in range(count)}).plot()
    assert len(figure.axes) == count
    assert figure.axes[0].get_subplotspec().get_gridspec().get_geometry() == shape


def test_a_notebook_gets_the_figure_once(pyplot: Any, monkeypatch: Any) -> None:
    history = of(loss=[1.0])
    history.plot()
    assert len(pyplot.get_fignums()) == 1
    monkeypatch.setattr(pyplot, "get_backend", lambda: "module://matplotlib_inline.backend_inline")
    history.plot()
    assert len(pyplot.get_fignums()) == 1


def test_what_cannot_be_drawn_is_refused(monkeypatch: Any) -> None:
    with pytest.raises(ValueError, match="no epochs"):
        callbacks.History().plot()
    history = of(loss=[1.0], mae=[2.0])
    with pytest.raises(ValueError, match=r'no "los"\..*"loss".*loss, mae'):
        history.plot("los")
    with pytest.raises(ValueError, match="an axis for each of loss, mae; got 1"):
        history.plot(ax=history.plot("loss").axes[0])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(
        ImportError, match=r"History.plot needs the package matplotlib: pip install 'hilevel\[plot\]'"
    ):
        history.plot()
