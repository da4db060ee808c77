"""Dense layers over any axes, in Einstein notation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple, Unpack

from hilevel import initializers, ops
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import activation_of, bad_setting, set_unsupported, set_weight_settings, sizes
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import (
    ActivationLike,
    ConstraintLike,
    InitializerLike,
    Options,
    RegularizerLike,
)
from hilevel.ops.nn.scores import activate


class EinsumDense(Layer):
    """A dense layer over any axes: `activation(einsum(equation, x, kernel) + bias)`.

    Args:
        equation: the axes of input, kernel and output: `"ab,bc->ac"`, `"...x,xy->...y"` or `"ab...,bc->ac..."`.
        output_shape: the sizes of the output's named axes, without the batch; None for a size of the input.
        activation: the name of an activation or a function; none by default.
        bias_axes: the letters of the output's axes that the bias has; no bias by default.
        kernel_initializer, bias_initializer: the initializers of the weights.
        kernel_regularizer, bias_regularizer: penalties on the weights, added to the loss.
        kernel_constraint, bias_constraint: projections of the weights after each update.
        lora_rank, lora_alpha, gptq_unpacked_column_size, quantization_config: not implemented; only None is accepted.

    >>> import hilevel
    >>> layer = hilevel.layers.EinsumDense("btd,dhk->bthk", (None, 2, 3), bias_axes="hk")
    >>> layer(np.ones((5, 7, 4))).shape, layer.kernel.shape, layer.bias.shape
    ((5, 7, 2, 3), (4, 2, 3), (2, 3))

    Raises:
        ValueError: the equation has another form, or a letter of unknown size.
        ShapeError: at the first call, input, equation and `output_shape` disagree.
    """

    kernel_initializer: InitializerLike

    kernel: Variable
    bias: Variable | None

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: ActivationLike = None,
        bias_axes: str | None = None,
        kernel_initializer: InitializerLike = "glorot_uniform",
        bias_initializer: InitializerLike = "zeros",
        kernel_regularizer: RegularizerLike = None,
        bias_regularizer: RegularizerLike = None,
        kernel_constraint: ConstraintLike = None,
        bias_constraint: ConstraintLike = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        set_unsupported(
            self, lora_rank=lora_rank, lora_alpha=lora_alpha,
            gptq_unpacked_column_size=gptq_unpacked_column_size, quantization_config=quantization_config,
        )  # fmt: skip
        for label, value in (("equation", equation), ("bias_axes", bias_axes)):
            if not isinstance(value, str) and (value is not None or label == "equation"):
                raise bad_setting("EinsumDense", label, "text", value)
        self.equation, self.bias_axes = equation, bias_axes
        shape = (output_shape,) if isinstance(output_shape, int) else output_shape
        self.output_shape = self.partial_output_shape = sizes("EinsumDense", "output_shape", shape, 1)
        self.activation = activation_of("EinsumDense", "activation", activation)
        set_weight_settings(
            self, kernel_initializer=kernel_initializer, bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer, bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint, bias_constraint=bias_constraint,
        )  # fmt: skip
        self._terms = _parsed(equation, bias_axes)

    def build(self, input_shape: Shape) -> None:
        """Make the kernel and the bias."""
        terms = self._terms
        sizes = _sizes(self, terms, tuple(input_shape), self.partial_output_shape)
        shape = [sizes[c] for c in terms.kernel]
        self.kernel = self.add_weight("kernel", shape, initializer=self._initializer(terms))
        self.bias = None
        if self.bias_axes:
            named = terms.output[min(map(terms.output.index, self.bias_axes)) :]
            trailing = len(input_shape) - len(terms.input) if terms.dots == "right" else 0
            shape = [sizes[c] if c in self.bias_axes else 1 for c in named]
            self.bias = self.add_weight("bias", [*shape, *(1,) * trailing])
        self.input_spec = InputSpec(ndim=len(input_shape))

    def _initializer(self, terms: _Terms) -> InitializerLike:
        """Return the kernel's initializer, with the axes of inputs and outputs if it scales by them."""
        start = self.kernel_initializer
        if not isinstance(start, initializers.VarianceScaling):
            return start
        if start.input_axes is not None and start.output_axes is not None:
            return start
        axes: dict[bool, list[int]] = {True: [], False: []}
        for i, c in enumerate(terms.kernel):
            axes[c in terms.output].append(i)
        return type(start).from_config(
            start.get_config() | {"input_axes": axes[False], "output_axes": axes[True]}
        )

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """Compute `activation(einsum(equation, inputs, kernel) + bias)`, in the shape of the equation's output."""
        y = ops.einsum(self.equation, inputs, self.kernel)
        if self.bias is not None:
            y = y + self.bias
        return activate(self.activation, y)


class _Terms(NamedTuple):
    """The letters of an equation, and the side of the dots: `"left"`, `"right"` or `""`."""

    input: str
    kernel: str
    output: str
    dots: str


def _parsed(equation: str, bias_axes: str | None) -> _Terms:
    """Return the letters of input, kernel and output."""
    form = r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?"
    found = re.fullmatch(form, equation.replace(" ", ""))
    if not found or found[1] != found[5] or found[3] != found[7] or (found[1] and found[3]):
        raise ValueError(
            f"EinsumDense: the equation must have the form 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...'; got "
            f"{equation!r}."
        )
    terms = _Terms(found[2], found[4], found[6], "left" if found[1] else "right" if found[3] else "")
    for name, letters, known in (
        ("kernel", terms.kernel, terms.input + terms.output),
        ("output", terms.output, terms.input + terms.kernel),
        (f"bias (bias_axes={bias_axes!r})", bias_axes or "", terms.output),
    ):
        for c in letters:
            if c not in known:
                where = "the output" if known is terms.output else "the other terms"
                raise ValueError(
                    f"EinsumDense: {c!r} of the {name} is not in {where}; the equation is {equation!r}."
                )
    return terms


def _sizes(
    layer: EinsumDense, terms: _Terms, shape: Shape, output_shape: Sequence[int | None]
) -> dict[str, Any]:
    """Return the sizes of all letters, from the shape of the input and the output's sizes."""
    rest = len(shape) - len(terms.input)
    if rest < 0 or (rest and not terms.dots):
        raise _misfit(
            layer, f"the input has shape {shape}, its letters {terms.input!r} are {len(terms.input)}"
        )
    given = shape[rest:] if terms.dots == "left" else shape[: len(terms.input)]
    wanted = tuple(output_shape) if terms.dots == "left" else (shape[0], *output_shape)
    if len(wanted) != len(terms.output):
        raise _misfit(
            layer, f"the output's letters {terms.output!r} do not agree with output_shape={output_shape}"
        )
    sizes: dict[str, Any] = dict(zip(terms.input, given, strict=True))
    for c, n in zip(terms.output, wanted, strict=True):
        if n is not None and sizes.get(c) not in (None, n):
            raise _misfit(layer, f"{c!r} is {sizes[c]} in the input, of shape {shape}, and {n} in the output")
        sizes[c] = sizes.get(c) if n is None else n
    unknown = [c for c in terms.kernel + (layer.bias_axes or "") if sizes[c] is None]
    if unknown:
        raise _misfit(
            layer,
            f"the size of {unknown[0]!r} is unknown in the input, of shape {shape}, and in output_shape",
        )
    return sizes


def _misfit(layer: EinsumDense, reason: str) -> ShapeError:
    return ShapeError(f'EinsumDense "{layer.name}" of {layer.equation!r}: {reason}.')
