"""Where graphs begin: `Input`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.api.configurable import named_arguments
from hilevel.engine.graph import Node, SymbolicTensor
from hilevel.engine.settings import settings
from hilevel.engine.types import DTypeLike, Shape
from hilevel.layers.base.checks import flags, is_integer, positive, refuse, sizes
from hilevel.layers.base.layer import Layer


class InputLayer(Layer):
    """The beginning of a graph. `Input` makes one and returns its tensor.

    Args: as those of `Input`.

    >>> import hilevel
    >>> hilevel.layers.InputLayer((4,)).output.shape
    (None, 4)
    """

    def __init__(
        self,
        shape: Sequence[int | None] | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: Any = None,
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
        """Whether a dtype was given; if not, floats are used in their own."""
        self._tensor = SymbolicTensor(self.batch_shape, dtype or settings.floatx, self.name)
        node = Node(self, (), {})
        node.outputs = self._tensor
        self._tensor.node = node
        self.built = True

    @property
    def output(self) -> SymbolicTensor:
        """The symbolic tensor that stands for the data."""
        return self._tensor

    @property
    def dtype(self) -> str:
        """The dtype of the data."""
        return self._tensor.dtype.name

    def get_config(self) -> dict[str, Any]:
        """What `from_config` needs to make it again."""
        return {
            "batch_shape": self.batch_shape,
            "dtype": self.dtype,
            "name": self.name,
            "optional": self.optional,
        }


@named_arguments
def Input(
    shape: Sequence[int | None] | int | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: Any = None,
    optional: bool = False,
) -> SymbolicTensor:
    """A symbolic tensor that stands for a model's input data.

    Args:
        shape: the shape of a sample; None for axes of any size.
        batch_size: the number of samples, where it is always the same.
        dtype: the dtype of the data; floatx by default.
        sparse, ragged, tensor: not implemented.
        batch_shape: the whole shape, instead of `shape`.
        name: its name, by which data can be given to the model in a dict.
        optional: whether the data may be None.

    >>> import hilevel
    >>> hilevel.Input((4,)).shape
    (None, 4)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output
