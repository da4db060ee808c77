"""The models of the workloads in JAX: weights in dicts, formulas as one writes them down."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

Params = dict[str, Any]
rng = np.random.default_rng(0)


# -- weights -------------------------------------------------------------------------------------------


def weight(*shape: int) -> jax.Array:
    """Draw random numbers, smaller where more of them are added up."""
    spread = np.sqrt(1 / max(1, int(np.prod(shape[:-1]))))
    return jnp.asarray(rng.normal(size=shape) * spread, jnp.float32)


def dense_weights(inputs: int, outputs: int) -> Params:
    """Make the weights of a dense layer."""
    return {"w": weight(inputs, outputs), "b": jnp.zeros(outputs)}


def lstm_weights(inputs: int, units: int) -> Params:
    """Make the weights of an LSTM, the gates side by side."""
    return {"w": weight(inputs, 4 * units), "u": weight(units, 4 * units), "b": jnp.zeros(4 * units)}


def scales(size: int) -> Params:
    """Make the weights of a normalisation."""
    return {"scale": jnp.ones(size), "shift": jnp.zeros(size)}


# -- layers --------------------------------------------------------------------------------------------


def dense(p: Params, x: jax.Array) -> jax.Array:
    """Compute a dense layer."""
    return x @ p["w"] + p["b"]


def conv(w: jax.Array, x: jax.Array, strides: int = 1, padding: str = "SAME") -> jax.Array:
    """Compute a convolution of images with channels last."""
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(x, w, (strides, strides), padding, dimension_numbers=numbers)


def max_pool(x: jax.Array) -> jax.Array:
    """Return the largest of each 2 x 2."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def lstm(p: Params, x: jax.Array) -> jax.Array:
    """Return the outputs of all steps, time first; one product for the inputs of all steps."""

    def step(carry: Any, projected: jax.Array) -> Any:
        h, c = carry
        i, f, g, o = jnp.split(projected + h @ p["u"], 4, axis=-1)
        c = nn.sigmoid(f) * c + nn.sigmoid(i) * jnp.tanh(g)
        h = nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    zeros = jnp.zeros((x.shape[0], p["u"].shape[0]))
    return lax.scan(step, (zeros, zeros), jnp.swapaxes(x @ p["w"] + p["b"], 0, 1))[1]


def moments(x: jax.Array, axis: Any, keepdims: bool = False) -> tuple[jax.Array, jax.Array]:
    """Return the mean and the variance, in one pass over the values."""
    mean = x.mean(axis, keepdims=keepdims)
    return mean, (x * x).mean(axis, keepdims=keepdims) - mean * mean


def layer_norm(p: Params, x: jax.Array) -> jax.Array:
    """Normalise over the last axis."""
    mean, variance = moments(x, -1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-3) * p["scale"] + p["shift"]


def causal_attention(p: Params, x: jax.Array) -> jax.Array:
    """Compute self-attention with four heads."""
    q, k, v = (t.reshape(*t.shape[:2], 4, 32) for t in jnp.split(dense(p["in"], x), 3, axis=-1))
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / np.sqrt(32).astype("float32")
    seen = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    chances = nn.softmax(jnp.where(seen, scores, -1e9))
    return dense(p["out"], jnp.einsum("bhqk,bkhd->bqhd", chances, v).reshape(x.shape))


# -- models: each makes its weights and its function ---------------------------------------------------


def mlp(sizes: list[int], last: Callable[..., Any] = lambda x: x) -> Any:
    """Make dense layers with relu between them."""
    params = [dense_weights(a, b) for a, b in pairwise(sizes)]

    def forward(params: Any, x: jax.Array, stats: Any) -> Any:
        for p in params[:-1]:
            x = nn.relu(dense(p, x))
        return last(dense(params[-1], x)), stats

    return params, forward


def cnn() -> Any:
    """Make a network with one convolution."""
    params = {
        "conv": {"w": weight(3, 3, 1, 32), "b": jnp.zeros(32)},
        "hidden": dense_weights(13 * 13 * 32, 128), "out": dense_weights(128, 10),
    }  # fmt: skip

    def forward(p: Params, x: jax.Array, stats: Any) -> Any:
        x = max_pool(nn.relu(conv(p["conv"]["w"], x, padding="VALID") + p["conv"]["b"]))
        return dense(p["out"], nn.relu(dense(p["hidden"], x.reshape(len(x), -1)))), stats

    return params, forward


def lstm_small() -> Any:
    """Make an LSTM of which the last output counts."""
    params = {"lstm": lstm_weights(1, 50), "out": dense_weights(50, 1)}
    return params, lambda p, x, stats: (dense(p["out"], lstm(p["lstm"], x)[-1]), stats)


def lstm_of_texts() -> Any:
    """Make the same after an embedding."""
    params = {"table": weight(5000, 64), "lstm": lstm_weights(64, 128), "out": dense_weights(128, 1)}
    return params, lambda p, x, stats: (dense(p["out"], lstm(p["lstm"], p["table"][x])[-1]), stats)


def lstm_attention() -> Any:
    """Make an LSTM whose steps look at each other."""
    params = {"lstm": lstm_weights(16, 50), "out": dense_weights(50, 1)}

    def forward(p: Params, x: jax.Array, stats: Any) -> Any:
        h = jnp.swapaxes(lstm(p["lstm"], x), 0, 1)
        seen = nn.softmax(jnp.einsum("bqd,bkd->bqk", h, h)) @ h
        return dense(p["out"], seen.mean(1)), stats

    return params, forward


def unit_stats() -> Params:
    """Return the moving statistics of the residual network before the first step."""
    return {part: [jnp.zeros(outputs), jnp.ones(outputs)] for part, _, outputs, *_ in PARTS}


PARTS = [("stem", 3, 32, 3, 1)] + [
    (f"{name}{i}", inputs, channels, size, strides)
    for i, (a, channels, stride) in enumerate(((32, 32, 1), (32, 64, 2), (64, 128, 2)))
    for name, inputs, size, strides in (("a", a, 3, stride), ("b", channels, 3, 1), ("skip", a, 1, stride))
    if not (name == "skip" and stride == 1)
]


def resnet_small() -> Any:
    """Make three residual blocks; the moving statistics go through the step."""
    params = {
        name: {"w": weight(size, size, inputs, outputs), **scales(outputs)}
        for name, inputs, outputs, size, _ in PARTS
    } | {"out": dense_weights(128, 10)}
    strides_of = {name: strides for name, *_, strides in PARTS}

    def forward(p: Params, x: jax.Array, stats: Params) -> Any:
        new = {}

        def normalised(name: str, x: jax.Array) -> jax.Array:
            x = conv(p[name]["w"], x, strides_of[name])
            mean, variance = moments(x, (0, 1, 2))
            new[name] = [0.99 * a + 0.01 * b for a, b in zip(stats[name], (mean, variance), strict=True)]
            return (x - mean) * (lax.rsqrt(variance + 1e-3) * p[name]["scale"]) + p[name]["shift"]

        x = nn.relu(normalised("stem", x))
        for i in range(3):
            y = normalised(f"b{i}", nn.relu(normalised(f"a{i}", x)))
            x = nn.relu(y + (normalised(f"skip{i}", x) if i else x))
        return dense(p["out"], x.mean((1, 2))), new

    return params, forward


def transformer() -> Any:
    """Make two pre-norm blocks."""
    block = lambda: {
        "norm1": scales(128), "in": dense_weights(128, 384), "out": dense_weights(128, 128),
        "norm2": scales(128), "wide": dense_weights(128, 512), "narrow": dense_weights(512, 128),
    }  # fmt: skip
    params = {
        "tokens": weight(5000, 128), "places": weight(128, 128), "blocks": [block(), block()],
        "norm": scales(128), "words": dense_weights(128, 5000),
    }  # fmt: skip

    def forward(p: Params, x: jax.Array, stats: Any) -> Any:
        x = p["tokens"][x] + p["places"]
        for b in p["blocks"]:
            x = x + causal_attention(b, layer_norm(b["norm1"], x))
            hidden = nn.gelu(dense(b["wide"], layer_norm(b["norm2"], x)), approximate=False)
            x = x + dense(b["narrow"], hidden)
        return dense(p["words"], layer_norm(p["norm"], x)), stats

    return params, forward


def discriminator() -> Any:
    """Make the weights of a model, and its function."""
    params = (dense_weights(784, 256), dense_weights(256, 1))
    return params, lambda p, x: dense(p[1], nn.leaky_relu(dense(p[0], x), 0.2))


MODELS: dict[str, Callable[[], Any]] = {
    "mlp": lambda: mlp([784, 128, 10]), "cnn": cnn, "lstm_small": lstm_small, "lstm": lstm_of_texts,
    "lstm_attention": lstm_attention, "resnet_small": resnet_small, "transformer": transformer,
    "deep_narrow": lambda: mlp([64] * 21, nn.relu),
}  # fmt: skip
