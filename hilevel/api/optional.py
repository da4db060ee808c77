"""The import of packages that only some functions and classes need."""

from __future__ import annotations

import importlib
from typing import Any


def import_optional(module: str, install: str, user: str, advice: str = "") -> Any:
    """Return a module of a package that may not be installed.

    Args:
        module: the name of the module.
        install: the argument of `pip install` that installs the package.
        user: the name of the function, class or action that needs it, for the message.
        advice: a further sentence of the message.

    >>> from hilevel.api.optional import import_optional
    >>> import_optional("json", "json", "This").dumps([1])
    '[1]'

    Raises:
        ImportError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        text = f"{user} needs the package {package}: pip install '{install}'"
        raise ImportError(f"{text}. {advice}" if advice else text) from error
