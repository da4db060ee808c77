"""The inputs of a model, and the score of its outputs that is explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from hilevel import ops, tree
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.types import Structure, Tensor, TensorLike
from hilevel.errors import OutOfRangeError, ShapeError
from hilevel.models.model import Model

NumpyArray: TypeAlias = np.ndarray[Any, Any]
Target: TypeAlias = int | TensorLike | Callable[[Any], Tensor] | None
"""The target: an index of the output's last axis, an index for each sample, a function of the outputs, or None."""


class Data:
    """The inputs of a model, as NumPy arrays.

    Args:
        model: the model.
        x: an array of shape `(samples, ...)`, or a structure of arrays.
        batch_size: the largest number of samples that the model gets at once.

    Raises:
        TypeError: the model is no `Model`.
        ShapeError: an array has no samples, or the arrays have different numbers of samples.
        ValueError: the batch size is less than 1.
    """

    def __init__(self, model: Model, x: Structure, batch_size: int) -> None:
        if not isinstance(model, Model):
            raise TypeError(f"Only models can be explained; got {type(model).__name__}.")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {batch_size}.")
        self.model, self.structure, self.batch_size = model, x, batch_size
        self.dtype = np.dtype("float64" if model.variable_dtype == "float64" else "float32")
        self.inputs = [_as_array(leaf, self.dtype) for leaf in tree.flatten(x)]
        shapes = [a.shape for a in self.inputs]
        if any(not s or not s[0] for s in shapes) or len({s[0] for s in shapes}) != 1:
            raise ShapeError(
                f"Each input needs the same number of samples, at least one; got the shapes {shapes}."
            )
        self.samples = len(self.inputs[0])

    def parts(self) -> Iterator[tuple[slice, NumpyArray]]:
        """Yield the range of each batch, and the indices of its samples.

        The last batch repeats the last sample up to the size of the others, so that a compiled function has one shape.
        """
        size = min(self.batch_size, self.samples)
        for start in range(0, self.samples, size):
            rows = np.minimum(np.arange(start, start + size), self.samples - 1)
            yield slice(start, min(start + size, self.samples)), rows

    def predict(self, inputs: list[NumpyArray]) -> Any:
        """Return the outputs for inputs in the order of `inputs`, as NumPy arrays."""
        x = tree.pack_sequence_as(self.structure, inputs)
        return self.model.predict(x, batch_size=self.batch_size, verbose=0)

    def pack(self, arrays: list[NumpyArray]) -> Any:
        """Return an array for each input in the structure of the inputs, in the dtype of floats."""
        return tree.pack_sequence_as(self.structure, [np.asarray(a, np.float32) for a in arrays])


def _as_array(x: TensorLike, dtype: np.dtype[Any]) -> NumpyArray:
    """Return an input as an array of the host, floats in a dtype."""
    array = np.asarray(to_host(x))
    return array if array.dtype.kind in "iub" else array.astype(dtype)


class Score:
    """The value of the outputs that is explained, one for each sample.

    It is the sum of the outputs times `weights`, which are 1 at the index of the target; or a function of the outputs.

    Args:
        data: the model and its inputs.
        target: an index of the last axis, an array of an index for each sample, a function, or None.

    Raises:
        OutOfRangeError: an index is out of range.
        ShapeError: there is not one index for each sample.
        TypeError: the indices are not integers.
        ValueError: the model has several outputs, and the target is no function of them.
    """

    def __init__(self, data: Data, target: Target) -> None:
        self.function = target if callable(target) else None
        first = data.inputs if self.function is None else [x[:1] for x in data.inputs]
        outputs = data.predict(first)  # this also makes the weights of a model that was not called yet
        self.weights = None if self.function else _weights(outputs, target)

    def __call__(self, outputs: Any, weights: Any) -> Tensor:
        """Return the scores for outputs and the weights of their samples: shape `(samples,)`."""
        if self.function is None:
            y = ops.multiply(ops.cast(outputs, "float32"), weights)
        else:
            y = ops.convert_to_tensor(self.function(outputs))
            if tuple(y.shape[:1]) != tuple(tree.flatten(outputs)[0].shape[:1]):
                raise ShapeError(
                    f"The target must return a value for each sample; got the shape {tuple(y.shape)}."
                )
        return ops.sum(ops.reshape(y, (y.shape[0], -1)), axis=-1)

    def weights_of(self, rows: NumpyArray) -> NumpyArray | None:
        """Return the weights of some samples; None if the target is a function."""
        return None if self.weights is None else self.weights[rows]


def _weights(outputs: Any, target: Any) -> NumpyArray:
    """Return zeros in the shape of the outputs, with 1 at the target of each sample."""
    if tree.is_nested(outputs):
        raise ValueError(
            "The model has several outputs. Give as target a function that returns one value for each sample."
        )
    samples, sizes = len(outputs), outputs.shape[1:] or (1,)
    weights = np.zeros((samples, *sizes), np.float32)
    if target is None:
        flat = weights.reshape(samples, -1)
        flat[np.arange(samples), outputs.reshape(samples, -1).argmax(axis=1)] = 1
    else:
        np.moveaxis(weights, -1, 1)[np.arange(samples), _indices(target, samples, sizes[-1])] = 1
    return weights.reshape(outputs.shape)


def _indices(target: Any, samples: int, size: int) -> NumpyArray:
    indices = np.asarray(to_host(target))
    if indices.dtype.kind not in "iu":
        raise TypeError(f"A target must be an integer, integers, a function or None; got {target!r}.")
    if indices.shape not in ((), (samples,)):
        raise ShapeError(
            f"There must be one target for all samples, or {samples}; got the shape {indices.shape}."
        )
    if np.any((indices < -size) | (indices >= size)):
        raise OutOfRangeError(f"A target is an index of the {size} outputs; got {target!r}.")
    return np.broadcast_to(indices, (samples,))
