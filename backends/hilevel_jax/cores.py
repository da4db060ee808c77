"""A program on all cores of a CPU: the batch in equal parts, on as many virtual devices of JAX.

XLA computes a loop over the steps of sequences on one core. Where such a loop is long enough, each device gets a part
of the batch, and XLA sums the gradients over the devices. Between two runs Variables have arrays on one device, so that
all code outside of the program sees one device.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Self

import jax

from hilevel.engine.machine import available_cores
from hilevel.engine.settings import settings
from hilevel.errors import DistributionError

LEAST_WORK = 2**24
"""The least number of multiplications of a loop that is divided. Smaller loops take less time than the exchange."""
LEAST_ROWS = 8
"""The least number of samples on a device."""

_division: ContextVar[Division | None] = ContextVar("division", default=None)


def prepare_devices() -> None:
    """Make a virtual device for each core that the process may use, or `HILEVEL_JAX_CPU_DEVICES` of them.

    JAX's own settings take precedence over the number of cores. A JAX that is in use keeps its devices.

    Raises:
        DistributionError: `HILEVEL_JAX_CPU_DEVICES` has another number than a JAX that is in use.
    """
    wanted = os.environ.get("HILEVEL_JAX_CPU_DEVICES")
    is_set = jax.config.jax_num_cpu_devices > 0 or "device_count" in os.environ.get("XLA_FLAGS", "")
    if is_set and not wanted:
        return
    try:
        jax.config.update("jax_num_cpu_devices", int(wanted or available_cores()))
    except RuntimeError:
        found = len(jax.local_devices(backend="cpu"))
        if wanted and int(wanted) != found:
            raise DistributionError(
                f"HILEVEL_JAX_CPU_DEVICES is {wanted}, but JAX is in use already, with {found} device(s) of the CPU. "
                "Use hilevel before other code uses JAX."
            ) from None


class Division:
    """The division of one program. Its first trace, in a block of this object, decides it.

    Attributes:
        mesh: the devices, with one axis `"batch"`; None for a program that runs on one device.
        is_decided: whether the program was traced.
    """

    def __init__(self) -> None:
        self.mesh: jax.sharding.Mesh | None = None
        self.is_decided = not _may_divide()
        self._copies: list[tuple[Any, Any]] = []

    def __enter__(self) -> Self:
        self._outer = _division.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        self.is_decided = True
        _division.reset(self._outer)

    @property
    def stays_on_one(self) -> bool:
        """True if it is decided that the program runs on one device."""
        return self.is_decided and self.mesh is None

    def mesh_for(self, rows: int, work: int) -> jax.sharding.Mesh | None:
        """Return the mesh for an op on a batch of rows; None if the op is not to be divided."""
        if not self.is_decided and self.mesh is None and work >= LEAST_WORK:
            most = min(jax.local_device_count(), rows // LEAST_ROWS)
            parts = max((n for n in range(1, most + 1) if rows % n == 0), default=1)
            self.mesh = jax.sharding.Mesh(jax.local_devices()[:parts], ("batch",)) if parts > 1 else None
        return self.mesh if self.mesh is not None and rows % self.mesh.size == 0 else None

    def whole(self, values: Any) -> Any:
        """Return results of the program in a structure, whole on each device."""
        if self.mesh is None:
            return values
        return jax.lax.with_sharding_constraint(values, self._sharding())

    def run(self, program: Callable[..., Any], state: Sequence[list[Any]], data: Any, axis: int) -> Any:
        """Run the program on all devices; return its results and its new state on the first device.

        Args:
            program: the program of the written arrays, the read arrays, and the data.
            state: the written and the read arrays.
            data: the arguments in a structure.
            axis: the axis of the samples in the data.
        """
        written, read = state
        copies = self._on_all([*written, *read])
        placed = jax.tree.map(lambda x: self._part(x, axis), data)
        out, new = jax.block_until_ready(program(copies[: len(written)], copies[len(written) :], *placed))
        first = [x.addressable_data(0) for x in new]
        self._copies = [*zip(first, new, strict=True), *zip(read, copies[len(written) :], strict=True)]
        return jax.tree.map(lambda x: x.addressable_data(0), out), first

    def _on_all(self, arrays: list[Any]) -> list[Any]:
        """Return the arrays on all devices. The arrays of the last run are there already."""
        known = {id(one): every for one, every in self._copies}
        missing = [x for x in arrays if id(x) not in known]
        moved = iter(jax.device_put(missing, self._sharding(), may_alias=False))
        return [known[id(x)] if id(x) in known else next(moved) for x in arrays]

    def _part(self, x: Any, axis: int) -> Any:
        """Return data in parts if their number of samples permits it, else whole."""
        if not getattr(x, "ndim", 0):
            return x
        divides = self.mesh is not None and x.ndim > axis and x.shape[axis] % self.mesh.size == 0
        return jax.device_put(x, self._sharding(*[None] * axis, "batch") if divides else self._sharding())

    def _sharding(self, *axes: str | None) -> jax.sharding.NamedSharding:
        return jax.sharding.NamedSharding(self.mesh, jax.sharding.PartitionSpec(*axes))


def _may_divide() -> bool:
    """Return whether there are several devices of a CPU, of which the user has chosen none."""
    is_chosen = settings.distribution is not None or jax.config.jax_default_device is not None
    return jax.default_backend() == "cpu" and jax.local_device_count() > 1 and not is_chosen


def is_dividing() -> bool:
    """Return whether a program that may be divided is traced in this thread."""
    return _division.get() is not None


def current_mesh(rows: int, work: int) -> jax.sharding.Mesh | None:
    """Return the mesh of the program that is traced, for an op on a batch of rows; None for one device."""
    division = _division.get()
    return None if division is None else division.mesh_for(rows, work)
