"""Who takes part, and where its programs are."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Train = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Contender:
    """A framework and a way to use it.

    Args:
        module: the module here whose `program(workload, **options)` makes a function that trains on arrays for one
            epoch.
        needs: the packages it needs beside NumPy.
        options: for `program`.
        env: environment variables of its process.
        only: the workloads it has a program for, where it is not all.
    """

    module: str
    needs: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    only: tuple[str, ...] | None = None

    def program(self, workload: str) -> Train:
        """Return the function that trains the model of a workload."""
        return importlib.import_module(self.module).program(workload, **self.options)

    def predictor(self) -> Callable[[Any], Any]:
        """Return the function that maps arrays to the outputs of the mlp."""
        return importlib.import_module(self.module).predictor(**self.options)

    def takes_part(self, workload: str) -> bool:
        """Return whether there is a program for the workload."""
        return self.only is None or workload in self.only


def fitted(module: str, backend: str, needs: tuple[str, ...], **options: Any) -> Contender:
    """Return `fit` of hilevel or Keras."""
    env = {"HILEVEL_BACKEND" if module == "hilevel" else "KERAS_BACKEND": backend}
    return Contender("fitted", (module, *needs), {"module": module, **options}, env)


CONTENDERS = {
    "hilevel-numpy": fitted("hilevel", "numpy", ()),
    "hilevel-jax": fitted("hilevel", "jax", ("jax",)),
    "keras-jax": fitted("keras", "jax", ("jax",)),
    "keras-torch": fitted("keras", "torch", ("torch",)),
    "torch": Contender("peers_torch", ("torch",)),
    "jax-by-hand": Contender("peers_jax", ("jax",)),
    "autograd": Contender("peers_autograd", ("autograd",), only=("mlp", "cnn", "lstm_small", "deep_narrow")),
    "numpy-by-hand": Contender("by_hand_numpy", only=("mlp", "deep_narrow")),
}
