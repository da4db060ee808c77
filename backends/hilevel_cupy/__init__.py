"""The CuPy backend: eager, on NVIDIA GPUs."""

from hilevel_cupy.backend import Backend

__all__ = ["Backend"]
