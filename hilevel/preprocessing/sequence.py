"""Sequences of different lengths."""

from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.utils.numerical import pad_sequences

_install_getattr(__name__)
__all__ = ["pad_sequences"]
