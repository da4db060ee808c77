"""`Input`, the symbolic inputs of functional models."""

from __future__ import annotations

from typing import Any

from hilevel.api.configurable import named_arguments
from hilevel.engine.graph import Node, SymbolicTensor
from hilevel.engine.settings import settings
from hilevel.engine.types import Config, DTypeLike, Shape, ShapeLike
from hilevel.layers.base.checks import flags, is_integer, positive, refuse, sizes
from hilevel.layers.base.layer import Layer


class InputLayer(Layer):
    """The layer of an input of a graph. `Input` makes it and returns its symbolic tensor.

    Args:
        shape, batch_size, dtype, sparse, ragged, batch_shape, name, optional: as in `Input`.
        input_tensor: not implemented; only None is accepted.

    >>> import hilevel
    >>> hilevel.layers.InputLayer((4,)).output.shape
    (None, 4)

    Raises:
        ValueError: both or neither of `shape` and `batch_shape` are given, or a setting is invalid.
    """

    def __init__(
        self,
        shape: ShapeLike | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: ShapeLike | None = None,
        input_tensor: None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name)
        refuse("Input", sparse=sparse or None, ragged=ragged or None, tensor=input_tensor)
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                "Input expects shape=..., without the batch, or batch_shape=..., with it; got "
                f"{'neither' if shape is None else 'both'}. Example: Input(shape=(784,))."
            )
        if batch_shape is None:
            shape = sizes("Input", "shape", (shape,) if is_integer(shape) else shape)
            batch_shape = (
                None if batch_size is None else positive("Input", "batch_size", batch_size),
                *shape,
            )
        self.batch_shape: Shape = sizes("Input", "batch_shape", batch_shape)
        flags("Input", optional=optional, sparse=sparse, ragged=ragged)
        self.optional = optional
        self.has_own_dtype = dtype is not None
        """True if the user set the dtype; otherwise float inputs keep their dtype."""
        self._tensor = SymbolicTensor(self.batch_shape, dtype or settings.floatx, self.name)
        node = Node(self, (), {})
        node.outputs = self._tensor
        self._tensor.node = node
        self.built = True

    @property
    def output(self) -> SymbolicTensor:
        """The symbolic tensor of the input."""
        return self._tensor

    @property
    def dtype(self) -> str:
        """The dtype of the data."""
        return self._tensor.dtype.name

    def get_config(self) -> Config:
        """Return the arguments of the constructor as plain data, for `from_config`."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "name": self.name,
            "optional": self.optional,
        }


@named_arguments
def Input(
    shape: ShapeLike | int | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: ShapeLike | None = None,
    name: str | None = None,
    tensor: None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor for an input of a functional model.

    Args:
        shape: the shape of a sample, with None for axes of any size.
        batch_size: the number of samples, if it is fixed.
        dtype: the dtype of the data; floatx by default.
        sparse, ragged, tensor: not implemented; only None is accepted.
        batch_shape: the shape of a batch, in place of `shape` and `batch_size`.
        name: the name of the input, which is its key if data are passed as a dict.
        optional: whether the data may be None.

    >>> import hilevel
    >>> hilevel.Input((4,)).shape
    (None, 4)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
