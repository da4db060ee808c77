"""`hilevel check`: the names and arguments of Keras that a program uses and hilevel lacks."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from hilevel.api.configurable import argument_names
from hilevel.compat.names import find, reason
from hilevel.compat.scopes import Uses
from hilevel.compat.tensorflow import package
from hilevel.errors import unknown_argument
from hilevel.layers import Layer
from hilevel.layers.base.settings import FIRST_LAYER_ONLY
from hilevel.models import Model
from hilevel.optimizers import Optimizer

OLD_METHODS = {
    "evaluate_generator": "use evaluate",
    "fit_generator": "use fit",
    "predict_classes": "use predict(x).argmax(axis=-1)",
    "predict_generator": "use predict",
    "predict_proba": "use predict",
    "to_yaml": "use to_json",
}
"""Methods of models in earlier versions of Keras."""


_OF_CELLS = ("implementation",)
"""Arguments that recurrent layers pass to their cells."""


class Finding(NamedTuple):
    """A line of a program, and the message about it."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def check(paths: Iterable[str], private: bool = False) -> int:
    """Print the uses of Keras and TensorFlow that hilevel does not support, and return the exit status.

    Args:
        paths: Python files, and folders of them. Hidden folders and virtual environments are left out.
        private: see `hilevel.as_keras`.

    Returns:
        0, or 1 if a use is not supported or a file is no Python.
    """
    files = [file for path in paths for file in python_files(Path(path))]
    reports = [check_file(file, private) for file in files]
    findings = [finding for _, found in reports for finding in found]
    print(*findings, sep="\n", end="\n" * bool(findings))
    number = sum(used for used, _ in reports)
    print(f"{_count(len(files), 'file')}, {_count(number, 'use')} of Keras, {len(findings)} not supported.")
    return int(bool(findings))


def python_files(path: Path) -> list[Path]:
    """Return a file, or the Python files of a folder."""
    if not path.is_dir():
        return [path]
    inner = [f for f in sorted(path.iterdir()) if not f.name.startswith(".")]
    folders = [f for f in inner if f.is_dir() and not (f / "pyvenv.cfg").exists()]
    return [f for f in inner if f.suffix == ".py" and f.is_file()] + [
        g for f in folders for g in python_files(f)
    ]


def check_file(file: Path, private: bool = False) -> tuple[int, list[Finding]]:
    """Return the number of uses of Keras and TensorFlow in a file, and the unsupported ones by line."""
    try:
        with tokenize.open(file) as opened:
            tree = ast.parse(opened.read())
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        return 0, [Finding(file, getattr(error, "lineno", None) or 1, f"this is not Python 3: {error}")]
    uses = Uses().read(tree)
    messages = [(line, name_message(path, private)) for line, path in uses.names]
    messages += [(line, argument_message(path, name)) for line, path, name in uses.keywords]
    found = sorted({Finding(file, line, text) for line, text in messages if text})
    return len(uses.names), found


@functools.cache
def name_message(path: str, private: bool = False) -> str:
    """Return the message about a dotted name; `""` if hilevel has it.

    >>> from hilevel.compat.check import name_message
    >>> name_message("keras.layers.Dens")
    'keras.layers.Dens: hilevel.layers has no "Dens"; the nearest name is "Dense"'
    """
    if path == "tensorflow":
        return ""
    if path.startswith("tensorflow_"):
        return package(path)
    if "()" in path:
        return _method_message(path)
    text = reason(path, private)
    return text if not text or text.startswith(path) else f"{path}: {text}"


def _method_message(path: str) -> str:
    """Return the message about an attribute of an instance: a removed method of a model."""
    made, _, attribute = path.partition("().")
    is_model = attribute in OLD_METHODS and issubclass(find(made, private=True), Model)
    return f'{made} has no method "{attribute}"; {OLD_METHODS[attribute]}' if is_model else ""


@functools.cache
def argument_message(path: str, name: str) -> str:
    """Return the message about a keyword argument of a class, a function or a method; `""` if it is accepted.

    >>> from hilevel.compat.check import argument_message
    >>> argument_message("keras.Model().fit", "nb_epoch")
    'fit has no argument "nb_epoch". Use "epochs".'
    """
    if path.endswith("()"):  # a layer is called, whose `call` may be the program's own
        return ""
    try:
        called = find(path.replace("()", ""), private=True)
    except (AttributeError, ImportError):  # the second of a name that needs a missing package
        return ""
    known = accepted(called)
    return (
        "" if known is None or name in known else str(unknown_argument(path.rpartition(".")[2], name, known))
    )


def accepted(called: Any) -> list[str] | None:
    """Return the names of the arguments that a class or function accepts; None if it accepts all.

    >>> import hilevel
    >>> from hilevel.compat.check import accepted
    >>> accepted(hilevel.ops.relu), "name" in accepted(hilevel.layers.Dense)
    (['x'], True)
    """
    if isinstance(called, type):
        return _of_constructor(called)
    try:
        parameters = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        return None
    is_open = any(p.kind is p.VAR_KEYWORD for p in parameters)
    named = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL and p.name != "self"]
    return None if is_open else named


def _of_constructor(cls: type) -> list[str] | None:
    """Return the arguments of a constructor, with the arguments in `**kwargs: Unpack[...]`."""
    if issubclass(cls, Layer):
        more = [*FIRST_LAYER_ONLY, "inputs", "outputs", *(name for name in _OF_CELLS if hasattr(cls, name))]
        return [*dict.fromkeys([*argument_names(cls), *argument_names(Layer), *more])]
    names = argument_names(cls)
    constructor = inspect.getattr_static(cls, "__init__")
    rest = [p for p in inspect.signature(constructor).parameters.values() if p.kind is p.VAR_KEYWORD]
    if (
        constructor is object.__init__ or not rest or issubclass(cls, Optimizer)
    ):  # it refuses other arguments itself
        return names
    listed = re.fullmatch(r"Unpack\[(\w+)\]", str(rest[0].annotation))
    return [*names, *constructor.__globals__[listed[1]].__annotations__] if listed else None


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
