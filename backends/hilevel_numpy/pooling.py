"""Poolings on all cores."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hilevel.ops import pooling
from hilevel.protocol import Override
from hilevel_numpy.threads import parallel


def _on_all_cores(form: Callable[..., Any]) -> Override:
    return Override(partial(form, run=parallel))


OVERRIDES: dict[str, Override] = {
    "max_pool": _on_all_cores(pooling.largest),
    "max_pool_gradient": _on_all_cores(pooling.gradient_of_largest),
    "sum_pool": _on_all_cores(pooling.sums),
    "sum_pool_gradient": _on_all_cores(pooling.gradient_of_sums),
}
