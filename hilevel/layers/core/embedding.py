"""The embedding layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.engine.ranges import expect_indices
from hilevel.engine.types import Shape, Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import flags, positive, set_unsupported, set_weight_settings
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import ConstraintLike, InitializerLike, RegularizerLike
from hilevel.ops.numpy.indexing import embedding_lookup

_ADVICE = "Give the layer a larger input_dim (the largest index plus 1), or map rare words to one index."


class Embedding(Layer):
    """A trainable vector for each integer index.

    Args:
        input_dim: the number of indices, which are 0 to `input_dim - 1`.
        output_dim: the size of the vectors.
        embeddings_initializer: the initializer of the vectors.
        embeddings_regularizer: a penalty on the vectors, added to the loss.
        embeddings_constraint: the projection of the vectors after each update.
        mask_zero: whether 0 is padding, which later layers ignore.
        weights: an array of shape `(input_dim, output_dim)`, or a list with it, the initial vectors.
        lora_rank, lora_alpha, quantization_config: not implemented; only None is accepted.

    >>> import hilevel
    >>> hilevel.layers.Embedding(10, 3)(np.array([[1, 2], [2, 0]])).shape
    (2, 2, 3)

    Raises:
        ValueError: a size is not a positive integer.
        OutOfRangeError: an index in the host's memory is out of range. An index on a device, or in a compiled
            function, gives NaN.
    """

    embeddings: Variable

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: InitializerLike = "uniform",
        embeddings_regularizer: RegularizerLike = None, embeddings_constraint: ConstraintLike = None,
        mask_zero: bool = False, weights: TensorLike | Sequence[TensorLike] | None = None, lora_rank: int | None = None,
        lora_alpha: float | None = None, quantization_config: None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        length = kwargs.pop("input_length", None)
        if length is not None:
            kwargs.setdefault("input_shape", (length,))
        super().__init__(**kwargs)
        set_unsupported(
            self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config
        )
        name = type(self).__name__
        self.input_dim = positive(name, "input_dim", input_dim)
        self.output_dim = positive(name, "output_dim", output_dim)
        set_weight_settings(
            self, embeddings_initializer=embeddings_initializer, embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )  # fmt: skip
        flags(name, mask_zero=mask_zero)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._start_weights = weights
        if weights is not None:
            self.build()

    def build(self, input_shape: Shape | None = None) -> None:
        """Make the vectors."""
        self.embeddings = self.add_weight("embeddings", (self.input_dim, self.output_dim))
        if self._start_weights is not None:
            given = self._start_weights
            self.set_weights(list(given) if isinstance(given, (list, tuple)) else [given])

    def call(self, inputs: Tensor) -> Tensor:
        """Return the vectors of the indices: shape `(...)` to `(..., output_dim)`."""
        expect_indices(inputs, self.input_dim, f"{self._label()}: index", _ADVICE)
        if inputs.dtype.kind not in "iu":
            inputs = ops.cast(inputs, "int32")
        return ops.cast(embedding_lookup(self.embeddings, inputs), self.compute_dtype)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor | None:
        """Return the mask of the indices other than 0, if 0 is padding."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None
