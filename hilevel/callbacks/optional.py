"""The import of packages that only some callbacks need."""

from __future__ import annotations

import importlib
from typing import Any


def import_optional(module: str, install: str, user: str) -> Any:
    """Return a module of a package that may not be installed.

    Args:
        module: the name of the module.
        install: the argument of `pip install` that installs the package.
        user: the name of the function or class that needs it, for the message.

    >>> from hilevel.callbacks.optional import import_optional
    >>> import_optional("json", "json", "This").dumps([1])
    '[1]'

    Raises:
        ImportError: the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ImportError(f"{user} needs the package {package}: pip install '{install}'") from error
