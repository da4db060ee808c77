"""Attention."""

from __future__ import annotations

from hilevel.ops.nn.attention import attention_op
from hilevel_jax.forms import by_exponentials

OVERRIDES = {attention_op: by_exponentials(attention_op)}
