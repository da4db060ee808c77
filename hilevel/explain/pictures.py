"""Pictures of attributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.callbacks.plotting import new_axes
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.types import TensorLike
from hilevel.errors import ShapeError
from hilevel.explain.data import NumpyArray

LINE, LETTER = 80, 0.0755
"""The number of characters in a line of coloured words, and the width of a character in inches."""
SIGNED, POSITIVE = "RdBu", "Blues"
"""The colour maps of attributions with and without negative values. Blue is positive."""


def show(
    x: TensorLike | Sequence[str], attributions: TensorLike, names: Sequence[str] | None = None,
    titles: Sequence[str] | None = None, top: int = 12, cmap: str = "gray",
) -> Any:  # fmt: skip
    """Draw attributions as a figure of matplotlib: heat maps of images, coloured words, or bars of columns.

    Blue places support the output. Red places, which only signed attributions have, lower it. The colours of a sample
    reach from 1.2 times its largest absolute value to the opposite.

    Args:
        x: images `(samples, height, width)`, with or without channels; sentences, as strings; a table
            `(samples, columns)`. For `attributions` of shape `(columns,)` the names of the columns, or None.
        attributions: their attributions, of the shape of `x` or without channels; for sentences
            `(samples, tokens)`, one for each word that blanks separate. Channels are summed up.
        names: the names of the columns of a table.
        titles: a title for each sample.
        top: the largest number of columns that are drawn, chosen by their absolute values.
        cmap: the colour map of images with one channel; `"gray_r"` draws large values in black.

    Returns:
        A `matplotlib.figure.Figure`, for example for `figure.savefig("causes.png")`.

    Raises:
        ImportError: matplotlib is not installed: `pip install 'hilevel[plot]'`.
        ShapeError: the attributions do not fit `x`.

    >>> from hilevel import explain
    >>> figure = explain.show(["age", "income"], np.array([0.1, -0.4]))
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['income', 'age']
    """
    values = np.asarray(to_host(attributions), np.float64)
    data = None if x is None else np.asarray(to_host(x))
    if values.ndim == 1:
        given: Any = names if names is not None else data if _is_text(data) else None
        return _bars([None], values[None], given, titles, top)
    if data is None or len(data) != len(values):
        raise ShapeError(f"The attributions of {len(values)} samples need as many samples.")
    if _is_text(data):
        return _sentences([str(s).split() for s in data], values, titles)
    if data.ndim == 2:
        return _bars(list(data), values, names, titles, top)
    return _images(data, values, titles, cmap)


def _is_text(data: NumpyArray | None) -> bool:
    return data is not None and data.dtype.kind in "UO"


def _title(axis: Any, titles: Sequence[str] | None, i: int, **options: str) -> None:
    if titles is not None:
        axis.set_title(str(titles[i]), fontsize=9, **options)


def _colors(values: NumpyArray) -> tuple[Any, float]:
    """Return a function of attributions that returns their colours, and the end of its range."""
    pyplot = import_optional("matplotlib.pyplot", "hilevel[plot]", "explain.show")
    largest = 1.2 * float(np.abs(values).max()) or 1.0
    lowest = 0.0 if values.min() >= 0 else -largest
    to_unit, to_color = pyplot.Normalize(lowest, largest), pyplot.get_cmap(SIGNED if lowest else POSITIVE)
    return lambda x, **options: to_color(to_unit(x), **options), largest


# -- images ----------------------------------------------------------------------------------------


def _images(images: NumpyArray, values: NumpyArray, titles: Sequence[str] | None, cmap: str) -> Any:
    """Draw each image, and below it the pale image under its heat map."""
    if images.ndim == 3:
        images = images[..., None]
    values = values.sum(axis=-1) if values.ndim == 4 else values
    if images.ndim != 4 or values.shape != images.shape[:3]:
        raise ShapeError(f"Attributions {values.shape} do not fit images {images.shape}.")
    axes = new_axes("explain.show", 2 * len(images), len(images), cell=(1.7, 1.85))
    for i, (above, below) in enumerate(zip(axes[: len(images)], axes[len(images) :], strict=True)):
        image = _unit(images[i])
        above.imshow(image if image.shape[-1] == 3 else image[..., 0], cmap=cmap)
        below.imshow(image.mean(axis=-1), cmap=cmap, alpha=0.3)
        colors, largest = _colors(values[i])
        below.imshow(colors(values[i]), alpha=np.sqrt(np.abs(values[i]) / largest) * 0.9)
        _title(above, titles, i)
        for axis in (above, below):
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_color("0.8")
    return axes[0].figure


def _unit(image: NumpyArray) -> NumpyArray:
    """Return an image with values from 0 to 1."""
    extent = float(np.ptp(image)) or 1.0
    return np.asarray((image - image.min()) / extent, np.float64)


# -- words -----------------------------------------------------------------------------------------


def _sentences(sentences: list[list[str]], values: NumpyArray, titles: Sequence[str] | None) -> Any:
    """Draw the words of each sentence on the colours of their attributions."""
    if values.ndim != 2:
        raise ShapeError(f"Attributions of sentences have the shape (samples, tokens); got {values.shape}.")
    lines = [_lines(words) for words in sentences]
    heights = [len(found) + (0.6 if titles is None else 1.5) for found in lines]
    figure = new_axes("explain.show", 1, cell=(LINE * LETTER + 0.1, 0.25 * sum(heights)))[0].figure
    figure.clear()
    grid = figure.subplots(len(lines), 1, squeeze=False, gridspec_kw={"height_ratios": heights})
    for i, (axis, found) in enumerate(zip(grid[:, 0], lines, strict=True)):
        _write(axis, found, values[i])
        _title(axis, titles, i, loc="left")
    return figure


def _lines(words: list[str]) -> list[list[str]]:
    """Return the words in lines of at most `LINE` characters."""
    lines: list[list[str]] = [[]]
    for word in words:
        if lines[-1] and len(" ".join([*lines[-1], word])) > LINE:
            lines.append([])
        lines[-1].append(word)
    return lines


def _write(axis: Any, lines: list[list[str]], values: NumpyArray) -> None:
    """Write lines of words on coloured boxes. Words without a token stay white."""
    axis.set(xlim=(0, LINE), ylim=(len(lines), 0))
    axis.axis("off")
    colors, _ = _colors(values)
    rest = iter(values)
    for row, words in enumerate(lines):
        start = 0
        for word in words:
            box = {"facecolor": colors(next(rest, 0.0), alpha=0.6), "edgecolor": "none", "pad": 1.2}
            axis.text(start, row + 0.5, word, family="monospace", fontsize=9, va="center", bbox=box)
            start += len(word) + 1


# -- columns ---------------------------------------------------------------------------------------


def _bars(
    rows: list[Any], values: NumpyArray, names: Sequence[str] | None, titles: Sequence[str] | None, top: int
) -> Any:
    """Draw the attributions of the columns as bars, the largest first; for each row of a table with its values."""
    if values.ndim != 2 or any(row is not None and row.shape != values.shape[1:] for row in rows):
        raise ShapeError(f"Attributions {values.shape[1:]} do not fit the columns.")
    labels = [f"column {j}" for j in range(values.shape[1])] if names is None else list(map(str, names))
    if len(labels) != values.shape[1]:
        raise ShapeError(f"There are {len(labels)} names, and {values.shape[1]} columns.")
    count = min(top, len(labels))
    axes = new_axes("explain.show", len(rows), len(rows), cell=(3.6, 0.8 + 0.28 * count))
    for i, (axis, row) in enumerate(zip(axes, rows, strict=True)):
        largest = np.argsort(-np.abs(values[i]), kind="stable")[:count]
        written = [labels[j] if row is None else f"{labels[j]} = {row[j]:.3g}" for j in largest]
        axis.barh(range(count), values[i][largest], color=np.where(values[i][largest] < 0, "C3", "C0"))
        axis.set_yticks(range(count), written)
        axis.invert_yaxis()
        axis.axvline(0, color="0.3", linewidth=0.8)
        axis.spines[["top", "right", "left"]].set_visible(False)
        _title(axis, titles, i)
    return axes[0].figure
