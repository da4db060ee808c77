"""Public names that are loaded at their first use, and the errors about missing names.

A package lists its public names once, in its `__init__.pyi`, which type checkers and editors read. `attach_stub` reads
the same list. After `from hilevel.layers.core.dense import Dense as Dense` in a stub, the first use of
`hilevel.layers.Dense` imports that module.

Source: SPEC 1 of Scientific Python, "Lazy loading of submodules and functions".
"""

from __future__ import annotations

import importlib
import re
import sys
from opcode import opmap
from types import FrameType
from typing import Any

_IMPORT = re.compile(r"^from (\S+) import (?:\(([^)]*)\)|(.*))$", re.M)
_DEFINED = re.compile(r"^(?:def|class) (\w+)|^(\w+):", re.M)


def read_stub(text: str) -> tuple[dict[str, str], list[str]]:
    """Return the module of each name that a stub imports, and the names that the stub defines.

    A stub imports a public name as `name as name`, or all names of a package by `*`.
    """
    where: dict[str, str] = {}
    for module, several, single in _IMPORT.findall(text):
        if single == "*":
            where |= dict.fromkeys(importlib.import_module(module).__all__, module)
        for part in (several or single).split(","):
            name, _, public = part.strip().partition(" as ")
            if name and name == public:
                where[name] = module
    return where, ["".join(names) for names in _DEFINED.findall(text)]


def attach_stub(package: str) -> None:
    """Give a package the names of its `__init__.pyi`.

    Args:
        package: the full name of the package, which is being imported.
    """
    module = sys.modules[package]
    with open(f"{module.__file__}i", encoding="utf-8") as stub:
        where, defined = read_stub(stub.read())
    names = sorted([*where, *(n for n in defined if not n.startswith("_"))])

    def load(name: str) -> Any:
        if name not in where:
            raise _missing(package, name, sys._getframe(1))
        source = where[name]
        if source == package:
            return importlib.import_module(f"{package}.{name}")
        found = getattr(importlib.import_module(source), name)
        setattr(module, name, found)
        return found

    vars(module).update(__getattr__=load, __dir__=lambda: names, __all__=names)


def install_getattr(name: str) -> None:
    """Add a `__getattr__` to a public module that explains missing names.

    The source of the module has no `__getattr__`, as type checkers would then accept every name.
    """

    def load(missing: str) -> Any:
        raise _missing(name, missing, sys._getframe(1))

    vars(sys.modules[name])["__getattr__"] = load


class LazyModule:
    """A module that is imported at the first use of an attribute, for modules that it imports itself.

    >>> from hilevel.api.lazy import LazyModule
    >>> LazyModule("math").pi
    3.141592653589793
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        found = getattr(importlib.import_module(self.__name__), name)
        self.__dict__[name] = found
        return found


class _Text:
    """The message about a missing name, composed when it is shown, as `hasattr` does not need it."""

    def __init__(self, package: str, name: str) -> None:
        self.package, self.name = package, name

    def __str__(self) -> str:
        return str(importlib.import_module("hilevel.api.missing").explain(self.package, self.name))

    __repr__ = __str__


def _missing(package: str, name: str, frame: FrameType) -> Exception:
    """Return the error for a name: an ImportError in `from package import name`, else an AttributeError."""
    module = sys.modules[package]
    loading = f"{package}.{name}" in sys.modules or getattr(module.__spec__, "_initializing", False)
    if name.startswith("_") or loading:
        return AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=module)
    text = _Text(package, name)
    if frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]:
        return ImportError(str(text), name=package, path=getattr(module, "__file__", None))
    return AttributeError(text, name=name, obj=module)
