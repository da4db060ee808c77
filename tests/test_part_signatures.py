"""Initializers, regularizers, constraints, activations and optimizers have Keras's names, arguments and defaults."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pathlib
from typing import Any

import pytest

SIGNATURES = json.loads(
    (pathlib.Path(__file__).parent / "data" / "signatures_parts.json").read_text()
)


def plain(signature: inspect.Signature) -> str:
    """The signature as names and defaults alone."""
    bare = [
        p.replace(annotation=inspect.Parameter.empty)
        for p in signature.parameters.values()
        if p.name not in ("self", "args", "kwargs")
    ]
    return str(inspect.Signature([_default(p) for p in bare]))


def _default(p: inspect.Parameter) -> inspect.Parameter:
    """1 and 1.0 are one default."""
    number = isinstance(p.default, int) and not isinstance(p.default, bool)
    return p.replace(default=float(p.default)) if number else p


def expected(text: str) -> str:
    function: dict[str, Any] = {}
    exec(f"def f{text}: ...", function)
    return plain(inspect.signature(function["f"]))


@pytest.mark.parametrize("name", SIGNATURES)
def test_signature(name: str) -> None:
    *module, attribute = name.split(".")
    found = functools.reduce(
        getattr, [attribute], importlib.import_module(".".join(["hilevel", *module]))
    )
    assert plain(inspect.signature(found)) == expected(SIGNATURES[name])
