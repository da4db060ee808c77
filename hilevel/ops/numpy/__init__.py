"""Ops with the names of NumPy, as in `keras.ops.numpy`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
