"""The backend's own forms of the ops in `hilevel.ops.nn`."""

from hilevel_numpy import dense, normalization

OVERRIDES = dense.OVERRIDES | normalization.OVERRIDES
