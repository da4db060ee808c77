"""Draw who imports whom, by folder, and print lines and arrows.

python tools/structure.py [PICTURE.svg]

A room is a folder of `hilevel/`, a module beside them, or a backend. It stands above all rooms that it imports.
Imports in functions count, imports for type checkers do not.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = [ROOT / "hilevel", *sorted((ROOT / "backends").glob("hilevel_*"))]
WIDTH, HEIGHT, GAP = 118, 44, 56


def module_name(path: Path) -> str:
    """Return the dotted name of a module by its file."""
    base = ROOT / "backends" if (ROOT / "backends") in path.parents else ROOT
    return ".".join(path.relative_to(base).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_name(path): path for package in PACKAGES for path in sorted(package.rglob("*.py"))}


def room(module: str) -> str:
    """Return the room of a module: `hilevel.layers.core.dense` is in `layers`."""
    package, *parts = module.split(".")
    return parts[0] if package == "hilevel" and parts else package


def imports(path: Path) -> Iterator[str]:
    """Yield the modules of this project that a module imports."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ignored = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)
        elif isinstance(node, ast.ImportFrom) and id(node) not in ignored:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in FILES or node.module in FILES:
                    yield inner if inner in FILES else str(node.module)


def arrows() -> Counter[tuple[str, str]]:
    """Return the number of imports from one room to another."""
    pairs = ((room(name), room(other)) for name, path in FILES.items() for other in set(imports(path)))
    return Counter((a, b) for a, b in pairs if a != b and "hilevel" not in (a, b))


def floors(edges: Counter[tuple[str, str]], rooms: set[str]) -> dict[str, int]:
    """Return the floor of each room, one above the highest that it imports. One room of a circle stands too low."""
    found: dict[str, int] = {}
    while len(found) < len(rooms):
        left = rooms - found.keys()
        free = [r for r in left if not any(a == r and b in left for a, b in edges)]
        for name in free or [
            min(left, key=lambda r: (r not in reached(r, edges, left), outgoing(r, edges, left), r))
        ]:
            found[name] = 1 + max((found[b] for a, b in edges if a == name and b in found), default=-1)
    return found


def outgoing(room: str, edges: Counter[tuple[str, str]], among: set[str]) -> int:
    """Return the number of rooms that a room imports, among some."""
    return sum(a == room and b in among for a, b in edges)


def reached(room: str, edges: Counter[tuple[str, str]], among: set[str]) -> set[str]:
    """Return the rooms that the imports of a room lead to, among some."""
    found: set[str] = set()
    new = {room}
    while new:
        new = {b for a, b in edges if a in new and b in among} - found
        found |= new
    return found


def picture(edges: Counter[tuple[str, str]], lines: Counter[str]) -> str:
    """Return the drawing as SVG: a box for each room with its lines, an arrow for each pair; red ones run back up."""
    floor = floors(edges, set(lines))
    levels = [sorted(r for r in floor if floor[r] == n) for n in range(max(floor.values()) + 1)]
    wide = max(map(len, levels)) * (WIDTH + 14) + 20
    tall = len(levels) * (HEIGHT + GAP)
    at = {
        name: (
            (wide - len(level) * (WIDTH + 14)) / 2 + i * (WIDTH + 14),
            tall - (n + 1) * (HEIGHT + GAP) + 20,
        )
        for n, level in enumerate(levels)
        for i, name in enumerate(level)
    }
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall:.0f}" font-family="sans-serif">',
        f'<rect width="{wide:.0f}" height="{tall:.0f}" fill="#fff"/>',
    ]
    for (a, b), count in edges.items():
        (x0, y0), (x1, y1), up = at[a], at[b], floor[a] <= floor[b]
        color, thick = ("#c33", 2.0) if up else ("#8aa", min(0.6 + count / 12, 3.0))
        parts.append(
            f'<line x1="{x0 + WIDTH / 2:.0f}" y1="{y0 + HEIGHT:.0f}" x2="{x1 + WIDTH / 2:.0f}" y2="{y1:.0f}" '
            f'stroke="{color}" stroke-width="{thick:.1f}" opacity="0.55"/>'
        )
    for name, (x, y) in at.items():
        parts.append(
            f'<rect x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#eef3f6" stroke="#567"/>'
            f'<text x="{x + WIDTH / 2:.0f}" y="{y + 19:.0f}" text-anchor="middle" font-size="13">{name}</text>'
            f'<text x="{x + WIDTH / 2:.0f}" y="{y + 35:.0f}" text-anchor="middle" font-size="11" fill="#567">'
            f"{lines[name]:,} lines</text>"
        )
    return "\n".join([*parts, "</svg>\n"])


def main() -> None:
    """Run the command line."""
    edges, lines = arrows(), Counter[str]()
    for name, path in FILES.items():
        if room(name) != "hilevel":
            lines[room(name)] += path.read_text(encoding="utf-8").count("\n")
    floor = floors(edges, set(lines))
    for name in sorted(lines, key=lambda r: (-floor[r], r)):
        below = ", ".join(sorted(b for a, b in edges if a == name))
        print(f"floor {floor[name]:2}  {name:18} {lines[name]:6} lines  imports {below}")
    up = [f"{a} -> {b}" for a, b in edges if floor[a] <= floor[b]]
    print(f"{len(lines)} rooms, {len(edges)} arrows, {len(up)} run back up: {', '.join(up) or 'none'}")
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(picture(edges, lines), encoding="utf-8")


if __name__ == "__main__":
    main()
