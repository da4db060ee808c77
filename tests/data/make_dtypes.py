"""Write dtypes.json: the dtypes of Keras's results, for the calls in tests/dtype_cases.py.

Run with Keras 3.15.1 and JAX installed: `KERAS_BACKEND=jax python tests/data/make_dtypes.py [OPS]`. It takes six
minutes for all ops. With names of ops it computes these alone, and keeps the other results.
Ops get no 64-bit arrays, which Keras on JAX does not have. `-` stands for an error.
"""

from __future__ import annotations

import json
import pathlib
import sys
from collections import defaultdict
from typing import Any

import keras
import numpy as np

FOLDER = pathlib.Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent / "cases"))
from dtype_cases import BINARY, NARROW, NUMBERS, OPERANDS, UNARY, operand, pairs, signature  # noqa: E402

KINDS = ("unary", "binary")
PYTHON: dict[str, Any] = {"int": int, "float": float}


def tensor(name: str) -> Any:
    x = operand(name, lambda dtype: np.dtype("float32" if dtype == "bfloat16" else dtype))
    return x if name in NUMBERS else keras.ops.convert_to_tensor(x, name)


def outcome(case: Any, name: str, operands: tuple[str, ...]) -> str:
    try:
        return signature(case(getattr(keras.ops, name), *map(tensor, operands)))
    except (TypeError, ValueError):
        return "-"


def grouped(results: dict[str, list[str]]) -> dict[str, str]:
    """Ops with equal results together."""
    groups = defaultdict(list)
    for name, row in results.items():
        groups["; ".join(row)].append(name)
    return {row: " ".join(sorted(names)) for row, names in groups.items()}


def result_type(a: str, b: str) -> str:
    return str(keras.backend.result_type(PYTHON.get(a, a), PYTHON.get(b, b)))


def main(*wanted: str) -> None:
    old = json.loads((FOLDER / "dtypes.json").read_text()) if wanted else {}
    unary, binary = (
        {n: row.split("; ") for row, names in old.get(k, {}).items() for n in names.split()} for k in KINDS
    )
    for name in wanted or (*UNARY, *BINARY):
        if not hasattr(keras.ops, name):
            continue
        if name in UNARY:
            unary[name] = [outcome(UNARY[name], name, (d,)) for d in NARROW]
        else:
            binary[name] = [outcome(BINARY[name], name, p) for p in pairs(name)]
    data = {
        "result_type": {a: " ".join(result_type(a, b) for b in OPERANDS) for a in OPERANDS},
        "unary": grouped(unary),
        "binary": grouped(binary),
    }
    (FOLDER / "dtypes.json").write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
