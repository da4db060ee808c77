"""Ops of neural networks, those of `keras.ops.nn`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
