"""Layers whose intermediate results are computed again for the backward pass."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar, Self

from hilevel import tree
from hilevel.engine.autodiff.rematerialize import remat
from hilevel.engine.context import context, scope
from hilevel.engine.graph import abstract_call
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Function
from hilevel.layers.base.shapes import as_symbolic

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)


class RematScope:
    """A block in which new layers are made for rematerialization (`hilevel.remat`), which saves memory in training.

    A layer keeps the mode of the innermost block in which it was made. A layer that is rematerialized stores its
    inputs only, and the layers in it have no part of their own. A model has none either: its layers have.

    Args:
        mode: the layers that are rematerialized: `"full"` for all, and None for no layer. `"larger_than"` stands for
            layers with larger outputs than the threshold, and `"list_of_layers"` for layers of given names, which
            may be models. `"activations"` stands for the activation functions of all layers.
        output_size_threshold: the number of elements of the outputs for `"larger_than"`, with the batch.
        layer_names: the names for `"list_of_layers"`; none by default.

    Raises:
        ValueError: the mode is unknown.

    >>> import hilevel
    >>> with hilevel.RematScope("full"):
    ...     model = hilevel.Sequential([hilevel.layers.Dense(64, activation="relu"), hilevel.layers.Dense(1)])
    >>> model(np.ones((2, 3))).shape
    (2, 1)
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: Sequence[str] | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(f"RematScope: the mode must be one of {_MODES}; got {mode!r}.")
        self.mode = mode
        self.output_size_threshold = output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> Self:
        self._before = context.remat
        context.remat = self
        return self

    def __exit__(self, *_: object) -> None:
        context.remat = self._before


class RematerializedCalls:
    """The method of a layer that applies its rematerialization."""

    _remat: RematScope | None
    _is_whole_model: ClassVar[bool] = False
    """True in models, whose layers are rematerialized one by one."""

    def rematerialized_call(self: Any, layer_call: Function, *args: Any, **kwargs: Any) -> Function:
        """Return the function that computes the layer, with rematerialization if the layer was made for it.

        Args:
            layer_call: the function that computes the layer: its method `call`.
            args, kwargs: the arguments of the call.

        >>> import hilevel
        >>> with hilevel.RematScope("list_of_layers", layer_names=["wide"]):
        ...     layer = hilevel.layers.Dense(2, name="wide")
        >>> layer.rematerialized_call(layer.call, np.ones((1, 3))) == layer.call
        False
        """
        made = self._remat
        if made is None or context.in_remat_layer or context.interpreter.infers_shapes:
            return layer_call
        if made.mode == "list_of_layers":
            wanted = self.name in made.layer_names
        elif made.mode == "larger_than":
            wanted = not self._is_whole_model and self._output_size(args, kwargs) > made.output_size_threshold
        else:
            wanted = made.mode == "full" and not self._is_whole_model
        if made.mode == "activations" and getattr(self, "activation", None) is not None:
            return _with_activation(self, layer_call)
        return _whole(layer_call) if wanted else layer_call

    def _output_size(self: Any, args: Any, kwargs: Any) -> int:
        """Return the number of elements of the outputs for arguments of a call."""
        args, kwargs = tree.map_structure(_as_input, (args, kwargs))
        outputs = tree.flatten(abstract_call(self.call, args, kwargs))
        return sum(math.prod(x.shape) for x in outputs if hasattr(x, "shape"))


def _as_input(x: Any) -> Any:
    """Return a symbolic tensor for an array, and anything else as it is."""
    return as_symbolic(TensorSpec(x.shape, x.dtype)) if hasattr(x, "shape") and hasattr(x, "dtype") else x


def _whole(layer_call: Function) -> Function:
    """Return the call with rematerialization, in which the layers inside have none of their own."""
    rematerialized = remat(layer_call)

    @functools.wraps(layer_call)
    def call(*args: Any, **kwargs: Any) -> Any:
        with scope(in_remat_layer=True):
            return rematerialized(*args, **kwargs)

    return call


def _with_activation(layer: Any, layer_call: Function) -> Function:
    """Return the call with rematerialization of the layer's activation function."""

    @functools.wraps(layer_call)
    def call(*args: Any, **kwargs: Any) -> Any:
        own = vars(layer)["activation"]
        vars(layer)["activation"] = remat(own)
        try:
            return layer_call(*args, **kwargs)
        finally:
            vars(layer)["activation"] = own

    return call
