"""Preparing data, under the names of `keras.preprocessing`."""

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.preprocessing import sequence

_install_getattr(__name__)
__all__ = ["sequence"]
