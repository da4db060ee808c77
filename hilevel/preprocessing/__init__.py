"""Preparation of data, with the names of `keras.preprocessing`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
