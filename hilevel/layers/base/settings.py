"""The settings of a layer, which are the arguments of its constructor, as they are now."""

from __future__ import annotations

import inspect
from typing import Any, TypedDict

from hilevel.layers.base.tracking import holds_state

FIRST_LAYER_ONLY = ("input_shape", "input_dim", "batch_input_shape", "batch_size")
"""Arguments of a first layer, which say the shape of the model's input and are no settings of the layer."""


class BaseOptions(TypedDict, total=False):
    """Keyword arguments of all layers for type checkers, in `**kwargs: Unpack[...]`, but `activity_regularizer`."""

    trainable: bool
    dtype: Any
    autocast: bool
    name: str | None
    input_shape: Any
    input_dim: int
    batch_input_shape: Any
    batch_size: int | None


class Options(BaseOptions, total=False):
    """Keyword arguments of all layers for type checkers, in `**kwargs: Unpack[...]`."""

    activity_regularizer: Any


def settings_of(layer: Any, base: type) -> dict[str, Any]:
    """Return the arguments of a layer's constructor by name: the attribute of that name, if the argument is kept there,
    otherwise the argument as it was given.

    Args:
        layer: the layer.
        base: the class whose properties are no settings, `Layer`.
    """
    given = _given(layer)
    found = given | {name: getattr(layer, name) for name in given if _keeps(layer, name, base)}
    return {k: given[k] if holds_state(v) and not holds_state(given[k]) else v for k, v in found.items()}


def _given(layer: Any) -> dict[str, Any]:
    """Return the arguments that a layer's constructor was given, and the defaults of the others, by name."""
    args, kwargs = layer._record.arguments
    signature = inspect.signature(type(layer).__init__)
    bound = signature.bind_partial(layer, *args, **kwargs)
    bound.apply_defaults()
    found: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found |= {k: v for k, v in value.items() if k not in FIRST_LAYER_ONLY}
        elif kind is not inspect.Parameter.VAR_POSITIONAL:
            found[name] = value
    return found


def _keeps(layer: Any, name: str, base: type) -> bool:
    """Whether a layer has an attribute of that name, or a property that its base does not have."""
    if name in vars(layer):
        return True
    return inspect.isdatadescriptor(getattr(type(layer), name, None)) and not hasattr(base, name)
