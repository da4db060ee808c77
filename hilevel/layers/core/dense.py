"""The dense layer."""

from __future__ import annotations

from typing import Unpack

from hilevel import ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import (
    activation_of,
    flags,
    positive,
    set_unsupported,
    set_weight_settings,
)
from hilevel.layers.base.input_axes import fused_name, last_axis
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import (
    ActivationLike,
    BaseOptions,
    ConstraintLike,
    InitializerLike,
    RegularizerLike,
)
from hilevel.ops.nn.scores import activate


class Dense(Layer):
    """A fully connected layer: `activation(x @ kernel + bias)` over the last axis.

    Args:
        units: the size of the output's last axis.
        activation: the name of an activation or a function; none by default.
        use_bias: whether to add a bias.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        lora_rank, lora_alpha, quantization_config: not implemented; only None is accepted.

    >>> import hilevel
    >>> hilevel.layers.Dense(3, activation="relu")(np.ones((2, 4))).shape
    (2, 3)

    Raises:
        ValueError: `units` is not a positive integer.
        ShapeError: at a call, the size of the last axis differs from the size in `build`.
    """

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        activity_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: None = None,
        **kwargs: Unpack[BaseOptions],
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        set_unsupported(
            self, lora_rank=lora_rank, lora_alpha=lora_alpha, quantization_config=quantization_config
        )
        flags("Dense", use_bias=use_bias)
        self.units = positive("Dense", "units", units)
        self.activation = activation_of("Dense", "activation", activation)
        self.use_bias = use_bias
        set_weight_settings(
            self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self._fused = fused_name(self.activation)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        self.kernel = self.add_weight("kernel", (last_axis(self, input_shape), self.units))
        self.bias = self.add_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1] or 0})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Compute `activation(inputs @ kernel + bias)`: shape `(..., features)` to `(..., units)`."""
        if self._fused:
            return ops.dense(inputs, self.kernel, self.bias, activation=self._fused)
        return activate(self.activation, ops.dense(inputs, self.kernel, self.bias))
