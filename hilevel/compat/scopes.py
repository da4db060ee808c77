"""The names and calls of Keras and TensorFlow in the source of a program, found without running it."""

from __future__ import annotations

import ast
from collections import ChainMap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType

from hilevel.api.missing import public_names
from hilevel.compat.hook import ROOTS
from hilevel.compat.names import find, reason

_Scope = ChainMap[str, "str | None"]
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass
class Uses(ast.NodeVisitor):
    """The uses of Keras and TensorFlow in a program: dotted names and keyword arguments, with their lines.

    A scope has the dotted name of each variable, such as `"keras.backend"` for `K`; None for other variables.
    `"keras.Sequential()"` is an instance. As in Python, a function's body is read after its module.
    """

    names: list[tuple[int, str]] = field(default_factory=list)
    keywords: list[tuple[int, str, str]] = field(default_factory=list)
    scope: _Scope = field(default_factory=ChainMap)
    enclosing: _Scope | None = None
    _later: list[Callable[[], None]] = field(default_factory=list)

    def read(self, tree: ast.Module) -> Uses:
        """Find the uses in a module, and return itself."""
        self.visit(tree)
        while self._later:
            self._later.pop(0)()
        return self

    def path(self, node: ast.AST) -> str | None:
        """Return the dotted name of an expression; None if it is no part of Keras or TensorFlow."""
        if isinstance(node, ast.Name):
            return self.scope.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.path(node.value)
            return owner and f"{owner}.{node.attr}"
        if isinstance(node, ast.Call) and (made := self.path(node.func)) and is_class(made):
            return f"{made}()"
        return None

    # -- names ------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if root in ROOTS or root.startswith("tensorflow_"):
                self.names.append((node.lineno, alias.name))
            self.scope[alias.asname or root] = (
                (alias.name if alias.asname else root) if root in ROOTS else None
            )

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = "" if node.level else node.module or ""
        is_known = module.partition(".")[0] in ROOTS
        if module.startswith("tensorflow_"):
            self.names.append((node.lineno, module))
        for alias in node.names:
            full = module if alias.name == "*" else f"{module}.{alias.name}"
            self.names += [(node.lineno, full)] if is_known else []
            if alias.name == "*":
                self.scope.update({n: f"{module}.{n}" for n in _listed(module)} if is_known else {})
            else:
                self.scope[alias.asname or alias.name] = full if is_known and _is_followed(full) else None

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if path := self.path(node):
            self.names.append((node.lineno, path))
        if not path or "()" in path:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if path := self.path(node.func):
            self.keywords += [(k.value.lineno, path, k.arg) for k in node.keywords if k.arg]
        self.generic_visit(node)

    # -- variables --------------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assign(node.targets, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self._assign([node.target], node.value)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self._assign([node.target], node.value)

    def _assign(self, targets: list[ast.expr], value: ast.expr) -> None:
        self.visit(value)
        for target in targets:
            if isinstance(target, ast.Name):
                self.scope[target.id] = self.path(value)
            else:
                self.visit(target)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.scope[node.id] = None

    # -- scopes -----------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outside = [*node.decorator_list, *_annotations(node.args), *([node.returns] if node.returns else [])]
        for part in outside:
            self.visit(part)
        self.scope[node.name] = None
        self._function(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in _annotations(node.args):
            self.visit(part)
        self._function(node, [node.body])

    def _function(self, node: _Function, body: list[ast.stmt] | list[ast.expr]) -> None:
        """Read a function's body at the end, in a scope of its own."""
        outer = self.scope if self.enclosing is None else self.enclosing
        inner = outer.new_child(dict.fromkeys(_variables(node)))
        self._later.append(lambda: self._read_in(inner, None, body))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Read a class body at once. Its names are invisible in its methods."""
        for part in [*node.decorator_list, *node.bases, *(k.value for k in node.keywords)]:
            self.visit(part)
        self.scope[node.name] = None
        outer = self.scope if self.enclosing is None else self.enclosing
        self._read_in(self.scope.new_child(), outer, node.body)

    def _read_in(
        self, scope: _Scope, enclosing: _Scope | None, body: list[ast.stmt] | list[ast.expr]
    ) -> None:
        before = self.scope, self.enclosing
        self.scope, self.enclosing = scope, enclosing
        for part in body:
            self.visit(part)
        self.scope, self.enclosing = before


def is_class(path: str) -> bool:
    """Whether a dotted name is a class of hilevel."""
    try:
        return isinstance(find(path, private=True), type)
    except (AttributeError, ImportError):  # the second of a name that needs a missing package
        return False


def _is_followed(path: str) -> bool:
    """Whether the uses of a name are of interest: not for a private name that has no public counterpart."""
    return ".src." not in path or not reason(path, private=True)


def _listed(module: str) -> list[str]:
    """Return the names that `from module import *` binds."""
    try:
        found = find(module, private=True)
    except (AttributeError, ImportError):  # the second of a name that needs a missing package
        return []
    return public_names(found) if isinstance(found, ModuleType) else []


def _annotations(arguments: ast.arguments) -> Iterator[ast.expr]:
    """Yield the defaults and annotations of parameters, which are evaluated outside the function."""
    yield from (d for d in (*arguments.defaults, *arguments.kw_defaults) if d is not None)
    yield from (a.annotation for a in _parameters(arguments) if a.annotation is not None)


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    variadic = [a for a in (arguments.vararg, arguments.kwarg) if a is not None]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *variadic]


def _variables(function: _Function) -> set[str]:
    """Return the parameters and local variables of a function, with the variables of inner functions."""
    nodes = list(ast.walk(function))
    assigned = {n.id for n in nodes if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    elsewhere = {name for n in nodes if isinstance(n, (ast.Global, ast.Nonlocal)) for name in n.names}
    return assigned - elsewhere | {a.arg for a in _parameters(function.args)}
