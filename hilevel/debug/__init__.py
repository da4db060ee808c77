"""The origin of NaN: the op that makes it, and the step of a training in which it began."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
