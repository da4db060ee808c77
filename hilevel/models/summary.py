"""The table that `model.summary()` prints."""

from __future__ import annotations

import textwrap
from typing import Any

from hilevel import tree
from hilevel.layers.layer import Layer


def summary_text(
    model: Any,
    line_length: int | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: tuple[str, str] | None = None,
) -> str:
    """The table as text, no wider than the line length."""
    width = line_length or _terminal_width()
    header = ["Layer (type)", "Output shape", "Params"] + ["Trained"] * show_trainable
    rows = _rows(_in_range(model.layers, layer_range), expand_nested, show_trainable, 0)
    lines = [f'Model "{model.name}" ({type(model).__name__}) on {model.backend}', ""]
    lines += _table(header, rows, width)
    lines += ["", *textwrap.wrap(_totals(model), width)]
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


def _rows(layers: list[Layer], nested: bool, trained: bool, depth: int) -> list[list[str]]:
    rows = []
    for layer in layers:
        label = f"{'  ' * depth}{layer.name} ({type(layer).__name__})"
        count = f"{layer.count_params():,}" if layer.built else "not built"
        row = [label, output_shape(layer), count]
        rows.append(row + [_trained(layer)] * trained)
        if nested and hasattr(layer, "layers"):
            rows += _rows(layer.layers, nested, trained, depth + 1)
    return rows


def _trained(layer: Layer) -> str:
    if not layer.weights:
        return "-"
    return "yes" if layer.trainable_weights else "no"


def output_shape(layer: Layer) -> str:
    """The shape of the layer's output in its last call on shapes, as text."""
    spec = None
    if layer._record.calls:
        spec = layer._record.calls[-1][1]
    elif hasattr(layer, "_tensor"):
        spec = layer.output
    shapes = [tuple(s.shape) for s in tree.flatten(spec) if hasattr(s, "shape")]
    shapes = shapes or layer._record.output_shapes
    return ", ".join(map(str, shapes)) or "?"


def _table(header: list[str], rows: list[list[str]], width: int) -> list[str]:
    """Columns as wide as their contents; the first is cut where the whole would be wider than the line."""
    columns = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    spare = width - 2 * (len(columns) - 1) - sum(columns)
    for i in (0, 1):
        cut = min(max(0, -spare), max(0, columns[i] - 16))
        columns[i] -= cut
        spare += cut
    line = "  ".join("-" * n for n in columns)
    return [_line(header, columns), line, *(_line(row, columns) for row in rows), line]


def _line(cells: list[str], columns: list[int]) -> str:
    shown = [c if len(c) <= n else c[: n - 3] + "..." for c, n in zip(cells, columns, strict=True)]
    padded = [
        c.rjust(n) if i == 2 else c.ljust(n) for i, (c, n) in enumerate(zip(shown, columns, strict=True))
    ]
    return "  ".join(padded).rstrip()


def _totals(model: Any) -> str:
    trained = sum(v.size for v in model.trainable_weights)
    total = model.count_params()
    size = sum(v.size * v.dtype.itemsize for v in model.weights)
    rest = f", frozen or statistics: {total - trained:,}" if total != trained else ""
    return f"Parameters: {total:,} ({_bytes(size)}), of which trained: {trained:,}{rest}"


def _bytes(n: float) -> str:
    for unit in ("B", "KB", "MB"):
        if n < 1024:
            return f"{n:.0f} {unit}" if unit == "B" else f"{n:.1f} {unit}"
        n /= 1024
    return f"{n:.1f} GB"
