"""Drawings of a layout: as SVG by itself, in other formats by matplotlib."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

from hilevel.api.optional import import_optional
from hilevel.utils.model_plot_layout import FONT, LINE, TITLE, Layout, Path, Placed, Point

COLORS = {"input": "#00695c", "layer": "#1f3a5f", "op": "#5f5f5f", "model": "#7a4a00"}
"""The colours of titles, on which white text is readable."""
FRAME, EDGE, SOFT = "#1f2933", "#44505c", "#5b6770"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML does not allow."""


def escape(text: object) -> str:
    """Return a text for XML and HTML, without characters that XML does not allow."""
    return html.escape(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text)))


def arrow_head(path: Path) -> list[Point]:
    """Return the corners of the arrow at the end of a line."""
    *_, (bx, by), (ex, ey) = [p for _, points in path for p in points]
    length = math.hypot(ex - bx, ey - by)
    if length < 0.1:  # the last line has no length
        return arrow_head(path[:-1])
    ux, uy = (ex - bx) / length, (ey - by) / length
    x, y = ex - 9 * ux, ey - 9 * uy
    return [(ex, ey), (x - 4 * uy, y + 4 * ux), (x + 4 * uy, y - 4 * ux)]


def texts(placed: Placed) -> Iterator[tuple[float, float, str, str, str]]:
    """Yield the texts of a box: position, colour, label and value. The first is the title, which is centred."""
    yield placed.x + placed.width / 2, placed.y + TITLE / 2, "white", "", placed.box.title
    for i, (label, value) in enumerate(placed.box.lines):
        yield placed.x + 10, placed.y + TITLE + LINE * (i + 0.5) + 2, SOFT, f"{label}: ", value


def inside_corner(placed: Placed, inside: Layout) -> Point:
    """Return the corner of the layout inside a box."""
    return placed.x + (placed.width - inside.width) / 2, placed.y + placed.height - inside.height


# -- SVG -------------------------------------------------------------------------------------------


def svg_of(layout: Layout) -> str:
    """Return a picture as SVG, on white, with the texts escaped."""
    w, h = math.ceil(layout.width), math.ceil(layout.height)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}" '
        f'style="max-width:100%;height:auto" font-family="Helvetica, Arial, sans-serif" font-size="{FONT}">'
    )
    return "\n".join(
        [head, '<rect width="100%" height="100%" fill="white"/>', *_svg_parts(layout), "</svg>\n"]
    )


def _svg_parts(layout: Layout) -> Iterator[str]:
    for path in layout.edges:
        yield _svg_edge(path, layout.arrows)
    for placed in layout.boxes:
        yield from _svg_box(placed)


def _svg_edge(path: Path, arrow: bool) -> str:
    line = " ".join(command + " ".join(f"{x:.1f},{y:.1f}" for x, y in points) for command, points in path)
    dashes = "" if arrow else ' stroke-dasharray="4 4"'
    drawn = f'<path class="edge" d="{line}" fill="none" stroke="{EDGE}" stroke-width="1.5"{dashes}/>'
    if not arrow:
        return drawn
    corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in arrow_head(path))
    return f'{drawn}<polygon points="{corners}" fill="{EDGE}"/>'


def _svg_box(placed: Placed) -> Iterator[str]:
    at = f'x="{placed.x:.1f}" y="{placed.y:.1f}" width="{placed.width:.1f}"'
    yield f'<g class="box"><rect {at} height="{placed.height:.1f}" fill="white" stroke="{FRAME}"/>'
    yield f'<rect {at} height="{TITLE}" fill="{COLORS[placed.box.kind]}" stroke="{FRAME}"/>'
    for i, (x, y, color, label, value) in enumerate(texts(placed)):
        anchor = ' text-anchor="middle" font-weight="bold"' if i == 0 else ""
        value = escape(value) if i == 0 else f'<tspan fill="{FRAME}">{escape(value)}</tspan>'
        yield (
            f'<text x="{x:.1f}" y="{y:.1f}" dominant-baseline="central" fill="{color}"{anchor}>'
            f"{escape(label)}{value}</text>"
        )
    if placed.inside is not None:
        x, y = inside_corner(placed, placed.inside)
        yield f'<g transform="translate({x:.1f} {y:.1f})">'
        yield from _svg_parts(placed.inside)
        yield "</g>"
    yield "</g>"


# -- matplotlib ------------------------------------------------------------------------------------


def save_figure(layout: Layout, file: File, dpi: float) -> None:
    """Write a picture by matplotlib, in the format of the file's ending.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: matplotlib has no such format.
    """
    advice = "A file that ends in .svg needs no package."
    figures = import_optional(
        "matplotlib.figure", "hilevel[plot]", f"plot_model for a {file.suffix} file", advice
    )
    figure = figures.Figure(figsize=(layout.width / 96, layout.height / 96))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, layout.width), ylim=(layout.height, 0))
    axis.axis("off")
    _draw(axis, layout, 0, 0)
    figure.savefig(file, dpi=dpi)


def _draw(axis: Any, layout: Layout, left: float, top: float) -> None:
    """Draw a layout at an offset."""
    patches = import_optional("matplotlib.patches", "hilevel[plot]", "plot_model")
    codes = import_optional("matplotlib.path", "hilevel[plot]", "plot_model").Path
    for path in layout.edges:
        points = [(x + left, y + top) for _, part in path for x, y in part]
        kinds = [
            {"M": codes.MOVETO, "L": codes.LINETO, "C": codes.CURVE4}[c] for c, part in path for _ in part
        ]
        style = "-" if layout.arrows else (0, (4, 4))
        axis.add_patch(
            patches.PathPatch(codes(points, kinds), fill=False, edgecolor=EDGE, linewidth=1, linestyle=style)
        )
        if layout.arrows:
            head = [(x + left, y + top) for x, y in arrow_head(path)]
            axis.add_patch(patches.Polygon(head, color=EDGE, linewidth=0))
    for placed in layout.boxes:
        _draw_box(axis, patches.Rectangle, placed, left, top)


def _draw_box(axis: Any, rectangle: Any, placed: Placed, left: float, top: float) -> None:
    corner = (placed.x + left, placed.y + top)
    color = COLORS[placed.box.kind]
    for height, fill in ((placed.height, "white"), (TITLE, color)):
        axis.add_patch(
            rectangle(corner, placed.width, height, facecolor=fill, edgecolor=FRAME, linewidth=0.75)
        )
    for i, (x, y, ink, label, value) in enumerate(texts(placed)):
        axis.text(
            x + left, y + top, label + value, color=ink if i == 0 else FRAME, size=FONT * 0.68, va="center",
            ha="center" if i == 0 else "left", weight="bold" if i == 0 else "normal", parse_math=False,
        )  # fmt: skip
    if placed.inside is not None:
        x, y = inside_corner(placed, placed.inside)
        _draw(axis, placed.inside, x + left, y + top)
