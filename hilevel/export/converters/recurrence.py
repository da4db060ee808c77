"""Converters of recurrent sequences to the operators RNN, LSTM and GRU."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.errors import ExportError
from hilevel.export.converters.table import converter
from hilevel.export.graph import Graph, Value
from hilevel.ops.nn import recurrence
from hilevel.ops.nn.reset_before import reset_before

KINDS = {"simple": "RNN", "lstm": "LSTM", "gru": "GRU"}
_ORDERS = {"simple": [0], "lstm": [0, 3, 1, 2], "gru": [0, 1, 2]}
"""The positions of ONNX's gates (i, o, f, c; z, r, h) among hilevel's (i, f, c, o; z, r, h)."""
_ACTIVATIONS = {"tanh": "Tanh", "sigmoid": "Sigmoid", "relu": "Relu", "linear": "Affine"}


@converter(reset_before)
def _(graph: Graph, y: Any, **arguments: Any) -> Any:
    return _recurrent(graph, y, **arguments, linear_before_reset=0)


@converter(recurrence.recurrent_op)
def _recurrent(
    graph: Graph, y: Any, x: Value, kernel: Value, recurrent_kernel: Value, bias: Value | None,
    recurrent_bias: Value | None, h: Value, c: Value | None, mask: Value | None, keep: Value | None, cell: str,
    activation: str, recurrent_activation: str, unroll: bool, return_sequences: bool, linear_before_reset: int = 1,
) -> Any:  # fmt: skip
    if keep is not None:
        raise ExportError("Recurrent dropout has no form in ONNX.")
    if kernel.array is None or recurrent_kernel.array is None:
        raise ExportError("The kernel of a recurrent layer must be constant.")
    weights = [
        graph.derived(w, cell, lambda a: _in_order(a, cell).T[None]) for w in (kernel, recurrent_kernel)
    ]
    both = np.concatenate([_bias(b, recurrent_kernel, cell) for b in (bias, recurrent_bias)])[None]
    gates = [_ACTIVATIONS[recurrent_activation]] * (cell != "simple")
    functions = [*gates, *[_ACTIVATIONS[activation]] * (2 if cell == "lstm" else 1)]
    states = [s for s in (h, c) if s is not None]
    compact = None if mask is None else _Compact(graph, mask)
    sequence, *last = graph.node(
        KINDS[cell], graph.transposed(x if compact is None else compact.gather(x, x.shape[-1]), [1, 0, 2]),
        *weights, both, None if compact is None else compact.lengths, *[graph.Unsqueeze(s, [0]) for s in states],
        outputs=1 + len(states), hidden_size=recurrent_kernel.shape[0], activations=functions,
        activation_alpha=[1.0] * len(functions) if "Affine" in functions else None,
        activation_beta=[0.0] * len(functions) if "Affine" in functions else None,
        linear_before_reset=linear_before_reset if cell == "gru" else None,
    )  # fmt: skip
    outputs = graph.transposed(graph.Squeeze(sequence, [1]), [1, 0, 2])
    ends = [graph.Squeeze(s, [0]) for s in last]
    if compact is not None:
        outputs = compact.spread(outputs, h)
        ends = [graph.Where(compact.any, end, start) for end, start in zip(ends, states, strict=True)]
    return (outputs, *ends) if return_sequences else tuple(ends)


class _Compact:
    """The steps that a mask keeps, moved to the front of the sequence, and their number, at least 1."""

    def __init__(self, graph: Graph, mask: Value) -> None:
        self.graph = graph
        numbers = graph.Cast(mask, to=np.dtype(np.int32))
        self.counts = graph.CumSum(numbers, np.int64(1))
        total = graph.ReduceSum(numbers, [1], keepdims=0)
        self.lengths = graph.Max(total, np.int32(1))
        self.any = graph.Unsqueeze(graph.Greater(total, np.int32(0)), [1])
        self.order = graph.node("TopK", numbers, graph.size(mask.shape[1]), outputs=2, axis=1)[1]

    def gather(self, x: Any, features: int) -> Any:
        """Return the sequence with the steps of the mask first, in their order."""
        return self._at(x, self.order, features)

    def spread(self, outputs: Any, h: Value) -> Any:
        """Return for each step the output after the last step that counts, and the first state before all."""
        return self._at(
            self.graph.Concat(self.graph.Unsqueeze(h, [1]), outputs, axis=1), self.counts, h.shape[-1]
        )

    def _at(self, x: Any, steps: Any, features: int) -> Any:
        indices = self.graph.Cast(self.graph.Unsqueeze(steps, [2]), to=np.dtype(np.int64))
        wide = self.graph.Expand(indices, [1, 1, features])
        return self.graph.GatherElements(x, wide, axis=1)


def _in_order(array: Any, cell: str) -> Any:
    """Return an array with the gates along its last axis in ONNX's order."""
    parts = np.split(array, len(_ORDERS[cell]), axis=-1)
    return np.concatenate([parts[i] for i in _ORDERS[cell]], axis=-1)


def _bias(bias: Value | None, recurrent_kernel: Value, cell: str) -> Any:
    if bias is None:
        return np.zeros(recurrent_kernel.shape[1], recurrent_kernel.dtype)
    return _in_order(bias.array, cell)
