"""Softmax and softplus."""

from __future__ import annotations

from typing import Any

import jax

from hilevel.engine.protocol import Override
from hilevel.ops.nn.activations import log_softmax, softmax, softplus
from hilevel_jax.forms import by_exponentials

OVERRIDES: dict[Any, Override] = {
    softplus: Override(lambda xp, x: jax.nn.softplus(x)),
    log_softmax: by_exponentials(log_softmax),
    softmax: by_exponentials(softmax),
}
