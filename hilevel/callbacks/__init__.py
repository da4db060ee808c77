"""Callbacks: objects whose methods are called at the events of training."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
