"""Learning rate schedules: functions of the number of steps."""

from hilevel.api.lazy import attach_stub as _attach_stub
from hilevel.api.registry import Registry as _Registry

_attach_stub(__name__)

_registry = _Registry("learning rate schedule", __name__)
_, serialize, deserialize = _registry.functions("learning_rate_schedule")
