"""The layout of a diagram: boxes in rows, and edges that cross no box.

1. Each box gets a row, by its longest path from the inputs. An edge has a point in each row that it passes.
2. Each row gets an order with few crossings of edges.
3. Boxes are moved near their neighbours in other rows.
4. Edges are curves in the gaps between rows, and straight lines in rows.

Source: Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures", 1981.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from hilevel.utils.model_plot_boxes import Box, Diagram

FONT, LINE, TITLE = 13, 20, 28
"""The size of the font, the height of a line, and the height of a title, in pixels."""
MARGIN, APART, BETWEEN = 10, 32, 38
"""The margin of a diagram, the distance of boxes in a row, and the distance of rows, in pixels."""
_SWEEPS = 6
_LIGHT = 1e-4
"""The weight of a point of an edge, compared to a box."""

Point = tuple[float, float]
Path = list[tuple[str, list[Point]]]
"""The commands of a line with their points, as in SVG: `M` moves, `L` draws a line, `C` a Bezier curve."""


@dataclass
class Placed:
    """A box with its upper left corner and its size in pixels, and the layout of its inside."""

    box: Box
    x: float
    y: float
    width: float
    height: float
    inside: Layout | None = None


@dataclass
class Layout:
    """The size of a picture, its placed boxes, and the lines of its edges."""

    width: float
    height: float
    boxes: list[Placed]
    edges: list[Path]
    arrows: bool = True


def text_width(text: str) -> float:
    """Return the approximate width of a text in pixels, not less than in usual fonts."""
    wide = sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.6 for c in text)
    return FONT * wide


def layout_of(diagram: Diagram, rankdir: str = "TB") -> Layout:
    """Return the layout of a diagram with the inputs at the top (`"TB"`), bottom, left or right."""
    insides = [layout_of(box.inside, rankdir) if box.inside else None for box in diagram.boxes]
    sizes = np.array([_size(box, inside) for box, inside in zip(diagram.boxes, insides, strict=True)])
    upright = rankdir in ("TB", "BT")
    rows = _Rows(len(sizes), diagram.edges)
    rows.sort()
    rows.place(sizes if upright else sizes[:, ::-1])
    height, width = rows.depth, rows.breadth
    turns: dict[str, Callable[[float, float], Point]] = {
        "TB": lambda along, across: (across, along),
        "BT": lambda along, across: (across, height - along),
        "LR": lambda along, across: (along, across),
        "RL": lambda along, across: (height - along, across),
    }  # fmt: skip
    turn = turns[rankdir]
    placed = []
    for i, (box, inside) in enumerate(zip(diagram.boxes, insides, strict=True)):
        x, y = turn(rows.along[i], rows.across[i])
        w, h = sizes[i]
        placed.append(Placed(box, x - w / 2, y - h / 2, w, h, inside))
    edges = [[(c, [turn(*p) for p in points]) for c, points in rows.path(edge)] for edge in diagram.edges]
    return Layout(*((width, height) if upright else (height, width)), placed, edges, diagram.arrows)


def _size(box: Box, inside: Layout | None) -> Point:
    """Return the width and the height of a box."""
    texts = [box.title, *(f"{label}: {value}" for label, value in box.lines)]
    width, height = max(map(text_width, texts)) + 20, TITLE + LINE * len(box.lines) + 4 * bool(box.lines)
    if inside is None:
        return width, height
    return max(width, inside.width), height + inside.height


@dataclass
class _Rows:
    """The rows of boxes and of points of edges. The indices of points follow the indices of the boxes."""

    count: int
    edges: Sequence[tuple[int, int]]
    rows: list[list[int]] = field(default_factory=list)
    chains: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.row_of = _ranks(self.count, [(min(e), max(e)) for e in self.edges if e[0] != e[1]])
        points: dict[tuple[Any, int], int] = {}
        for edge in self.edges:
            self.chains[edge] = self._chain(edge, points)
        links = dict.fromkeys(pair for edge in self.edges for pair in pairwise(self.chains[edge]))
        self.above: list[list[int]] = [[] for _ in self.row_of]
        self.below: list[list[int]] = [[] for _ in self.row_of]
        for a, b in links:
            self.below[a].append(b)
            self.above[b].append(a)
        self.rows = [[] for _ in range(max(self.row_of) + 1)]
        for i, row in enumerate(self.row_of):
            self.rows[row].append(i)

    def _chain(self, edge: tuple[int, int], points: dict[tuple[Any, int], int]) -> list[int]:
        """Return the boxes of an edge, the upper one first, and between them a point in each row.

        Edges from one box share the points. An edge to an earlier box, which is the upper one, has its own.
        """
        first, last = min(edge), max(edge)
        if first == last:
            return [first]
        line = first if first == edge[0] else edge
        between = range(self.row_of[first] + 1, self.row_of[last])
        for row in between:
            if (line, row) not in points:
                points[line, row] = len(self.row_of)
                self.row_of.append(row)
        return [first, *(points[line, row] for row in between), last]

    # -- the order in the rows ---------------------------------------------------------------------

    def sort(self) -> None:
        """Order each row by the mean positions of the neighbours, and keep the order with the fewest crossings."""
        best, fewest = [list(row) for row in self.rows], self._crossings()
        for sweep in range(_SWEEPS):
            if not fewest:
                break
            self._sort_once(down=sweep % 2 == 0)
            if (found := self._crossings()) < fewest:
                best, fewest = [list(row) for row in self.rows], found
        self.rows = best

    def _sort_once(self, down: bool) -> None:
        neighbours = self.above if down else self.below
        at = self._positions()
        for row in self.rows if down else reversed(self.rows):
            mean = {i: np.mean([at[n] for n in neighbours[i]] or [at[i]]) for i in row}
            row.sort(key=lambda i: mean[i])
            at.update((i, k) for k, i in enumerate(row))

    def _positions(self) -> dict[int, int]:
        return {i: k for row in self.rows for k, i in enumerate(row)}

    def _crossings(self) -> int:
        """Return the number of pairs of links between two rows that cross."""
        at, total = self._positions(), 0
        for row in self.rows:
            ends = np.array([(at[i], at[j]) for i in row for j in self.below[i]]).reshape(-1, 2)
            differ = np.sign(ends[:, None] - ends[None])
            total += int((differ.prod(axis=-1) < 0).sum()) // 2
        return total

    # -- positions ---------------------------------------------------------------------------------

    def place(self, sizes: np.ndarray) -> None:
        """Set the centres `across` and `along` of boxes of these widths and heights."""
        points = len(self.row_of) - self.count
        self.sizes = np.concatenate([sizes, np.zeros((points, 2))])
        self.across = np.zeros(len(self.sizes))
        for sweep in range(2 * _SWEEPS + 1):  # the last one is down: chains are straight
            for row in self.rows if sweep % 2 == 0 else self.rows[::-1]:
                self.across[row] = self._near(row, self.below if sweep % 2 else self.above)
        self.across += MARGIN - (self.across - self.sizes[:, 0] / 2).min()
        loops = APART if any(a == b for a, b in self.edges) else 0
        self.breadth = float((self.across + self.sizes[:, 0] / 2).max()) + MARGIN + loops
        self.heights = np.array([self.sizes[row, 1].max() for row in self.rows])
        self.tops = MARGIN + np.concatenate([[0], np.cumsum(self.heights + BETWEEN)[:-1]])
        self.along = (self.tops + self.heights / 2)[self.row_of]
        self.depth = float(self.tops[-1] + self.heights[-1]) + MARGIN

    def _near(self, row: list[int], neighbours: list[list[int]]) -> np.ndarray:
        """Return positions near the neighbours on one side. Boxes weigh more than points of edges."""
        wanted = []
        for i in row:
            near = neighbours[i]
            weights = [1.0 if (n < self.count) == (i < self.count) else _LIGHT for n in near]
            wanted.append(np.average(self.across[near], weights=weights) if near else self.across[i])
        return spread(wanted, self.sizes[row, 0], [1.0 if i < self.count else _LIGHT for i in row])

    # -- lines -------------------------------------------------------------------------------------

    def path(self, edge: tuple[int, int]) -> Path:
        """Return the line of an edge from its first box to its second, in coordinates along and across the rows."""
        if edge[0] == edge[1]:
            return self._loop(edge[0])
        chain = self.chains[edge]
        backward = edge[0] > edge[1]
        across = [self.across[i] + (self.sizes[i, 0] / 4 if backward else 0) for i in chain]
        start = self.along[chain[0]] + self.sizes[chain[0], 1] / 2
        path: Path = [("M", [(start, across[0])])]
        for (i, j), (a, b) in zip(pairwise(chain), pairwise(across), strict=True):
            low, high = self.tops[self.row_of[i]] + self.heights[self.row_of[i]], self.tops[self.row_of[j]]
            middle = (low + high) / 2
            path += [("L", [(low, a)]), ("C", [(middle, a), (middle, b), (high, b)])]
        path.append(("L", [(self.along[chain[-1]] - self.sizes[chain[-1], 1] / 2, across[-1])]))
        return _reversed(path) if backward else path

    def _loop(self, i: int) -> Path:
        """Return the line beside a box that is called on its own result."""
        side, middle, far = self.across[i] + self.sizes[i, 0] / 2, self.along[i], APART * 0.75
        low, high = middle + self.sizes[i, 1] / 4, middle - self.sizes[i, 1] / 4
        return [("M", [(low, side)]), ("C", [(low, side + far), (high, side + far), (high, side)])]


def _ranks(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """Return the row of each box: below all boxes before it; a first box is above the next one."""
    ranks = [0] * count
    for first, last in sorted(edges, key=lambda edge: edge[1]):
        ranks[last] = max(ranks[last], ranks[first] + 1)
    for i in set(range(count)) - {last for _, last in edges}:
        ranks[i] = min((ranks[last] for first, last in edges if first == i), default=1) - 1
    return ranks


def spread(
    wanted: Sequence[float], widths: Sequence[float] | np.ndarray, weights: Sequence[float]
) -> np.ndarray:
    """Return centres in the given order and without overlap, with the least squared distance to the wanted centres.

    Source: pool adjacent violators; Barlow et al., "Statistical Inference under Order Restrictions", 1972.

    >>> from hilevel.utils.model_plot_layout import spread
    >>> spread([0, 0, 500], [68, 68, 68], [1, 1, 1])
    array([-50.,  50., 500.])
    """
    half = np.asarray(widths) / 2
    offsets = np.concatenate([[0], np.cumsum(half[:-1] + half[1:] + APART)])
    blocks: list[tuple[float, float, int]] = []  # mean, weight, number of boxes
    for x, w in zip(np.asarray(wanted) - offsets, weights, strict=True):
        mean, weight, size = float(x), w, 1
        while blocks and blocks[-1][0] >= mean:
            m, v, n = blocks.pop()
            mean, weight, size = (mean * weight + m * v) / (weight + v), weight + v, size + n
        blocks.append((mean, weight, size))
    return np.repeat([b[0] for b in blocks], [b[2] for b in blocks]) + offsets


def _reversed(path: Path) -> Path:
    points = [p for _, part in path for p in part][::-1]
    result: Path = [("M", [points.pop(0)])]
    for command, part in reversed(path[1:]):
        result.append((command, [points.pop(0) for _ in part]))
    return result
