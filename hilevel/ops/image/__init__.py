"""Ops on images, with the names of `keras.ops.image`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
