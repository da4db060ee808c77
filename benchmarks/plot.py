"""The picture: `python benchmarks/plot.py TIMES.json PICTURE.png`. Each time is a multiple of the fastest."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from PIL import Image

COLOURS = {
    "hilevel-numpy": "#0b6e4f", "hilevel-jax": "#1fa774",
    "torch": "#e4572e", "keras-torch": "#f3a683", "keras-jax": "#4a7bb7", "jax-by-hand": "#a9c6e8",
    "autograd": "#8d8d8d", "numpy-by-hand": "#c9c9c9",
}  # fmt: skip


def times_the_fastest(by_name: dict[str, Any]) -> dict[str, float]:
    """Return the times as multiples of the fastest, by medians."""
    medians = {name: median(found["ms"]) for name, found in by_name.items() if found["ms"]}
    return {name: ms / min(medians.values()) for name, ms in medians.items()}


def draw(workloads: dict[str, Any]) -> Any:
    """Draw a group of bars for each workload, in three rows; the scale is logarithmic."""
    figure, axes = plt.subplots(3, 3, figsize=(9, 6.4), sharey=True)
    for ax, (workload, by_name) in zip(axes.flat, workloads.items(), strict=False):
        bars = times_the_fastest(by_name)
        shown = [name for name in COLOURS if name in bars]
        drawn = ax.bar(range(len(shown)), [bars[n] for n in shown], color=[COLOURS[n] for n in shown])
        ax.bar_label(
            drawn, [f"{bars[n]:.2g}" if bars[n] < 10 else f"{bars[n]:.0f}" for n in shown], fontsize=7
        )
        ax.set(title=workload, yscale="log", xticks=[])
        ax.set_yticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"], minor=False)
        ax.minorticks_off()
        ax.set_ylim(bottom=0.7)
        ax.margins(y=0.15)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes.flat[len(workloads) :]:
        ax.axis("off")
    axes[1, 0].set_ylabel("times as long as the fastest")
    patches = [plt.Rectangle((0, 0), 1, 1, color=colour) for colour in COLOURS.values()]
    figure.legend(patches, COLOURS, ncol=5, loc="lower center", fontsize=8, frameon=False)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    return figure


def main(times: str, picture: str) -> None:
    """Read the times, and draw; few colours make a small file."""
    drawn = io.BytesIO()
    draw(json.loads(Path(times).read_text())["workloads"]).savefig(drawn, dpi=80)
    Image.open(drawn).convert("RGB").quantize(64).save(picture, optimize=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
