"""The base of layers that a data pipeline applies, too."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import ops, tree
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.context import context, scope
from hilevel.engine.protocol import Backend
from hilevel.layers.base.layer import Layer


class DataLayer(Layer):
    """The base of layers that work in a model and in a data pipeline.

    A call with arrays of NumPy, outside of a model, is computed by NumPy on any backend. The result is a tensor of
    the current backend. While a data pipeline makes a batch, it stays an array of NumPy.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output, on the host if all arrays are there."""
        if not is_on_host((args, kwargs)):
            return super().__call__(*args, **kwargs)
        with scope(backend=get_backend("numpy")):
            output = super().__call__(*args, **kwargs)
        return output if context.reading is not None else tree.map_structure(ops.convert_to_tensor, output)

    @property
    def _backend(self) -> None:
        """None: the layer has no backend of its own, and computes on the current one, or on the host."""

    @_backend.setter
    def _backend(self, value: Backend | None) -> None:
        """Do nothing."""

    def _require_backend(self) -> Backend:
        """Return the current backend."""
        super()._require_backend()
        return current_backend()


def is_on_host(inputs: Any) -> bool:
    """Whether inputs have arrays of NumPy and no other tensors, and ops compute at once."""
    if context.compiling or not context.interpreter.is_plain:
        return False
    leaves = [leaf for leaf in tree.flatten(inputs) if hasattr(leaf, "shape")]
    return bool(leaves) and all(isinstance(leaf, (np.ndarray, np.generic)) for leaf in leaves)
