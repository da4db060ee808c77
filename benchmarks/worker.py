"""One framework of the benchmark: reads names of workloads, runs an epoch of each, writes milliseconds a step.

Every contender gets the same NumPy arrays, shuffles them in each epoch, and keeps the mean loss and, on the mlp, the
accuracy, as a user would.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

STEPS = {"mlp": 200, "deep_narrow": 200}
Epoch = Callable[[], Any]


def data(workload: str) -> tuple[Any, Any, int]:
    """Inputs, targets and batch size."""
    rng = np.random.default_rng(0)
    if workload == "mlp":
        n = 128 * STEPS[workload]
        return rng.normal(size=(n, 784)).astype("float32"), rng.integers(0, 10, n).astype("int32"), 128
    x = rng.normal(size=(32 * STEPS[workload], 64)).astype("float32")
    return x, x[:, ::-1].copy(), 32


def hilevel_epoch(workload: str) -> Epoch:
    """One epoch of `fit`."""
    import hilevel
    from hilevel import layers

    x, y, batch = data(workload)
    hilevel.set_random_seed(0)
    if workload == "mlp":
        stack = [layers.Input((784,)), layers.Dense(128, activation="relu"), layers.Dense(10)]
        loss: Any = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
        metrics = ["accuracy"]
    else:
        stack = [layers.Input((64,)), *(layers.Dense(64, activation="relu") for _ in range(20))]
        loss, metrics = "mse", None
    model = hilevel.Sequential(stack)
    model.compile("adam", loss, metrics=metrics)
    return lambda: model.fit(x, y, batch_size=batch, epochs=1, verbose=0)


def torch_epoch(workload: str) -> Epoch:
    """One epoch of an eager loop."""
    import torch
    from torch import nn

    x, y, batch = data(workload)
    torch.manual_seed(0)
    if workload == "mlp":
        model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
        loss_fn: Any = nn.CrossEntropyLoss()
        y = y.astype("int64")
    else:
        model = nn.Sequential(*(m for _ in range(20) for m in (nn.Linear(64, 64), nn.ReLU())))
        loss_fn = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters())

    def epoch() -> None:
        order = np.random.permutation(len(x))
        total = torch.zeros(())
        hits = torch.zeros(())
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            xb, yb = torch.from_numpy(x[rows]), torch.from_numpy(y[rows])
            optimizer.zero_grad()
            out = model(xb)
            loss = loss_fn(out, yb)
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)
            if workload == "mlp":
                hits += (out.detach().argmax(-1) == yb).sum()
        float(total), float(hits)

    return epoch


def jax_epoch(workload: str) -> Epoch:
    """One epoch of a step written by hand: jitted, its state donated."""
    import jax
    import jax.numpy as jnp

    x, y, batch = data(workload)
    sizes = [784, 128, 10] if workload == "mlp" else [64] * 21
    rng = np.random.default_rng(0)
    params = [
        (jnp.asarray(rng.normal(size=(a, b)) / np.sqrt(a), jnp.float32), jnp.zeros(b, jnp.float32))
        for a, b in itertools.pairwise(sizes)
    ]
    zeros = lambda: jax.tree.map(jnp.zeros_like, params)
    state = (params, zeros(), zeros(), jnp.zeros((), jnp.int32), jnp.zeros(()), jnp.zeros(()))

    def forward(params: Any, x: Any) -> Any:
        for i, (w, b) in enumerate(params):
            x = x @ w + b
            if workload != "mlp" or i < len(params) - 1:
                x = jax.nn.relu(x)
        return x

    def loss_fn(params: Any, x: Any, y: Any) -> Any:
        out = forward(params, x)
        if workload != "mlp":
            return jnp.mean((out - y) ** 2), jnp.zeros(())
        logp = jax.nn.log_softmax(out)
        hits = jnp.sum(jnp.argmax(out, -1) == y).astype(jnp.float32)
        return -jnp.mean(jnp.take_along_axis(logp, y[:, None], -1)), hits

    def step(state: Any, x: Any, y: Any) -> Any:
        params, m, v, t, total, hits = state
        (loss, new_hits), g = jax.value_and_grad(loss_fn, has_aux=True)(params, x, y)
        t = t + 1
        rate = 0.001 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        params = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), params, m, v)
        return params, m, v, t, total + loss * len(x), hits + new_hits

    compiled = jax.jit(step, donate_argnums=0)

    def epoch() -> None:
        nonlocal state
        order = np.random.permutation(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            state = compiled(state, x[rows], y[rows])
        float(state[-2])

    return epoch


MAKERS = {
    "hilevel-numpy": hilevel_epoch, "hilevel-jax": hilevel_epoch,
    "torch": torch_epoch, "jax-by-hand": jax_epoch,
}  # fmt: skip


def main() -> None:
    """Answer requests until there are none."""
    make = MAKERS[sys.argv[1]]
    epochs: dict[str, Epoch] = {}
    for line in sys.stdin:
        workload = line.strip()
        if workload not in epochs:
            epochs[workload] = make(workload)
        begin = time.perf_counter()
        epochs[workload]()
        print(json.dumps((time.perf_counter() - begin) / STEPS[workload] * 1e3), flush=True)


if __name__ == "__main__":
    main()
