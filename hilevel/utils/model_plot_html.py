"""The display of a model in a notebook: a table of the layers, and the picture, both of which fold."""

from __future__ import annotations

from hilevel.models.model import Model
from hilevel.models.summary import kind_of, output_shape, parameters_of, totals_of, with_ops
from hilevel.utils.model_plot_boxes import Contents, diagram_of
from hilevel.utils.model_plot_draw import escape, svg_of
from hilevel.utils.model_plot_layout import layout_of

MOST = 200
"""The largest number of rows, and of boxes in the picture."""

_CELL = 'style="text-align:left;padding:2px 12px;border-bottom:1px solid rgba(128,128,128,.4)"'
"""The style of a cell. Its colours are the notebook's, in light and dark mode."""


def html_of(model: Model) -> str:
    """Return the HTML of a model, with all names escaped. More than 200 layers have no picture."""
    if "name" not in vars(model):
        return escape(repr(model))
    title = f"<b>{escape(model.name)}</b> ({escape(type(model).__name__)}) on {escape(model.backend)}"
    size = f"{model.count_params():,} parameters" if model.built else "not built"
    body = (
        _table(model) + "".join(f"<div>{escape(line)}</div>" for line in totals_of(model)) + _picture(model)
    )
    return (
        f"<details open='open'><summary>{title}, {len(model.layers)} layers, {size}</summary>{body}</details>"
    )


def _table(model: Model) -> str:
    layers = model.layers if model._graph is None else with_ops(model)
    head = "".join(f"<th {_CELL}>{name}</th>" for name in ("Layer", "Type", "Output shape", "Params"))
    rows = [
        "".join(
            f"<td {_CELL}>{escape(cell)}</td>"
            for cell in (x.name, kind_of(x), output_shape(x), parameters_of(x))
        )
        for x in layers[:MOST]
    ]
    more = f"<div>and {len(layers) - MOST} more</div>" if len(layers) > MOST else ""
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>{more}"


def _picture(model: Model) -> str:
    """Return the folded picture of a built model of at most 200 boxes."""
    if not model.built or not 0 < len(model.layers) <= MOST:
        return ""
    diagram = diagram_of(model, Contents(shapes=True, names=True))
    if len(diagram.boxes) > MOST or len(diagram.edges) > 2 * MOST:
        return ""
    return f"<details><summary>Picture</summary>{svg_of(layout_of(diagram))}</details>"
