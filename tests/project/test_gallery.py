"""The programs of examples/gallery, in their quick form, in this process; each checks its own result."""

from __future__ import annotations

import importlib.util
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

import hilevel

ROOT = Path(__file__).parents[2]
GALLERY = ROOT / "examples/gallery"
SHARED = {"checks", "cart_pole"}
PROGRAMS = sorted({file.stem for file in GALLERY.glob("*.py")} - SHARED)


def main_of(name: str, monkeypatch: Any) -> Any:
    monkeypatch.syspath_prepend(GALLERY)
    return runpy.run_path(str(GALLERY / f"{name}.py"))["main"]


ON_JAX = ["graph_network", "language_model", "physics", "vae", "wgan_gp"]
"""The programs that run on JAX, too: training steps of their own, and each kind of layer. Compilation takes seconds."""


@pytest.mark.parametrize(
    ("name", "backend"),
    [*((n, "numpy") for n in PROGRAMS), *(pytest.param(n, "jax", marks=pytest.mark.slow) for n in ON_JAX)],
)
def test_a_program_learns(name: str, backend: str, monkeypatch: Any, capsys: Any) -> None:
    if backend == "jax" and not importlib.util.find_spec("jax"):
        pytest.skip("needs jax")
    main = main_of(name, monkeypatch)
    with hilevel.use_backend(backend):
        main(quick=True)
    assert "Learned: " in capsys.readouterr().out


@pytest.mark.parametrize("name", ["graph_network", "physics", "structured_data"])
def test_a_program_that_learns_nothing_stops_with_an_error(name: str, monkeypatch: Any) -> None:
    adam = hilevel.optimizers.Adam
    monkeypatch.setattr(hilevel.optimizers, "Adam", lambda *_, **__: adam(learning_rate=0.0))
    with hilevel.use_backend("numpy"), pytest.raises(SystemExit, match="Not learned: "):
        main_of(name, monkeypatch)(quick=True)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_describes_itself_and_is_short(name: str) -> None:
    text = (GALLERY / f"{name}.py").read_text()
    about = text.split('"""')[1]
    assert re.search(r"(19|20)\d\d\)", about), "the source of the idea"
    assert "\nIt prints " in about
    assert 40 <= text.count("\n") <= 110


def test_the_page_has_a_row_for_each_program() -> None:
    page = (ROOT / "docs/gallery.md").read_text()
    rows = re.findall(r"^\| \[\w[^]]*\]\(\.\./examples/gallery/(\w+)\.py\)", page, re.M)
    assert sorted(rows) == PROGRAMS
