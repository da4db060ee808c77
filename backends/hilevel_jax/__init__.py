"""The JAX backend: compiled, on CPU, GPU and TPU."""

from hilevel_jax.backend import Backend

__all__ = ["Backend"]
