"""Files of trained models for other programs: ONNX and StableHLO."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
