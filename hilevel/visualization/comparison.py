"""The curves of several trainings in one figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilevel.callbacks.base import History
from hilevel.callbacks.plotting import Curve, draw_curve, finish_axis, new_axes
from hilevel.errors import ArgumentError, UnknownNameError, nearest
from hilevel.visualization.images import COLORS, plain

Curves = Mapping[str, Curve]


def plot_histories(
    histories: Mapping[str, History | Mapping[str, Sequence[float]]],
    metrics: str | Sequence[str] | None = None,
) -> Any:
    """Draw the curves of several trainings, one axis for each metric. Curves of validations are dashed.

    It needs `pip install 'hilevel[plot]'`. The vertical axis is logarithmic as in `History.plot`.

    Args:
        histories: the results of `fit`, or dicts of their values, by the names in the legend.
        metrics: the names of the metrics, or one name; None for all.

    Returns:
        The figure, a `matplotlib.figure.Figure`.

    Raises:
        ArgumentError: `histories` is no dict of histories, or has no values.
        UnknownNameError: no training has a metric of this name.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> runs = {"small": {"loss": [0.5, 0.4]}, "large": {"loss": [0.4, 0.2]}}
    >>> [axis.get_title() for axis in hilevel.visualization.plot_histories(runs).axes]
    ['loss']
    """
    runs = {name: _curves(name, history) for name, history in _as_dict(histories).items()}
    names = _metrics(runs, [metrics] if isinstance(metrics, str) else metrics)
    axes = new_axes("plot_histories", len(names), margin=2)
    for axis, name in zip(axes, names, strict=True):
        for i, curves in enumerate(runs.values()):
            _draw(axis, curves, name, COLORS[i % len(COLORS)])
        finish_axis(axis, name)
    _add_legend(axes, runs)
    return axes[0].get_figure()


def _as_dict(histories: Any) -> Mapping[str, Any]:
    if not isinstance(histories, Mapping) or not histories:
        kind = type(histories).__name__
        raise ArgumentError(f"plot_histories expects a dict of histories by name, not empty; got {kind}.")
    return histories


def _curves(name: str, history: Any) -> Curves:
    if isinstance(history, History):
        return history._curves()
    if not isinstance(history, Mapping):
        raise ArgumentError(
            f'plot_histories: "{name}" is no History and no dict; got {type(history).__name__}.'
        )
    return {key: (range(1, len(values) + 1), values) for key, values in history.items()}


def _metrics(runs: Mapping[str, Curves], chosen: Sequence[str] | None) -> list[str]:
    """Return the names of the metrics, without `val_`."""
    known = list(dict.fromkeys(key.removeprefix("val_") for curves in runs.values() for key in curves))
    for name in chosen or ():
        if name not in known:
            raise UnknownNameError(
                f'plot_histories: no training has "{name}".{nearest(name, known)} There are {", ".join(known)}.'
            )
    if not known:
        raise ArgumentError("plot_histories: there are no values yet.")
    return list(chosen or known)


def _draw(axis: Any, curves: Curves, name: str, color: str) -> None:
    for key, style in ((name, "-"), (f"val_{name}", "--")):
        if key in curves:
            draw_curve(axis, curves[key], color=color, linestyle=style)


def _add_legend(axes: list[Any], runs: Mapping[str, Curves]) -> None:
    """Add a legend of the trainings beside the axes, and of the dashes if there are validations."""
    figure, line = axes[0].get_figure(), type(axes[0].lines[0])
    handles = [line([], [], color=COLORS[i % len(COLORS)], label=plain(name)) for i, name in enumerate(runs)]
    if any(key.startswith("val_") for curves in runs.values() for key in curves):
        for label, style in (("training", "-"), ("validation", "--")):
            handles.append(line([], [], color="gray", linestyle=style, label=label))
    figure.legend(handles=handles, loc="outside right upper", frameon=False)
