"""`explain.show`: the parts of the figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from hilevel import explain
from hilevel.errors import ShapeError

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(autouse=True)
def _closed(monkeypatch: Any) -> Any:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    yield
    pyplot.close("all")


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
def test_an_image_has_its_heat_map_below(channels: tuple[int, ...]) -> None:
    images, values = np.random.default_rng(0).random((2, 4, 5, *channels)), np.zeros((2, 4, 5, *channels))
    values[0, 1, 2] = 1
    figure = explain.show(images, values, titles=["a", "b"])
    assert len(figure.axes) == 4
    assert [axis.get_title() for axis in figure.axes] == ["a", "b", "", ""]
    heat = figure.axes[2].images[-1]
    strength = np.asarray(heat.get_alpha())
    assert np.argwhere(strength).tolist() == [[1, 2]]
    red, _, blue, _ = np.asarray(heat.get_array())[1, 2]
    assert blue > red
    figure.canvas.draw()


def test_words_have_the_colours_of_their_tokens() -> None:
    figure = explain.show(
        ["a whale and", "no ship"], np.array([[0.0, 1, -1, 0], [0, 0, 2, 0]]), titles=["x", "y"]
    )
    words = {text.get_text(): text.get_bbox_patch().get_facecolor() for text in figure.axes[0].texts}
    assert list(words) == ["a", "whale", "and"]
    assert words["whale"][2] > words["whale"][0]
    assert words["and"][0] > words["and"][2]
    assert min(words["a"][:3]) > 0.9
    figure.canvas.draw()


def test_lines_are_broken() -> None:
    figure = explain.show([" ".join(["word"] * 40)], np.ones((1, 40)))
    rows = [text.get_position()[1] for text in figure.axes[0].texts]
    assert len(rows) == 40
    assert sorted(set(rows)) == [0.5, 1.5, 2.5]


def labels(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_yticklabels()]


def test_columns_are_bars_by_size() -> None:
    table = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    figure = explain.show(table, np.array([[1, -3, 2], [0, 0, 5]]), names=["a", "b", "c"], top=2)
    assert [labels(axis) for axis in figure.axes] == [["b = 2", "c = 3"], ["c = 6", "a = 4"]]
    assert [bar.get_width() for bar in figure.axes[0].patches] == [-3, 2]
    assert labels(explain.show(["a", "b"], [1, 2]).axes[0]) == ["b", "a"]
    assert labels(explain.show(None, [1, 2]).axes[0]) == ["column 1", "column 0"]


@pytest.mark.parametrize(
    ("x", "values", "names"),
    [(np.ones((2, 3)), np.ones((2, 4)), None), (np.ones((2, 3)), np.ones((3, 3)), None), (None, np.ones((2, 3)), None),
     (np.ones((2, 4, 4)), np.ones((2, 4, 5)), None), (["a b"], np.ones((1, 2, 2)), None), (np.ones((2, 3)), np.ones((2, 3)), ["a"])],
)  # fmt: skip
def test_attributions_must_fit(x: Any, values: Any, names: Any) -> None:
    with pytest.raises(ShapeError):
        explain.show(x, values, names)
