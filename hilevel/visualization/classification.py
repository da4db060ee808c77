"""Figures of the predictions of a classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.callbacks.plotting import new_axes
from hilevel.engine.types import TensorLike
from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import one_of, positive
from hilevel.visualization.images import (
    WRONG,
    Array,
    class_labels,
    image_batch,
    plain,
    same_length,
    unit_range,
)

_MOST_TEXTS = 25
"""The largest number of classes whose cells have texts."""


def plot_confusion_matrix(
    y_true: TensorLike,
    y_pred: TensorLike,
    labels: Sequence[Any] | None = None,
    normalize: str | None = None,
) -> Any:
    """Draw a table of the number of samples for each true class (row) and predicted class (column).

    It needs `pip install 'hilevel[plot]'`.

    Args:
        y_true, y_pred: classes of shape `(n,)`, integers or strings, or probabilities of shape `(n, classes)`.
        labels: the names of the classes. Integer classes are their indices.
        normalize: `"true"` to divide by the sums of rows, `"pred"` by the sums of columns, `"all"` by `n`; None for
            the numbers of samples.

    Returns:
        The figure, a `matplotlib.figure.Figure`.

    Raises:
        ShapeError: shapes do not match.
        ArgumentError: a class is not in `labels`, or `normalize` is unknown.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> figure = hilevel.visualization.plot_confusion_matrix([0, 1, 1], [0, 1, 0], labels=["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '1', '1']
    """
    user = "plot_confusion_matrix"
    kind = one_of(user, "normalize", normalize, (None, "true", "pred", "all"))
    true, pred = class_labels(user, "y_true", y_true), class_labels(user, "y_pred", y_pred)
    same_length(user, y_true=true, y_pred=pred)
    names = _names(user, np.concatenate([true, pred]), labels)
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (_indices(true, names), _indices(pred, names)), 1)
    return _draw_matrix(user, _normalized(counts, kind), names, kind)


def _names(user: str, classes: Array, labels: Sequence[Any] | None) -> list[str]:
    """Return the names of classes in order.

    Raises:
        ArgumentError: a class has no name, there are no samples, or a class is neither integer nor text.
    """
    if not len(classes):
        raise ArgumentError(f"{user}: there are no samples.")
    if classes.dtype.kind not in "iubUSO" or (classes.dtype.kind in "iu" and classes.min() < 0):
        raise ArgumentError(f"{user}: classes are integers of 0 or more, or strings; got {classes.dtype}.")
    text = classes.dtype.kind in "USO"
    found = sorted(set(map(str, classes))) if text else [str(k) for k in range(int(classes.max()) + 1)]
    names = found if labels is None else list(map(str, labels))
    missing = [name for name in found if name not in names] if text else found[len(names) :]
    if missing:
        raise ArgumentError(f"{user}: labels has no name for class {missing[-1]}.")
    return names


def _indices(classes: Array, names: list[str]) -> Array:
    if classes.dtype.kind in "USO":
        return np.array([names.index(str(k)) for k in classes])
    return classes.astype(int)


def _normalized(counts: Array, kind: str | None) -> Array:
    if kind is None:
        return counts
    axis = {"true": 1, "pred": 0, "all": None}[kind]
    return counts / np.maximum(counts.sum(axis=axis, keepdims=True), 1)


def _draw_matrix(user: str, matrix: Array, names: list[str], kind: str | None) -> Any:
    size = max(3.5, 0.55 * min(len(names), _MOST_TEXTS) + 1.5)
    (axis,) = new_axes(user, 1, cell=(size + 0.8, size))
    image = axis.imshow(matrix, cmap="Blues", vmin=0)
    figure = axis.get_figure()
    label = {None: "samples", "true": "fraction of the true class", "pred": "fraction of the predictions"}
    figure.colorbar(image, ax=axis, shrink=0.8, label=label.get(kind, "fraction of the samples"))
    ticks = np.arange(0, len(names), -(-len(names) // 40))
    axis.set(xlabel="predicted class", ylabel="true class", xticks=ticks, yticks=ticks)
    shown = [plain(names[i]) for i in ticks]
    turned = max(map(len, shown)) > 3
    axis.set_xticklabels(shown, rotation=45 if turned else 0, ha="right" if turned else "center")
    axis.set_yticklabels(shown)
    if len(names) <= _MOST_TEXTS:
        _write_cells(axis, matrix, kind)
    return figure


def _write_cells(axis: Any, matrix: Array, kind: str | None) -> None:
    for (row, column), value in np.ndenumerate(matrix):
        color = "white" if value > matrix.max() / 2 else "black" if value else "gray"
        text = f"{value:.0f}" if kind is None else f"{value:.2f}"
        axis.text(column, row, text, ha="center", va="center", color=color, size=8)


def plot_predictions(
    images: TensorLike,
    y_true: TensorLike,
    y_pred: TensorLike,
    labels: Sequence[Any] | None = None,
    rows: int = 3,
    columns: int = 6,
    mistakes_only: bool = False,
    data_format: str | None = None,
) -> Any:
    """Draw images with their predictions. A mistake has a thick frame and the true class in its title.

    It needs `pip install 'hilevel[plot]'`.

    Args:
        images: a tensor of shape `(images, height, width, channels)`, of any range of values.
        y_true: the true classes, integers of shape `(images,)`, or one-hot of shape `(images, classes)`.
        y_pred: the predicted classes, or probabilities of shape `(images, classes)`, which are shown in percent.
        labels: the names of the classes.
        rows, columns: the largest numbers of rows and columns.
        mistakes_only: whether to draw the mistakes alone, with the highest probabilities first.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        The figure, a `matplotlib.figure.Figure`.

    Raises:
        ShapeError: shapes do not match.
        ArgumentError: there are no images to draw, or a class has no name.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> figure = hilevel.visualization.plot_predictions(np.zeros((2, 4, 4, 1)), [0, 1], [[0.9, 0.1], [0.7, 0.3]])
    >>> [axis.get_title() for axis in figure.axes]
    ['0 (90%)', '0 (70%)\\nnot 1']
    """
    user = "plot_predictions"
    pixels = unit_range(image_batch(user, images, data_format))
    true, pred = class_labels(user, "y_true", y_true), class_labels(user, "y_pred", y_pred)
    same_length(user, images=pixels, y_true=true, y_pred=pred)
    names = _names(user, np.concatenate([true, pred]), labels)
    true, pred, sure = _indices(true, names), _indices(pred, names), _probabilities(y_pred)
    chosen = np.arange(len(pixels))
    if mistakes_only:
        chosen = np.flatnonzero(true != pred)
        chosen = chosen if sure is None else chosen[np.argsort(-sure[chosen], kind="stable")]
    chosen = chosen[: positive(user, "rows", rows) * positive(user, "columns", columns)]
    if not len(chosen):
        raise ArgumentError(f"{user}: there are no mistakes to draw.")
    axes = new_axes(user, len(chosen), columns, cell=(1.35, 1.75))
    for axis, i in zip(axes, chosen, strict=True):
        show_image(axis, pixels[i])
        title = names[pred[i]] + ("" if sure is None else f" ({sure[i]:.0%})")
        _mark(axis, title, "" if true[i] == pred[i] else names[true[i]])
    return axes[0].get_figure()


def _probabilities(y_pred: TensorLike) -> Array | None:
    """Return the probability of each predicted class; None if there are classes alone."""
    if np.ndim(y_pred) != 2 or np.shape(y_pred)[1] == 1:
        return None
    array = ops.convert_to_numpy(y_pred)
    if array.dtype.kind != "f":
        return None
    return np.asarray(array.max(axis=1))


def show_image(axis: Any, image: Array, **style: Any) -> None:
    """Draw an image with values from 0 to 1, without ticks. One channel is gray."""
    if image.shape[-1] == 1:
        axis.imshow(image[..., 0], **{"cmap": "gray", "vmin": 0, "vmax": 1, **style})
    else:
        axis.imshow(image)
    axis.set(xticks=[], yticks=[])


def _mark(axis: Any, title: str, true: str) -> None:
    """Set the title, and with the name of a true class the colour and the frame of a mistake."""
    wrong = bool(true)
    axis.set_title(
        plain(f"{title}\nnot {true}" if wrong else title), size=8, color=WRONG if wrong else "black",
        weight="bold" if wrong else "normal",
    )  # fmt: skip
    axis.spines[:].set(edgecolor=WRONG if wrong else "lightgray", linewidth=3 if wrong else 0.5)
