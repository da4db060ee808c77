from hilevel.callbacks.averages import SwapEMAWeights as SwapEMAWeights
from hilevel.callbacks.backup import BackupAndRestore as BackupAndRestore
from hilevel.callbacks.base import (
    Callback as Callback,
    History as History,
    LambdaCallback as LambdaCallback,
)
from hilevel.callbacks.callback_list import CallbackList as CallbackList
from hilevel.callbacks.checkpoint import ModelCheckpoint as ModelCheckpoint
from hilevel.callbacks.csv_logger import CSVLogger as CSVLogger
from hilevel.callbacks.learning_rate import (
    LearningRateScheduler as LearningRateScheduler,
    ReduceLROnPlateau as ReduceLROnPlateau,
)
from hilevel.callbacks.progress import ProgbarLogger as ProgbarLogger
from hilevel.callbacks.remote_monitor import RemoteMonitor as RemoteMonitor
from hilevel.callbacks.stopping import EarlyStopping as EarlyStopping, TerminateOnNaN as TerminateOnNaN
from hilevel.callbacks.tensorboard import TensorBoard as TensorBoard
from hilevel.callbacks.trackers import MLflowLogger as MLflowLogger, WandbLogger as WandbLogger
