"""`Placement`: the part of a backend that divides arrays over several devices and processes.

A layout (`hilevel.distribution.TensorLayout`) says how the axes of an array are divided over the axes of a mesh of
devices. The layouts of Variables and batches are all that differs from one device: the array library divides each
computation by the layouts of its operands.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from hilevel.engine.types import Array
from hilevel.errors import DistributionError


class Placement:
    """The placement of a backend with one device, on which a layout changes nothing.

    Args:
        backend: the backend.
    """

    def __init__(self, backend: Any) -> None:
        self.backend = backend

    # -- devices and processes ---------------------------------------------------------------------

    def devices(self) -> list[str]:
        """Return the names of the devices of all processes."""
        return list(self.backend.devices())

    def processes(self) -> tuple[int, int]:
        """Return the index of this process, and the number of processes."""
        return 0, 1

    def initialize(self, addresses: Sequence[str], count: int | None, index: int | None) -> None:
        """Connect this process to the others.

        Raises:
            DistributionError: the backend cannot run in several processes.
        """
        if len(addresses) > 1 or (count or 1) > 1:
            raise self._one_device(f"{count or len(addresses)} processes")

    def _one_device(self, wanted: str) -> DistributionError:
        return DistributionError(
            f'The backend "{self.backend.name}" runs on one device in one process; got {wanted}. Use the backend '
            '"jax" for several: HILEVEL_BACKEND=jax. On CPUs HILEVEL_JAX_CPU_DEVICES=4 makes four devices.'
        )

    def _check(self, layout: Any) -> None:
        devices = layout.device_mesh.devices.size
        if devices > 1:
            raise self._one_device(f"{devices} devices")

    def mesh(self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str]) -> Any:
        """Return the array library's object for a mesh of devices.

        Raises:
            DistributionError: the backend has only one device.
        """
        if len(devices) > 1:
            raise self._one_device(f"{len(devices)} devices")

    def layout(self, layout: Any) -> Any:
        """Return the array library's object for a layout."""

    # -- arrays ------------------------------------------------------------------------------------

    def place(self, x: Array, layout: Any) -> Array:
        """Return a copy of an array, which is the same in all processes, in a layout.

        Raises:
            DistributionError: the layout has several devices, and the backend only one.
        """
        self._check(layout)
        return self.backend.copy(self.backend.asarray(x))

    def place_local(self, part: Array, layout: Any) -> Array:
        """Return the array in a layout, joined from the rows of the processes in their order."""
        return self.place(part, layout)

    def create(self, make: Callable[[], Array], layout: Any) -> Array:
        """Return the result of a function in a layout. No device has to hold all of it, if that is possible."""
        return self.place(make(), layout)

    def constrain(self, x: Array, layout: Any) -> Array:
        """Return an array of a compiled function, in a layout."""
        return x

    def gathered(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return equally shaped arrays of all processes, stacked in their order. All processes must call it."""
        return values[None]

    def first_that_differs(self, parts: Sequence[bytes]) -> tuple[int, int] | None:
        """Return the index of the first part that differs between processes, and the first process with another one.

        None stands for no difference. All processes must call it.
        """
        every = self.gathered(np.array([zlib.crc32(part) for part in parts]))
        for index, sums in enumerate(every.T):
            if (sums != sums[0]).any():
                return index, int(np.argmax(sums != sums[0]))
        return None

    def alone(self) -> AbstractContextManager[None]:
        """Return a block for a program, if two programs must not run at the same time."""
        return nullcontext()
