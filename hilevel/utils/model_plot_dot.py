"""A diagram as a graph of pydot, for the layouts of Graphviz."""

from __future__ import annotations

import re
import shutil
from typing import Any

from hilevel.api.optional import import_optional
from hilevel.utils.model_plot_boxes import Box, Diagram
from hilevel.utils.model_plot_draw import COLORS, escape


def has_graphviz() -> bool:
    """Return whether pydot and the program `dot` of Graphviz are installed."""
    try:
        import_optional("pydot", "pydot", "plot_model")
    except ImportError:
        return False
    return shutil.which("dot") is not None


def dot_of(diagram: Diagram, rankdir: str, dpi: float, splines: str, cluster: str | None = None) -> Any:
    """Return a `pydot.Dot`, or for the name of a nested model a `pydot.Cluster`.

    Raises:
        ImportError: pydot is not installed.
    """
    pydot = import_optional(
        "pydot", "pydot", "model_to_dot", "plot_model writes .svg files without any package."
    )
    if cluster is None:
        graph = pydot.Dot("model", graph_type="digraph", rankdir=rankdir, dpi=dpi, splines=splines)
        graph.set_node_defaults(shape="plain", fontname="Helvetica")
    else:
        graph = _cluster(pydot, re.sub(r"\W", "_", cluster), cluster)
    _fill(pydot, graph, diagram, "" if cluster is None else "_" + graph.get_name())
    return graph


def _fill(pydot: Any, graph: Any, diagram: Diagram, prefix: str) -> None:
    for i, box in enumerate(diagram.boxes):
        if box.inside is None:
            graph.add_node(pydot.Node(f"box{prefix}_{i}", label=_label(box)))
            continue
        part = _cluster(pydot, f"box{prefix}_{i}", box.title)
        _fill(pydot, part, box.inside, f"{prefix}_{i}")
        graph.add_subgraph(part)
    style = {} if diagram.arrows else {"style": "dashed", "arrowhead": "none"}
    for first, last in diagram.edges:
        for source in _ends(diagram.boxes[first], f"{prefix}_{first}", last=True):
            for target in _ends(diagram.boxes[last], f"{prefix}_{last}", last=False):
                graph.add_edge(pydot.Edge(f"box{source}", f"box{target}", **style))


def _ends(box: Box, path: str, last: bool) -> list[str]:
    """Return the paths of the last or the first boxes inside a box; its own path if it has no inside."""
    if box.inside is None:
        return [path]
    joined = {edge[0 if last else 1] for edge in box.inside.edges if edge[0] != edge[1]}
    free = [i for i in range(len(box.inside.boxes)) if i not in joined]
    return [end for i in free for end in _ends(box.inside.boxes[i], f"{path}_{i}", last)]


def _label(box: Box) -> str:
    """Return the label of a box: a table in Graphviz's HTML."""
    title = f'<font color="white"><b>{escape(box.title)}</b></font>'
    rows = [f'<tr><td bgcolor="{COLORS[box.kind]}">{title}</td></tr>']
    rows += [f'<tr><td align="left">{escape(label)}: {escape(value)}</td></tr>' for label, value in box.lines]
    return f'<<table border="0" cellborder="1" cellspacing="0" cellpadding="6">{"".join(rows)}</table>>'


def _cluster(pydot: Any, name: str, title: str) -> Any:
    quoted = title.replace("\\", "\\\\").replace('"', '\\"')
    return pydot.Cluster(name, style="dashed", label=f'"{quoted}"', labeljust="l")
