"""Configurations of layers, by family, for the comparison with Keras and PyTorch; what these say of them is in
tests/data/layers/."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np

FAMILIES = (
    "core",
    "activation",
    "normalization",
    "recurrent",
    "einsum_dense",
    "convolution",
    "pooling",
    "attention",
)


@dataclass(frozen=True)
class Draw:
    """An array that is drawn when the case is run by Keras: of standard normal numbers, of integers below `high`, or, where
    `high` is 0, of booleans of which the first along the last axis are True."""

    shape: tuple[int, ...]
    high: int | None = None

    def __call__(self, rng: np.random.Generator) -> np.ndarray[Any, Any]:
        """The array."""
        if self.high is None:
            return rng.normal(size=self.shape).astype("float32")
        if self.high:
            return rng.integers(0, self.high, size=self.shape).astype("int32")
        lengths = rng.integers(1, self.shape[-1], size=(*self.shape[:-1], 1))
        return np.arange(self.shape[-1]) < lengths


def integers(high: int, *shape: int) -> Draw:
    return Draw(shape, high)


def mask(*shape: int) -> Draw:
    return Draw(shape, 0)


@dataclass(frozen=True)
class Inner:
    """A layer that is an argument of another."""

    cls: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A layer's class and arguments, the shapes of its inputs (or `Draw`s of them), and keyword arguments of the
    call, in which `Draw`s stand for arrays. `exact` is the largest difference that is allowed, relative to the largest
    number of the array. Several inputs are a list, or, with `spread`, an argument each."""

    cls: str
    arguments: dict[str, Any]
    inputs: list[Any]
    call: dict[str, Any] = field(default_factory=dict)
    exact: float = 1e-5
    spread: bool = False

    def positional(self, inputs: Any) -> list[Any]:
        """The inputs as arguments of the call."""
        return list(inputs) if self.spread or len(inputs) == 1 else [list(inputs)]

    def layer(self, layers: Any, **more: Any) -> Any:
        """The layer, made of the classes of the module `layers`."""
        return getattr(layers, self.cls)(**build(self.arguments, layers, more), **more)


def build(x: Any, layers: Any, more: dict[str, Any]) -> Any:
    """The arguments with layers, which get `more`, too, in place of their descriptions."""
    if isinstance(x, Inner):
        return getattr(layers, x.cls)(**build(x.arguments, layers, more), **more)
    if isinstance(x, dict):
        return {k: build(v, layers, more) for k, v in x.items()}
    return [build(v, layers, more) for v in x] if isinstance(x, list) else x


def cases(family: str) -> dict[str, Case]:
    """The cases of a family, by name."""
    table = importlib.import_module(f"layer_cases.{family}").CASES
    return {name: Case(*entry) for name, entry in table.items()}
