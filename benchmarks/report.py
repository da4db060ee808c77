"""The times in Markdown: `python benchmarks/report.py TIMES.json [--docs]` shows the results of `run.py`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from string import Template
from typing import Any

from targets import OTHERS, STEPS, of

HERE = Path(__file__).resolve().parent
PEERS = ("torch", "keras-jax", "jax-by-hand")
Results = dict[str, Any]


# -- values and tables -----------------------------------------------------------------------------------


def table(header: list[str], rows: list[list[str]], words: int = 1) -> str:
    """Return a Markdown table; all columns but the first few are values."""
    rule = ["---"] * words + ["--:"] * (len(header) - words)
    return "\n".join("| " + " | ".join(row) + " |" for row in [header, rule, *rows])


def number(value: float | None, digits: int = 3) -> str:
    """Return a value with so many significant digits; a dash for none."""
    if value is None:
        return "-"
    shown = f"{value:#.{digits}g}".rstrip(".")
    return f"{value:.0f}" if "e" in shown else shown


def ratio(by_name: Results, ours: str, peer: str) -> float | None:
    """Return the ratio of the times of a step, in the best round of each."""
    a, b = (by_name.get(name, {}).get("ms", []) for name in (ours, peer))
    return min(a) / min(b) if a and b else None


# -- the tables ------------------------------------------------------------------------------------------


def names(workloads: Results) -> list[str]:
    """Return the contenders of all workloads."""
    return list(dict.fromkeys(name for by_name in workloads.values() for name in by_name))


def by_contender(workloads: Results, show: Callable[[Any], str]) -> str:
    """Return a row for each workload, a column for each contender."""
    columns = names(workloads)
    rows = [
        [workload, *(show(by_name[name]) if name in by_name else "" for name in columns)]
        for workload, by_name in workloads.items()
    ]
    return table(["workload", *columns], rows)


def best_and_median(found: Any) -> str:
    """Return both times of one contender."""
    ms = found["ms"]
    return f"{number(min(ms))} ({number(median(ms))})" if ms else "failed"


def ratios(workloads: Results, peers: tuple[str, ...] = PEERS) -> str:
    """Compare hilevel with each of its peers."""
    rows = [
        [workload, name, *(number(ratio(by_name, name, peer)) for peer in peers)]
        for workload, by_name in workloads.items()
        for name in by_name
        if name.startswith("hilevel")
    ]
    return table(["workload", "", *(f"of {peer}" for peer in peers)], rows, 2)


def others(found: Results) -> str:
    """Return a row for each contender, a column for each other thing; imports apart."""
    columns = [what for what in found if what not in ("import s", "fit / loop by hand")]
    rows = [
        [name, *(number(found[what].get(name)) for what in columns)] for name in found.get("trained s", {})
    ]
    return table(["contender", *columns], rows)


def imports(found: dict[str, float]) -> str:
    """Return each import, and its time as a multiple of NumPy's."""
    rows = [[name, number(seconds), number(of(found, name, "numpy"))] for name, seconds in found.items()]
    return table(["import", "s", "of numpy's"], rows)


# -- targets ---------------------------------------------------------------------------------------------


def goal(what: str, target: float, value: float | None) -> list[str]:
    """Return a row that says whether a target is reached."""
    verdict = "not measured" if value is None else "reached" if value <= target else "not reached"
    return [what, f"{target:g}", number(value), verdict]


def goals(results: Results) -> str:
    """Return all targets, and the measured values."""
    rows = []
    for workload, by_name in results["workloads"].items():
        for ours, peer, aims in STEPS:
            rows.append(goal(f"{workload}: {ours} / {peer}", aims[workload], ratio(by_name, ours, peer)))
    if found := results.get("others"):
        rows += [goal(what, target, measured(found)) for what, target, measured in OTHERS]
    return table(["ratio", "at most", "measured", ""], rows)


# -- the whole -------------------------------------------------------------------------------------------


def parts(results: Results) -> dict[str, str]:
    """Return each piece of the report, by its name in the page."""
    workloads = results["workloads"]
    pieces = {
        "steps": by_contender(workloads, best_and_median),
        "ratios": ratios(workloads),
        "first": by_contender(workloads, lambda found: number(found["first"])),
        "goals": goals(results),
        "missing": "\n".join(
            f"{name} did not take part: {', '.join(packages)} is not installed."
            for name, packages in results["missing"].items()
        ),
    }
    on_gpu = (HERE.parent / "docs/benchmarks-gpu.md").exists()
    pieces["gpu"] = "[Results](benchmarks-gpu.md)." if on_gpu else "There are no results yet."
    if found := results.get("others"):
        pieces |= {"others": others(found), "imports": imports(found["import s"])}
        pieces["loop"] = number(found.get("fit / loop by hand", {}).get("hilevel-jax"))
    return pieces


TITLES = {
    "steps": "Milliseconds of a training step: best (median)",
    "ratios": "The time of a step as a multiple of its peers' times",
    "first": "Seconds to the first step",
    "others": "Beside the step",
    "imports": "Imports",
    "goals": "Targets",
    "missing": "Missing",
}


def markdown(results: Results) -> str:
    """Return the report for a terminal."""
    return sections(parts(results), TITLES)


def sections(pieces: dict[str, str], titles: dict[str, str]) -> str:
    """Return the pieces that there are, under their titles."""
    return "\n\n".join(f"## {title}\n\n{pieces[name]}" for name, title in titles.items() if pieces.get(name))


def write_page(results: Results, python: str = sys.executable) -> None:
    """Write docs/benchmarks.md from its template, and draw its picture.

    Raises:
        ValueError: the run left out a part that the page shows.
    """
    pieces = parts(results)
    if "others" not in pieces:
        raise ValueError("The page shows all that run.py measures: run it without --only.")
    docs = HERE.parent / "docs"
    template = Template((HERE / "page.md").read_text())
    (docs / "benchmarks.md").write_text(template.substitute(pieces, **results["machine"]))
    times = HERE / ".times.json"
    times.write_text(json.dumps(results))
    subprocess.run(
        [python, str(HERE / "plot.py"), str(times), str(docs / "images/benchmarks.png")], check=True
    )
    times.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("times", type=Path)
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md")
    chosen = parser.parse_args()
    kept = json.loads(chosen.times.read_text())
    print(markdown(kept))
    if chosen.docs:
        write_page(kept)
