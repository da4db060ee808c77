"""Loops over sequences, to the operator Scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hilevel import ops, tree
from hilevel.engine.op import to_array
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.export.graph import Body, Graph, Node, Value


def scan(graph: Graph, f: Callable[..., Any], init: Any, xs: Any, n: int, reverse: bool) -> tuple[Any, Any]:
    """Add a loop to a graph. The arguments and results are described in `hilevel.ops.scan`.

    The loop can read values from outside. Only its results can be read outside.
    """
    starts = [graph.value(to_array(x)) for x in tree.flatten(init)]
    sequences = [graph.value(x) for x in tree.flatten(xs)] if xs is not None else [graph.value(ops.arange(n))]
    with graph.body() as nodes:
        states = [_fresh(graph, "state", v.shape, v.dtype) for v in starts]
        items = [_fresh(graph, "item", v.shape[1:], v.dtype) for v in sequences]
        inputs = [graph.value(x) for x in (*states, *items)]
        carry, y = f(
            tree.pack_sequence_as(init, states), None if xs is None else tree.pack_sequence_as(xs, items)
        )
        ends = [ops.cast(x, v.dtype) for x, v in zip(tree.flatten(carry), starts, strict=True)]
        results = [graph.value(to_array(x)) for x in (*ends, *(tree.flatten(y) if y is not None else ()))]
        outputs = [Value(graph.unique("result"), v.shape, v.dtype) for v in results]
        nodes += [
            Node("Identity", [graph.name_of(v)], [o.name]) for v, o in zip(results, outputs, strict=True)
        ]
    direction = int(reverse)
    names = graph.node(
        "Scan", *starts, *sequences, outputs=len(outputs), body=Body(nodes, _typed(inputs), _typed(outputs)),
        num_scan_inputs=len(sequences), scan_input_directions=[direction] * len(sequences),
        scan_output_directions=[direction] * (len(outputs) - len(starts)) or None,
    )  # fmt: skip
    names = [names] if len(outputs) == 1 else names
    shapes = [v.shape if i < len(starts) else (n, *v.shape) for i, v in enumerate(outputs)]
    made = [_named(graph, name, s, v) for name, s, v in zip(names, shapes, outputs, strict=True)]
    rest = made[len(starts) :]
    return tree.pack_sequence_as(carry, made[: len(starts)]), None if y is None else tree.pack_sequence_as(
        y, rest
    )


def _fresh(graph: Graph, name: str, shape: tuple[int, ...], dtype: Any) -> TensorSpec:
    return graph.bind(TensorSpec(shape, dtype), graph.unique(name))


def _named(graph: Graph, name: str, shape: tuple[int, ...], value: Value) -> TensorSpec:
    """Return a result of the loop. Its unknown sizes have no origin inside the loop."""
    return graph.bind(
        TensorSpec([UnknownSize(m) if isinstance(m, UnknownSize) else m for m in shape], value.dtype), name
    )


def _typed(values: list[Value]) -> list[tuple[str, Any]]:
    return [(v.name, v.dtype) for v in values]
