"""Models, weights and objects in files and as plain data."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
