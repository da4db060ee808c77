"""Objects that are described by the arguments of their constructor, and the check of argument names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Self, TypeVar

from hilevel.api.serialization import plain
from hilevel.api.tracebacks import shorten
from hilevel.errors import unknown_argument

P = ParamSpec("P")
R = TypeVar("R")


class _Signature:
    """The signature of a class: the parameters of its `__init__`, as its `__new__` accepts any arguments."""

    def __get__(self, instance: object, owner: type) -> inspect.Signature:
        own = inspect.signature(owner.__init__)  # type: ignore[misc]
        return own.replace(parameters=list(own.parameters.values())[1:])


class NamedArguments:
    """Base class of classes whose error for an unknown argument suggests the right name.

    >>> from hilevel.api.configurable import NamedArguments
    >>> class Scale(NamedArguments):
    ...     def __init__(self, factor=1.0):
    ...         self.factor = factor
    >>> Scale(factr=2.0)
    Traceback (most recent call last):
    TypeError: Scale has no argument "factr". Did you mean "factor"?
    """

    __signature__: Any = _Signature()

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        check_keywords(cls, kwargs)
        return super().__new__(cls)


class Configurable(NamedArguments):
    """Base class of objects that store their constructor's arguments in attributes of the same names.

    >>> from hilevel.api.configurable import Configurable
    >>> class Scale(Configurable):
    ...     def __init__(self, factor=1.0):
    ...         self.factor = factor
    >>> Scale.from_config(Scale(2.0).get_config())
    Scale(factor=2.0)
    """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data, read from the attributes of their names."""
        return {name: plain(value) for name, value in self._settings().items()}

    def _settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, as they are now, by name."""
        return {name: getattr(self, name) for name in argument_names(type(self)) if hasattr(self, name)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return the object that a config describes."""
        return cls(**config)

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({given})"


def argument_names(cls: type) -> list[str]:
    """Return the names of a constructor's parameters; with `**kwargs`, also of its base class."""
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


def check_keywords(cls: type, given: Iterable[str]) -> None:
    """Refuse an argument that a constructor does not accept. A constructor with `**kwargs` accepts all.

    Raises:
        TypeError: an argument is unknown; the message suggests a name.
    """
    for name in given:
        fixed, _ = _accepted(cls)
        if fixed is not None and name not in fixed:
            raise unknown_argument(cls.__name__, name, fixed)


def check_required(cls: type, count: int, given: Iterable[str]) -> None:
    """Refuse an unknown argument if a required argument is missing: it probably is an old name of the latter.

    Args:
        cls: the class.
        count: the number of arguments given by position.
        given: the names of the other arguments.

    Raises:
        TypeError: an argument is unknown and a required one is missing; the message suggests a name.
    """
    _, required = _accepted(cls)
    missing = [name for name in required[count:] if name not in given]
    unknown = [name for name in given if name not in argument_names(cls)] if missing else []
    if unknown:
        raise unknown_argument(cls.__name__, unknown[0], argument_names(cls))


@functools.lru_cache(maxsize=512)
def _accepted(cls: type) -> tuple[list[str] | None, list[str]]:
    """Return the names of a constructor's parameters, or None if it accepts `**kwargs`; and the required names."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    fixed = not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    named = [p for p in parameters if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    required = [p.name for p in named if p.default is inspect.Parameter.empty]
    return argument_names(cls) if fixed else None, required


def named_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Let the error for an unknown argument suggest the right name, as a decorator of a function.

    Tracebacks of other errors are shortened.

    >>> from hilevel.api.configurable import named_arguments
    >>> @named_arguments
    ... def fit(x, epochs=1):
    ...     return epochs
    >>> fit(1, nb_epoch=3)
    Traceback (most recent call last):
    TypeError: fit has no argument "nb_epoch". Use "epochs".
    """
    known = [name for name in inspect.signature(function).parameters if name != "self"]

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                raise unknown_argument(function.__name__, name, known)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            shorten(error)
            raise

    return call
