"""The gated recurrent unit whose reset gate applies before the product, over a whole sequence."""

from __future__ import annotations

from typing import Any

from hilevel.engine import tensor
from hilevel.engine.op import composite
from hilevel.engine.types import Function, Tensor


def reset_before_step(
    z: Tensor, before: Tensor, h: Tensor, kernel: Tensor, activation: Function, gate: Function
) -> Tensor:
    """Return the state after a step. K. Cho et al., 2014.

    `z` is the contribution of the inputs, with gates z, r, h. `before` is the state `h`, after dropout.
    """
    n, matmul = h.shape[-1], tensor.ops.matmul
    gates = gate(z[:, : 2 * n] + matmul(before, kernel[:, : 2 * n]))
    update, reset = gates[:, :n], gates[:, n:]
    new = activation(z[:, 2 * n :] + matmul(reset * before, kernel[:, 2 * n :]))
    return update * h + (1 - update) * new


@composite
def reset_before(
    x: Tensor, kernel: Tensor, recurrent_kernel: Tensor, bias: Tensor | None, recurrent_bias: None, h: Tensor, c: None,
    mask: Tensor | None, keep: Tensor | None, cell: str, activation: str, recurrent_activation: str, unroll: bool,
    return_sequences: bool,
) -> Any:  # fmt: skip
    """Return the outputs of all steps, and the last state. The arguments are as in `recurrent_op`."""
    ops = tensor.ops
    z = ops.matmul(x, kernel)
    steps = [ops.swapaxes(z if bias is None else z + bias, 0, 1)]
    if mask is not None:
        steps.append(ops.swapaxes(mask, 0, 1)[:, :, None])
    functions = _function(activation), _function(recurrent_activation)

    def body(h: Tensor, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
        z, *valid = inputs
        new = reset_before_step(z, h if keep is None else h * keep, h, recurrent_kernel, *functions)
        new = ops.where(valid[0], new, h) if valid else new
        return new, new

    last, outputs = ops.scan(body, h, steps, x.shape[1], unroll=unroll)
    return (ops.swapaxes(outputs, 0, 1), last) if return_sequences else (last,)


def _function(activation: str) -> Any:
    return (lambda x: x) if activation == "linear" else getattr(tensor.ops, activation)
