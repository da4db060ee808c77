"""The ops' names and signatures against those of keras.ops."""

from __future__ import annotations

import inspect
import json
import pathlib
import re
from typing import Any

import pytest

from hilevel import ops

API = json.loads((pathlib.Path(__file__).parent / "data" / "keras_api.json").read_text())
KERAS = {n.removeprefix("keras.ops."): v for n, v in API.items() if n.startswith("keras.ops.")}

NOT_YET = {
    "associative_scan", "average_pool", "cholesky", "conv", "conv_transpose", "ctc_loss", "depthwise_conv", "det",
    "dot_product_attention", "eigh", "extract_sequences", "fft", "fft2", "ifft2", "image.extract_patches",
    "image.resize", "inv", "irfft", "istft", "lstsq", "max_pool", "pinv", "qr", "rearrange", "rfft",
    "separable_conv", "slogdet", "solve", "solve_triangular", "stft", "svd", "unfold", "vectorize",
}  # fmt: skip
OURS = {
    "Op",
    "Composite",
    "op",
    "composite",
    "dense",
    "drop",
    "getitem",
    "mish",
    "put_add",
    "standardize",
}
DIFFERENT = {"multi_hot": "the old argument num_tokens is not taken"}


def find(name: str) -> Any:
    found: Any = ops
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def plain(name: str) -> str:
    """The name without the part that only groups it."""
    return re.sub(r"^(numpy|nn|linalg|core|math)\.", "", name)


def signature(function: Any) -> str:
    """A signature in the notation of the stored ones."""
    out = []
    for p in inspect.signature(function).parameters.values():
        prefix = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**", p.KEYWORD_ONLY: "kwonly:"}.get(
            p.kind, ""
        )
        out.append(f"{prefix}{p.name}" + ("" if p.default is p.empty else f"={p.default!r}"))
    return f"({', '.join(out)})"


@pytest.mark.parametrize("name", [n for n in KERAS if KERAS[n]["tier"] in ("core", "important")])
def test_keras_ops(name: str) -> None:
    if plain(name) in NOT_YET:
        assert find(name) is None, f"{name} is there now: take it off NOT_YET"
        return
    assert find(name) is not None, f"ops.{name} is missing"
    if plain(name) not in DIFFERENT and not inspect.isclass(find(name)):
        assert signature(find(name)) == KERAS[name]["signature"]


@pytest.mark.parametrize("name", [n for n in KERAS if KERAS[n]["tier"] == "long_tail"])
def test_rarer_ops_where_they_are(name: str) -> None:
    if find(name) is not None:
        assert signature(find(name)) == KERAS[name]["signature"]


def test_names_of_our_own_are_listed() -> None:
    assert set(ops.__all__) - {plain(n) for n in KERAS} == OURS


def test_all_is_complete() -> None:
    assert len(set(ops.__all__)) == len(ops.__all__)
    assert all(hasattr(ops, n) for n in ops.__all__)
