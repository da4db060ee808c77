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
    axes = _new_axes(len(names)) if ax is None else [ax] if hasattr(ax, "plot") else list(ax)
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


def _new_axes(count: int) -> list[Any]:
    """Return the axes of a new figure, at most three in a row."""
    pyplot = import_optional("matplotlib.pyplot", "hilevel[plot]", "History.plot")
    rows = math.ceil(count / 3)
    columns = math.ceil(count / rows)
    figure, grid = pyplot.subplots(
        rows, columns, figsize=(1 + 4 * columns, 3.2 * rows), squeeze=False, layout="constrained"
    )
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.remove()
    if "inline" in pyplot.get_backend():
        pyplot.close(figure)  # a notebook shows the returned figure, and would show it twice
    return axes[:count]


def _draw(axis: Any, name: str, curves: Mapping[str, Curve]) -> None:
    for key, (epochs, values) in curves.items():
        validation = key.startswith("val_")
        axis.plot(
            epochs, values, color="C1" if validation else "C0", label="validation" if validation else "training",
            marker="o" if len(epochs) <= 30 else None, markersize=3,
        )  # fmt: skip
    finite = [v for _, values in curves.values() for v in values if math.isfinite(v)]
    if finite and min(finite) > 0 and max(finite) > 100 * min(finite):
        axis.set_yscale("log")
    axis.set(title=name, xlabel="epoch")
    axis.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axis.grid(alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        axis.legend(frameon=False)
