"""The types of logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Logs: TypeAlias = dict[str, Any] | None
"""The values of an epoch or a run by name, to which a callback may add; None if there are none."""

BatchLogs: TypeAlias = Mapping[str, Any] | None
"""The values of a batch by name, which are fetched from the device when they are read; None if there are none."""
