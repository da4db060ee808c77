"""The settings of a layer: the present values of its constructor's arguments, and the types of common ones."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, TypedDict

from hilevel.activations.activations import ActivationLike as ActivationLike
from hilevel.constraints.constraints import ConstraintLike as ConstraintLike
from hilevel.dtype_policies import DTypePolicyLike
from hilevel.engine.types import ShapeLike
from hilevel.initializers.base import InitializerLike as InitializerLike
from hilevel.layers.base.tracking import holds_state
from hilevel.regularizers.regularizers import RegularizerLike as RegularizerLike

if TYPE_CHECKING:
    from hilevel.layers.base.layer import Layer

FIRST_LAYER_ONLY = ("input_shape", "input_dim", "batch_input_shape", "batch_size")
"""Arguments of a first layer that describe the shape of the model's input. They are no settings of the layer."""


class BaseOptions(TypedDict, total=False):
    """Keyword arguments of all layers for type checkers, in `**kwargs: Unpack[...]`, but `activity_regularizer`."""

    trainable: bool
    dtype: DTypePolicyLike
    autocast: bool
    name: str | None
    input_shape: ShapeLike | int
    input_dim: int
    batch_input_shape: ShapeLike
    batch_size: int | None


class Options(BaseOptions, total=False):
    """Keyword arguments of all layers for type checkers, in `**kwargs: Unpack[...]`."""

    activity_regularizer: RegularizerLike


def settings_of(layer: Layer, base: type) -> dict[str, Any]:
    """Return the constructor's arguments by name: the attribute of the name if the layer has it, else the argument.

    Args:
        layer: the layer.
        base: `Layer`, whose properties are no settings.
    """
    given = _given(layer)
    found = given | {name: getattr(layer, name) for name in given if _has_setting(layer, name, base)}
    return {k: given[k] if holds_state(v) and not holds_state(given[k]) else v for k, v in found.items()}


def _given(layer: Layer) -> dict[str, Any]:
    """Return the arguments that a layer's constructor got, and the defaults of the others, by name."""
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


def _has_setting(layer: Layer, name: str, base: type) -> bool:
    """Return whether a layer has an attribute of the name, or a property that its base lacks."""
    if name in vars(layer):
        return True
    return inspect.isdatadescriptor(getattr(type(layer), name, None)) and not hasattr(base, name)
