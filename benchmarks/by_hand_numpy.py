"""Networks of dense layers in NumPy by hand, written for speed from the formulas.

All parameters are one float32 vector, and the weights are views into it. Adam goes over it in blocks that fit the
cache. Gradients are written in place.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from workloads import WORKLOADS

Train = Callable[[Any, Any], Any]
BLOCK = 16384


class Adam:
    """The optimizer, in place."""

    def __init__(self, parameters: np.ndarray) -> None:
        self.parameters, self.t = parameters, 0
        self.m, self.v = np.zeros_like(parameters), np.zeros_like(parameters)
        self.scratch = np.empty(BLOCK, np.float32)

    def step(self, gradient: np.ndarray) -> None:
        """Move the parameters, block by block."""
        self.t += 1
        rate = np.float32(0.001 * np.sqrt(1 - 0.999**self.t) / (1 - 0.9**self.t))
        for start in range(0, len(gradient), BLOCK):
            p, g, m, v = (a[start : start + BLOCK] for a in (self.parameters, gradient, self.m, self.v))
            s = self.scratch[: len(g)]
            np.subtract(g, m, out=s)
            s *= np.float32(0.1)
            m += s
            np.multiply(g, g, out=s)
            s -= v
            s *= np.float32(0.001)
            v += s
            np.sqrt(v, out=s)
            s += np.float32(1e-7)
            np.divide(m, s, out=s)
            s *= rate
            p -= s


class Dense:
    """A layer whose weights and gradients are views into two vectors; relu after it, or nothing."""

    def __init__(self, parameters: Any, gradients: Any, inputs: int, outputs: int, relu: bool) -> None:
        (self.w, self.b), (self.dw, self.db) = (
            (flat[: inputs * outputs].reshape(inputs, outputs), flat[inputs * outputs :])
            for flat in (parameters, gradients)
        )
        limit = np.sqrt(6 / (inputs + outputs))
        self.w[:] = np.random.default_rng(0).uniform(-limit, limit, self.w.shape)
        self.relu = relu

    def forward(self, x: np.ndarray) -> np.ndarray:
        """Return the outputs, and keep them for the backward pass."""
        self.x = x
        y = self.y = x @ self.w
        y += self.b
        return np.maximum(y, 0, out=y) if self.relu else y

    def backward(self, g: np.ndarray, first: bool) -> Any:
        """Fill in the gradients; return the gradient of the inputs, if there is a layer below."""
        if self.relu:
            g *= self.y > 0
        np.matmul(self.x.T, g, out=self.dw)
        g.sum(0, out=self.db)
        return None if first else g @ self.w.T


def network(sizes: list[int], relu_at_end: bool) -> tuple[list[Dense], np.ndarray, np.ndarray]:
    """Return the layers, all parameters, and all gradients."""
    counts = [a * b + b for a, b in pairwise(sizes)]
    parameters, gradients = np.zeros(sum(counts), np.float32), np.empty(sum(counts), np.float32)
    ends = np.cumsum(counts)
    cut = lambda flat: [flat[end - count : end] for end, count in zip(ends, counts, strict=True)]
    layers = [
        Dense(p, g, a, b, relu_at_end or end < ends[-1])
        for (a, b), p, g, end in zip(pairwise(sizes), cut(parameters), cut(gradients), ends, strict=True)
    ]
    return layers, parameters, gradients


def forward(layers: list[Dense], x: np.ndarray) -> np.ndarray:
    """Return the outputs of all layers."""
    for layer in layers:
        x = layer.forward(x)
    return x


def cross_entropy(out: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the loss of a batch of logits, and its gradient."""
    out -= out.max(1, keepdims=True)
    rows = np.arange(len(y))
    chosen = out[rows, y]
    np.exp(out, out=out)
    total = out.sum(1, keepdims=True)
    out /= total
    out[rows, y] -= 1
    out /= np.float32(len(y))
    return float((np.log(total[:, 0]) - chosen).mean()), out


def squared(out: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the mean squared error of a batch, and its gradient."""
    difference = out - y
    loss = float(np.vdot(difference, difference)) / difference.size
    difference *= np.float32(2 / difference.size)
    return loss, difference


def program(name: str) -> Train:
    """Return a function that trains the network for one epoch on arrays, and returns its mean loss."""
    mlp = name == "mlp"
    layers, parameters, gradients = network([784, 128, 10] if mlp else [64] * 21, relu_at_end=not mlp)
    adam, batch = Adam(parameters), WORKLOADS[name].batch
    loss_of = cross_entropy if mlp else squared

    def step(x: np.ndarray, y: np.ndarray) -> tuple[float, int]:
        out = forward(layers, x)
        hits = int((out.argmax(1) == y).sum()) if mlp else 0
        loss, g = loss_of(out, y)
        for layer in reversed(layers):
            g = layer.backward(g, layer is layers[0])
        adam.step(gradients)
        return loss, hits

    def train(x: Any, y: Any) -> float:
        order, total, right = np.random.permutation(len(x)), 0.0, 0
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            loss, hits = step(x[rows], y[rows])
            total, right = total + loss * len(rows), right + hits
        return total / len(x)

    return train


def predictor() -> Callable[[Any], Any]:
    """Return the outputs of the mlp."""
    layers, *_ = network([784, 128, 10], relu_at_end=False)
    return lambda x: forward(layers, x)
