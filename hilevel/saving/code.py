"""Lambdas as Python code, in the form of Keras. Code is read only if the caller allows it."""

from __future__ import annotations

import base64
import importlib
import marshal
from types import FunctionType
from typing import Any

import numpy as np

from hilevel.engine.types import Config


def function_of(description: Any) -> FunctionType:
    """Return the function that a description of Keras has as compiled code.

    Args:
        description: a dict with `"code"` in base 64, `"defaults"` and `"closure"`; or the list of these.

    Raises:
        ValueError: the code is of another version of Python.
    """
    is_dict = isinstance(description, dict)
    code, defaults, closure = description.values() if is_dict else description
    try:
        compiled = marshal.loads(base64.b64decode(code))
    except (ValueError, EOFError, TypeError) as error:
        raise ValueError(f"The code of a lambda cannot be read by this version of Python: {error}") from error
    cells = tuple(map(_cell, closure)) if closure else None
    hilevel = importlib.import_module("hilevel")
    names = {"np": np, "numpy": np, "hilevel": hilevel, "keras": hilevel, "ops": hilevel.ops}
    return FunctionType(compiled, names, "<lambda>", tuple(defaults) if defaults else None, cells)


def description_of(function: FunctionType) -> Config:
    """Return a description of a lambda in the form of Keras, with its compiled code.

    Args:
        function: the lambda. Its default values and the values of its closure must be plain data.
    """
    closure = [cell.cell_contents for cell in function.__closure__ or ()]
    code = base64.b64encode(marshal.dumps(function.__code__)).decode()
    config = {"code": code, "defaults": function.__defaults__, "closure": closure or None}
    return {"class_name": "__lambda__", "config": config}


def _cell(value: Any) -> Any:
    return (lambda: value).__closure__[0]  # type: ignore[index]
