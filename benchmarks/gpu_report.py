"""The times on a GPU in Markdown: `python benchmarks/gpu_report.py TIMES.json` shows a file of times."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from string import Template
from typing import Any

from arithmetic import bytes_moved, operations
from report import Results, best_and_median, by_contender, names, number, ratios, sections, table

HERE = Path(__file__).resolve().parent
PEERS = ("torch", "torch-compiled")


def shares(results: Results) -> str:
    """Return the least work of a step, the slower of its two parts, and the fraction of that rate reached."""
    columns = names(results["workloads"])
    rows = []
    for workload, by_name in results["workloads"].items():
        batch, width = results["sizes"][workload]
        work = {
            "operations": operations(workload, batch, width),
            "bytes": bytes_moved(workload, batch, width),
        }
        least = {what: work[what] / results["rates"][what] for what in work}
        bound = max(least, key=lambda what: least[what])
        counted = [number(work["operations"] / 1e9), number(work["bytes"] / 1e6)]
        reached = [share(least[bound], by_name.get(name)) for name in columns]
        rows.append([workload, bound, str(batch), str(width), *counted, *reached])
    return table(["workload", "bound by", "batch", "width", "10^9 operations", "MB", *columns], rows, 2)


def share(least: float, found: Any) -> str:
    """Return the seconds of a contender's best step."""
    return f"{number(100e3 * least / min(found['ms']), 2)}%" if found and found["ms"] else ""


def rates(found: Any) -> str:
    """Return the card's rates, in a sentence."""
    product, copied = number(found["operations"] / 1e12), number(found["bytes"] / 1e9)
    return (
        f"{product} * 10^12 operations a second in a float32 product, with TF32 off, and "
        f"{copied} GB a second in a copy, read and written; by {found['by']}."
    )


def parts(results: Results) -> dict[str, str]:
    """Return each piece of the report, by its name in the page."""
    workloads = results["workloads"]
    return {
        "rates": rates(results["rates"]),
        "steps": by_contender(workloads, best_and_median),
        "ratios": ratios(workloads, PEERS),
        "shares": shares(results),
        "first": by_contender(workloads, lambda found: number(found["first"])),
        "missing": "\n".join(
            f"{name} did not take part: {library} is not installed, or sees no CUDA device."
            for name, library in results["missing"].items()
        ),
    }


TITLES = {
    "rates": "The card",
    "steps": "Milliseconds of a training step: best (median)",
    "ratios": "The time of a step as a multiple of its peers' times",
    "shares": "The share of the card's rate that is reached, float32 with TF32 off",
    "first": "Seconds to the first step",
    "missing": "Missing",
}


def markdown(results: Results) -> str:
    """Return the report for a terminal."""
    return sections(parts(results), TITLES)


def write_page(results: Results) -> None:
    """Write docs/benchmarks-gpu.md from its template."""
    template = Template((HERE / "gpu_page.md").read_text())
    page = template.substitute(parts(results), **results["machine"])
    (HERE.parent / "docs" / "benchmarks-gpu.md").write_text(page)


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))
