"""Figures of the values of training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hilevel.api.optional import import_optional
from hilevel.errors import nearest

Curve = tuple[Sequence[int], Sequence[float]]
"""The epochs, counted from 1, and the values of these epochs."""


def plot_curves(curves: Mapping[str, Curve], metrics: str | Sequence[str] | None, ax: Any) -> Any:
    """Draw the curve of each metric and of its validation into one axis, and return the figure.

    Args:
        curves: the epochs and values by name; a validation has the name of its metric after `val_`.
        metrics: the names of the metrics, or one name; None for all.
        ax: an axis of matplotlib for each metric, or one axis; None for a new figure.
    """
    names = _names(curves, [metrics] if isinstance(metrics, str) else metrics)
    if ax is None:
        axes = new_axes("History.plot", len(names), margin=1)
    else:
        axes = [ax] if hasattr(ax, "plot") else list(ax)
    if len(axes) != len(names):
        raise ValueError(f"History.plot needs an axis for each of {', '.join(names)}; got {len(axes)}.")
    for name, axis in zip(names, axes, strict=True):
        _draw(axis, name, {key: curves[key] for key in (name, f"val_{name}") if key in curves})
    return axes[0].get_figure()


def _names(curves: Mapping[str, Curve], metrics: Sequence[str] | None) -> list[str]:
    """Return the names of the metrics, without `val_`."""
    if not curves:
        raise ValueError("History.plot: there are no epochs yet.")
    for name in metrics or ():
        if name not in curves:
            known = ", ".join(curves)
            raise ValueError(f'History.plot: there is no "{name}".{nearest(name, curves)} There are {known}.')
    return list(dict.fromkeys(name.removeprefix("val_") for name in metrics or curves))


def new_axes(
    user: str, count: int, columns: int = 3, cell: tuple[float, float] = (4, 3.2), margin: float = 0
) -> list[Any]:
    """Return the axes of a new figure, in at most `columns` columns.

    Args:
        user: the name of the function, for the message if matplotlib is not installed.
        count: the number of axes.
        columns: the largest number of columns.
        cell: the width and the height of an axis in inches.
        margin: the width beside the axes in inches.
    """
    pyplot = import_optional("matplotlib.pyplot", "hilevel[plot]", user)
    rows = math.ceil(count / columns)
    columns = math.ceil(count / rows)
    size = (margin + cell[0] * columns, cell[1] * rows)
    figure, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.remove()
    if "inline" in pyplot.get_backend():
        pyplot.close(figure)  # a notebook shows the returned figure, and would show it twice
    return axes[:count]


def _draw(axis: Any, name: str, curves: Mapping[str, Curve]) -> None:
    for key, curve in curves.items():
        validation = key.startswith("val_")
        draw_curve(
            axis, curve, color="C1" if validation else "C0", label="validation" if validation else "training"
        )
    finish_axis(axis, name)
    if len(curves) > 1:
        axis.legend(frameon=False)


def draw_curve(axis: Any, curve: Curve, **style: Any) -> None:
    """Draw a curve, with points if it is short."""
    epochs, values = curve
    axis.plot(epochs, values, marker="o" if len(epochs) <= 30 else None, markersize=3, **style)


def finish_axis(axis: Any, name: str) -> None:
    """Set titles and scales; the vertical scale is logarithmic for positive values of different magnitudes."""
    finite = [v for line in axis.lines for v in line.get_ydata() if math.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) > 100 * min(finite):
        axis.set_yscale("log")
    axis.set_title(name, parse_math=False)
    axis.set_xlabel("epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
