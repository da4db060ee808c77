"""Figures of trainings, predictions, filters, feature maps and embeddings: their contents, not their pixels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import matplotlib
import numpy as np
import pytest

import hilevel
from hilevel import callbacks, layers, visualization
from hilevel.errors import ArgumentError, ShapeError, UnknownNameError


@pytest.fixture(autouse=True)
def pyplot() -> Iterator[Any]:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def texts(axis: Any) -> list[str]:
    return [text.get_text() for text in axis.texts]


def titles(figure: Any) -> list[str]:
    return [axis.get_title() for axis in figure.axes]


def legend(owner: Any) -> list[str]:
    return [text.get_text() for text in owner.get_texts()]


# -- histories -------------------------------------------------------------------------------------


def test_each_metric_has_an_axis_with_all_runs() -> None:
    history = callbacks.History()
    for epoch, loss in enumerate((0.5, 0.4)):
        history.on_epoch_end(epoch, {"loss": loss, "val_loss": loss + 0.1})
    runs = {"first": history, "second": {"loss": [3, 2, 1], "accuracy": [0.1, 0.2, 0.3]}}
    figure = visualization.plot_histories(runs)
    loss, accuracy = figure.axes
    assert titles(figure) == ["loss", "accuracy"] and accuracy.get_xlabel() == "epoch"
    drawn = [(list(line.get_xdata()), list(line.get_ydata()), line.get_linestyle()) for line in loss.lines]
    assert drawn == [([1, 2], [0.5, 0.4], "-"), ([1, 2], [0.6, 0.5], "--"), ([1, 2, 3], [3, 2, 1], "-")]
    colors = [line.get_color() for line in loss.lines]
    assert colors[0] == colors[1] != colors[2] and accuracy.lines[0].get_color() == colors[2]
    assert legend(figure.legends[0]) == ["first", "second", "training", "validation"]


def test_chosen_metrics_and_scales() -> None:
    runs = {
        "a": {"loss": [1000.0, 1.0], "mae": [2.0, 1.0]},
        "b": {"loss": [1.0, float("nan")], "mae": [1.0, -1.0]},
    }
    figure = visualization.plot_histories(runs, metrics="loss")
    assert titles(figure) == ["loss"] and figure.axes[0].get_yscale() == "log"
    assert legend(figure.legends[0]) == ["a", "b"]
    assert visualization.plot_histories(runs, metrics=["mae"]).axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("runs", "metrics", "error", "words"),
    [
        ({}, None, ArgumentError, "not empty"),
        ([{"loss": [1]}], None, ArgumentError, "dict of histories"),
        ({"a": 3}, None, ArgumentError, "no History"),
        ({"a": callbacks.History()}, None, ArgumentError, "no values"),
        ({"a": {"loss": [1]}}, "los", UnknownNameError, 'Did you mean "loss"'),
    ],
)
def test_wrong_histories(runs: Any, metrics: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        visualization.plot_histories(runs, metrics)


# -- classification --------------------------------------------------------------------------------

TRUE, PRED = [0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0]


@pytest.mark.parametrize(
    ("normalize", "expected"),
    [
        (None, ["1", "1", "0", "0", "1", "0", "1", "0", "2"]),
        ("true", ["0.50", "0.50", "0.00", "0.00", "1.00", "0.00", "0.33", "0.00", "0.67"]),
        ("pred", ["0.50", "0.50", "0.00", "0.00", "0.50", "0.00", "0.50", "0.00", "1.00"]),
        ("all", ["0.17", "0.17", "0.00", "0.00", "0.17", "0.00", "0.17", "0.00", "0.33"]),
    ],
)
def test_the_cells_of_a_confusion_matrix(normalize: Any, expected: list[str], backend: Any) -> None:
    axis, bar = visualization.plot_confusion_matrix(TRUE, PRED, normalize=normalize).axes
    assert texts(axis) == expected
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted class", "true class")
    assert bar.get_ylabel() == {None: "samples", "true": "fraction of the true class",
                                "pred": "fraction of the predictions", "all": "fraction of the samples"}[normalize]  # fmt: skip


def test_a_class_that_never_occurs_has_zeros() -> None:
    axis = visualization.plot_confusion_matrix([0, 0], [0, 2], normalize="true").axes[0]
    assert texts(axis) == ["0.50", "0.00", "0.50"] + ["0.00"] * 6


def test_classes_as_names_and_probabilities() -> None:
    one_hot = np.eye(3)[PRED]
    axis = visualization.plot_confusion_matrix(
        np.array(TRUE)[:, None], one_hot, labels=["a", "b", "long"]
    ).axes[0]
    assert texts(axis)[0] == "1" and [t.get_text() for t in axis.get_xticklabels()] == ["a", "b", "long"]
    named = visualization.plot_confusion_matrix(["dog", "cat"], ["cat", "cat"]).axes[0]
    assert [t.get_text() for t in named.get_yticklabels()] == ["cat", "dog"] and texts(named) == [
        "1",
        "0",
        "1",
        "0",
    ]
    ordered = visualization.plot_confusion_matrix(["dog", "cat"], ["cat", "cat"], labels=["dog", "cat"]).axes[
        0
    ]
    assert texts(ordered) == ["0", "1", "0", "1"]


def test_many_classes_have_no_texts() -> None:
    axis = visualization.plot_confusion_matrix(np.arange(100), np.arange(100)).axes[0]
    assert texts(axis) == [] and len(axis.get_xticks()) <= 40


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((TRUE, PRED[:3]), ShapeError),
        ((TRUE, np.zeros((6, 2, 2))), ShapeError),
        (([], []), ArgumentError),
        (([0.5], [1.0]), ArgumentError),
        (([-1], [0]), ArgumentError),
        ((TRUE, PRED, ["a"]), ArgumentError),
        ((["x"], ["y"], ["x"]), ArgumentError),
        ((TRUE, PRED, None, "rows"), ArgumentError),
    ],
)
def test_wrong_confusion_matrices(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        visualization.plot_confusion_matrix(*arguments)


PROBABILITIES = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])


def test_mistakes_have_a_frame_and_the_true_class() -> None:
    figure = visualization.plot_predictions(
        np.zeros((4, 5, 5, 1)), [0, 1, 0, 0], PROBABILITIES, labels=["cat", "dog"]
    )
    assert titles(figure) == ["cat (90%)", "dog (60%)", "dog (70%)\nnot cat", "dog (80%)\nnot cat"]
    widths = [axis.spines["top"].get_linewidth() for axis in figure.axes]
    assert widths[0] == widths[1] < widths[2] == widths[3]
    assert [axis.title.get_weight() for axis in figure.axes] == ["normal"] * 2 + ["bold"] * 2


def test_the_worst_mistakes_come_first() -> None:
    images = np.zeros((4, 5, 5, 3))
    figure = visualization.plot_predictions(images, [0, 1, 0, 0], PROBABILITIES, mistakes_only=True)
    assert titles(figure) == ["1 (80%)\nnot 0", "1 (70%)\nnot 0"]
    with pytest.raises(ArgumentError, match="no mistakes"):
        visualization.plot_predictions(images, [0, 1, 1, 1], PROBABILITIES, mistakes_only=True)


def test_predicted_classes_and_the_size_of_the_grid() -> None:
    figure = visualization.plot_predictions(
        np.zeros((9, 4, 4, 3), "uint8"), [1] * 9, [1] * 9, rows=2, columns=3
    )
    assert titles(figure) == ["1"] * 6 and all(len(axis.images) == 1 for axis in figure.axes)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"images": np.zeros((4, 5, 5))}, ShapeError),
        ({"y_true": [0, 1]}, ShapeError),
        ({"labels": ["cat"]}, ArgumentError),
        ({"rows": 0}, ArgumentError),
    ],
)
def test_wrong_predictions(change: dict[str, Any], error: type[Exception]) -> None:
    given = {"images": np.zeros((4, 5, 5, 1)), "y_true": [0, 1, 0, 0], "y_pred": PROBABILITIES, **change}
    with pytest.raises(error):
        visualization.plot_predictions(**given)


# -- networks --------------------------------------------------------------------------------------


def built(layer: Any, channels: int) -> Any:
    rank = len(layer.kernel_size)
    layer.build((None, *(9,) * rank, channels))
    return layer


def drawn(figure: Any) -> list[Any]:
    return [np.asarray(axis.images[0].get_array()) for axis in figure.axes if axis.images]


def test_filters_of_colours_are_colours(backend: Any) -> None:
    figure = visualization.plot_filters(built(layers.Conv2D(5, 3, name="edges"), 3))
    assert [image.shape for image in drawn(figure)] == [(3, 3, 3)] * 5
    assert figure.get_suptitle() == "edges: filters of shape 3 x 3"


def test_filters_of_one_channel_are_weights() -> None:
    layer = built(layers.Conv2D(4, (2, 3)), 3)
    images = drawn(visualization.plot_filters(layer, channel=1, max_filters=2))
    kernel = np.asarray(layer.kernel)
    assert len(images) == 2 and (images[1] == kernel[:, :, 1, 1]).all()
    low, high = visualization.plot_filters(layer, channel=1).axes[0].images[0].get_clim()
    assert np.isclose(high, abs(kernel[:, :, 1]).max()) and low == -high


@pytest.mark.parametrize(
    ("layer", "count", "shape"),
    [
        (layers.Conv1D(4, 5), 4, (1, 5)),
        (layers.Conv2DTranspose(6, 3), 6, (3, 3)),
        (layers.DepthwiseConv2D(3, depth_multiplier=2), 4, (3, 3)),
    ],
)
def test_filters_of_other_convolutions(layer: Any, count: int, shape: tuple[int, int]) -> None:
    images = drawn(visualization.plot_filters(built(layer, 2)))
    assert [image.shape for image in images] == [shape] * count


@pytest.mark.parametrize(
    ("layer", "arguments", "error"),
    [
        (3, {}, ArgumentError),
        (layers.Conv2D(1, 3), {}, ValueError),
        (layers.Dense(2), {"build": (None, 3)}, ArgumentError),
        (layers.Conv3D(1, 2), {"build": (None, 4, 4, 4, 1)}, ArgumentError),
        (layers.Conv2D(1, 3), {"build": (None, 4, 4, 2), "channel": 2}, ArgumentError),
        (layers.Conv2D(1, 3), {"build": (None, 4, 4, 2), "max_filters": 0}, ArgumentError),
    ],
)
def test_wrong_filters(layer: Any, arguments: dict[str, Any], error: type[Exception]) -> None:
    shape = arguments.pop("build", None)
    if shape:
        layer.build(shape)
    with pytest.raises(error):
        visualization.plot_filters(layer, **arguments)


def convolutional() -> Any:
    return hilevel.Sequential(
        [layers.Input((8, 8, 1)), layers.Conv2D(5, 3, name="edges"), layers.Flatten(name="flat")]
    )


def test_feature_maps_are_the_outputs_of_a_layer(backend: Any) -> None:
    model, image = convolutional(), np.random.default_rng(0).normal(size=(8, 8, 1)).astype("float32")
    expected = np.asarray(model.get_layer("edges")(image[None]))[0]
    images = drawn(visualization.plot_feature_maps(model, "edges", image))
    assert np.allclose(np.moveaxis(images, 0, -1), expected, atol=1e-5)
    figure = visualization.plot_feature_maps(model, "edges", image[None], max_maps=2)
    assert len(drawn(figure)) == 2 and figure.get_suptitle() == "edges: maps of 6 x 6"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((convolutional(), "edge", np.ones((8, 8, 1))), ValueError),
        ((convolutional(), "flat", np.ones((8, 8, 1))), ShapeError),
        ((convolutional(), "edges", np.ones((2, 8, 8, 1))), ShapeError),
        ((convolutional(), "edges", np.ones((8, 8))), ShapeError),
        ((hilevel.Sequential([layers.Dense(1)]), "dense", np.ones((8, 8, 1))), ArgumentError),
        ((3, "edges", np.ones((8, 8, 1))), ArgumentError),
    ],
)
def test_wrong_feature_maps(arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        visualization.plot_feature_maps(*arguments)


# -- embeddings ------------------------------------------------------------------------------------


def points(figure: Any) -> np.ndarray:
    return np.concatenate([np.asarray(group.get_offsets()) for group in figure.axes[0].collections])


def test_pca_keeps_the_largest_variance(backend: Any) -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    hidden = rng.normal(size=(50, 5)) * [9, 4, 0, 0, 0]
    figure = visualization.plot_embeddings(hidden @ turn + 7)
    found, centred = points(figure), hidden - hidden.mean(axis=0)
    assert np.allclose(found @ found.T, centred @ centred.T, atol=1e-3)  # the points up to a rotation
    assert np.allclose(found.T @ found, np.diag((found**2).sum(axis=0)), atol=1e-3)
    parts = (found**2).sum(axis=0) / (found**2).sum()
    axis = figure.axes[0]
    assert axis.get_xlabel() == f"component 1 ({parts[0]:.0%} of the variance)"
    assert axis.get_ylabel() == f"component 2 ({parts[1]:.0%} of the variance)"


def test_each_label_has_its_own_marker() -> None:
    labels = np.arange(20).repeat(2)
    figure = visualization.plot_embeddings(np.random.default_rng(0).normal(size=(40, 3)), labels)
    groups = figure.axes[0].collections
    looks = {(tuple(g.get_facecolor()[0]), g.get_paths()[0].vertices.tobytes()) for g in groups}
    assert len(groups) == len(looks) == 20
    assert legend(figure.axes[0].get_legend()) == [str(k) for k in range(20)]
    named = visualization.plot_embeddings(np.eye(3), ["b", "a", "b"])
    assert legend(named.axes[0].get_legend()) == ["a", "b"]


@pytest.mark.parametrize("labels", [np.linspace(0, 1, 30), np.arange(30)])
def test_many_labels_are_a_scale(labels: Any) -> None:
    figure = visualization.plot_embeddings(np.random.default_rng(0).normal(size=(30, 3)), labels)
    assert figure.axes[1].get_ylabel() == "label" and figure.axes[0].get_legend() is None


def test_other_methods_and_few_vectors() -> None:
    figure = visualization.plot_embeddings(np.eye(3), method=lambda x: x[:, 1:] * 2)
    assert (points(figure) == [[0, 0], [2, 0], [0, 2]]).all() and figure.axes[0].get_ylabel() == "dimension 2"
    line = visualization.plot_embeddings([[1.0], [3.0]])
    assert np.allclose(sorted(points(line)[:, 0]), [-1, 1])
    assert line.axes[0].get_ylabel() == "component 2 (0% of the variance)"
    assert (points(visualization.plot_embeddings(np.ones((3, 2)))) == 0).all()


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"vectors": np.ones(3)}, ShapeError),
        ({"vectors": np.ones((1, 3))}, ShapeError),
        ({"vectors": np.full((3, 3), np.nan)}, ArgumentError),
        ({"labels": [1, 2]}, ShapeError),
        ({"method": "tsne"}, ArgumentError),
        ({"method": lambda x: x}, ShapeError),
    ],
)
def test_wrong_embeddings(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        visualization.plot_embeddings(**{"vectors": np.eye(3), **arguments})


def test_names_are_no_formulas() -> None:
    name = r"$\\frac"
    images, classes = np.zeros((1, 4, 4, 1)), [0]
    for figure in (
        visualization.plot_histories({name + "$": {"$a$b$": [1]}}),
        visualization.plot_confusion_matrix(classes, classes, [name + "$"]),
        visualization.plot_predictions(images, classes, classes, [name + "$"]),
        visualization.plot_embeddings(np.eye(2), [name + "$", "b"]),
        visualization.plot_image_gallery(images, classes, classes, {0: name}, show=False),
    ):
        figure.canvas.draw()  # a formula with an error raises here


def test_the_error_without_matplotlib(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    for draw in (
        lambda: visualization.plot_histories({"a": {"loss": [1]}}),
        lambda: visualization.plot_embeddings(np.eye(3)),
        lambda: visualization.plot_image_gallery(np.zeros((1, 2, 2, 3))),
    ):
        with pytest.raises(ImportError, match=r"pip install 'hilevel\[plot\]'"):
            draw()
