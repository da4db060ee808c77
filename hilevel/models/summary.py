"""The table that `model.summary()` prints."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from hilevel import tree
from hilevel.engine.memory import size_text
from hilevel.engine.variables import Variable
from hilevel.layers.base.layer import Layer

if TYPE_CHECKING:
    from hilevel.models.model import Model


def summary_text(
    model: Model,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: tuple[str, str] | None = None,
    show_flops: bool = False,
) -> str:
    """Return the table as text, at most `line_length` characters wide."""
    width = line_length or _terminal_width()
    rows = _in_range(model.layers, layer_range) if layer_range or model._graph is None else with_ops(model)
    listed = _listed(rows, expand_nested)
    layers = [layer for layer, _ in listed]
    columns = {
        "Layer (type)": [f"{'  ' * depth}{layer.name} ({kind_of(layer)})" for layer, depth in listed],
        "Output shape": [output_shape(layer) for layer in layers],
        "Params": [parameters_of(layer) for layer in layers],
    }
    totals = totals_of(model)
    if show_flops:
        columns["FLOPs"], total = _flops(model, layers)
        totals.append(total)
    if show_trainable:
        columns["Trained"] = [_trained(layer) for layer in layers]
    lines = [f'Model "{model.name}" ({type(model).__name__}) on {model.backend}', ""]
    lines += _table(list(columns), [list(row) for row in zip(*columns.values(), strict=True)], width)
    lines += ["", *(line for text in totals for line in textwrap.wrap(text, width))]
    return "\n".join(lines)


def _terminal_width() -> int:
    from shutil import get_terminal_size

    return min(100, get_terminal_size((80, 24)).columns)


def _in_range(layers: list[Layer], layer_range: tuple[str, str] | None) -> list[Layer]:
    if layer_range is None:
        return layers
    names = [layer.name for layer in layers]
    for name in layer_range:
        if name not in names:
            raise ValueError(f'summary: layer_range names "{name}"; the layers are {", ".join(names)}.')
    return layers[names.index(layer_range[0]) : names.index(layer_range[1]) + 1]


class _OpRow(NamedTuple):
    """A row for the call of an op in a graph."""

    name: str
    outputs: Any


def with_ops(model: Model) -> list[Any]:
    """Return the layers of a functional model, with a row for each call of an op after them."""
    assert model._graph is not None
    calls = [node for node in model._graph.nodes if not isinstance(node.operation, Layer)]
    return [*model.layers, *(_OpRow(node.operation.name, node.outputs) for node in calls)]


def kind_of(layer: Any) -> str:
    return "op" if isinstance(layer, _OpRow) else type(layer).__name__


def parameters_of(layer: Any) -> str:
    if isinstance(layer, _OpRow):
        return "0"
    return f"{layer.count_params():,}" if layer.built else "not built"


def _listed(layers: list[Layer], nested: bool, depth: int = 0) -> list[tuple[Layer, int]]:
    """Return the layers in the order of the rows, each with the number of models that contain it."""
    found = []
    for layer in layers:
        found.append((layer, depth))
        if nested and hasattr(layer, "layers"):
            found += _listed(layer.layers, nested, depth + 1)
    return found


def _flops(model: Model, layers: list[Layer]) -> tuple[list[str], str]:
    """Return the floating-point operations of layers for one sample, and the line with their sum."""
    if not model.built:
        return ["not built"] * len(layers), "FLOPs: unknown, as the model is not built"
    counting = importlib.import_module("hilevel.utils.flops")
    try:
        cost = counting.count_flops(model)
    except ValueError as error:
        return ["?"] * len(layers), f"FLOPs: unknown. {error}"
    samples = next((x.shape[0] for x in model.inputs if x.shape), None) or 1
    costs = [
        cost.by_layer.get(counting.label(layer)) if isinstance(layer, Layer) else None for layer in layers
    ]
    counts = [0 if found is None else found.flops // samples for found in costs]
    total = cost.flops // samples
    text = f"FLOPs of a prediction for one sample: {total:,} ({counting.flops_text(total)})"
    return [f"{count:,}" for count in counts], text


def _trained(layer: Any) -> str:
    if isinstance(layer, _OpRow) or not layer.weights:
        return "-"
    return "Y" if layer.trainable_weights else "N"


def output_shape(layer: Any) -> str:
    """Return the shape of the output, in the last call on shapes or inferred from the shapes of `build`, as text."""
    spec = None
    if isinstance(layer, _OpRow):
        spec = layer.outputs
    elif layer._record.calls:
        spec = layer._record.calls[-1][1]
    elif hasattr(layer, "_tensor"):
        spec = layer.output
    shapes = [tuple(s.shape) for s in tree.flatten(spec) if hasattr(s, "shape")]
    shapes = shapes or layer._record.output_shapes or _inferred_shapes(layer)
    return ", ".join(map(str, shapes)) or "?"


def _inferred_shapes(layer: Layer) -> list[Any]:
    """Return the shapes that the layer's `compute_output_shape` gives for the shapes of `build`; none if it fails."""
    built = layer._record.build_shapes
    if not built:
        return []
    try:
        found = layer.compute_output_shape(*built.values())
    except Exception:  # a user's own method may need other arguments
        return []
    return _shapes_in(found)


def _shapes_in(found: Any) -> list[tuple[int | None, ...]]:
    if isinstance(found, dict):
        return [shape for part in found.values() for shape in _shapes_in(part)]
    if all(n is None or isinstance(n, int) for n in found):
        return [tuple(found)]
    return [shape for part in found for shape in _shapes_in(part)]


def _table(header: list[str], rows: list[list[str]], width: int) -> list[str]:
    """Return the lines of a table with columns as wide as their contents; the first are cut to fit the width."""
    columns = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    spare = width - 2 * (len(columns) - 1) - sum(columns)
    for i in (0, 1):
        cut = min(max(0, -spare), max(0, columns[i] - 16))
        columns[i] -= cut
        spare += cut
    line = "  ".join("-" * n for n in columns)
    right = [name in ("Params", "FLOPs") for name in header]
    return [_line(header, columns, right), line, *(_line(row, columns, right) for row in rows), line]


def _line(cells: list[str], columns: list[int], right: list[bool]) -> str:
    shown = [c if len(c) <= n else c[: n - 3] + "..." for c, n in zip(cells, columns, strict=True)]
    padded = [c.rjust(n) if r else c.ljust(n) for c, n, r in zip(shown, columns, right, strict=True)]
    return "  ".join(padded).rstrip()


def totals_of(model: Model) -> list[str]:
    """Return the lines with the number and size of all weights, of the trainable and of the other ones."""
    groups = {
        "Total": model.weights,
        "Trainable": model.trainable_weights,
        "Non-trainable": model.non_trainable_weights,
    }
    return [f"{name} params: {_size(weights)}" for name, weights in groups.items()]


def _size(weights: Sequence[Variable]) -> str:
    return f"{sum(v.size for v in weights):,} ({size_text(sum(v.size * v.dtype.itemsize for v in weights))})"
