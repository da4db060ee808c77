"""Writes cupy_api.json: what CuPy offers, so that tests without a GPU do not rely on more. Needs CuPy, but no device.

python tests/data/make_cupy_api.py
"""

from __future__ import annotations

import inspect
import json
import pathlib
import warnings
from typing import Any

warnings.simplefilter("ignore")

import cupy  # noqa: E402
import cupyx  # noqa: E402
import cupyx.scipy.special  # noqa: E402


def parameters(thing: Any) -> list[str] | None:
    """The names of a function's parameters; None where it takes any, or cannot be asked."""
    if isinstance(thing, cupy.ufunc):
        return ["out", "dtype", "casting"]
    try:
        found = inspect.signature(thing).parameters.values()
    except (TypeError, ValueError):
        return None
    return None if any(p.kind is p.VAR_KEYWORD for p in found) else [p.name for p in found]


def names(module: Any) -> list[str]:
    return sorted(n for n in dir(module) if not n.startswith("_"))


def functions(module: Any) -> dict[str, list[str] | None]:
    """The functions of a module with the names of their parameters."""
    return {n: parameters(getattr(module, n)) for n in names(module) if inspect.isroutine(getattr(module, n))}


api = {
    "version": cupy.__version__,
    "cupy": {n: parameters(getattr(cupy, n)) for n in names(cupy)},
    "linalg": functions(cupy.linalg),
    "fft": functions(cupy.fft),
    "ndarray": sorted(dir(cupy.ndarray)),
    "ufunc": names(cupy.ufunc),
    "cuda": names(cupy.cuda),
    "cupyx": names(cupyx),
    "cupyx.scipy.special": names(cupyx.scipy.special),
}
target = pathlib.Path(__file__).with_name("cupy_api.json")
target.write_text(json.dumps(api, separators=(",", ":"), sort_keys=True) + "\n")
