"""Boxes around objects in images, with the names of `keras.utils.bounding_boxes`."""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
