"""Preparing data, under the names of `keras.preprocessing`."""

from hilevel.preprocessing import sequence

__all__ = ["sequence"]
