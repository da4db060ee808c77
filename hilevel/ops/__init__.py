"""The operations on tensors, of which layers, losses and metrics are made.

Each primitive op has its value, gradient and shape in one place. The folders are the same as in Keras. Names,
arguments and defaults are the same as in `keras.ops`.
"""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
