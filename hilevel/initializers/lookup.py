"""Initializers by name, config, class or value."""

from __future__ import annotations

from typing import Any

from hilevel import initializers
from hilevel.initializers.constants import Constant
from hilevel.ops.core.conversion import is_tensor


def get(identifier: Any) -> Any:
    """Return an initializer from its name, its config, its class or itself; a function `(shape, dtype)` stays as it is.

    An array becomes a `Constant`.

    >>> hilevel.initializers.get("ones")
    Ones()

    Raises:
        UnknownNameError: no initializer has that name; names the nearest.
    """
    return Constant(identifier) if is_tensor(identifier) else initializers._registry.get(identifier)
