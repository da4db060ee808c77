"""Memory that is freed stays with the process, to be used again in the next step."""

from __future__ import annotations

import ctypes
import os

MB = 2**20
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # mallopt's names for them, in malloc.h
_asked: dict[int, int] = {}


def keep_freed_memory(kept: int = 256 * MB, largest: int = 32 * MB) -> None:
    """Ask the C library to keep freed memory, instead of giving it back at once.

    A training step frees arrays that the next step needs again. glibc gives them back to the system in between, and the
    page faults of getting them anew took a tenth of the time of a step of a small network. `HILEVEL_KEEP_MEMORY=0` in
    the environment leaves the C library as it is; where it is not glibc, nothing is done. Of what several callers ask
    for, the most is done.

    Args:
        kept: up to how many bytes are kept.
        largest: the size of a piece of memory from which on it is given back at once all the same.
    """
    if os.environ.get("HILEVEL_KEEP_MEMORY", "1") == "0":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    for parameter, value in ((_MMAP_THRESHOLD, largest), (_TRIM_THRESHOLD, kept)):
        _asked[parameter] = max(value, _asked.get(parameter, 0))
        mallopt(parameter, _asked[parameter])
