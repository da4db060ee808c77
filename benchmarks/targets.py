"""The targets of hilevel: ratios, which hold on another machine, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_WORKLOADS = (
    "mlp", "cnn", "lstm_small", "lstm", "lstm_attention", "resnet_small", "transformer", "gan_step", "deep_narrow",
)  # fmt: skip


def _aims(*values: float) -> dict[str, float]:
    return dict(zip(_WORKLOADS, values, strict=True))


STEPS = [
    ("hilevel-jax", "torch", _aims(0.5, 0.95, 0.2, 0.95, 0.9, 1.7, 1.2, 0.5, 0.13)),
    ("hilevel-jax", "keras-jax", _aims(0.65, 0.3, 0.6, 0.55, 0.7, 0.7, 0.55, 0.85, 0.55)),
    ("hilevel-numpy", "torch", _aims(0.8, 0.9, 0.4, 2.0, 1.2, 2.2, 1.4, 0.7, 0.28)),
]
"""Of a training step: whose, against whose, and the ratio of each workload."""


def of(found: dict[str, Any], ours: str, peer: str) -> float | None:
    """Return the ratio of two values, of which any may be missing."""
    a, b = found.get(ours), found.get(peer)
    return a / b if a is not None and b else None


def _ratio(what: str, ours: str, peer: str) -> Callable[[Any], float | None]:
    return lambda found: of(found[what], ours, peer)


OTHERS: list[tuple[str, float, Callable[[Any], float | None]]] = [
    ("fit / loop by hand over the same step, hilevel-jax", 1.02,
     lambda found: found.get("fit / loop by hand", {}).get("hilevel-jax")),
    ("predict of one row, hilevel-numpy, ms", 0.1, lambda found: found["predict 1 ms"].get("hilevel-numpy")),
    ("predict of one row: hilevel-jax / keras-jax", 0.5, _ratio("predict 1 ms", "hilevel-jax", "keras-jax")),
    ("memory on the mlp: hilevel-numpy / numpy-by-hand", 1.3, _ratio("memory MB", "hilevel-numpy", "numpy-by-hand")),
    ("start to a trained mlp: hilevel-numpy / keras-jax", 0.2, _ratio("trained s", "hilevel-numpy", "keras-jax")),
    ("import: hilevel / numpy", 2.5, _ratio("import s", "hilevel", "numpy")),
]  # fmt: skip
"""The other targets: the name, the target, and the function that reads the value from the measurements."""
