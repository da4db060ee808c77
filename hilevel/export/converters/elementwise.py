"""Converters of element-wise ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.spec import TensorSpec
from hilevel.errors import ExportError
from hilevel.export.converters.table import CONVERTERS, cast, converter, number
from hilevel.export.graph import Graph, Value
from hilevel.ops.math import error_functions
from hilevel.ops.nn import activations
from hilevel.ops.numpy import bitwise, creation, derived, elementwise, transcendental

SAME = {
    ops.abs: "Abs", ops.add: "Add", ops.ceil: "Ceil", ops.divide: "Div", ops.floor: "Floor", ops.multiply: "Mul",
    ops.negative: "Neg", ops.power: "Pow", ops.reciprocal: "Reciprocal", ops.sign: "Sign",
    ops.stop_gradient: "Identity", ops.copy: "Identity", ops.subtract: "Sub", ops.arccos: "Acos",
    ops.arccosh: "Acosh", ops.arcsin: "Asin", ops.arcsinh: "Asinh", ops.arctan: "Atan", ops.arctanh: "Atanh",
    ops.cos: "Cos", ops.cosh: "Cosh", ops.exp: "Exp", ops.log: "Log", ops.sin: "Sin", ops.sinh: "Sinh",
    ops.sqrt: "Sqrt", ops.tan: "Tan", ops.tanh: "Tanh", error_functions.erf: "Erf", ops.relu: "Relu",
    ops.softplus: "Softplus", ops.maximum: "Max", ops.minimum: "Min", ops.sigmoid: "Sigmoid",
    ops.equal: "Equal", ops.greater: "Greater",
    ops.greater_equal: "GreaterOrEqual", ops.less: "Less", ops.less_equal: "LessOrEqual", ops.isnan: "IsNaN",
    bitwise.bitwise_and: "BitwiseAnd", bitwise.bitwise_or: "BitwiseOr", bitwise.bitwise_xor: "BitwiseXor",
    bitwise.bitwise_not: "BitwiseNot",
}  # fmt: skip
"""The ops that are one operator of ONNX."""
LOGICAL = {
    ops.logical_and: "And", ops.logical_or: "Or", ops.logical_xor: "Xor", ops.logical_not: "Not",
}  # fmt: skip
"""The operators of ONNX that take booleans only."""


def _one_node(kind: str) -> Any:
    return lambda graph, y, *xs: graph.node(kind, *xs)


def _logical(kind: str) -> Any:
    return lambda graph, y, *xs: graph.node(kind, *[cast(graph, x, np.bool_) for x in xs])


CONVERTERS.update({op: _one_node(kind) for op, kind in SAME.items()})
CONVERTERS.update({op: _logical(kind) for op, kind in LOGICAL.items()})


def _formula(*parts: Any) -> Any:
    """Return a converter of a chain of operators: names, or pairs of a name and the second operand."""

    def convert(graph: Graph, y: TensorSpec, x: Value) -> Any:
        result: Any = x
        for part in parts:
            kind, *others = (part,) if isinstance(part, str) else part
            result = graph.node(kind, result, *[number(x, other) for other in others])
        return result

    return convert


CONVERTERS.update({
    ops.square: lambda graph, y, x: graph.Mul(x, x),
    ops.rsqrt: _formula("Sqrt", "Reciprocal"),
    ops.log2: _formula("Log", ("Mul", 1 / np.log(2))),
    ops.log10: _formula("Log", ("Mul", 1 / np.log(10))),
    ops.exp2: _formula(("Mul", np.log(2)), "Exp"),
    ops.silu: lambda graph, y, x: graph.Mul(x, graph.Sigmoid(x)),
    ops.trunc: lambda graph, y, x: graph.Mul(graph.Sign(x), graph.Floor(graph.Abs(x))),
    ops.hypot: lambda graph, y, a, b: graph.Sqrt(graph.Add(graph.Mul(a, a), graph.Mul(b, b))),
    ops.cbrt: lambda graph, y, x: graph.Mul(graph.Sign(x), graph.Pow(graph.Abs(x), number(x, 1 / 3))),
    ops.isinf: lambda graph, y, x: graph.IsInf(cast(graph, x, np.float32)),
    ops.not_equal: lambda graph, y, a, b: graph.Not(graph.Equal(a, b)),
    ops.leaky_relu: lambda graph, y, x, negative_slope=0.2: graph.LeakyRelu(x, alpha=float(negative_slope)),
})  # fmt: skip


@converter(ops.expm1)
def _(graph: Graph, y: TensorSpec, x: Value) -> Any:
    """Convert by `exp(x) - 1 = tanh(x / 2) * (exp(x) + 1)`, which is exact near 0."""
    half = graph.Tanh(graph.Mul(x, number(x, 0.5)))
    plain = graph.Sub(graph.Exp(x), number(x, 1))
    near = graph.Mul(half, graph.Add(graph.Exp(x), number(x, 1)))
    return graph.Where(graph.Less(graph.Abs(x), number(x, 1)), near, plain)


@converter(ops.log1p)
def _(graph: Graph, y: TensorSpec, x: Value) -> Any:
    """Convert by `2 * atanh(x / (2 + x))` near 0, which is exact there, and `log(1 + x)` elsewhere."""
    near = graph.Mul(graph.Atanh(graph.Div(x, graph.Add(x, number(x, 2)))), number(x, 2))
    plain = graph.Log(graph.Add(x, number(x, 1)))
    return graph.Where(graph.Less(graph.Abs(x), number(x, 0.5)), near, plain)


@converter(ops.cast)
def _(graph: Graph, y: TensorSpec, x: Value, dtype: Any) -> Any:
    return graph.Identity(x) if x.dtype == y.dtype else graph.Cast(x, to=y.dtype)


@converter(elementwise._select)
def _(graph: Graph, y: TensorSpec, condition: Value, a: Value, b: Value) -> Any:
    return graph.Where(cast(graph, condition, np.bool_), cast(graph, a, y.dtype), cast(graph, b, y.dtype))


@converter(ops.clip)
def _(graph: Graph, y: TensorSpec, x: Value, x_min: Value | None, x_max: Value | None) -> Any:
    lower = x if x_min is None else graph.Max(x, cast(graph, x_min, x.dtype))
    return lower if x_max is None else graph.Min(lower, cast(graph, x_max, x.dtype))


@converter(ops.round)
def _(graph: Graph, y: TensorSpec, x: Value, decimals: int = 0) -> Any:
    if x.dtype.kind != "f" and decimals < 0:
        raise ExportError("Integers rounded to tens have no form in ONNX.")
    if x.dtype.kind != "f" or not decimals:
        return graph.Round(x) if x.dtype.kind == "f" else graph.Identity(x)
    factor = number(x, 10.0**decimals)
    return graph.Div(graph.Round(graph.Mul(x, factor)), factor)


@converter(ops.floor_divide)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    if y.dtype.kind == "f":
        return graph.Floor(graph.Div(a, b))
    return graph.Div(graph.Sub(a, graph.Mod(a, b)), b)


@converter(ops.mod)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    if y.dtype.kind != "f":
        return graph.Mod(a, b)
    return graph.Sub(a, graph.Mul(graph.Floor(graph.Div(a, b)), b))


@converter(ops.fmod)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    return graph.Mod(a, b, fmod=1)


@converter(ops.isfinite)
def _(graph: Graph, y: TensorSpec, x: Value) -> Any:
    wide = cast(graph, x, np.float32)
    return graph.Not(graph.Or(graph.IsNaN(wide), graph.IsInf(wide)))


@converter(ops.nan_to_num)
def _(
    graph: Graph,
    y: TensorSpec,
    x: Value,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Any:
    limits = np.finfo(x.dtype)
    high, low = limits.max if posinf is None else posinf, limits.min if neginf is None else neginf
    found = graph.Where(graph.IsNaN(x), number(x, nan), x)
    found = graph.Where(graph.Equal(found, number(x, np.inf)), number(x, high), found)
    return graph.Where(graph.Equal(found, number(x, -np.inf)), number(x, low), found)


@converter(ops.isclose)
def _(
    graph: Graph,
    y: TensorSpec,
    a: Value,
    b: Value,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Any:
    limit = graph.Add(graph.Mul(graph.Abs(b), number(b, rtol)), number(b, atol))
    near = graph.Or(graph.Equal(a, b), graph.LessOrEqual(graph.Abs(graph.Sub(a, b)), limit))
    return graph.Or(near, graph.And(graph.IsNaN(a), graph.IsNaN(b))) if equal_nan else near


@converter(derived.divide_no_nan)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    is_zero = graph.Equal(b, number(b, 0))
    return graph.Where(is_zero, number(b, 0), graph.Div(a, graph.Where(is_zero, number(b, 1), b)))


@converter(activations.gelu_op)
def _(graph: Graph, y: TensorSpec, x: Value, approximate: bool) -> Any:
    if approximate:
        cube = graph.Mul(graph.Mul(x, x), graph.Mul(x, number(x, 0.044715)))
        inner = graph.Tanh(graph.Mul(graph.Add(x, cube), number(x, 0.7978845608028654)))
    else:
        inner = graph.Erf(graph.Mul(x, number(x, 0.7071067811865476)))
    return graph.Mul(graph.Mul(x, number(x, 0.5)), graph.Add(inner, number(x, 1)))


def _filled(value: int) -> Any:
    return lambda graph, y, x, dtype=None: graph.Expand(np.asarray(value, y.dtype), graph.Shape(x))


CONVERTERS[ops.zeros_like] = _filled(0)
CONVERTERS[ops.ones_like] = _filled(1)


@converter(creation.arange_op)
def _(graph: Graph, y: TensorSpec, start: int, stop: int, step: int, dtype: Any) -> Any:
    limits = [graph.Squeeze(graph.size(n), [0]) for n in (start, stop, step)]
    return graph.Cast(graph.Range(*limits), to=y.dtype)


@converter(transcendental.logaddexp)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    """Convert by `max(a, b) + softplus(-|a - b|)`, also where both are infinite."""
    plain = graph.Add(graph.Max(a, b), graph.Softplus(graph.Neg(graph.Abs(graph.Sub(a, b)))))
    return graph.Where(graph.Equal(a, b), graph.Add(a, number(a, np.log(2))), plain)


@converter(transcendental.arctan2)
def _(graph: Graph, y: TensorSpec, a: Value, b: Value) -> Any:
    """Convert by `2 * atan(a / (hypot(a, b) + b))`, with pi where `a` is 0 and `b` negative."""
    radius = graph.Sqrt(graph.Add(graph.Mul(a, a), graph.Mul(b, b)))
    angle = graph.Mul(graph.Atan(graph.Div(a, graph.Add(radius, b))), number(a, 2))
    on_axis = graph.Where(graph.Less(b, number(b, 0)), number(b, np.pi), number(b, 0))
    return graph.Where(graph.Equal(a, number(a, 0)), on_axis, angle)
