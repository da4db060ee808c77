"""Vectors for indices."""

from __future__ import annotations

from typing import Any

from hilevel import ops
from hilevel.engine.ranges import expect_indices
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import flags, positive, set_unsupported, set_weight_settings
from hilevel.layers.base.layer import Layer
from hilevel.ops.numpy.indexing import embedding_lookup

_ADVICE = "Give the layer a larger input_dim (the largest index plus 1), or map rare words to one index."


class Embedding(Layer):
    """A vector for each integer, learned.

    Args:
        input_dim: how many integers there are: 0 up to, but not including, `input_dim`.
        output_dim: the size of the vectors.
        embeddings_initializer: how they begin.
        embeddings_regularizer: a penalty on them, added to the loss.
        embeddings_constraint: what they are passed through after each update.
        mask_zero: whether 0 is padding, which the layers that follow leave out.
        weights: a list with an array of shape `(input_dim, output_dim)` that they begin with.
        lora_rank, lora_alpha, quantization_config: not implemented; anything but None is refused.

    >>> import hilevel
    >>> hilevel.layers.Embedding(10, 3)(np.array([[1, 2], [2, 0]])).shape
    (2, 2, 3)

    Raises:
        ValueError: a size is not a positive integer.
        OutOfRangeError: an integer, in data of the host, is outside the table. One that is computed on a device, or
            within a compiled function, gives NaN.
    """

    embeddings: Variable

    def __init__(
        self, input_dim: int, output_dim: int, embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None, embeddings_constraint: Any = None, mask_zero: bool = False,
        weights: Any = None, lora_rank: int | None = None, lora_alpha: float | None = None,
        quantization_config: Any = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        length = kwargs.pop("input_length", None)
        if length is not None:
            kwargs.setdefault("input_shape", (length,))
        super().__init__(**kwargs)
        set_unsupported(
            self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config
        )
        self.input_dim = positive("Embedding", "input_dim", input_dim)
        self.output_dim = positive("Embedding", "output_dim", output_dim)
        set_weight_settings(
            self, embeddings_initializer=embeddings_initializer, embeddings_regularizer=embeddings_regularizer,
            embeddings_constraint=embeddings_constraint,
        )  # fmt: skip
        flags("Embedding", mask_zero=mask_zero)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        self.autocast = False
        self._start_weights = weights

    def build(self, input_shape: Shape | None = None) -> None:
        """Make the table."""
        self.embeddings = self.add_weight("embeddings", (self.input_dim, self.output_dim))
        if self._start_weights is not None:
            self.set_weights(list(self._start_weights))

    def call(self, inputs: Tensor) -> Tensor:
        """Integers of any shape to vectors: `(...)` to `(..., output_dim)`."""
        expect_indices(inputs, self.input_dim, f"{self._label()}: index", _ADVICE)
        if inputs.dtype.kind not in "iu":
            inputs = ops.cast(inputs, "int32")
        return ops.cast(embedding_lookup(self.embeddings, inputs), self.compute_dtype)

    def compute_mask(self, inputs: Tensor, mask: Any = None) -> Any:
        """Where the integers are not 0, if 0 is padding."""
        return ops.not_equal(inputs, 0) if self.mask_zero else None
