"""Layers whose inputs are data on the host."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from hilevel import ops
from hilevel.api.configurable import argument_names
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.context import context
from hilevel.engine.spec import TensorSpec
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import Config, Shape, TensorLike
from hilevel.errors import TracedValueError
from hilevel.layers.base.layer import Layer


class HostLayer(Layer):
    """The base of layers for data on the host, such as strings, which cannot be part of a graph."""

    _on_host = True

    def __call__(self, inputs: TensorLike) -> Any:
        """Return the result of `call` as a tensor of the current backend, or as an array of strings."""
        symbolic = isinstance(inputs, TensorSpec) or (isinstance(inputs, TensorBase) and inputs.is_symbolic)
        if context.compiling or context.interpreter.infers_shapes or symbolic:
            raise TracedValueError(
                f"{self._label()} works on data in the host's memory and cannot be part of a compiled model or of a "
                "graph. Apply it to the data first: model.fit(layer(texts), ...)."
            )
        self.built = True
        output = self.call(to_host(inputs) if is_tensor(inputs) else inputs)
        return output if output.dtype.kind == "U" else ops.convert_to_tensor(output)

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a layer from a config of `get_config`. Entries that only Keras needs are left out."""
        only_in_keras = {"vocabulary_size", "oov_method"} - set(argument_names(cls))
        return super().from_config({k: v for k, v in config.items() if k not in only_in_keras})

    def build(self, input_shape: Shape | None = None) -> None:
        """Do nothing, because the layer has no weights."""

    def batches(self, data: TensorLike | Iterable[Any], steps: int | None) -> Iterable[Any]:
        """Return data for `adapt` in batches. A list or an array is a batch; if flat, each element is a sample."""
        if is_tensor(data):
            data = to_host(data)
        if isinstance(data, (list, tuple, np.ndarray)):
            nested = len(data) and isinstance(data[0], (list, tuple, np.ndarray))
            return [data if nested else [[x] for x in data]]
        return (batch for _, batch in zip(range(steps), data, strict=False)) if steps is not None else data


def is_tensor(x: object) -> bool:
    """Whether a value is a tensor of a backend, but not an array of NumPy."""
    return not isinstance(x, (np.ndarray, np.generic)) and hasattr(x, "shape") and hasattr(x, "dtype")


def encoded(indices: np.ndarray[Any, Any], mode: str, depth: int) -> np.ndarray[Any, Any]:
    """Return indices as vectors of length `depth`, or unchanged with `"int"`.

    With `"one_hot"` each index gives a vector, with `"multi_hot"` and `"count"` the indices along the last axis.
    Negative indices are ignored.

    >>> from hilevel.layers.preprocessing.host import encoded
    >>> encoded(np.array([[0, 2, 2]]), "count", 3)
    array([[1, 0, 2]])
    """
    if mode == "int":
        return indices
    shape = indices.shape or (1,)
    if mode == "one_hot" and (len(shape) == 1 or shape[-1] > 1):
        shape = (*shape, 1)
    number = math.prod(shape[:-1])
    rows = np.repeat(np.arange(number), shape[-1])
    return counted(indices.ravel(), rows, number, mode, depth).reshape((*shape[:-1], depth))


def counted(
    indices: np.ndarray[Any, Any], rows: np.ndarray[Any, Any], number: int, mode: str, depth: int
) -> np.ndarray[Any, Any]:
    """Return the count of each index in each row, or 1 for any with `"multi_hot"`: int64 of shape `(number, depth)`.

    `numpy.bincount` requires integers that fit `intp`, which has 32 bits in WebAssembly.

    >>> from hilevel.layers.preprocessing.host import counted
    >>> counted(np.array([0, 2, 2]), np.array([0, 1, 1]), 2, "count", 3)
    array([[1, 0, 0],
           [0, 0, 2]])
    """
    kept = indices >= 0
    positions = (rows[kept] * depth + indices[kept]).astype(np.intp)
    counts = np.bincount(positions, minlength=number * depth).reshape(number, depth).astype(np.int64)
    return counts if mode == "count" else np.minimum(counts, 1)
