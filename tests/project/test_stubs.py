"""The stubs of packages: each public name is listed once, exists, and is loaded when it is first used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from docs.reference_pages import modules
from hilevel.api.lazy import read_stub

ROOT = Path(__file__).parents[2]
STUBS = sorted((ROOT / "hilevel").rglob("*.pyi"))


def package_of(stub: Path) -> Any:
    return importlib.import_module(".".join(stub.parent.relative_to(ROOT).parts))


@pytest.mark.parametrize("stub", STUBS, ids=lambda p: p.parent.name)
def test_a_stub_names_what_its_package_has(stub: Path) -> None:
    package = package_of(stub)
    where, defined = read_stub(stub.read_text())
    public = {name for name in (*where, *defined) if not name.startswith("_")}
    assert set(dir(package)) == set(package.__all__) == public
    for name, module in where.items():
        found = getattr(package, name)
        inside = importlib.import_module(f"{module}.{name}" if module == package.__name__ else module)
        assert found is (inside if module == package.__name__ else getattr(inside, name)), name


def test_the_reference_has_the_packages_of_the_stubs() -> None:
    described = {module.__name__ for module in modules()}
    assert {package_of(stub).__name__ for stub in STUBS} <= described


def test_a_stub_is_read() -> None:
    text = "from a.b import c as c, d as d\nfrom a import (\n    e as e,\n)\nfrom a import F\n\n_x: int\n\ndef g() -> int: ...\n"
    assert read_stub(text) == ({"c": "a.b", "d": "a.b", "e": "a"}, ["_x", "g"])


def loaded(program: str) -> set[str]:
    """Return the modules that a program imports, without those of NumPy."""
    code = (
        f"import sys, numpy\nbefore = set(sys.modules)\n{program}\nprint(*sorted(set(sys.modules) - before))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(found.stdout.split())


def test_the_import_of_hilevel_loads_little() -> None:
    modules = loaded("import hilevel")
    assert len(modules) <= 8, modules
    assert {name for name in modules if name.startswith("hilevel")} == {
        "hilevel",
        "hilevel.api",
        "hilevel.api.lazy",
    }


def test_a_layer_loads_no_family_that_it_does_not_need() -> None:
    families = {name.split(".")[2] for name in loaded("import hilevel; hilevel.layers.Dense") if name.count(".") == 3
                and name.startswith("hilevel.layers.")}  # fmt: skip
    assert families == {"base", "core"}
    others = ("models", "training", "losses", "metrics", "optimizers", "callbacks", "datasets", "utils")
    modules = loaded("import hilevel; hilevel.layers.Dense")
    assert not {name for name in modules if name.startswith(tuple(f"hilevel.{o}" for o in others))}
    assert not {name for name in modules if name.split(".")[0] in ("jax", "cupy", "tqdm", "matplotlib")}
