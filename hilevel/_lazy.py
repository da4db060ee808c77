"""Packages whose modules are loaded when something in them is first asked for, so that `import hilevel` stays quick."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any


def where_names_are(families: dict[str, str]) -> dict[str, str]:
    """The module of each name, from a table of modules and the names in them."""
    return {name: module for module, names in families.items() for name in names.split()}


def loader(package: str, families: dict[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package: it imports the module that a name is in, and remembers the name."""
    where = where_names_are(families)

    def load(name: str) -> Any:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}.")
        found = getattr(importlib.import_module(f"{package}.{where[name]}"), name)
        setattr(sys.modules[package], name, found)
        return found

    return load
