"""Recurrent layers in both directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Unpack

from hilevel import ops
from hilevel.api import serialization
from hilevel.engine.types import Shape, Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import bad_setting, one_of
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.rnn.cell import MaskLike

_MERGES: dict[str | None, Callable[[Tensor, Tensor], Any]] = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "concat": lambda a, b: ops.concatenate([a, b], axis=-1),
    None: lambda a, b: (a, b),
}


class Bidirectional(Layer):
    """A recurrent layer forwards over a sequence, and another backwards, with merged outputs.

    The shapes are the shapes of the layer, with two outputs concatenated by default. Schuster and Paliwal, 1997.

    Args:
        layer: a recurrent layer, or a layer with the same attributes, whose config is copied for both directions.
        merge_mode: the function of both outputs: `"concat"`, `"sum"`, `"mul"`, `"ave"`, or None for a tuple.
        weights: the initial weights as arrays, of the forward layer first.
        backward_layer: the layer of the other direction, with `go_backwards=True`; by default a copy.

    >>> import hilevel
    >>> hilevel.layers.Bidirectional(hilevel.layers.LSTM(3))(np.ones((2, 5, 4))).shape
    (2, 6)

    Raises:
        ValueError: `layer` is not recurrent, `merge_mode` is unknown, or the layers disagree.
    """

    def __init__(
        self, layer: Layer, merge_mode: str | None = "concat", weights: Sequence[TensorLike] | None = None,
        backward_layer: Layer | None = None, **kwargs: Unpack[Options],
    ) -> None:  # fmt: skip
        super().__init__(**kwargs)
        for name, given in (
            ("layer", layer),
            ("backward_layer", layer if backward_layer is None else backward_layer),
        ):
            if not hasattr(given, "go_backwards"):
                raise bad_setting("Bidirectional", name, "a recurrent layer", given)
        self.merge_mode = one_of("Bidirectional", "merge_mode", merge_mode, list(_MERGES))
        self.forward_layer: Any = _copy(layer, "forward_")
        reverse = not self.forward_layer.go_backwards
        self.backward_layer: Any = backward_layer or _copy(layer, "backward_", go_backwards=reverse)
        self._check_agreement()
        layers: tuple[Any, ...] = (self.forward_layer, self.backward_layer)
        for each in layers:
            each.zero_output_for_mask = each.return_sequences
        self.stateful = self.forward_layer.stateful
        self.return_sequences = self.forward_layer.return_sequences
        self.return_state = self.forward_layer.return_state
        self.supports_masking = True
        self._start_weights = weights
        self.input_spec = InputSpec(min_ndim=3)

    layer = property(attrgetter("forward_layer"))

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"backward_layer": self.backward_layer}

    def _check_agreement(self) -> None:
        one, other = self.forward_layer, self.backward_layer
        if one.go_backwards == other.go_backwards:
            raise ValueError("Bidirectional: exactly one of both layers must have go_backwards=True.")
        for name in ("stateful", "return_sequences", "return_state"):
            if getattr(one, name) != getattr(other, name):
                raise ValueError(f"Bidirectional: {name} must be equal in both layers.")

    def build(self, sequences_shape: Shape, initial_state_shape: Sequence[Shape] | None = None) -> None:
        """Build both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(sequences_shape)
        if self._start_weights is not None:
            self.set_weights(self._start_weights)

    def compute_mask(self, inputs: Any, mask: MaskLike = None) -> Tensor | None:
        """Return the mask of the sequence, if the layer returns a sequence."""
        first: Any = mask[0] if isinstance(mask, (list, tuple)) else mask
        return first if self.return_sequences else None

    def call(
        self, sequences: Tensor, initial_state: Sequence[Tensor] | None = None, mask: Tensor | None = None,
        training: bool | None = None,
    ) -> Any:  # fmt: skip
        """Return the merged outputs for sequences of shape `(batch, steps, features)`, and on request the states.

        `initial_state` has the states of the forward layer first, then the states of the backward layer.
        """
        half = len(initial_state or ()) // 2
        states = (initial_state[:half], initial_state[half:]) if initial_state is not None else (None, None)
        results = [
            layer(sequences, initial_state=state, mask=mask, training=training)
            for layer, state in zip((self.forward_layer, self.backward_layer), states, strict=True)
        ]
        outputs = [r[0] if self.return_state else r for r in results]
        if self.return_sequences:
            outputs[1] = ops.flip(outputs[1], axis=1)
        merged = _MERGES[self.merge_mode](*outputs)
        if not self.return_state:
            return merged
        return (*(merged if self.merge_mode is None else (merged,)), *results[0][1:], *results[1][1:])

    def reset_state(self) -> None:
        """Set the states of stateful layers to 0."""
        if not self.stateful:
            raise AttributeError(f"{self._label()} is not stateful, so it has no states to reset.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    @property
    def states(self) -> tuple[Variable, ...] | None:
        """The states of both layers if they are stateful, else None."""
        if not self.forward_layer.states or not self.backward_layer.states:
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)


def _copy(layer: Layer, prefix: str, **changes: Any) -> Any:
    """Return a new layer with the config of another layer."""
    name = prefix + layer.name.removeprefix("forward_").removeprefix("backward_")
    return type(layer).from_config(serialization.plain(layer.get_config()) | {"name": name} | changes)
