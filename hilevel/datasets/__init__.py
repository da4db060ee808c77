"""Data sets to learn and test with."""

from hilevel.datasets import authors, digits

__all__ = ["authors", "digits"]
