"""Training on several devices and machines.

A distribution says how Variables and batches are divided over a mesh of devices. The step of training stays the same:
the array library divides each computation by the layouts of its operands.
"""

from hilevel.api.lazy import attach_stub as _attach_stub

_attach_stub(__name__)
