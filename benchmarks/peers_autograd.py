"""The workloads that make sense in autograd: formulas in its NumPy, and Adam by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as np
import numpy
from autograd import value_and_grad
from autograd.tracer import getval
from numpy.lib.stride_tricks import sliding_window_view
from workloads import WORKLOADS

Train = Callable[[Any, Any], Any]
rng = numpy.random.default_rng(0)


def weights(*shapes: tuple[int, ...]) -> list[Any]:
    """Draw random matrices, and vectors of zeros."""
    spread = lambda shape: numpy.sqrt(1 / shape[0]) if len(shape) > 1 else 0
    return [(rng.normal(size=shape) * spread(shape)).astype("float32") for shape in shapes]


def relu(x: Any) -> Any:
    """Return the larger of it and zero."""
    return np.maximum(x, np.float32(0))


def mlp() -> Any:
    """Make a network with one hidden layer."""
    forward = lambda p, x: relu(x @ p[0] + p[1]) @ p[2] + p[3]
    return weights((784, 128), (128,), (128, 10), (10,)), forward


def deep_narrow() -> Any:
    """Make twenty small layers."""

    def forward(p: Any, x: Any) -> Any:
        for w, b in zip(p[::2], p[1::2], strict=True):
            x = relu(x @ w + b)
        return x

    return weights(*[(64, 64), (64,)] * 20), forward


def cnn() -> Any:
    """Compute a convolution as a product with patches: the images are data, so nothing flows back to them."""

    def forward(p: Any, x: Any) -> Any:
        patches = sliding_window_view(x[..., 0], (3, 3), (1, 2)).reshape(-1, 9)
        x = relu(patches @ p[0] + p[1]).reshape((len(x), 13, 2, 13, 2, 32))
        x = np.max(np.max(x, 4), 2).reshape((len(x), -1))
        return relu(x @ p[2] + p[3]) @ p[4] + p[5]

    return weights((9, 32), (32,), (13 * 13 * 32, 128), (128,), (128, 10), (10,)), forward


def lstm_small() -> Any:
    """Compute an LSTM of which the last output counts; each gate has its own weights."""
    sigmoid = lambda x: np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1))

    def forward(p: Any, x: Any) -> Any:
        h = c = numpy.zeros((len(x), 50), "float32")
        for t in range(x.shape[1]):
            i, f, g, o = (x[:, t] @ w + h @ u + b for w, u, b in (p[n : n + 3] for n in (0, 3, 6, 9)))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
        return h @ p[12] + p[13]

    return weights(*[(1, 50), (50, 50), (50,)] * 4, (50, 1), (1,)), forward


MODELS = {"mlp": mlp, "deep_narrow": deep_narrow, "cnn": cnn, "lstm_small": lstm_small}


def cross_entropy(out: Any, y: Any) -> Any:
    """Return the loss of logits of classes."""
    out = out - getval(out).max(1, keepdims=True)
    return np.mean(np.log(np.sum(np.exp(out), 1)) - out[numpy.arange(len(y)), y])


def squared(out: Any, y: Any) -> Any:
    """Return the mean squared error."""
    return np.mean((out - y) ** 2)


def adam(p: Any, g: Any, m: Any, v: Any, t: int) -> None:
    """Move one array, in place."""
    m += numpy.float32(0.1) * (g - m)
    v += numpy.float32(0.001) * (g * g - v)
    rate = numpy.float32(0.001 * numpy.sqrt(1 - 0.999**t) / (1 - 0.9**t))
    p -= rate * m / (numpy.sqrt(v) + numpy.float32(1e-7))


def program(name: str) -> Train:
    """Return a function that trains the model of a workload for one epoch on arrays, and returns its mean loss."""
    params, forward = MODELS[name]()
    slots = [(numpy.zeros_like(p), numpy.zeros_like(p)) for p in params]
    counts_hits, batch = name in ("mlp", "cnn"), WORKLOADS[name].batch
    seen: dict[str, Any] = {"hits": 0, "t": 0}

    @value_and_grad  # type: ignore[untyped-decorator]
    def compared(params: Any, x: Any, y: Any) -> Any:
        out = forward(params, x)
        if counts_hits:
            seen["hits"] += (getval(out).argmax(1) == y).sum()
        return (cross_entropy if counts_hits else squared)(out, y)

    def train(x: Any, y: Any) -> float:
        order, total = numpy.random.permutation(len(x)), 0.0
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            loss, gradients = compared(params, x[rows], y[rows])
            seen["t"] += 1
            for p, g, (m, v) in zip(params, gradients, slots, strict=True):
                adam(p, g, m, v, seen["t"])
            total += float(loss) * len(rows)
        return total / len(x)

    return train


def predictor() -> Callable[[Any], Any]:
    """Return the outputs of the mlp."""
    params, forward = mlp()
    return lambda x: forward(params, x)
