"""`Input`, the symbolic inputs of functional models."""

from __future__ import annotations

from typing import Any

from hilevel.api.configurable import named_arguments
from hilevel.engine.graph import Node, SymbolicTensor
from hilevel.engine.settings import settings
from hilevel.engine.types import Config, DTypeLike, Shape, ShapeLike
from hilevel.layers.base.checks import flags, is_integer, positive, sizes
from hilevel.layers.base.layer import Layer


class InputLayer(Layer):
    """The layer of an input of a graph. `Input` makes it and returns its symbolic tensor.

    Args:
        shape, batch_size, dtype, sparse, ragged, batch_shape, name, optional: as in `Input`.
        input_tensor: a symbolic tensor that becomes the input, in place of a new one.

    >>> import hilevel
    >>> hilevel.layers.InputLayer((4,)).output.shape
    (None, 4)

    Raises:
        ValueError: none or several of `shape`, `batch_shape` and `input_tensor` are given, or a setting is invalid.
        TypeError: an unknown argument.
    """

    def __init__(
        self,
        shape: ShapeLike | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: ShapeLike | None = None,
        input_tensor: SymbolicTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        shape = kwargs.pop("input_shape", shape)
        super().__init__(name=name, **kwargs)
        flags("Input", optional=optional, sparse=sparse or False, ragged=ragged or False)
        if sparse or ragged:
            raise ValueError(
                "Input: sparse=True and ragged=True are not supported. Without them, fit accepts sparse matrices of "
                "SciPy, and makes dense batches."
            )
        if input_tensor is not None and not isinstance(input_tensor, SymbolicTensor):
            raise ValueError(
                f"Input: input_tensor must be a symbolic tensor; got {type(input_tensor).__name__}."
            )
        self.optional, self.sparse, self.ragged = optional, bool(sparse), bool(ragged)
        self.has_own_dtype = dtype is not None
        """True if the user set the dtype; otherwise float inputs keep their dtype."""
        self._tensor = (
            input_tensor if input_tensor is not None else self._new(shape, batch_size, dtype, batch_shape)
        )
        self.batch_shape: Shape = self._tensor.shape
        node = Node(self, (), {})
        node.outputs = self._tensor
        self._tensor.node = node
        self.built = True

    def _new(
        self,
        shape: ShapeLike | int | None,
        batch_size: int | None,
        dtype: DTypeLike,
        batch_shape: ShapeLike | None,
    ) -> SymbolicTensor:
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
        return SymbolicTensor(
            sizes("Input", "batch_shape", batch_shape), dtype or settings.floatx, name=self.name
        )

    def call(self) -> None:
        """Do nothing: the tensor of the layer is `output`."""

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
            "sparse": self.sparse,
            "ragged": self.ragged,
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
    tensor: SymbolicTensor | None = None,
    optional: bool = False,
) -> SymbolicTensor:
    """Return a symbolic tensor for an input of a functional model.

    Args:
        shape: the shape of a sample, with None for axes of any size.
        batch_size: the number of samples, if it is fixed.
        dtype: the dtype of the data; floatx by default.
        sparse, ragged: not supported; only None or False.
        tensor: a symbolic tensor that becomes the input, in place of a new one.
        batch_shape: the shape of a batch, in place of `shape` and `batch_size`.
        name: the name of the input, which is its key if data are passed as a dict.
        optional: whether the data may be None.

    >>> import hilevel
    >>> hilevel.Input((4,)).shape
    (None, 4)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
