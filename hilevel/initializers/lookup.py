"""Initializers by name, config, class or value."""

from __future__ import annotations

from hilevel import initializers
from hilevel.engine.types import Function
from hilevel.initializers.base import Initializer, InitializerLike
from hilevel.initializers.constants import Constant
from hilevel.ops.core.conversion import is_tensor


def get(identifier: InitializerLike) -> Initializer | Function | None:
    """Return the initializer that an identifier describes.

    Args:
        identifier: the name, config, class or instance of an initializer. An array of any backend becomes a
            `Constant`; a function `(shape, dtype)` and None stay as they are.

    >>> hilevel.initializers.get("ones")
    Ones()

    Raises:
        UnknownNameError: no initializer has that name; the message has the nearest name.
    """
    is_array = is_tensor(identifier) or hasattr(identifier, "__array__")
    return Constant(identifier) if is_array else initializers._registry.get(identifier)
