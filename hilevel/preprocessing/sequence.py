"""Sequences of different lengths."""

from hilevel.utils.numerical import pad_sequences

__all__ = ["pad_sequences"]
