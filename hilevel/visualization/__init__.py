"""Figures of training, predictions and networks, and images with boxes and masks.

The figures need `pip install 'hilevel[plot]'`.
"""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
