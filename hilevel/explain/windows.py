"""Occlusion: the change of an output where a window of the input is covered."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np

from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import use_backend
from hilevel.engine.types import Sizes, Structure
from hilevel.errors import ShapeError
from hilevel.explain.data import Data, NumpyArray, Score, Target
from hilevel.models.model import Model

Window: TypeAlias = tuple[slice, ...]
"""A window of an input, with the axis of the samples."""


def occlusion(
    model: Model, x: Structure, window: Sizes, strides: Sizes | None = None, fill: float = 0.0,
    target: Target = None, batch_size: int = 32,
) -> Any:  # fmt: skip
    """Return the mean loss of an output while windows over a place are covered.

    A window is an area of an image, or some steps of a sequence, tokens of a text, or columns of a table. With three or
    more axes the last one, the channels, is covered as a whole. No gradients are needed.

    Source: Zeiler and Fergus, "Visualizing and understanding convolutional networks", 2014.

    Args:
        model, x, target, batch_size: as in `saliency`.
        window: the size of the window, an integer for all axes or one for each axis.
        strides: the distance of the windows; the window's size by default. The last window ends at the border.
        fill: the value of covered places. For tokens it is an index, such as 0 for padding.

    Returns:
        A float32 array in the shape of `x`, or a list or dict of them. A positive value is a place that supports the
        output. Of several inputs, one is covered at a time.

    Raises:
        ShapeError: the window is larger than an input, or has another number of axes.
        ValueError: a size or stride is less than 1.

    For other errors, see `saliency`.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [0.0], [-2.0]])])
    >>> hilevel.explain.occlusion(model, np.ones((1, 3)), window=1)
    array([[ 1.,  0., -2.]], dtype=float32)
    """
    with use_backend(model.backend):
        data = Data(model, x, batch_size)
        windows = [_windows(a.shape, window, strides) for a in data.inputs]
        score = Score(data, target)
        before = _scores(data, score, data.inputs, 1)
        return data.pack([_attributions(data, score, before, i, w, fill) for i, w in enumerate(windows)])


def _attributions(
    data: Data, score: Score, before: NumpyArray, position: int, windows: list[Window], fill: float
) -> NumpyArray:
    """Return the attributions of one input: the mean change of the score over the windows that cover a place."""
    x = data.inputs[position]
    total, count = np.zeros(x.shape), np.zeros(x.shape)
    for group in _groups(windows, max(1, data.batch_size // data.samples)):
        inputs = [np.concatenate([a] * len(group)) for a in data.inputs]
        inputs[position] = np.concatenate([_covered(x, window, fill) for window in group])
        after = _scores(data, score, inputs, len(group)).reshape(len(group), -1)
        for window, scores in zip(group, after, strict=True):
            total[window] += (before - scores).reshape(-1, *(1,) * (x.ndim - 1))
            count[window] += 1
    return total / np.maximum(count, 1)


def _scores(data: Data, score: Score, inputs: list[NumpyArray], copies: int) -> NumpyArray:
    """Return the score of each sample, for inputs with several copies of the samples."""
    weights = None if score.weights is None else np.concatenate([score.weights] * copies)
    return np.asarray(to_host(score(data.predict(inputs), weights)), np.float64)


def _covered(x: NumpyArray, window: Window, fill: float) -> NumpyArray:
    x = x.copy()
    x[window] = fill
    return x


def _groups(windows: list[Window], size: int) -> Iterator[list[Window]]:
    return (windows[i : i + size] for i in range(0, len(windows), size))


def _windows(shape: tuple[int, ...], window: Sizes, strides: Sizes | None) -> list[Window]:
    """Return the windows of an input, which cover all of it."""
    sizes = shape[1:] if len(shape) < 3 else shape[1:-1]
    lengths = _for_axes("window", window, len(sizes))
    steps = lengths if strides is None else _for_axes("strides", strides, len(sizes))
    if any(length > size for length, size in zip(lengths, sizes, strict=True)):
        raise ShapeError(f"A window of {lengths} is larger than an input of the shape {shape}.")
    axes = [
        [slice(s, s + length) for s in [*range(0, size - length, step), size - length]]
        for size, length, step in zip(sizes, lengths, steps, strict=True)
    ]
    return [(slice(None), *place) for place in itertools.product(*axes)]


def _for_axes(name: str, value: Any, count: int) -> tuple[int, ...]:
    """Return a size for each axis."""
    sizes = tuple(value) if isinstance(value, (tuple, list)) else (value,) * count
    if len(sizes) != count:
        raise ShapeError(f"{name} must be one integer or {count}; got {value!r}.")
    if any(isinstance(size, bool) or size != math.floor(size) or size < 1 for size in sizes):
        raise ValueError(f"{name} must be integers of at least 1; got {value!r}.")
    return tuple(int(size) for size in sizes)
