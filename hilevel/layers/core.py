"""The layers every network is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

from hilevel import activations, ops, regularizers
from hilevel._types import Shape, Tensor
from hilevel.errors import ShapeError
from hilevel.layers.checks import (
    activation_of,
    bad_setting,
    data_format_of,
    flags,
    number,
    positive,
    set_unsupported,
    set_weight_settings,
    sizes,
)
from hilevel.layers.input_spec import InputSpec
from hilevel.layers.layer import Layer
from hilevel.layers.settings import BaseOptions, Options
from hilevel.ops.nn import FUSED_ACTIVATIONS
from hilevel.variables import Variable


class Dense(Layer):
    """A fully connected layer: `activation(x @ kernel + bias)`, over the last axis.

    Args:
        units: the size of the output's last axis.
        activation: a name or a function; none by default.
        use_bias: whether there is a bias.
        kernel_initializer, bias_initializer: how the weights begin.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        activity_regularizer: a penalty on the output.
        kernel_constraint, bias_constraint: what the weights are passed through after each update.
        lora_rank, lora_alpha, quantization_config: not implemented; anything but None is refused.

    >>> import hilevel
    >>> hilevel.layers.Dense(3, activation="relu")(np.ones((2, 4))).shape
    (2, 3)

    Raises:
        ValueError: `units` is not a positive integer.
        ShapeError: at a call, the last axis is not the one the layer was built on.
    """

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
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
        """Make kernel and bias."""
        self.kernel = self.add_weight("kernel", (last_axis(self, input_shape), self.units))
        self.bias = self.add_weight("bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_shape[-1] or 0})

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """`activation(inputs @ kernel + bias)`; shape `(..., features)` to `(..., units)`."""
        if self._fused:
            return ops.dense(inputs, self.kernel, self.bias, activation=self._fused)
        return self.activation(ops.dense(inputs, self.kernel, self.bias))


def fused_name(activation: Any) -> str | None:
    """The name of an activation that ops compute in one step with what is before it; None where it is another."""
    name = getattr(activation, "__name__", "")
    return name if name in FUSED_ACTIVATIONS and activation is activations.get(name) else None


def last_axis(layer: Layer, shape: Any) -> int:
    """The size of the last axis, which the layer has to know to be built.

    Raises:
        ShapeError: it is unknown.
    """
    if not shape or shape[-1] is None:
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" has to know the size of its input\'s last axis to '
            f"make its weights; the input's shape is {shape}. Give it in Input(shape=...)."
        )
    return int(shape[-1])


class Activation(Layer):
    """An activation function as a layer.

    Args:
        activation: a name, or a function of a tensor.

    >>> import hilevel
    >>> hilevel.layers.Activation("relu")(np.array([-1.0, 2.0], "float32"))
    array([0., 2.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True
        self.activation = activation_of("Activation", "activation", activation)

    def call(self, inputs: Tensor) -> Tensor:
        """The activation of the inputs."""
        return self.activation(inputs)


class Identity(Layer):
    """Gives back what it gets.

    >>> import hilevel
    >>> hilevel.layers.Identity()(np.array([1.0], "float32"))
    array([1.], dtype=float32)
    """

    def __init__(self, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        """The inputs."""
        return inputs


class Flatten(Layer):
    """All axes but the batch in one.

    Args:
        data_format: `"channels_last"` or `"channels_first"`; the order in which the last is read.

    >>> import hilevel
    >>> hilevel.layers.Flatten()(np.ones((2, 3, 4))).shape
    (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format_of("Flatten", data_format)

    def call(self, inputs: Tensor) -> Tensor:
        """Shape `(batch, ...)` to `(batch, features)`."""
        rank = len(inputs.shape)
        if self.data_format == "channels_first" and rank > 2:
            inputs = ops.transpose(inputs, (0, *range(2, rank), 1))
        size = int(np.prod(inputs.shape[1:], dtype=np.int64))
        return ops.reshape(inputs, (inputs.shape[0], size))


class Reshape(Layer):
    """The elements of each sample in another shape.

    Args:
        target_shape: the shape without the batch; one size may be -1.

    >>> import hilevel
    >>> hilevel.layers.Reshape((2, -1))(np.ones((5, 6))).shape
    (5, 2, 3)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.target_shape = sizes("Reshape", "target_shape", target_shape, -1)
        if self.target_shape.count(-1) > 1:
            raise bad_setting("Reshape", "target_shape", "a shape with -1 once at most", target_shape)

    def call(self, inputs: Tensor) -> Tensor:
        """Shape `(batch, ...)` to `(batch, *target_shape)`."""
        return ops.reshape(inputs, (inputs.shape[0], *self.target_shape))


class Permute(Layer):
    """The axes of each sample in another order.

    Args:
        dims: the order, counted from 1 without the batch: `(2, 1)` exchanges two axes.

    >>> import hilevel
    >>> hilevel.layers.Permute((2, 1))(np.ones((5, 3, 4))).shape
    (5, 4, 3)

    Raises:
        ValueError: `dims` is not a permutation of 1, 2, ...
    """

    def __init__(self, dims: Sequence[int], **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.dims = sizes("Permute", "dims", dims, 1)
        if set(self.dims) != set(range(1, len(self.dims) + 1)):
            raise bad_setting("Permute", "dims", "an order of 1, 2, ...", dims)
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs with their axes in the order `(0, *dims)`."""
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Each sample `n` times, along a new axis.

    Args:
        n: how often.

    >>> import hilevel
    >>> hilevel.layers.RepeatVector(3)(np.ones((2, 4))).shape
    (2, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Unpack[Options]) -> None:
        super().__init__(**kwargs)
        self.n = positive("RepeatVector", "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        """Shape `(batch, features)` to `(batch, n, features)`."""
        return ops.repeat(inputs[:, None, :], self.n, axis=1)


class ActivityRegularization(Layer):
    """Adds `l1 * sum|x| + l2 * sum x^2` of its input, which it gives back, to the loss.

    Args:
        l1: the weight of the absolute values.
        l2: the weight of the squares.

    >>> import hilevel
    >>> layer = hilevel.layers.ActivityRegularization(l2=0.5)
    >>> _ = layer(np.array([[2.0]]))
    >>> layer.losses
    [np.float32(2.0)]
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Unpack[BaseOptions]) -> None:
        name = "ActivityRegularization"
        l1, l2 = (number(name, n, 0.0 if v is None else v, 0) for n, v in (("l1", l1), ("l2", l2)))
        super().__init__(activity_regularizer=regularizers.L1L2(l1=l1, l2=l2), **kwargs)
        self.supports_masking = True
        self.l1, self.l2 = l1, l2

    def call(self, inputs: Tensor) -> Tensor:
        """The inputs."""
        return inputs


class Lambda(Layer):
    """A function as a layer. It has no weights of its own.

    Args:
        function: a function of the inputs; it may take `mask` and `training`, too.
        output_shape: not needed: the shape is found by running the function on shapes.
        mask: the mask of the output, or a function `(inputs, mask)` that computes it.
        arguments: keyword arguments for the function.

    >>> import hilevel
    >>> hilevel.layers.Lambda(lambda x: x * 2)(np.array([1.0], "float32"))
    array([2.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise bad_setting("Lambda", "function", "a function", function)
        if arguments is not None and not isinstance(arguments, dict):
            raise bad_setting("Lambda", "arguments", "a dict of keyword arguments", arguments)
        self.supports_masking = True
        self.function, self.output_shape = function, output_shape
        self.arguments = arguments or {}
        self.mask = mask

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """The function of the inputs."""
        import inspect

        takes = inspect.signature(self.function).parameters
        extra = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: v for k, v in extra.items() if k in takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask that the constructor was given, or what its function says; else that of the inputs."""
        if callable(self.mask):
            return self.mask(inputs, mask)
        return mask if self.mask is None else self.mask
