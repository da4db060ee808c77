"""The last axis of inputs, and the activation that an op computes along with its result."""

from __future__ import annotations

from typing import Any

from hilevel import activations
from hilevel.errors import ShapeError
from hilevel.layers.base.layer import Layer
from hilevel.ops.nn.dense import FUSED_ACTIVATIONS


def fused_name(activation: Any) -> str | None:
    """The name of an activation that ops compute in one step with what is before it; None where it is another."""
    name = getattr(activation, "__name__", "")
    return name if name in FUSED_ACTIVATIONS and activation is activations.get(name) else None


def last_axis(layer: Layer, shape: Any) -> int:
    """The size of the last axis, which the layer has to know to be built.

    Raises:
        ShapeError: it is unknown.
    """
    if not shape or shape[-1] is None:
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" has to know the size of its input\'s last axis to '
            f"make its weights; the input's shape is {shape}. Give it in Input(shape=...)."
        )
    return int(shape[-1])
