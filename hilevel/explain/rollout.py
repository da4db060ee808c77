"""Attention rollout: the flow of information through layers of attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import use_backend
from hilevel.engine.compile.jit import jit
from hilevel.engine.types import Array, Structure, Tensor
from hilevel.errors import OutOfRangeError, ShapeError
from hilevel.explain.calls import Run, intercepted, layers_of
from hilevel.explain.data import Data, NumpyArray, Score
from hilevel.layers.attention.base import BaseMultiHeadAttention
from hilevel.models.model import Model


def attention_rollout(
    model: Model, x: Structure, query: int | None = None, batch_size: int = 32
) -> NumpyArray:
    """Return the fraction of each input step in the output of the last self-attention layer of a model.

    The matrices of the layers are multiplied. A matrix is the mean of the heads' weights and of the identity, which
    stands for the residual connection. Attention between sequences of different lengths is left out.

    Source: Abnar and Zuidema, "Quantifying attention flow in transformers", 2020.

    Args:
        model, x, batch_size: as in `saliency`. The layers are `MultiHeadAttention` and `GroupQueryAttention`, also in
            other layers, over one axis of steps.
        query: the position whose row is returned, such as 0 for a class token. None returns the mean of all positions
            that are not masked.

    Returns:
        A float32 array of shape `(samples, steps)`, whose rows sum up to 1.

    Raises:
        OutOfRangeError: the position is out of range.
        ShapeError: the self-attention layers have different numbers of steps.
        ValueError: the model has no such layers.

    >>> import hilevel
    >>> x = hilevel.Input((5, 4))
    >>> model = hilevel.Model(x, hilevel.layers.MultiHeadAttention(2, 3)(x, x))
    >>> hilevel.explain.attention_rollout(model, np.ones((1, 5, 4))).round(3)
    array([[0.2, 0.2, 0.2, 0.2, 0.2]], dtype=float32)
    """
    with use_backend(model.backend):
        data = Data(model, x, batch_size)
        score = Score(
            data, lambda outputs: outputs
        )  # this also makes the layers of a model that was not called yet
        run = Run(data, layers_of(data, BaseMultiHeadAttention), score)
        compiled = jit(lambda inputs: _rollout(run, inputs, query))
        parts = [(part, compiled([a[rows] for a in data.inputs])) for part, rows in data.parts()]
        rows = [np.asarray(to_host(y), np.float32)[: part.stop - part.start] for part, y in parts]
        return np.concatenate(rows)


def _rollout(run: Run, inputs: list[Array], query: int | None) -> Tensor:
    """Return the row of a position in the product of the layers' matrices, or the mean of the rows."""
    found = _scores(run, inputs)
    if not found:
        raise ValueError(f"{run.data.model!r} has no MultiHeadAttention over steps of one sequence.")
    steps = found[0][0].shape[-1]
    if any(scores.shape[-1] != steps for scores, _ in found):
        raise ShapeError("The self-attention layers have different numbers of steps.")
    if query is not None and not -steps <= query < steps:
        raise OutOfRangeError(f"The position must be an index of the {steps} steps; got {query}.")
    identity = ops.eye(steps)
    flow = identity
    for scores, _ in found:
        mixed = ops.mean(ops.cast(scores, "float32"), axis=1) + identity
        flow = ops.matmul(mixed / ops.sum(mixed, axis=-1, keepdims=True), flow)
    return _mean_row(flow, found[-1][1]) if query is None else flow[:, query]


def _mean_row(flow: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean of the rows of each sample that are not masked."""
    if mask is None:
        return ops.mean(flow, axis=1)
    weights = ops.cast(mask, "float32")
    total = ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
    return ops.einsum("nq,nqk->nk", weights / total, flow)


def _scores(run: Run, inputs: list[Array]) -> list[tuple[Tensor, Tensor | None]]:
    """Return the weights and the mask of the queries of each call of self-attention, in order."""
    found = []

    def note(call: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        _, scores = call(*args, **kwargs | {"return_attention_scores": True})
        if len(scores.shape) == 4 and scores.shape[-1] == scores.shape[-2]:
            found.append((scores, kwargs.get("query_mask")))
        return call(*args, **kwargs)

    with intercepted(run.layers, note):
        run.forward(inputs)
    return found
