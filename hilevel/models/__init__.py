"""Models: layers that can be trained."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
