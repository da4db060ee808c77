"""Arrays on several devices and processes, by JAX's shardings.

XLA's partitioner divides a program by the shardings of its arguments. Equal shardings are written in one way, because
each way of writing is another key of the cache of programs.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from hilevel.engine import placement
from hilevel.engine.overlay import Overlay
from hilevel.engine.settings import settings
from hilevel.engine.types import Array
from hilevel.errors import DistributionError
from hilevel_jax import cores

_running = threading.RLock()
"""Held while a program runs on several devices of a CPU."""


class Placement(placement.Placement):
    """The placement of arrays by `jax.sharding`."""

    def devices(self) -> list[str]:
        """Return the names of the devices of all processes."""
        return [_name(d) for d in jax.devices()]

    def processes(self) -> tuple[int, int]:
        """Return the index of this process, and the number of processes."""
        return jax.process_index(), jax.process_count()

    def initialize(self, addresses: Sequence[str], count: int | None, index: int | None) -> None:
        """Connect the process by `jax.distributed`."""
        if (count or len(addresses)) == 1:
            return
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        try:
            jax.distributed.initialize(addresses[0] if addresses else None, count, index)
        except (RuntimeError, ValueError) as error:
            raise DistributionError(
                f"Cannot connect process {index} of {count} to {addresses or 'the address of the launcher'}: {error} "
                "Call hilevel.distribution.initialize before anything else in each process."
            ) from error

    def mesh(self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str]) -> Any:
        """Return a `jax.sharding.Mesh`."""
        known = {_name(d): d for d in (*jax.devices(), *jax.devices("cpu"))}
        missing = [name for name in devices if _canonical(name) not in known]
        if missing:
            raise DistributionError(
                f"JAX has no device {', '.join(missing)}; it has {', '.join(known)}. On a CPU "
                "HILEVEL_JAX_CPU_DEVICES=4 makes four devices."
            )
        grid = np.array([known[_canonical(name)] for name in devices], object).reshape(shape)
        return jax.sharding.Mesh(grid, tuple(axis_names))

    def layout(self, layout: Any) -> Any:
        """Return a `jax.sharding.NamedSharding`."""
        axes = list(layout.axes)
        while axes and axes[-1] is None:
            axes.pop()
        spec = jax.sharding.PartitionSpec(*axes)
        return jax.sharding.NamedSharding(layout.device_mesh.backend_mesh, spec)

    def place(self, x: Array, layout: Any) -> Array:
        """Copy an array to the devices. Each process gives the parts of its devices."""
        sharding = layout.backend_layout
        if sharding.is_fully_addressable or not getattr(x, "is_fully_addressable", True):
            return jax.device_put(x, sharding, may_alias=False)
        whole = np.asarray(x)
        return jax.make_array_from_callback(whole.shape, sharding, lambda index: whole[index])

    def place_local(self, part: Array, layout: Any) -> Array:
        """Join the rows of the processes by `jax.make_array_from_process_local_data`."""
        return jax.make_array_from_process_local_data(layout.backend_layout, np.asarray(part))

    def create(self, make: Callable[[], Array], layout: Any) -> Array:
        """Compile the function, so that XLA divides it by the layout of its result.

        A function that changes Variables, such as a generator of random numbers, is computed whole.
        """
        overlay = Overlay()

        def traced() -> Array:
            with overlay:
                return make()

        program = jax.jit(traced, out_shardings=layout.backend_layout).lower()
        if overlay.written:
            return self.place(make(), layout)
        with self.alone():
            return jax.block_until_ready(program.compile()())

    def constrain(self, x: Array, layout: Any) -> Array:
        """Set the sharding of an intermediate result."""
        return jax.lax.with_sharding_constraint(x, layout.backend_layout)

    def gathered(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Gather by `multihost_utils.process_allgather`."""
        if jax.process_count() == 1:
            return values[None]
        with self.alone():
            return np.asarray(multihost_utils.process_allgather(values))

    def check_program(self, program: Any, *arguments: Any) -> None:
        """Check that all processes are about to run the same program.

        Raises:
            DistributionError: they are not.
        """
        if jax.process_count() == 1:
            return
        text = re.sub(r"0x[0-9a-f]+", "", str(jax.make_jaxpr(program)(*arguments)))
        found = self.first_that_differs([text.encode()])
        if found is not None:
            raise DistributionError(
                f"Process {found[1]} runs another program than process 0: its step computes something else. Run the "
                "same code in all processes."
            )

    def alone(self) -> AbstractContextManager[Any]:
        """Return a block for one program at a time on the devices of a CPU.

        Two programs with collectives that are in flight at the same time wait for each other, and XLA ends the process.
        """
        return _running if jax.default_backend() == "cpu" else nullcontext()


def to_numpy(x: Array) -> np.ndarray[Any, Any]:
    """Return a copy of an array as a NumPy array. Parts of other processes are gathered, in all processes."""
    if not isinstance(x, jax.Array) or x.is_fully_addressable:
        return np.array(x)
    if x.is_fully_replicated:
        return np.array(x.addressable_data(0))
    return np.array(multihost_utils.process_allgather(x, tiled=True))


def over_batch(
    function: Callable[..., Any], batched: Sequence[bool], *tensors: Any, summed: bool = False, work: int = 0
) -> Any:
    """Call a function on the devices' parts of a batch: for functions that XLA's partitioner would gather a batch for.

    Args:
        function: a function of tensors. Its results have a first axis of samples, or are sums over the samples.
        batched: for each tensor whether it has this axis, too. The others, the weights, are whole on each device.
        tensors: the tensors; None for a missing one.
        summed: whether the result is a sum over the samples.
        work: the number of multiplications of a loop that one core computes. If it is large, the loop is a reason to
            divide the program over the cores.
    """
    if settings.distribution is None and not cores.is_dividing():
        return function(*tensors)
    rows = next(len(x) for x, has_rows in zip(tensors, batched, strict=True) if has_rows)
    mesh, axis = _mesh_and_axis(rows, work)
    if mesh is None or axis in jax.sharding.get_abstract_mesh().manual_axes:
        return function(*tensors)

    def of_part(*tensors: Any) -> Any:
        result = function(*tensors)
        return jax.lax.psum(result, axis) if summed else result

    rows_only, whole = jax.sharding.PartitionSpec(axis), jax.sharding.PartitionSpec()
    return jax.shard_map(
        of_part,
        mesh=mesh,
        in_specs=tuple(rows_only if has_rows else whole for has_rows in batched),
        out_specs=whole if summed else rows_only,
        axis_names={axis},
        check_vma=False,  # the gradients of the weights are summed over the devices in either way
    )(*tensors)


def _mesh_and_axis(rows: int, work: int) -> tuple[Any, str]:
    """Return the mesh for a batch of rows, by the distribution or for the cores, and its axis; None for one device."""
    distribution = settings.distribution
    if distribution is None:
        return cores.current_mesh(rows, work), "batch"
    mesh = distribution.device_mesh.backend_mesh if distribution.parts_of(rows) > 1 else None
    return mesh, distribution.batch_dim_name


def _name(device: Any) -> str:
    return f"{device.platform}:{device.id}"


def _canonical(name: str) -> str:
    """Return the name of a device as JAX writes it: of "gpu:0" and "cuda:0" the one that it has."""
    kind, _, number = name.lower().partition(":")
    platforms = {d.platform for d in jax.devices()}
    synonyms = {"gpu": "cuda", "cuda": "gpu"}
    kind = synonyms[kind] if kind in synonyms and kind not in platforms else kind
    return f"{kind}:{number or 0}"
