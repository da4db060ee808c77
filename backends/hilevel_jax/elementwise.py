"""A constant in the middle of a computation."""

from __future__ import annotations

import jax

from hilevel.ops import elementwise
from hilevel.protocol import Override

OVERRIDES = {elementwise.stop_gradient: Override(lambda xp, variable: jax.lax.stop_gradient(variable))}
