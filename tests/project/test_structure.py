"""The rules of docs/architecture.md that can be read off the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hilevel.api.lazy import read_stub

ROOT = Path(__file__).parents[2]
FILES = {
    ".".join(p.relative_to(base).with_suffix("").parts).removesuffix(".__init__"): p
    for base in (ROOT, ROOT / "backends")
    for package in ("hilevel", "hilevel_numpy", "hilevel_jax", "hilevel_cupy")
    for p in sorted((base / package).rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}

# From bottom to top. A package may import from its own line and those above it here.
LAYERS = [
    "errors api",
    "engine tree masks dtype_policies config",
    "ops",
    "random utils.bounding_boxes",
    "initializers regularizers constraints activations distribution",
    "losses metrics optimizers layers",
    "callbacks training.data",
    "training",
    "models",
    "saving utils testing debug datasets backend preprocessing mixed_precision explain export wrappers",
    "visualization",
    "__init__ __main__ cli compat quickstart",
]
FOR_CHECKERS = {
    id(node)
    for tree in TREES.values()
    for block in ast.walk(tree)
    if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
    for node in ast.walk(block)
}
"""The statements below `if TYPE_CHECKING`, which never run."""
RANK = {name: rank for rank, line in enumerate(LAYERS) for name in line.split()}


def imports(name: str, deep: bool = False) -> set[str]:
    """Return the modules of this project that a module imports when it is loaded; with `deep`, in functions, too."""
    found = set()
    for node in ast.walk(TREES[name]) if deep else TREES[name].body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and id(node) not in FOR_CHECKERS:
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
    """No circle, imports in functions counted. A package's stub is loaded lazily and counts as no import."""
    left = {name: imports(name, deep=True) for name in FILES}
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"a circle among {sorted(left)}"
        for name in free:
            del left[name]


def test_imports_stand_at_the_top_of_a_file() -> None:
    """An import in a function is for an optional package only, never for a module of this project."""
    assert {name: found for name in FILES if (found := imports(name, deep=True) - imports(name))} == {}


@pytest.mark.parametrize("stub", sorted((ROOT / "hilevel").rglob("*.pyi")), ids=lambda p: p.parent.name)
def test_no_module_has_the_name_of_something_public_beside_it(stub: Path) -> None:
    """Loading `losses/hinge.py` would set `losses.hinge` to the module, in place of the function."""
    where, defined = read_stub(stub.read_text())
    package = ".".join(stub.parent.relative_to(ROOT).parts)
    modules = {p.stem for p in stub.parent.iterdir()}
    assert [n for n in [*where, *defined] if n in modules and where.get(n) != package] == []


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


LOOKS_AT_HOST_DATA = {
    "hilevel.engine.op.Op.__call__": "the byte order of arrays that the user hands in",
    "hilevel.engine.op._holds_tensor": "a list of arrays of a device is stacked there, one of numbers on the host",
    "hilevel.engine.op.is_emulated": "NumPy computes with arrays of the host, and stores bfloat16 only",
    "hilevel.engine.op.to_array": "arrays of the host are brought over, others stay where they are",
    "hilevel.engine.ranges._expect": "arrays of the host are checked at once",
    "hilevel.ops.numpy.indexing._has_values": "an index of the host has numbers, where only shapes are computed, too",
    "hilevel.ops.core.scatter._start_indices": "a start on the host is read as integers",
    "hilevel.ops.numpy.spacing.is_host_data": "values between ends on the host are computed there, in float64",
    "hilevel.ops.numpy.indexing.check_indices": "indices of the host are checked at once",
}
"""Functions of ops that look whether what a caller gave them is in the host's memory, and why."""


def functions_of(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """The functions of a module or class with their dotted names; what is outside of them under that of the module."""
    rest = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from functions_of(node, f"{path}.{node.name}")
        elif isinstance(node, ast.FunctionDef):
            yield f"{path}.{node.name}", node
        else:
            rest.append(node)
    yield path, ast.Module(rest, [])


def asks_for_numpy(function: Any) -> bool:
    """Whether it looks if something is an array of NumPy, or if a namespace is NumPy."""
    questions = [
        ast.unparse(node)
        for node in ast.walk(function)
        if isinstance(node, ast.Compare) or getattr(getattr(node, "func", None), "id", "") == "isinstance"
    ]
    return any(re.search(r"\b(_?ndarray|HOST_TYPES|is np|is not np|__name__)\b", q) for q in questions)


def test_ops_do_not_ask_whether_their_arrays_are_of_numpy() -> None:
    found = {
        path
        for name, tree in TREES.items()
        if name.startswith(("hilevel.ops", "hilevel.engine.op", "hilevel.engine.ranges"))
        for path, function in functions_of(tree, name)
        if asks_for_numpy(function)
    }
    assert found == set(LOOKS_AT_HOST_DATA)


@pytest.mark.parametrize(
    "question",
    [
        "isinstance(x, np.ndarray)", "isinstance(x, (np.ndarray, np.generic))", "x.__class__ is np.ndarray",
        "isinstance(g, np.ndarray | np.generic) and x.size < 9", "xp is not np", 'xp.__name__ == "numpy"',
        "type(x) is ndarray",
    ],
)  # fmt: skip
def test_questions_about_numpy_are_found(question: str) -> None:
    rule = f"@tanh.gradient\ndef _(xp, g, y, x):\n    return g if {question} else -g"
    tree = ast.parse(f"{rule}\nrelu.gradient(lambda xp, g, y, x: g if {question} else -g)")
    assert [asks_for_numpy(function) for _, function in functions_of(tree, "")] == [True, True]
    assert not asks_for_numpy(ast.parse("def f(xp, x):\n    return np.ones(3) if x.ndim == 2 else x"))


def private_names(tree: Any) -> list[str]:
    """Names of hilevel with an underscore that a module imports, or reads from what it imports."""
    found, imported = [], set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "hilevel":
            names = [*f"{node.module}".split("."), *(a.name for a in node.names)]
            found += [name for name in names if name.startswith("_")]
            imported |= {a.asname or a.name for a in node.names}
        elif isinstance(node, ast.Import):
            found += [a.name for a in node.names if re.match(r"hilevel\b.*\._", a.name)]
            imported |= {
                a.asname or a.name.split(".")[0] for a in node.names if a.name.split(".")[0] == "hilevel"
            }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_(?!_)", node.attr):
            root = ast.unparse(node.value).split(".")[0]
            found += [ast.unparse(node)] if root in imported else []
    return found


@pytest.mark.parametrize("name", [n for n in FILES if n.startswith("hilevel_")])
def test_backends_need_public_names_only(name: str) -> None:
    assert private_names(TREES[name]) == []


def test_private_names_are_found() -> None:
    for line in (
        "from hilevel.ops import convolution as plain\nplain._finish(1)", "from hilevel.ops.nn import _rows",
        "import hilevel\nhilevel.ops.nn._rows(x)", "from hilevel import _lazy", "import hilevel.engine._op as o",
    ):  # fmt: skip
        assert len(private_names(ast.parse(line))) == 1, line
    assert private_names(ast.parse("from hilevel.engine.types import Array\nself._x, np._y")) == []


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


def test_cores_are_counted_in_one_file() -> None:
    assert [name for name in FILES if "cpu_count" in FILES[name].read_text()] == ["hilevel.engine.machine"]


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
