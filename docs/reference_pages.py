"""Pages of the API reference, written from the public names of hilevel when the documentation is built."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

import hilevel
from hilevel.api.missing import public_names
from hilevel.engine import types as _types_module

BY_IMPORT = ("hilevel.engine.protocol",)
"""Public modules that are not attributes of `hilevel`."""


def modules() -> list[ModuleType]:
    """Return the public modules: `hilevel`, the modules among its attributes, and the modules of `BY_IMPORT`."""
    return [*_within(hilevel), *map(import_module, BY_IMPORT)]


def _within(module: ModuleType) -> Iterator[ModuleType]:
    yield module
    for name in public_names(module):
        if inspect.ismodule(inner := getattr(module, name)):
            yield from _within(inner)


def names_of(module: ModuleType) -> dict[str, Any]:
    """Return the public classes and functions of a module by full name, in alphabetical order."""
    found = {name: getattr(module, name) for name in sorted(public_names(module), key=str.lower)}
    return {f"{module.__name__}.{n}": x for n, x in found.items() if callable(x) and not inspect.ismodule(x)}


def public() -> dict[str, Any]:
    """Return all public classes and functions by full name."""
    return {name: thing for module in modules() for name, thing in names_of(module).items()}


def homes() -> dict[int, str]:
    """Return the main name of each public object, by `id`. The other names of the object are aliases.

    The main name is the object's own name if possible, in a module below `hilevel`, preferably the defining module.
    """
    found: dict[int, str] = {}
    for name, thing in sorted(public().items(), key=_rank):
        found.setdefault(id(thing), name)
    return found


def _rank(item: tuple[str, Any]) -> tuple[bool, bool, bool, int, str]:
    """Return the key by which the names of an object are sorted, the best first."""
    name, thing = item
    module, _, short = name.rpartition(".")
    elsewhere = not f"{thing.__module__}.".startswith(f"{module}.")
    return short != thing.__name__, module == "hilevel", elsewhere, module.count("."), name


def kind(thing: Any) -> str:
    """Return the kind of an object in Sphinx's terms: `"class"`, `"exception"` or `"function"`."""
    if not inspect.isclass(thing):
        return "function"
    return "exception" if issubclass(thing, BaseException) else "class"


def write(folder: Path) -> None:
    """Write the pages to a folder, and delete all other pages in it. Files without changes keep their time."""
    pages = {folder / f"{name}.rst": text for name, text in _pages()}
    for path in set(folder.rglob("*.rst")) - pages.keys():
        path.unlink()
    for path, text in pages.items():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def _pages() -> Iterator[tuple[str, str]]:
    """Yield the file name, without its ending, and the text of each page."""
    yield "index", _index()
    yield "types", _types()
    home = homes()
    for module in modules():
        yield module.__name__, _module_page(module, home)
        for name, thing in names_of(module).items():
            if name == home[id(thing)]:
                yield _file(name, thing), _page(name, thing, home)


def _file(name: str, thing: Any) -> str:
    """Return the file name of an object's page. A folder for each kind separates `Op` from `op` on any file system."""
    return f"{kind(thing)}/{name}"


def _index() -> str:
    listed = modules()
    table = _table("", [m.__name__ for m in listed])
    return _title("API reference") + table + _toctree([*(m.__name__ for m in listed), "types"])


def _module_page(module: ModuleType, home: dict[int, str]) -> str:
    """Return the page of a module. Another name of an object has a row that leads to the page of the object."""
    names = names_of(module)
    head = _title(module.__name__) + f".. automodule:: {module.__name__}\n\n"
    inner = [n for n in public_names(module) if inspect.ismodule(getattr(module, n))]
    kinds = {"class": "Classes", "exception": "Exceptions", "function": "Functions"}
    of_kind = {k: [_row(name, home[id(t)]) for name, t in names.items() if kind(t) == k] for k in kinds}
    own = [_file(name, thing) for name, thing in names.items() if name == home[id(thing)]]
    tables = [_table("Modules", inner), *(_table(title, of_kind[k]) for k, title in kinds.items())]
    return head + "".join(tables) + _toctree(own)


def _row(name: str, home: str) -> str:
    """Return the entry of a table for a name: without its module if the page is there, else a link to the page."""
    module, _, short = home.rpartition(".")
    return short if module == name.rpartition(".")[0] else f"~{home}"


def _types() -> str:
    """Return the page of the type names in signatures, with the texts of their definitions."""
    tensor = _entry(
        f"class:: Tensor\n   :canonical: {_types_module.__name__}.Tensor",
        inspect.getdoc(_types_module.Tensor) or "",
    )
    others = [_entry(f"type:: {name}", text) for name, text in sorted(aliases().items())]
    return _title("Types in signatures") + tensor + "".join(others)


def aliases() -> dict[str, str]:
    """Return the type aliases of the package by name, each with the text below its definition."""
    found: dict[str, str] = {}
    for path in sorted(Path(str(hilevel.__file__)).parent.rglob("*.py")):
        for owner in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for part in (getattr(owner, "body", None), getattr(owner, "orelse", None)):
                nodes = part if isinstance(part, list) else []
                for node, below in zip(nodes, [*nodes[1:], None], strict=False):
                    match node, below:
                        case ast.AnnAssign(ast.Name(name), ast.Name("TypeAlias")), ast.Expr(
                            ast.Constant(str(text))
                        ):
                            found[name] = inspect.cleandoc(text)
                        case ast.AnnAssign(ast.Name(name), ast.Name("TypeAlias")), _:
                            found.setdefault(name, f"See `{path.name}`.")
    return found


def _entry(head: str, text: str) -> str:
    """Return a directive of Sphinx's Python domain with its text."""
    return f".. py:{head}\n\n{indent(text, '   ')}\n\n"


def _page(name: str, thing: Any, home: dict[int, str]) -> str:
    """Return the page of an object."""
    module, _, short = name.rpartition(".")
    head = _title(short) + f".. currentmodule:: {module}\n\n"
    options = _members(thing, home) if inspect.isclass(thing) else ""
    return head + f".. auto{kind(thing)}:: {short}\n" + options


def _members(thing: type, home: dict[int, str]) -> str:
    """Return the options for the members of a class: its own, and the members of its bases without a page."""
    described = {c.__name__ for base in thing.__mro__[1:] if _has_page(base, home) for c in base.__mro__}
    described |= {base.__name__ for base in thing.__mro__ if not base.__module__.startswith("hilevel")}
    options = f"   :members:\n   :inherited-members: {', '.join(sorted(described))}\n"
    modules = {name: str(getattr(member, "__module__", "")) for name, member in vars(thing).items()}
    foreign = [name for name, module in modules.items() if module.startswith("sklearn.")]
    options += f"   :exclude-members: {', '.join(foreign)}\n" if foreign else ""
    return options + "   :show-inheritance:\n" * bool(public_bases(thing, home))


def public_bases(thing: type, home: dict[int, str]) -> list[type]:
    """Return the nearest base class with a page, in a list, which is empty if there is none."""
    return [base for base in thing.__mro__[1:-1] if _has_page(base, home)][:1]


def _has_page(base: type, home: dict[int, str]) -> bool:
    return id(base) in home or base.__module__ == "builtins"


def _title(text: str) -> str:
    return f"{text}\n{'=' * len(text)}\n\n"


def _table(title: str, names: list[str]) -> str:
    """Return a table with the first sentence about each name, or an empty string without names."""
    rows = "".join(f"   {name}\n" for name in names)
    head = f".. rubric:: {title}\n\n" if title else ""
    return f"{head}.. autosummary::\n   :nosignatures:\n\n{rows}\n" if names else ""


def _toctree(files: list[str]) -> str:
    return ".. toctree::\n   :hidden:\n\n" + "".join(f"   {file}\n" for file in files)
