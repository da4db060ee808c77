from typing import Any

from hilevel.api.registry import Registry
from hilevel.engine.types import Config
from hilevel.optimizers import schedules as schedules
from hilevel.optimizers.adam import Adam as Adam, Adamax as Adamax, AdamW as AdamW, Nadam as Nadam
from hilevel.optimizers.adaptive import (
    Adadelta as Adadelta,
    Adafactor as Adafactor,
    Adagrad as Adagrad,
    Ftrl as Ftrl,
    RMSprop as RMSprop,
)
from hilevel.optimizers.base import Optimizer as Optimizer, OptimizerLike
from hilevel.optimizers.lamb import Lamb as Lamb
from hilevel.optimizers.lion import Lion as Lion
from hilevel.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
from hilevel.optimizers.multi import MultiOptimizer as MultiOptimizer, OptimizerMap as OptimizerMap
from hilevel.optimizers.muon import Muon as Muon
from hilevel.optimizers.schedule_free import ScheduleFreeAdamW as ScheduleFreeAdamW
from hilevel.optimizers.sgd import SGD as SGD

_registry: Registry

def get(identifier: OptimizerLike) -> Optimizer: ...
def serialize(optimizer: Optimizer) -> Any: ...
def deserialize(config: str | Config | None, custom_objects: dict[str, Any] | None = None) -> Optimizer: ...
