"""The workloads in the Keras API, for hilevel and Keras."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from workloads import WORKLOADS


def program(name: str, module: str, **options: Any) -> Callable[[Any, Any], Any]:
    """Return a function that fits the model of a workload for one epoch on arrays, and returns the loss.

    Args:
        name: the name of the workload.
        module: `"hilevel"` or `"keras"`.
        options: for `compile`.
    """
    k = importlib.import_module(module)
    k.utils.set_random_seed(0)
    workload = WORKLOADS[name]
    model = workload.model(k, **options)

    def train(x: Any, y: Any) -> float:
        history = model.fit(x, y, batch_size=workload.batch, epochs=1, verbose=0).history
        return float(history["loss"][-1])

    return train


def predictor(module: str) -> Callable[[Any], Any]:
    """Return `predict` of the mlp, of all rows at once."""
    model = WORKLOADS["mlp"].model(importlib.import_module(module))
    return lambda x: model.predict(x, batch_size=len(x), verbose=0)
