"""Layers applied to each step of a sequence."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import masks, ops
from hilevel.engine.types import Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.core.wrapper import Wrapper


class TimeDistributed(Wrapper):
    """A wrapper that applies a layer to each step of a sequence, as if the steps were samples.

    A mask of shape `(batch, steps, ...)` is passed to the layer in the same way, as its `mask` argument.

    Args:
        layer: the wrapped layer.

    >>> import hilevel
    >>> layer = hilevel.layers.TimeDistributed(hilevel.layers.Dense(3))
    >>> layer(np.ones((2, 5, 4))).shape
    (2, 5, 3)
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[Options]) -> None:
        super().__init__(layer, **kwargs)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=3)

    def build(self, input_shape: Shape) -> None:  # type: ignore[override]
        """Build the wrapped layer for a step."""
        super().build((input_shape[0], *input_shape[2:]))

    def compute_mask(self, inputs: Any, previous_mask: Tensor | None) -> Tensor | None:
        """Return the mask of the steps with any unmasked element."""
        if previous_mask is None or len(previous_mask.shape) == 2:
            return previous_mask
        return ops.any(previous_mask, axis=tuple(range(2, len(previous_mask.shape))))

    def call(self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None) -> Tensor:
        """Return the outputs of the wrapped layer for all steps, `(batch, steps, ...)`."""
        if mask is not None and not masks.matches(mask, inputs):
            raise ShapeError(
                f"{self._label()}: the mask of shape {tuple(mask.shape)} does not match an input of shape "
                f"{tuple(inputs.shape)}: its shape must begin with (batch, steps)."
            )
        batch, steps = inputs.shape[:2]
        x = ops.reshape(inputs, (batch * steps, *inputs.shape[2:]))
        if mask is not None and (len(mask.shape) > 2 or "mask" in self.layer._call_parameters):
            masks.set_mask(x, ops.reshape(mask, (batch * steps, *mask.shape[2:])))
        y = self.layer(x, training=training) if self.layer._takes_training else self.layer(x)
        inner = masks.mask_of(y)
        y = ops.reshape(y, (batch, steps, *y.shape[1:]))
        return y if inner is None else masks.set_mask(y, ops.reshape(inner, (batch, steps, *inner.shape[1:])))
