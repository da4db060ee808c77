"""The devices of all processes, and the connection of a process to the others."""

from __future__ import annotations

import os
import socket
from typing import Any

import numpy as np

from hilevel.distribution.watch import Watch, start
from hilevel.engine.backends import current_backend
from hilevel.engine.placement import Placement
from hilevel.engine.settings import settings
from hilevel.random.seed import get_seed_stream, make_seed, set_seed_stream

_VARIABLE = "HILEVEL_DISTRIBUTION_"


def list_devices(device_type: str | None = None) -> list[str]:
    """Return the names of the devices of all processes, such as `"gpu:0"`.

    Args:
        device_type: `"cpu"`, `"gpu"` or `"tpu"`; by default the type that the backend uses.

    >>> import hilevel
    >>> hilevel.distribution.list_devices()
    ['cpu:0']
    """
    names = current_backend().placement.devices()
    kind = names[0].split(":")[0] if device_type is None else device_type.lower()
    wanted = {"gpu", "cuda"} if kind in ("gpu", "cuda") else {kind}
    return [name for name in names if name.split(":")[0] in wanted]


def get_device_count(device_type: str | None = None) -> int:
    """Return the number of devices of all processes.

    Args:
        device_type: as in `list_devices`.

    >>> import hilevel
    >>> hilevel.distribution.get_device_count()
    1
    """
    return len(list_devices(device_type))


def initialize(
    job_addresses: str | None = None, num_processes: int | None = None, process_id: int | None = None
) -> None:
    """Connect this process to the other processes of the program. Call it first, before the backend is used.

    Each argument that is None is read from an environment variable, so that each launcher of processes can set it.
    Without any of them, the launcher may be one that JAX supports, such as Slurm. All processes take over the seed of
    the first one, so that they begin with equal weights.

    Args:
        job_addresses: the addresses of the processes, such as `"10.0.0.1:1234,10.0.0.2:1234"`. Only the first is
            required. `HILEVEL_DISTRIBUTION_JOB_ADDRESSES`.
        num_processes: the number of processes. `HILEVEL_DISTRIBUTION_NUM_PROCESSES`.
        process_id: the index of this process, from 0. `HILEVEL_DISTRIBUTION_PROCESS_ID`.

    Raises:
        DistributionError: the backend cannot run in several processes.

    >>> import hilevel
    >>> hilevel.distribution.initialize("localhost:1234", num_processes=1, process_id=0)
    """
    addresses = job_addresses or os.environ.get(_VARIABLE + "JOB_ADDRESSES") or ""
    count = _number(num_processes, "NUM_PROCESSES")
    index = _number(process_id, "PROCESS_ID")
    placement = current_backend().placement
    placement.initialize([a.strip() for a in addresses.split(",") if a.strip()], count, index)
    settings.process, settings.processes = placement.processes()
    if settings.processes > 1:
        seed, draws = get_seed_stream()
        every = placement.gathered(np.array([make_seed() if seed is None else seed, draws], np.int64))
        set_seed_stream(*(int(n) for n in every[0]))
        _watch(addresses, placement)


def _watch(addresses: str, placement: Placement) -> None:
    """Connect the processes, so that each notices the early end of another."""
    watch = Watch(settings.process, settings.processes)
    host = addresses.split(",")[0].rpartition(":")[0] or socket.getfqdn()
    port = watch.listen() if settings.process == 0 else 0
    mine = np.zeros(300, np.int32)
    mine[: 1 + len(host)] = [port, *host.encode()]
    first = placement.gathered(mine)[0]
    if settings.process:
        watch.connect(bytes(first[1:].astype(np.uint8)).rstrip(b"\0").decode(), int(first[0]))
    start(watch)


def _number(value: Any, name: str) -> int | None:
    """Return a number from an argument or from an environment variable; None without either."""
    given = os.environ.get(_VARIABLE + name) if value is None else value
    return None if given in (None, "") else int(given)
