"""NumPy as a backend of hilevel."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel.engine import protocol
from hilevel.engine.compile.capture import CapturedTensor
from hilevel.engine.compile.replay import ReplayedFunction
from hilevel.engine.memory import keep_freed_memory
from hilevel.engine.protocol import Overrides, Update
from hilevel.engine.types import Array, Function
from hilevel_numpy import products
from hilevel_numpy.packing import pack
from hilevel_numpy.threads import parallel
from hilevel_numpy.updates import BLOCK, Packed

FAMILIES = {
    "hilevel.ops.image.resizing": "hilevel_numpy.images",
    "hilevel.ops.nn.activations": "hilevel_numpy.activations",
    "hilevel.ops.nn.attention": "hilevel_numpy.attention",
    "hilevel.ops.nn.convolution": "hilevel_numpy.convolution",
    "hilevel.ops.nn.crossentropy": "hilevel_numpy.crossentropy",
    "hilevel.ops.nn.dense": "hilevel_numpy.dense",
    "hilevel.ops.nn.normalization": "hilevel_numpy.normalization",
    "hilevel.ops.nn.recurrence": "hilevel_numpy.recurrence",
    "hilevel.ops.numpy.derived": "hilevel_numpy.derived",
    "hilevel.ops.numpy.indexing": "hilevel_numpy.indexing",
    "hilevel.ops.numpy.reduction": "hilevel_numpy.reduction",
    "hilevel.optimizers.updates": "hilevel_numpy.updates",
}
"""The module with the backend's own forms of ops, by the module of the ops."""


class _Philox(threading.local):
    """NumPy's generator, one per thread. A draw sets its state before it generates words."""

    def __init__(self) -> None:
        self.generator = np.random.Philox(key=[0, 0])
        self.state: dict[str, Any] = dict(self.generator.state)

    def words(self, counter: Array, key: Array, count: int) -> np.ndarray[Any, Any]:
        """Return the first words of a counter and key."""
        self.generator.state = self.state | {"state": {"counter": counter, "key": key}}  # type: ignore[assignment]
        return self.generator.random_raw(count)


class Backend(protocol.Backend):
    """NumPy: the defaults of the protocol, with matrix products on all cores and NumPy's own compiled Philox."""

    name = "numpy"
    xp = products.numpy
    array_types = (np.ndarray, np.generic, CapturedTensor)
    requires = "numpy"
    block_bytes = 1 << 20

    def __init__(self) -> None:
        super().__init__()
        keep_freed_memory()
        self.overrides = Overrides(FAMILIES)
        self._philox = _Philox()

    def philox(self, seed: int | Array, draw: int | Array, blocks: int) -> np.ndarray[Any, Any]:
        """Generate words by `numpy.random.Philox`, which increments its counter before a block, not after."""
        full = 0xFFFFFFFFFFFFFFFF
        low, high = (full, int(draw) - 1) if draw else (full, full)
        rest = 0 if draw else full
        counter = np.array([low, high, rest, rest], np.uint64)
        key = np.array([int(seed), 0], np.uint64)
        return self._philox.words(counter, key, 4 * blocks)

    def map_parts(self, work: Function, parts: Sequence[slice]) -> list[Any]:
        """Call `work` on all parts, on all cores."""
        return parallel(work, parts)

    def compile(self, function: Function, donate: bool = True) -> Function:
        """Return a function that captures two runs, and then replays them."""
        return ReplayedFunction(function, self)

    def pack(self, updates: Sequence[Update]) -> tuple[dict[int, Array], list[Function]]:
        """Allocate small arrays in flat buffers."""
        return pack(np, updates, Packed, block=BLOCK)
