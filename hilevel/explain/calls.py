"""Runs of a model in which the outputs of chosen layers are read or replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from hilevel import tree
from hilevel.engine.autodiff.functional import grad
from hilevel.engine.compile.jit import jit
from hilevel.engine.context import scope
from hilevel.engine.overlay import Overlay
from hilevel.engine.types import Array, Tensor
from hilevel.explain.data import Data
from hilevel.layers.base.layer import Layer

Handler: TypeAlias = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""A function of a layer's `call` and its arguments that returns the output in its place."""

_LOCK = threading.RLock()


@contextmanager
def intercepted(layers: Sequence[Layer], handle: Handler) -> Iterator[None]:
    """Return a block in which this thread runs `handle(call, args, kwargs)` in place of the layers' `call`."""
    thread = threading.get_ident()

    def wrapped(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            is_ours = threading.get_ident() == thread
            return handle(call, args, kwargs) if is_ours else call(*args, **kwargs)

        return run

    with _LOCK:
        vars_of_layers = [vars(layer) for layer in layers]
        for own, layer in zip(vars_of_layers, layers, strict=True):
            own["call"] = wrapped(layer.call)
        try:
            yield
        finally:
            for own in vars_of_layers:
                del own["call"]


def layers_of(data: Data, kind: type | tuple[type, ...]) -> list[Any]:
    """Return the layers of a kind in a model, also layers within other layers."""
    return [layer for layer in data.model._flatten_layers() if isinstance(layer, kind)]


class Run:
    """A model whose outputs are differentiated with respect to its float inputs, or the outputs of layers.

    Args:
        data: the model and its inputs.
        layers: the layers whose outputs are read or replaced.
        score: a function of outputs and the array of the target that returns a value for each sample.
    """

    def __init__(self, data: Data, layers: Sequence[Layer], score: Callable[..., Tensor]) -> None:
        self.data, self.layers, self.score = data, layers, score
        self.record, self.scores, self.gradients = jit(self._record), jit(self._scores), jit(self._gradients)

    def _record(self, inputs: list[Array]) -> list[tuple[Any, Any]]:
        """Return the first argument and the output of each call of the layers, in order."""
        calls = []

        def note(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            y = call(*args, **kwargs)
            calls.append((next(iter((*args, *kwargs.values()))), y))
            return y

        with intercepted(self.layers, note):
            self.forward(inputs)
        return calls

    def _scores(
        self, floats: dict[str, Array], outputs: list[Any], inputs: list[Array], weights: Any
    ) -> Tensor:
        """Return the score of each sample.

        Args:
            floats: values in place of inputs, by position.
            outputs: a value in place of the output of each call of the layers; None for a call that is not replaced.
            inputs: the inputs of the model.
            weights: the array of the target.
        """
        y = self._replaced([floats.get(str(i), x) for i, x in enumerate(inputs)], iter(outputs))
        return self.score(y, weights)

    def _gradients(
        self, floats: dict[str, Array], outputs: list[Any], inputs: list[Array], weights: Any
    ) -> Any:
        """Return the gradients of the sum of the scores: of the `floats`, and of the `outputs` that are not None."""

        def total(floats: dict[str, Any], chosen: list[Any]) -> Any:
            values = iter(chosen)
            rest = [None if y is None else next(values) for y in outputs]
            return self._scores(floats, rest, inputs, weights).sum()

        return grad(total, argnums=(0, 1))(floats, [y for y in outputs if y is not None])

    def _replaced(self, inputs: list[Array], outputs: Iterator[Any]) -> Any:
        """Return the outputs of the model with the next of the `outputs` as the output of each call of the layers."""

        def replace(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            y = next(outputs)
            return call(*args, **kwargs) if y is None else y

        with intercepted(self.layers, replace):
            return self.forward(inputs)

    def forward(self, inputs: list[Array]) -> Any:
        """Return the outputs of the model for inference. Values that layers write to Variables are dropped."""
        with Overlay(), scope(in_remat_layer=True):  # outputs cannot leave a layer that is rematerialized
            return self.data.model(tree.pack_sequence_as(self.data.structure, inputs), training=False)
