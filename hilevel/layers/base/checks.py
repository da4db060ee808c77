"""Checks of the settings of layers: a value from a fixed set, or a number in a range.

Each function takes the names of the layer and the argument, and returns the value in the form that layers store. An
invalid value raises an `ArgumentError` with both names, the value and the valid values.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from hilevel import activations, constraints, initializers, regularizers
from hilevel.errors import ArgumentError, warn_dense
from hilevel.ops.nn.windows import channels_come_first

if TYPE_CHECKING:
    from hilevel.engine.types import Function


def refuse(layer: str, **options: object) -> None:
    """Raise NotImplementedError for options of Keras that are neither implemented, nor None or False."""
    for name, value in options.items():
        if value is not None and value is not False:
            raise NotImplementedError(f"{layer}: {name} is not implemented; leave it at None.")


def set_unsupported(layer: object, **options: object) -> None:
    """Set options that are not implemented as attributes, or raise NotImplementedError as `refuse` does."""
    refuse(type(layer).__name__, **options)
    for name, value in options.items():
        setattr(layer, name, value)


def set_sparse(layer: Any, sparse: object) -> None:
    """Set `sparse` as an attribute. True gives a warning that the result is dense."""
    layer.sparse = bool(sparse)
    warn_dense(type(layer).__name__, sparse)


_GET = {"initializer": initializers.get, "regularizer": regularizers.get, "constraint": constraints.get}


def set_weight_settings(layer: object, **settings: Any) -> None:
    """Set initializers, regularizers and constraints, `kernel_initializer=...`, as attributes of a layer.

    `add_weight("kernel", shape)` uses the attributes that begin with `kernel_`.
    """
    for name, value in settings.items():
        setattr(layer, name, _GET[name.rpartition("_")[2]](value))


def bad_setting(layer: str, name: str, expected: str, value: object) -> ArgumentError:
    """Return the error for an invalid value.

    >>> from hilevel.layers.base.checks import bad_setting
    >>> bad_setting("Dense", "units", "a positive integer", 0)
    ArgumentError('Dense: units must be a positive integer; got 0.')
    """
    return ArgumentError(f"{layer}: {name} must be {expected}; got {value!r:.80}.")


# -- fixed sets ------------------------------------------------------------------------------------


def one_of(layer: str, name: str, value: object, choices: Sequence[object]) -> Any:
    """Return the value, text in lower case, if it is one of the choices.

    >>> from hilevel.layers.base.checks import one_of
    >>> one_of("Conv1D", "padding", "SAME", ("valid", "same"))
    'same'

    Raises:
        ArgumentError: the value is none of the choices.
    """
    found = value.lower() if isinstance(value, str) else value
    if not any(found is c or (type(found) is type(c) and found == c) for c in choices):
        raise bad_setting(layer, name, f"one of {', '.join(map(repr, choices))}", value)
    return found


def data_format_of(layer: str, value: str | None) -> str:
    """Return `"channels_first"` or `"channels_last"`; for None the configured order."""
    return "channels_first" if channels_come_first(layer, value) else "channels_last"


def flags(layer: str, **values: object) -> None:
    """Raise ArgumentError for a setting that is neither a boolean, 0, 1 nor None."""
    for name, value in values.items():
        plain = value is True or value is False or value is None or isinstance(value, np.bool_)
        if not plain and not (is_integer(value) and value in (0, 1)):
            raise bad_setting(layer, name, "True or False", value)


def activation_of(layer: str, name: str, value: Any) -> Function:
    """Return an activation function for a name, a config, a function or None.

    Raises:
        ArgumentError: the value is none of these.
        UnknownNameError: no activation has the name.
    """
    try:
        return activations.get(value)
    except TypeError:
        raise bad_setting(layer, name, "the name of an activation, a function or None", value) from None
    except ValueError as error:
        raise type(error)(f"{layer}: {name}: {error}") from None


def encoding_of(layer: str, value: str) -> str:
    """Return the name of a text encoding if Python supports it."""
    try:
        codecs.lookup(value)
    except (LookupError, TypeError):
        raise bad_setting(layer, "encoding", "the name of an encoding, as 'utf-8'", value) from None
    return str(value)


# -- ranges ------------------------------------------------------------------------------


def is_integer(value: object, least: float = -math.inf) -> TypeGuard[int]:
    """Return whether a value is an integer of at least `least`; booleans are no integers."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def integer(layer: str, name: str, value: object, least: float = -math.inf) -> int:
    """Return an integer of at least `least`."""
    if not is_integer(value, least):
        kinds = {-math.inf: "an integer", 0: "a non-negative integer", 1: "a positive integer"}
        raise bad_setting(layer, name, kinds.get(least, f"an integer of {least} or more"), value)
    return int(value)


def positive(layer: str, name: str, value: object) -> int:
    """Return an integer above zero."""
    return integer(layer, name, value, 1)


def number(layer: str, name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a number from `low` to `high`, both included. NaN is invalid.

    >>> from hilevel.layers.base.checks import number
    >>> number("BatchNormalization", "momentum", 0.9, 0, 1)
    0.9
    """
    scalar = isinstance(value, Real) or (hasattr(value, "dtype") and getattr(value, "shape", None) == ())
    if not scalar or not low <= float(value) <= high:
        limited = "a number" if low == -math.inf else "a non-negative number"
        raise bad_setting(
            layer, name, limited if high == math.inf else f"a number from {low} to {high}", value
        )
    return float(value)


def rate_of(layer: str, value: object, name: str = "rate") -> float:
    """Return a number from 0 to 1, without 1."""
    if not isinstance(value, Real) or not 0 <= float(value) < 1:
        raise bad_setting(layer, name, "a number from 0 up to, but not including, 1", value)
    return float(value)


def seed_of(layer: str, value: object) -> int | None:
    """Return a seed: an integer or None."""
    if value is not None and not is_integer(value):
        raise bad_setting(layer, "seed", "an integer or None", value)
    return value


def integers(layer: str, name: str, value: object, least: float = -math.inf, none: bool = False) -> Any:
    """Return an integer or a tuple of integers; with `none` also None.

    >>> from hilevel.layers.base.checks import integers
    >>> integers("Softmax", "axis", [1, 2]), integers("Softmax", "axis", -1)
    ((1, 2), -1)
    """
    if is_integer(value, least):
        return int(value)
    if isinstance(value, (list, tuple)) and value and all(is_integer(v, least) for v in value):
        return tuple(map(int, value))
    if value is None and none:
        return None
    kind = {-math.inf: "an integer", 0: "a non-negative integer"}.get(least, "a positive integer")
    raise bad_setting(layer, name, f"{kind}, a list of them{', or None' if none else ''}", value)


def is_numeric(value: object) -> bool:
    """Return whether a value, or each element of an array or list, is a number."""
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except (TypeError, ValueError):
        return False


def sizes(layer: str, name: str, value: object, least: int = 0) -> tuple[Any, ...]:
    """Return a shape as a tuple of integers and None."""
    if not isinstance(value, (list, tuple)) or not all(v is None or is_integer(v, least) for v in value):
        raise bad_setting(layer, name, f"a tuple of integers of {least} or more, or None", value)
    return tuple(None if v is None else int(v) for v in value)
