"""Objects that can be written down as the arguments of their constructor."""

from __future__ import annotations

import inspect
from typing import Any, Self

from hilevel._types import Config


class Configurable:
    """Base of objects that keep their constructor's arguments in attributes of the same names."""

    def get_config(self) -> Config:
        """The constructor's arguments, as plain data."""
        return {name: plain(getattr(self, name)) for name in argument_names(type(self))}

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


def plain(value: Any) -> Any:
    """An argument as plain data: an array as lists, an object as its name and config."""
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    return value.tolist() if hasattr(value, "tolist") else value
