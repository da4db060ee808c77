"""Callbacks: what is done at the events of training."""

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.callbacks.base import Callback, CallbackList, History, LambdaCallback
from hilevel.callbacks.csv_logger import CSVLogger
from hilevel.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from hilevel.callbacks.progress import ProgbarLogger
from hilevel.callbacks.stopping import EarlyStopping, TerminateOnNaN

_install_getattr(__name__)
__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
