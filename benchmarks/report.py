"""What was measured, as tables in Markdown."""

from __future__ import annotations

from statistics import median
from typing import Any

PEERS = ("torch", "keras-jax", "jax-by-hand")


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first two are numbers."""
    rule = ["---", "---", *["--:"] * (len(header) - 2)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits that count; a dash for none."""
    if value is None:
        return "-"
    shown = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in shown else shown


def ratio(times: dict[str, Any], ours: str, peer: str) -> float | None:
    """How long a step of one takes of the other's time: the median of what each round says."""
    a, b = (times.get(name, {}).get("ms", []) for name in (ours, peer))
    return median(x / y for x, y in zip(a, b, strict=False)) if a and b else None


def steps(times: dict[str, dict[str, Any]]) -> str:
    """Milliseconds of a step, and how they compare."""
    header = ["workload", "contender", "best ms", "median ms", *(f"of {p}" for p in PEERS), "first step s"]
    rows = []
    for workload, by_name in times.items():
        for name, found in by_name.items():
            ms = found["ms"]
            shown = [number(min(ms)), number(median(ms))] if ms else ["failed", "-"]
            ratios = [number(ratio(by_name, name, peer)) for peer in PEERS]
            rows.append([workload, name, *shown, *ratios, number(found["first"])])
    return table(header, rows)


def markdown(results: dict[str, Any]) -> str:
    """The whole report."""
    parts = [steps(results["workloads"])]
    for name, packages in results["missing"].items():
        parts.append(f"{name} did not take part: {', '.join(packages)} is not installed.")
    return "\n\n".join(parts)
