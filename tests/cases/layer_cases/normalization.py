"""Layers that normalise: `name: (class, arguments, inputs, arguments of the call)`."""

from __future__ import annotations

from typing import Any

from layer_cases import Inner

DENSE = Inner("Dense", {"units": 3})

CASES: dict[str, Any] = {
    "group norm": ("GroupNormalization", {"groups": 2}, [(3, 4, 6)]),
    "group norm axis 1": ("GroupNormalization", {"groups": 3, "axis": 1, "epsilon": 1e-5}, [(2, 6, 3, 2)]),
    "group norm middle axis": ("GroupNormalization", {"groups": 2, "axis": -2}, [(2, 3, 4, 2)]),
    "group norm of instances": ("GroupNormalization", {"groups": -1, "scale": False}, [(2, 5, 3)]),
    "group norm no places": ("GroupNormalization", {"groups": 2, "center": False}, [(4, 6)]),
    "rms norm": ("RMSNormalization", {}, [(4, 3, 5)]),
    "rms norm two axes": ("RMSNormalization", {"axis": [2, 1], "epsilon": 1e-3}, [(4, 3, 5)]),
    "unit norm": ("UnitNormalization", {}, [(4, 3, 5)]),
    "unit norm two axes": ("UnitNormalization", {"axis": [1, 2]}, [(4, 3, 5)]),
    "spectral norm": ("SpectralNormalization", {"layer": DENSE}, [(4, 5)]),
    "spectral norm training": ("SpectralNormalization", {"layer": DENSE}, [(4, 5)], {"training": True}),
    "spectral norm three iterations": (
        "SpectralNormalization", {"layer": DENSE, "power_iterations": 3}, [(4, 5)], {"training": True},
    ),
    "layer norm first axis": ("LayerNormalization", {"axis": 1}, [(4, 3, 5)]),
    "batch norm axis -2": ("BatchNormalization", {"axis": -2}, [(3, 4, 2)], {"training": True}),
}  # fmt: skip
