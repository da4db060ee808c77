"""The causes of a model's outputs: which pixels, words or columns they depend on."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
