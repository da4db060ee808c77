"""Utilities, with the names, arguments and defaults of `keras.utils`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
