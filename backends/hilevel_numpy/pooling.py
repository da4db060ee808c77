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


OVERRIDES: dict[Any, Override] = {
    pooling.pooled_max: _on_all_cores(pooling.largest),
    pooling.pooled_max_gradient: _on_all_cores(pooling.gradient_of_largest),
    pooling.pooled_sum: _on_all_cores(pooling.sums),
    pooling.pooled_sum_gradient: _on_all_cores(pooling.gradient_of_sums),
}
