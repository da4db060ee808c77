"""Data sets to learn and test with."""

from hilevel.datasets import digits

__all__ = ["digits"]
