"""Callbacks: what is done at the events of training."""

from hilevel.callbacks.base import Callback, CallbackList, History, LambdaCallback
from hilevel.callbacks.csv_logger import CSVLogger
from hilevel.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from hilevel.callbacks.progress import ProgbarLogger
from hilevel.callbacks.stopping import EarlyStopping, TerminateOnNaN

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
