"""Tracebacks of errors without the frames of hilevel."""

from __future__ import annotations

import types
from typing import Any

_state = {"filtered": True}
_PACKAGES = ("hilevel", "hilevel_numpy", "hilevel_jax", "hilevel_cupy")


def enable_traceback_filtering() -> None:
    """Leave the frames of hilevel out of the tracebacks of errors in calls of layers and in training (the default).

    >>> import hilevel
    >>> hilevel.config.enable_traceback_filtering()
    """
    _state["filtered"] = True


def disable_traceback_filtering() -> None:
    """Show all frames in the tracebacks of errors.

    >>> import hilevel
    >>> hilevel.config.disable_traceback_filtering()
    >>> hilevel.config.enable_traceback_filtering()
    """
    _state["filtered"] = False


def is_traceback_filtering_enabled() -> bool:
    """Whether the tracebacks of errors are without the frames of hilevel.

    >>> import hilevel
    >>> hilevel.config.is_traceback_filtering_enabled()
    True
    """
    return _state["filtered"]


def shorten(error: BaseException) -> None:
    """Remove the frames of hilevel from the traceback of an error, unless filtering is disabled."""
    if not _state["filtered"]:
        return
    frames: list[types.TracebackType] = []
    entry: Any = error.__traceback__
    while entry is not None:
        frames.append(entry)
        entry = entry.tb_next
    kept = None
    for entry in reversed(frames):
        if entry.tb_frame.f_globals.get("__name__", "").partition(".")[0] not in _PACKAGES:
            kept = types.TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    error.__traceback__ = kept
