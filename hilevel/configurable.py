"""Objects that can be written down as the arguments of their constructor."""

from __future__ import annotations

import inspect
from typing import Self

from hilevel._types import Config
from hilevel.registry import plain


class Configurable:
    """Base of objects that keep their constructor's arguments in attributes of the same names.

    >>> from hilevel.configurable import Configurable
    >>> class Scale(Configurable):
    ...     def __init__(self, factor=1.0):
    ...         self.factor = factor
    >>> Scale.from_config(Scale(2.0).get_config())
    Scale(factor=2.0)
    """

    def get_config(self) -> Config:
        """The constructor's arguments, as plain data."""
        names = argument_names(type(self))
        return {name: plain(getattr(self, name)) for name in names if hasattr(self, name)}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """An object as `get_config` describes it."""
        return cls(**config)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({given})"


def argument_names(cls: type) -> list[str]:
    """The names of a constructor's arguments; where it takes `**kwargs`, those of its base class as well."""
    names: dict[str, None] = {}
    for base in cls.__mro__:
        if base is object or "__init__" not in vars(base):
            continue
        parameters = list(inspect.signature(vars(base)["__init__"]).parameters.values())[1:]
        variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        names.update(dict.fromkeys(p.name for p in parameters if p.kind not in variadic))
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return list(names)
