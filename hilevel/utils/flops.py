"""The cost of a model: `count_flops` runs it on shapes, and adds up the costs of its ops."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from hilevel import ops, tree
from hilevel.engine.context import scope
from hilevel.engine.interpreter import Shapes
from hilevel.engine.memory import size_text
from hilevel.engine.spec import UnknownSize
from hilevel.engine.types import Function, ShapeLike, Tensor
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.shapes import abstract_tensors
from hilevel.ops.nn import attention, convolution, pooling, recurrence
from hilevel.ops.nn.dense import dense
from hilevel.ops.nn.normalization import standardize_op
from hilevel.ops.nn.reset_before import reset_before
from hilevel.ops.nn.windows import Windows
from hilevel.ops.numpy import indexing, joining, products as linear, reduction, shaping


class Cost:
    """A cost: `flops` floating-point operations, and `bytes` that are read and written.

    >>> from hilevel.utils.flops import Cost
    >>> Cost(2_500_000, 3 * 2**20)
    2.50 MFLOP, 3.0 MB
    """

    def __init__(self, flops: int = 0, bytes: int = 0) -> None:
        self.flops, self.bytes = flops, bytes

    def add(self, flops: int, bytes: int) -> None:
        """Add the cost of an op."""
        self.flops += flops
        self.bytes += bytes

    def __repr__(self) -> str:
        return f"{flops_text(self.flops)}, {size_text(self.bytes)}"


class ModelCost(Cost):
    """The cost of a model, with a `Cost` for each path of a layer (`by_layer`) and each name of an op (`by_op`)."""

    def __init__(self) -> None:
        super().__init__()
        self.by_layer: dict[str, Cost] = {}
        self.by_op: dict[str, Cost] = {}


def count_flops(
    model: Layer, input_shape: ShapeLike | Sequence[ShapeLike] | Mapping[str, ShapeLike] | None = None
) -> ModelCost:
    """Count the floating-point operations of a prediction, and the bytes that its ops read and write.

    The model is run on shapes, without values; a model that is not built is built. In products, convolutions,
    attention and recurrent layers a multiplication with an addition counts 2, padding included. Activations,
    elementwise ops and reductions count 1 for each element, and ops that move data count 0. Ops without a rule count 1
    for each element of their result. The body of `ops.while_loop` counts once, and so does the True branch of
    `ops.cond`.

    Args:
        model: a model, or a layer.
        input_shape: the shape of the input with its batch axis, where None counts as 1 sample; a list or dict of
            shapes for several inputs. The default is the shape of the model's `Input`. A model with one `Input` also
            takes the shape of a sample, without the batch axis.

    Returns:
        An object with the sums `flops` and `bytes`; `by_layer`, the `Cost` of each layer by its path, or name, with the
        layers in it; and `by_op`.

    Raises:
        ValueError: the shape is unknown, or another axis than the first is None.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((8,)), hilevel.layers.Dense(4, name="out")], name="net")
    >>> cost = hilevel.utils.count_flops(model)
    >>> cost.flops, cost.by_layer["net/out"].flops  # 2 * 8 * 4, and 4 for the bias
    (68, 68)
    >>> cost
    68 FLOP, 192 B
    """
    counter = _Counter()
    inputs = _inputs(model, input_shape)
    with scope(interpreter=counter, added_losses=WeakKeyDictionary()):
        model(inputs, training=False)
    return counter.cost


def _inputs(model: Layer, shape: Any) -> Any:
    """Return abstract tensors for the inputs of a model, in the dtypes of its `Input`s."""
    symbols = getattr(model, "inputs", [])
    if shape is None and symbols:
        shape = tree.map_structure(lambda s: s.shape, model.input)
    if shape is None:
        raise ValueError(
            f"count_flops: {model._label()} has no Input that gives its shape. Give input_shape, with the batch axis: "
            "count_flops(model, (None, 8))."
        )
    if len(symbols) == 1 and len(shape) == len(symbols[0].shape) - 1:
        shape = (None, *shape)
    tensors = abstract_tensors(shape, model.compute_dtype, UnknownSize(1))
    flat = tree.flatten(tensors)
    if any(isinstance(n, UnknownSize) for x in flat for n in x.shape[1:]):
        raise ValueError(
            f"count_flops: only the first axis of input_shape may be None; got {shape}. Give input_shape with the "
            "other sizes as integers."
        )
    for x, symbol in zip(flat, symbols, strict=False):
        x.dtype = symbol.dtype
    return tensors


class _Counter(Shapes):
    """An interpreter that infers shapes, and adds up the costs of ops: in total, by layer, and by name."""

    def __init__(self) -> None:
        self.cost = ModelCost()
        self.layers: list[tuple[Any, Any]] = []
        self.times = 1

    def use(self, layer: Any) -> None:
        self.layers.append((layer, layer._record.output_shapes))
        if len(self.layers) > 1:
            self.cost.by_layer.setdefault(label(layer), Cost())

    def leave(self, layer: Any) -> None:
        _, layer._record.output_shapes = self.layers.pop()

    @contextmanager
    def repeated(self, count: int) -> Iterator[None]:
        self.times *= count
        yield
        self.times //= count

    def run(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self._count(op, super().run(op, args, kwargs), args, kwargs)

    def infer(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        y = super().infer(op, args, kwargs)
        return self._count(op, y, args, kwargs) if op in RULES else y

    def _count(self, op: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        rule: Function = RULES.get(op, _one_each)
        moved = () if op in VIEWS else (y, y) if op in READS_PARTS else (args, y)
        flops, bytes = rule(y, *args, **kwargs), sum(map(_bytes, tree.flatten(moved)))
        names = {label(layer) for layer, _ in self.layers[1:]}
        places = [
            self.cost,
            self.cost.by_op.setdefault(op.name, Cost()),
            *map(self.cost.by_layer.__getitem__, names),
        ]
        for cost in places:
            cost.add(int(flops * self.times), int(bytes * self.times))
        return y


def label(layer: Layer) -> str:
    """Return the path of a layer, or its name if it has no path."""
    return str(layer.path or layer.name)


def flops_text(n: float) -> str:
    """Return a number of floating-point operations with its unit.

    >>> from hilevel.utils.flops import flops_text
    >>> flops_text(999), flops_text(1_234_000_000)
    ('999 FLOP', '1.23 GFLOP')
    """
    for unit in ("", "k", "M", "G", "T"):
        if n < 1000 or unit == "T":
            break
        n /= 1000
    return f"{n:.2f} {unit}FLOP" if unit else f"{n} FLOP"


def _size(x: Tensor) -> int:
    return math.prod(x.shape)


def _bytes(x: Any) -> int:
    return _size(x) * x.dtype.itemsize if hasattr(x, "dtype") else 0


# -- rules: the operations of an op, from its result, its tensors and attributes --------------------------


def _one_each(y: Tensor, *_: object, **__: object) -> int:
    return sum(map(_size, tree.flatten(y)))


def _one_of_operand(y: Tensor, x: Tensor, **_: object) -> int:
    return _size(x)


def _none(*_: object, **__: object) -> int:
    return 0


def _with_bias(y: Tensor, bias: Tensor | None, activation: str) -> int:
    """Return the operations after a product: one for the bias, one for the activation, for each element."""
    return _size(y) * ((bias is not None) + (activation != "linear"))


def _matmul(y: Tensor, x1: Tensor, x2: Tensor) -> int:
    return 2 * _size(y) * x1.shape[-1]


def _dense(y: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str = "linear") -> int:
    return 2 * _size(y) * x.shape[-1] + _with_bias(y, bias, activation)


def _einsum(y: Tensor, *operands: Tensor, subscripts: str) -> int:
    inputs, output = subscripts.split("->")
    sizes = {
        c: n
        for x, term in zip(operands, inputs.split(","), strict=True)
        for c, n in zip(term, x.shape, strict=True)
    }
    return math.prod(sizes.values()) * (len(operands) - 1 + (len(sizes) > len(output)))


def _convolution(
    y: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None, activation: str = "linear", **_: object
) -> int:
    return 2 * _size(y) * math.prod(kernel.shape[:-1]) + _with_bias(y, bias, activation)


def _transposed_convolution(y: Tensor, g: Tensor, kernel: Tensor, **_: object) -> int:
    return 2 * _size(g) * math.prod(kernel.shape[:-1])


def _kernel_gradient(y: Tensor, x: Tensor, g: Tensor, **_: object) -> int:
    return 2 * _size(g) * math.prod(y.shape[:-1])


def _pooling(y: Tensor, x: Tensor, windows: Windows) -> int:
    return _size(y) * math.prod(windows.size)


def _attention(
    y: Tensor, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, mask: Tensor | None,
    keep: Tensor | None, **_: object,
) -> int:  # fmt: skip
    """Return the operations of two products, of the scaling of the query, and of softmax, bias, mask and dropout."""
    rows, keys = _size(y) // value.shape[-1], key.shape[-2]
    extras = 1 + sum(x is not None for x in (bias, mask, keep))
    return rows * keys * (2 * query.shape[-1] + 2 * value.shape[-1] + extras) + _size(query)


GATES = {"simple": (1, 1), "lstm": (4, 9), "gru": (3, 8)}
"""The number of gates of each cell, and of the elementwise operations for each unit and step beside their sums."""


def _recurrent(
    y: Tensor, x: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor | None,
    recurrent_bias: Tensor | None, h: Tensor, c: Tensor | None, mask: Tensor | None, keep: Tensor | None, cell: str,
    **_: object,
) -> int:  # fmt: skip
    """Return the operations of two products, their sum and biases, the cell, mask and dropout, in all steps."""
    samples, steps, features = x.shape
    gates, others = GATES[cell]
    units = h.shape[-1]
    sums = 1 + (bias is not None) + (recurrent_bias is not None)
    others += (1 + (c is not None)) * (mask is not None) + (keep is not None)
    return samples * steps * units * (gates * (2 * features + 2 * units + sums) + others)


def _standardize(y: Tensor, x: Tensor, gamma: Tensor | None, beta: Tensor | None, **_: object) -> int:
    """Return the operations of mean, difference, square, its mean, and scaling, and of gamma and beta."""
    return _size(x) * (5 + (gamma is not None) + (beta is not None))


VIEWS = {ops.reshape, ops.expand_dims, ops.squeeze, ops.transpose, ops.stop_gradient}
"""Ops that move no data: their results are views of their operands, or could be."""
READS_PARTS = {indexing.getitem_op, indexing.embedding_lookup, indexing.pick}
"""Ops that read only as many elements of their operands as they return."""
MOVES = {
    *VIEWS, *READS_PARTS, ops.broadcast_to, ops.flip, ops.roll, ops.pad, ops.cast, ops.zeros_like, ops.ones_like,
    joining._concatenate, joining._repeat, shaping._mask_triangle,
}  # fmt: skip
REDUCTIONS = {
    ops.sum, ops.mean, ops.all, ops.any, ops.argmax, ops.argmin, ops.sort, ops.argsort,
    reduction._max, reduction._min, reduction._prod, reduction._cumsum, reduction._cumprod,
}  # fmt: skip

RULES: dict[Any, Function] = {
    **dict.fromkeys(MOVES, _none),
    **dict.fromkeys(REDUCTIONS, _one_of_operand),
    linear.matmul: _matmul,
    linear._einsum: _einsum,
    dense: _dense,
    standardize_op: _standardize,
    convolution.convolution: _convolution,
    convolution.convolution_input_gradient: _transposed_convolution,
    convolution.convolution_kernel_gradient: _kernel_gradient,
    pooling.max_pool_op: _pooling,
    pooling.sum_pool_op: _pooling,
    attention.attention_op: _attention,
    recurrence.recurrent_op: _recurrent,
    reset_before: _recurrent,
}
