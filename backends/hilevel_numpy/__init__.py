"""The NumPy backend: eager, on the CPU, with nothing else installed."""

from hilevel_numpy.backend import Backend

__all__ = ["Backend"]
