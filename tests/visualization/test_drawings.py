"""Boxes and masks in images, against the results of Keras 3.15.1, and the galleries."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

import hilevel
from hilevel import visualization
from hilevel.errors import ArgumentError, ShapeError

IMAGES = np.zeros((2, 20, 30, 3), "float32")
IMAGES[0] = 100
BOXES = {"boxes": [[[2, 3, 12, 15]], [[5, 5, 25, 18]]], "labels": [[1], [0]]}
MASKS = np.zeros((2, 20, 30, 1), int)
MASKS[:, 5:10], MASKS[:, 10:] = 1, 2


@pytest.fixture(autouse=True)
def pyplot() -> Iterator[Any]:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


# -- boxes -----------------------------------------------------------------------------------------


def marked(image: Any, value: int) -> list[list[int]]:
    """The smallest and the largest row and column with a value."""
    at = np.argwhere((image == value).all(axis=-1))
    return [at.min(axis=0).tolist(), at.max(axis=0).tolist()]


def test_boxes_are_outlines(backend: Any) -> None:
    drawn = visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy", line_thickness=1, color=(7, 8, 9))
    assert drawn.dtype == np.uint8 and drawn.shape == IMAGES.shape
    line = (drawn[0] == (7, 8, 9)).all(axis=-1)
    expected = np.zeros((20, 30), bool)
    expected[3:16, 2:13], expected[4:15, 3:12] = True, False
    assert (line == expected).all() and (drawn[0][~line] == 100).all()


@pytest.mark.parametrize(("thickness", "low", "high"), [(2, [2, 1], [16, 13]), (4, [1, 0], [17, 14])])
def test_thick_lines(thickness: int, low: list[int], high: list[int]) -> None:
    drawn = visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy", line_thickness=thickness)
    assert marked(drawn[0], 128) == [low, high]


def test_boxes_beyond_the_image_and_in_other_formats() -> None:
    far = {"boxes": [[[-10, -10, 10, 500]], [[-9, -9, -5, -5]]], "labels": [[0], [0]]}
    drawn = visualization.draw_bounding_boxes(IMAGES, far, "xyxy", line_thickness=1)
    assert marked(drawn[0], 128) == [[0, 10], [19, 10]] and (drawn[1] == 0).all()
    relative = {"boxes": [[[0.1, 0.2, 0.5, 0.8]]] * 2, "labels": [[0]] * 2}
    drawn = visualization.draw_bounding_boxes(IMAGES, relative, "rel_xyxy", line_thickness=1)
    assert marked(drawn[1], 128) == [[4, 3], [16, 15]]


def test_padding_is_not_drawn_and_images_differ_in_boxes() -> None:
    boxes = {"boxes": [[[2, 3, 12, 15], [0, 0, 0, 0]], []], "labels": [[1, -1], []]}
    drawn = visualization.draw_bounding_boxes(IMAGES, boxes, "xyxy", line_thickness=1)
    assert marked(drawn[0], 128) == [[3, 2], [15, 12]] and (drawn[1] == 0).all()


def test_channels() -> None:
    for n in (1, 4):
        drawn = visualization.draw_bounding_boxes(np.zeros((2, 20, 30, n)), BOXES, "xyxy")
        assert drawn.shape == (2, 20, 30, n) and drawn.max() == (255 if n == 4 else 128)
    first = visualization.draw_bounding_boxes(
        np.moveaxis(IMAGES, -1, 1), BOXES, "xyxy", data_format="channels_first"
    )
    assert (first == visualization.draw_bounding_boxes(IMAGES, BOXES, "xyxy")).all()


def test_values_are_clipped() -> None:
    images = IMAGES.copy()
    images[0, 0, 0], images[0, 0, 1] = 300, -5
    drawn = visualization.draw_bounding_boxes(images, BOXES, "xyxy")
    assert drawn[0, 0, 0].tolist() == [255] * 3 and drawn[0, 0, 1].tolist() == [0] * 3


def test_names_are_written_above_the_boxes_or_inside() -> None:
    pytest.importorskip("PIL")
    boxes = {"boxes": [[[20, 50, 90, 90], [100, 2, 150, 40]]], "labels": [[1, 7]]}
    images = np.zeros((1, 100, 160, 3))
    plain = visualization.draw_bounding_boxes(images, boxes, "xyxy", line_thickness=1)
    for name, area in ((1, (slice(20, 50), slice(15, 90))), (7, (slice(3, 40), slice(101, 150)))):
        drawn = visualization.draw_bounding_boxes(images, boxes, "xyxy", {name: "cat"}, line_thickness=1)
        written = (drawn != plain).any(axis=-1)[0]
        assert written.any() and written[area].sum() == written.sum()
    large = visualization.draw_bounding_boxes(
        images, boxes, "xyxy", {1: "cat"}, line_thickness=1, font_scale=0.5
    )
    assert (
        0
        < (large != plain).sum()
        < (visualization.draw_bounding_boxes(images, boxes, "xyxy", {1: "cat"}) != plain).sum()
    )
    assert (
        visualization.draw_bounding_boxes(images, boxes, "xyxy", {9: "x"}, line_thickness=1) == plain
    ).all()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"images": IMAGES[0]}, ShapeError),
        ({"images": IMAGES[..., :2]}, ShapeError),
        ({"bounding_boxes": [1]}, TypeError),
        ({"bounding_boxes": {"boxes": BOXES["boxes"]}}, ValueError),
        ({"bounding_boxes": {"boxes": BOXES["boxes"][:1], "labels": [[1]]}}, ShapeError),
        ({"bounding_boxes": {"boxes": BOXES["boxes"], "labels": [[1, 2], [1]]}}, ShapeError),
        ({"bounding_box_format": "bad"}, ValueError),
        ({"color": "red"}, ArgumentError),
        ({"color": (1, 2, 300)}, ArgumentError),
        ({"line_thickness": 0}, ArgumentError),
        ({"font_scale": -1}, ArgumentError),
        ({"data_format": "last"}, ValueError),
    ],
)
def test_wrong_boxes(change: dict[str, Any], error: type[Exception]) -> None:
    given = {"images": IMAGES, "bounding_boxes": BOXES, "bounding_box_format": "xyxy", **change}
    with pytest.raises(error):
        visualization.draw_bounding_boxes(**given)


# -- masks -----------------------------------------------------------------------------------------

COLORS = {0: (1, 2, 3), 1: (200, 0, 0), 2: (0, 0, 200)}
FIRST = [[100, 100, 100], [50, 113, 65], [51, 177, 81]]


@pytest.mark.parametrize(
    ("arguments", "first", "second"),
    [
        ({"num_classes": 3}, [[20, 20, 20], [20, 121, 44], [21, 223, 69]], [[0, 0, 0], [0, 101, 24], [1, 203, 49]]),
        ({"color_mapping": COLORS, "alpha": 0.5, "num_classes": 3}, [[50, 51, 51], [150, 50, 50], [50, 50, 150]], None),
        ({"color_mapping": COLORS, "num_classes": 3, "blend": False}, list(map(list, COLORS.values())), None),
        ({"num_classes": 2}, [[20, 20, 20], [20, 121, 44], [100, 100, 100]], None),
        ({"num_classes": 3, "ignore_index": 0, "alpha": 0.5}, FIRST, None),
        ({"num_classes": 3, "color_mapping": [(1, 2, 3), (4, 5, 6), (7, 8, 9)]}, [[20, 21, 22], [23, 24, 24], [25, 26, 27]], None),
        ({"num_classes": 3, "alpha": 0.0}, [[100, 100, 100]] * 3, None),
        ({"alpha": 0.8}, [[20, 20, 20], [20, 121, 44], [21, 223, 69]], None),
    ],
)  # fmt: skip
def test_the_colours_of_masks_are_those_of_keras(
    arguments: Any, first: Any, second: Any, backend: Any
) -> None:
    drawn = visualization.draw_segmentation_masks(IMAGES, MASKS, **arguments)
    assert drawn.dtype == np.uint8 and drawn[0, [0, 6, 12], 0].tolist() == first
    assert second is None or drawn[1, [0, 6, 12], 0].tolist() == second
    assert (visualization.draw_segmentation_masks(IMAGES, MASKS[..., 0], **arguments) == drawn).all()


def test_the_default_colours_repeat_late() -> None:
    drawn = visualization.draw_segmentation_masks(
        np.zeros((1, 1, 22, 3)), np.arange(22)[None, None], blend=False
    )
    assert drawn[0, 0, [1, 9, 17, 21]].tolist() == [[1, 127, 31], [9, 123, 24], [17, 119, 17], [21, 117, 141]]


def test_negative_classes_are_not_drawn() -> None:
    drawn = visualization.draw_segmentation_masks(IMAGES, MASKS - 1, color_mapping=COLORS, blend=False)
    assert drawn[0, [0, 6, 12], 0].tolist() == [[100] * 3, [1, 2, 3], [200, 0, 0]]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"images": IMAGES[0]}, ShapeError),
        ({"images": IMAGES[..., :1]}, ShapeError),
        ({"segmentation_masks": MASKS.astype("float32")}, TypeError),
        ({"segmentation_masks": MASKS[:, :4]}, ShapeError),
        ({"segmentation_masks": np.zeros((2, 20, 30, 3), int)}, ShapeError),
        ({"color_mapping": {1: (0, 0, 0)}}, ArgumentError),
        ({"alpha": 3}, ArgumentError),
        ({"num_classes": 0}, ArgumentError),
    ],
)
def test_wrong_masks(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        visualization.draw_segmentation_masks(**{"images": IMAGES, "segmentation_masks": MASKS, **change})


# -- galleries -------------------------------------------------------------------------------------

FOUR = np.concatenate([IMAGES, IMAGES])


def sizes(figure: Any) -> tuple[int, tuple[float, ...]]:
    return len(figure.axes), tuple(figure.get_size_inches())


@pytest.mark.parametrize(
    ("count", "arguments", "axes", "size"),
    [
        (4, {}, 4, (4, 4)),
        (4, {"rows": 1}, 4, (8, 2)),
        (4, {"rows": 1, "cols": 2, "scale": 3}, 2, (6, 3)),
        (5, {}, 5, (6, 4)),
        (3, {"cols": 2}, 3, (4, 4)),
        (4, {"rows": 3, "cols": 3}, 4, (6, 6)),
        (1, {}, 1, (2, 2)),
    ],
)
def test_the_grid_of_a_gallery(count: int, arguments: Any, axes: int, size: Any) -> None:
    figure = visualization.plot_image_gallery(np.zeros((count, 8, 8, 3)), show=False, **arguments)
    assert sizes(figure) == (axes, size)
    assert all(len(axis.images) == 1 for axis in figure.axes)


@pytest.mark.parametrize("value_range", [(0, 255), (0, 1), (-1, 1)])
def test_the_range_of_values(value_range: tuple[float, float]) -> None:
    low, high = value_range
    images = FOUR / 255 * (high - low) + low
    figure = visualization.plot_image_gallery(images, value_range=value_range, show=False)
    assert [axis.images[0].get_array().max() for axis in figure.axes] == [100, 0, 100, 0]


def test_titles_and_legend() -> None:
    from matplotlib.patches import Patch

    names = {0: "cat", 1: "dog"}
    figure = visualization.plot_image_gallery(
        FOUR, [0, 1, 2, 0], [0, 0, 1, 1], names, show=False, legend_handles=[Patch(label="animals")]
    )
    assert [axis.get_title() for axis in figure.axes] == [
        "Label: cat  Pred: cat", "Label: dog  Pred: cat", "Label: Unknown  Pred: dog", "Label: cat  Pred: dog",
    ]  # fmt: skip
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["animals"]


def test_a_gallery_is_shown_or_written(tmp_path: Path, pyplot: Any, monkeypatch: Any) -> None:
    shown: list[int] = []
    monkeypatch.setattr(pyplot, "show", lambda: shown.append(len(pyplot.gcf().axes)))
    assert visualization.plot_image_gallery(FOUR) is None and shown == [4]
    figure = visualization.plot_image_gallery(FOUR, path=tmp_path / "a.png")
    assert len(figure.axes) == 4 and (tmp_path / "a.png").stat().st_size and shown == [4]
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_image_gallery(FOUR, path=tmp_path / "b.png", show=True)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"images": IMAGES[0]}, ShapeError),
        ({"y_true": [0, 1]}, ValueError),
        ({"y_true": [0], "label_map": {}}, ShapeError),
        ({"rows": 0}, ArgumentError),
        ({"value_range": (1, 0)}, ArgumentError),
        ({"scale": 0}, ArgumentError),
    ],
)
def test_wrong_galleries(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        visualization.plot_image_gallery(**{"images": IMAGES, "show": False, **arguments})


def test_the_gallery_of_boxes() -> None:
    figure = visualization.plot_bounding_box_gallery(
        IMAGES,
        "xyxy",
        y_true=BOXES,
        y_pred=BOXES,
        true_color=(1, 2, 3),
        pred_color=(4, 5, 6),
        legend=True,
        show=False,
    )
    (line, above) = ((axis.images[0].get_array() == (4, 5, 6)).all(axis=-1) for axis in figure.axes)
    assert line.any() and above.any()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Ground truth", "Prediction"]
    only = visualization.plot_bounding_box_gallery(
        IMAGES, "xyxy", y_true=BOXES, true_color=(1, 2, 3), show=False
    )
    assert (only.axes[0].images[0].get_array() == (1, 2, 3)).all(axis=-1).any()
    with pytest.raises(ValueError, match="not both"):
        visualization.plot_bounding_box_gallery(IMAGES, "xyxy", legend=True, legend_handles=[])


def test_the_mappings_of_true_and_predicted_names(monkeypatch: Any) -> None:
    found: list[Any] = []
    module = hilevel.visualization.plot_bounding_box_gallery.__globals__
    monkeypatch.setitem(module, "draw_bounding_boxes", lambda images, *rest: found.append(rest[2]) or images)
    both = {"y_true": BOXES, "y_pred": BOXES, "show": False, "class_mapping": {0: "any"}}
    visualization.plot_bounding_box_gallery(IMAGES, "xyxy", **both)
    visualization.plot_bounding_box_gallery(IMAGES, "xyxy", ground_truth_mapping={0: "true"}, **both)
    visualization.plot_bounding_box_gallery(IMAGES, "xyxy", prediction_mapping={0: "guess"}, **both)
    names = [mapping[0] for mapping in found]
    assert names == ["any", "any", "true", "any", "any", "guess"]


@pytest.mark.parametrize("masks", [MASKS, MASKS[..., 0]])
def test_the_gallery_of_masks(masks: Any) -> None:
    figure = visualization.plot_segmentation_mask_gallery(
        IMAGES, 3, y_true=masks, y_pred=np.zeros_like(masks), color_mapping=COLORS, blend=False, show=False
    )
    assert sizes(figure) == (6, (6, 4))
    corners = [axis.images[0].get_array()[12, 0].tolist() for axis in figure.axes]
    assert corners == [[100] * 3, [0, 0, 200], [1, 2, 3], [0] * 3, [0, 0, 200], [1, 2, 3]]
    assert len(visualization.plot_segmentation_mask_gallery(IMAGES, 3, y_pred=masks, show=False).axes) == 4
    with pytest.raises(TypeError):
        visualization.plot_segmentation_mask_gallery(IMAGES, 3, y_true=masks, rows=1)
