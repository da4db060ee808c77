"""The error function and its inverse, by JAX."""

from __future__ import annotations

import jax

from hilevel.engine.protocol import Override
from hilevel.ops.math.error_functions import erf, erfinv

OVERRIDES = {
    erf: Override(lambda xp, x: jax.scipy.special.erf(x)),
    erfinv: Override(lambda xp, x: jax.scipy.special.erfinv(x)),
}
