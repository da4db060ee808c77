"""The rules of docs/architecture.md that can be read off the sources."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
FILES = {
    ".".join(p.relative_to(base).with_suffix("").parts).removesuffix(".__init__"): p
    for base in (ROOT, ROOT / "backends")
    for package in ("hilevel", "hilevel_numpy", "hilevel_jax", "hilevel_cupy")
    for p in sorted((base / package).rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}

# From bottom to top. A package may import from its own line and those above it here.
LAYERS = [
    "protocol _types errors _context overlay tree names _philox _lazy _missing _renamed",
    "tensor dtypes backends config registry configurable dtype_policies _memory",
    "interpreter",
    "autodiff.tape ops._abstract compile.capture compile.program compile.replay",
    "ops ops._op",
    "variables masks autodiff.functional autodiff.gradient_tape autodiff compile",
    "random",
    "initializers regularizers constraints activations graph",
    "losses metrics optimizers layers",
    "data callbacks",
    "training",
    "models",
    "saving utils testing debug datasets backend cli preprocessing mixed_precision",
    "__init__ __main__ quickstart",
]
RANK = {name: rank for rank, line in enumerate(LAYERS) for name in line.split()}


def imports(name: str) -> set[str]:
    """The modules of this project that a module imports when it is loaded."""
    found = set()
    for node in TREES[name].body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            found |= {f"{base}.{a.name}" if f"{base}.{a.name}" in FILES else base for a in node.names}
    return {module for module in found if module in FILES and module != name}


def rank(name: str) -> int:
    parts = name.split(".")[1:] or ["__init__"]
    return next(RANK[key] for n in (2, 1) if (key := ".".join(parts[:n])) in RANK)


def test_imports_point_down_only() -> None:
    up = [
        f"{name} -> {other}"
        for name in FILES
        if name.split(".")[0] == "hilevel"
        for other in imports(name)
        if other.split(".")[0] == "hilevel" and rank(other) > rank(name)
    ]
    assert up == []


def test_there_is_no_circle_of_imports() -> None:
    left = {name: imports(name) for name in FILES}
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"a circle among {sorted(left)}"
        for name in free:
            del left[name]


def names_of_backends(tree: Any) -> list[int]:
    """The lines where something is compared with a backend's name."""
    known = {"numpy", "jax", "cupy"}
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for part in (node.left, *node.comparators)
        for leaf in ast.walk(part)
        if isinstance(leaf, ast.Constant) and leaf.value in known
    ]


@pytest.mark.parametrize("name", [n for n in FILES if n.split(".")[0] == "hilevel"])
def test_nothing_asks_which_backend_it_is_on(name: str) -> None:
    assert names_of_backends(TREES[name]) == []
    for node in ast.walk(TREES[name]):
        modules = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not {m.split(".")[0] for m in modules} & {"jax", "jaxlib", "cupy", "cupyx"}


@pytest.mark.parametrize("name", FILES)
def test_files_are_short_and_functions_annotated(name: str) -> None:
    assert FILES[name].read_text().count("\n") <= 600
    bare = []
    for node in ast.walk(TREES[name]):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not is_op(node):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            untyped = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            if untyped or node.returns is None:
                bare.append(f"{node.name}, line {node.lineno}")
    assert bare == [] or name == "hilevel.quickstart"  # the first program one reads has no annotations


def is_op(node: Any) -> bool:
    """Whether it is an op's value or rule, where only the tensors are annotated."""
    return any(
        re.match(r"(op\b|\w+\.(gradient|shape|residuals)\b)", ast.unparse(d)) for d in node.decorator_list
    )


def test_the_layers_are_those_of_the_documentation() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    drawing = text.split("```")[1]
    at = [
        drawing.index(word)
        for word in ("cli", "models/", "training/", "callbacks/", "layers/", "initializers", "random/")
    ]
    assert at == sorted(at)
