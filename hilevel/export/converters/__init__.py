"""The converters of ops to nodes of ONNX, one for each primitive op."""

from hilevel.export.converters import elementwise, fourier, indexing, layout, nn, recurrence, reduction
from hilevel.export.converters.table import CONVERTERS

__all__ = ["CONVERTERS", "elementwise", "fourier", "indexing", "layout", "nn", "recurrence", "reduction"]
