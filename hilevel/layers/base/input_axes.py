"""The last axis of inputs, and activations that ops fuse."""

from __future__ import annotations

from hilevel import activations
from hilevel.engine.types import ShapeLike
from hilevel.errors import ShapeError
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ActivationLike
from hilevel.ops.nn.dense import FUSED_ACTIVATIONS


def fused_name(activation: ActivationLike) -> str | None:
    """Return the name of an activation that ops fuse with a linear operation, else None."""
    name = getattr(activation, "__name__", "")
    return name if name in FUSED_ACTIVATIONS and activation is activations.get(name) else None


def last_axis(layer: Layer, shape: ShapeLike) -> int:
    """Return the size of the last axis.

    Raises:
        ShapeError: the size is unknown.
    """
    if not shape or shape[-1] is None:
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" needs the size of its input\'s last axis to '
            f"make its weights; the input's shape is {shape}. Give it in Input(shape=...)."
        )
    return int(shape[-1])
