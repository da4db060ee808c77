"""The `__getattr__` of the public modules: it loads families on first use, and explains names that are missing."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from opcode import opmap
from types import FrameType
from typing import Any


def where_names_are(families: Mapping[str, str]) -> dict[str, str]:
    """The module of each name, from a table of modules and the names in them."""
    return {name: module for module, names in families.items() for name in names.split()}


def install_getattr(
    package: str, families: Mapping[str, str] | None = None, modules: str = ""
) -> Callable[[str], Any]:
    """Give a public module its `__getattr__`, and return it.

    The module's own text has none, because type checkers would then accept every name.

    Args:
        package: the module's full name.
        families: its submodules that are loaded when one of their names is first used, with these names.
        modules: its submodules that are loaded when they are first used themselves.
    """
    where, lazy = where_names_are(families or {}), modules.split()

    def load(name: str) -> Any:
        if name in lazy:
            return importlib.import_module(f"{package}.{name}")
        if name not in where:
            raise _missing(package, name, sys._getframe(1))
        found = getattr(importlib.import_module(f"{package}.{where[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    vars(sys.modules[package])["__getattr__"] = load
    return load


class _Text:
    """The text about a missing name, made when it is shown: `hasattr` never needs it."""

    def __init__(self, package: str, name: str) -> None:
        self.package, self.name = package, name

    def __str__(self) -> str:
        return str(importlib.import_module("hilevel._missing").explain(self.package, self.name))

    __repr__ = __str__


def _missing(package: str, name: str, frame: FrameType) -> Exception:
    """Return the error for a name; an ImportError in `from package import name`, which would drop another's text."""
    module = sys.modules[package]
    loading = f"{package}.{name}" in sys.modules or getattr(module.__spec__, "_initializing", False)
    if name.startswith("_") or loading:
        return AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
    text = _Text(package, name)
    if frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]:
        return ImportError(str(text), name=package, path=getattr(module, "__file__", None))
    return AttributeError(text, name=name, obj=module)
