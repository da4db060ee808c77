"""The workloads in JAX by hand: a jitted step whose state is donated, in a loop over batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import nn
from jax_models import MODELS, Params, discriminator, mlp, unit_stats
from workloads import WORKLOADS

Train = Callable[[Any, Any], Any]


def cross_entropy(out: jax.Array, y: jax.Array) -> jax.Array:
    """Return the loss of logits of classes."""
    return -jnp.take_along_axis(nn.log_softmax(out), y[..., None], -1).mean()


def binary_cross_entropy(out: jax.Array, y: jax.Array) -> jax.Array:
    """Return the loss of binary logits."""
    return (nn.softplus(out) - y * out).mean()


def squared(out: jax.Array, y: jax.Array) -> jax.Array:
    """Return the mean squared error."""
    return jnp.mean((out - y) ** 2)


LOSSES: dict[str, Callable[..., Any]] = {
    "mlp": cross_entropy, "cnn": cross_entropy, "resnet_small": cross_entropy, "transformer": cross_entropy,
    "lstm": binary_cross_entropy,
}  # fmt: skip


def adam(p: Any, slots: Any, g: Any, t: Any, decay: float = 0.0) -> Any:
    """Return new weights and slots; with `decay` AdamW."""
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, slots[0], g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, slots[1], g)
    rate = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    move = lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7) - 0.001 * decay * p
    return jax.tree.map(move, p, m, v), (m, v)


def momentum(p: Any, slots: Any, g: Any, t: Any) -> Any:
    """Return new weights and slots."""
    m = jax.tree.map(lambda m, g: 0.9 * m - 0.05 * g, slots[0], g)
    return jax.tree.map(jnp.add, p, m), (m, slots[1])


def optimizer_of(name: str) -> Callable[..., Any]:
    """Return the optimizer of a workload."""
    if name == "transformer":
        return lambda *args: adam(*args, decay=0.01)
    return momentum if name == "resnet_small" else adam


def fresh(params: Any) -> Params:
    """Return the state before the first step."""
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    return {"params": params, "slots": (zeros(), zeros()), "step": jnp.zeros(()), "total": jnp.zeros(())}


def program(name: str) -> Train:
    """Return a function that trains the model of a workload for one epoch on arrays, and returns its mean loss."""
    if name == "gan_step":
        return loop(*gan(), WORKLOADS[name].batch)
    params, forward = MODELS[name]()
    loss_of, update = LOSSES.get(name, squared), optimizer_of(name)
    state = fresh(params) | {"hits": jnp.zeros(()), "stats": unit_stats() if name == "resnet_small" else {}}

    def compared(params: Any, stats: Any, x: jax.Array, y: jax.Array) -> Any:
        out, stats = forward(params, x, stats)
        return loss_of(out, y), (out, stats)

    def step(state: Params, x: jax.Array, y: jax.Array) -> Params:
        (loss, (out, stats)), g = jax.value_and_grad(compared, has_aux=True)(
            state["params"], state["stats"], x, y
        )
        t = state["step"] + 1
        params, slots = update(state["params"], state["slots"], g, t)
        hits = state["hits"] + (jnp.sum(out.argmax(-1) == y) if name in ("mlp", "cnn", "resnet_small") else 0)
        total = state["total"] + loss
        return {"params": params, "slots": slots, "stats": stats, "step": t, "total": total, "hits": hits}

    return loop(state, step, WORKLOADS[name].batch)


def loop(state: Params, step: Callable[..., Params], batch: int) -> Train:
    """Run the step on shuffled batches."""
    compiled = jax.jit(step, donate_argnums=0)

    def train(x: Any, y: Any) -> float:
        nonlocal state
        x, y = (
            a if a is None else a.astype(jax.dtypes.canonicalize_dtype(a.dtype), copy=False) for a in (x, y)
        )
        order, before = np.random.permutation(len(x)), float(state["total"])
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            state = compiled(state, x[rows], *([] if y is None else [y[rows]]))
        return (float(state["total"]) - before) * batch / len(x)

    return train


def gan() -> Any:
    """Return the state and the step of a GAN: one pass, two gradients."""
    (of_g, generator), (of_d, judge) = mlp([64, 256, 784], jnp.tanh), discriminator()

    def losses(params: Any, noise: jax.Array, real: jax.Array) -> Any:
        fake, _ = generator(params[0], noise, None)
        on_fake, on_real = judge(params[1], fake), judge(params[1], real)
        ones = binary_cross_entropy(on_real, 1.0)
        return binary_cross_entropy(on_fake, 1.0), ones + binary_cross_entropy(on_fake, 0.0)

    def step(state: Params, real: jax.Array) -> Params:
        key, used = jax.random.split(state["key"])
        noise = jax.random.normal(used, (len(real), 64))
        (_, loss), pullback = jax.vjp(lambda p: losses(p, noise, real), state["params"])
        one, zero = jnp.ones(()), jnp.zeros(())
        g = (pullback((one, zero))[0][0], pullback((zero, one))[0][1])
        t = state["step"] + 1
        params, slots = adam(state["params"], state["slots"], g, t)
        return {"params": params, "slots": slots, "step": t, "total": state["total"] + loss, "key": key}

    return fresh((of_g, of_d)) | {"key": jax.random.key(0)}, step


def predictor() -> Callable[[Any], Any]:
    """Return the outputs of the mlp for arrays, as arrays."""
    params, forward = MODELS["mlp"]()
    compiled = jax.jit(lambda params, x: forward(params, x, {})[0])
    return lambda x: np.asarray(compiled(params, x))
