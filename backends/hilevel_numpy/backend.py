"""NumPy as a backend of hilevel."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from hilevel import protocol
from hilevel._memory import keep_freed_memory
from hilevel._types import Array, Function
from hilevel.compile.capture import Captured
from hilevel.compile.replay import Replayed
from hilevel.protocol import Overrides
from hilevel_numpy import products
from hilevel_numpy.packing import pack
from hilevel_numpy.threads import parallel

FAMILIES = {
    "hilevel.ops.activations": "hilevel_numpy.elementwise",
    "hilevel.ops.attention": "hilevel_numpy.attention",
    "hilevel.ops.convolution": "hilevel_numpy.convolution",
    "hilevel.ops.crossentropy": "hilevel_numpy.crossentropy",
    "hilevel.ops.derived": "hilevel_numpy.derived",
    "hilevel.ops.indexing": "hilevel_numpy.indexing",
    "hilevel.ops.nn": "hilevel_numpy.nn",
    "hilevel.ops.recurrence": "hilevel_numpy.recurrence",
    "hilevel.ops.reduction": "hilevel_numpy.reduction",
    "hilevel.ops.updates": "hilevel_numpy.updates",
}
"""The module with the backend's own forms of ops, by the module of the ops."""


class _Philox(threading.local):
    """NumPy's generator, one for each thread: a draw sets its state before it generates words."""

    def __init__(self) -> None:
        self.generator = np.random.Philox(key=[0, 0])
        self.state: dict[str, Any] = dict(self.generator.state)

    def words(self, counter: Any, key: Any, count: int) -> np.ndarray[Any, Any]:
        """Return the first words of a counter and key."""
        self.generator.state = self.state | {"state": {"counter": counter, "key": key}}  # type: ignore[assignment]
        return self.generator.random_raw(count)


class Backend(protocol.Backend):
    """NumPy: what the protocol says by default, with products on all cores and NumPy's own compiled Philox."""

    name = "numpy"
    xp = products.numpy
    array_types = (np.ndarray, np.generic, Captured)
    requires = "numpy"
    block_bytes = 1 << 20

    def __init__(self) -> None:
        super().__init__()
        keep_freed_memory()
        self.overrides = Overrides(FAMILIES)
        self._philox = _Philox()

    def philox(self, seed: Any, draw: Any, blocks: int) -> np.ndarray[Any, Any]:
        """The words of `numpy.random.Philox`, which steps its counter before it is used, not after."""
        full = 0xFFFFFFFFFFFFFFFF
        low, high = (full, int(draw) - 1) if draw else (full, full)
        rest = 0 if draw else full
        counter = np.array([low, high, rest, rest], np.uint64)
        key = np.array([int(seed), 0], np.uint64)
        return self._philox.words(counter, key, 4 * blocks)

    def map_parts(self, work: Function, parts: Sequence[slice]) -> list[Any]:
        """On all cores."""
        return parallel(work, parts)

    def compile(self, function: Function, donate: bool = True) -> Function:
        """Captured twice, then replayed."""
        return Replayed(function, self)

    def pack(self, updates: Any) -> tuple[dict[int, Array], list[Function]]:
        """Small arrays one behind the other."""
        return pack(updates)
