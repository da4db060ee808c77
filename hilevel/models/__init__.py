"""Models: layers with training, evaluation and prediction."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
