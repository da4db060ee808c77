"""Vectors drawn as points of a plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.callbacks.plotting import new_axes
from hilevel.engine.types import TensorLike
from hilevel.errors import ArgumentError, ShapeError
from hilevel.visualization.images import COLORS, Array, plain, same_length

_MARKERS = "osD^vP*X"
_MOST_GROUPS = 20


def plot_embeddings(
    vectors: TensorLike,
    labels: Any = None,
    method: str | Callable[[Array], Any] = "pca",
) -> Any:
    """Draw vectors as points of a plane, with a colour and a marker for each label.

    It needs `pip install 'hilevel[plot]'`. `"pca"` projects on the two directions of the largest variance, by a
    singular value decomposition.

    Args:
        vectors: a tensor of shape `(n, size)`, with two vectors or more.
        labels: n labels, integers or strings; floats are drawn as a scale of colours. None for no labels.
        method: `"pca"`, or a function of the vectors that returns points of shape `(n, 2)`, such as the
            `fit_transform` of a class in scikit-learn.

    Returns:
        The figure, a `matplotlib.figure.Figure`.

    Raises:
        ShapeError: shapes do not match.
        ArgumentError: the method is unknown, or a vector is not finite.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> figure = hilevel.visualization.plot_embeddings([[0, 0, 1], [0, 0, 3], [0, 1, 2]], ["a", "a", "b"])
    >>> figure.axes[0].get_xlabel()
    'component 1 (75% of the variance)'
    """
    user = "plot_embeddings"
    array = ops.convert_to_numpy(vectors).astype("float64")
    if array.ndim != 2 or len(array) < 2:
        raise ShapeError(f"{user} expects vectors of shape (n, size), n of 2 or more; got {array.shape}.")
    if not np.isfinite(array).all():
        raise ArgumentError(f"{user}: a vector is NaN or infinite.")
    names = (
        None
        if labels is None
        else np.asarray(labels if isinstance(labels, list) else ops.convert_to_numpy(labels))
    )
    same_length(user, vectors=array, labels=names)
    points, titles = _points(user, array, method)
    (axis,) = new_axes(user, 1, cell=(6, 4.5))
    _scatter(axis, points, names)
    axis.set(xlabel=titles[0], ylabel=titles[1])
    axis.grid(alpha=0.3)
    axis.set_axisbelow(True)
    return axis.get_figure()


def _points(user: str, vectors: Array, method: Any) -> tuple[Array, list[str]]:
    """Return points of shape `(n, 2)`, and the titles of both axes."""
    if method == "pca":
        return _principal(vectors)
    if not callable(method):
        raise ArgumentError(f'{user}: method must be "pca" or a function; got {method!r}.')
    points = np.asarray(method(vectors))
    if points.shape != (len(vectors), 2):
        raise ShapeError(
            f"{user}: the method must return points of shape ({len(vectors)}, 2); got {points.shape}."
        )
    return points, ["dimension 1", "dimension 2"]


def _principal(vectors: Array) -> tuple[Array, list[str]]:
    """Return the projections on the principal components, the largest value of each positive."""
    left, sizes, _ = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    left *= np.sign(left[abs(left).argmax(axis=0), np.arange(len(sizes))])
    fractions = sizes**2 / ((sizes**2).sum() or 1)
    points = np.zeros((len(vectors), 2))
    points[:, : len(sizes)] = left[:, :2] * sizes[:2]
    shown = [*fractions[:2], 0.0][:2]
    return points, [f"component {i + 1} ({part:.0%} of the variance)" for i, part in enumerate(shown)]


def _scatter(axis: Any, points: Array, labels: Array | None) -> None:
    """Draw the points, in groups by label if there are few labels."""
    size = 25 if len(points) < 500 else 8
    groups = [] if labels is None or labels.dtype.kind == "f" else sorted(set(labels.tolist()))
    if labels is None:
        axis.scatter(*points.T, s=size, color=COLORS[0], alpha=0.7, linewidths=0)
    elif not groups or len(groups) > _MOST_GROUPS:
        values = labels if not groups else np.searchsorted(groups, labels)
        drawn = axis.scatter(*points.T, s=size, c=values, cmap="viridis", alpha=0.8, linewidths=0)
        axis.get_figure().colorbar(drawn, ax=axis, label="label")
    for i, name in enumerate(groups if len(groups) <= _MOST_GROUPS else []):
        color, marker = COLORS[i % 8], _MARKERS[(i + i // 8) % 8]
        axis.scatter(
            *points[labels == name].T,
            s=size,
            color=color,
            marker=marker,
            alpha=0.8,
            linewidths=0,
            label=plain(name),
        )
    if 0 < len(groups) <= _MOST_GROUPS:
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
