"""Ops of neural networks, with the names of `keras.ops.nn`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
