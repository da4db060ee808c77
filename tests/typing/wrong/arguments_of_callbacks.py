"""Wrong arguments of losses, metrics, callbacks and backends."""

import hilevel
from hilevel import callbacks, losses, metrics

callbacks.EarlyStopping(patience="3")  # error
callbacks.EarlyStopping("loss", patient=3)  # error
callbacks.EarlyStopping(monitor=3)  # error
callbacks.ReduceLROnPlateau(factor="0.1")  # error
callbacks.LearningRateScheduler()  # error
callbacks.LearningRateScheduler(0.1)  # error
callbacks.CSVLogger(3.5)  # error
callbacks.LambdaCallback(on_epoch_ends=print)  # error
losses.MeanSquaredError(reduction=1)  # error
losses.MeanSquaredError("sum", logits=True)  # error
losses.SparseCategoricalCrossentropy(from_logits="yes")  # error
losses.Huber(delta="1")  # error
metrics.MeanSquaredError(name=3)  # error
metrics.TopKCategoricalAccuracy(k="5")  # error
metrics.AUC(num_thresholds="200")  # error
metrics.Mean().updatestate(1.0)  # error
metrics.Mean().update_state()  # error
hilevel.set_backend(3)  # error
hilevel.use_backend()  # error
hilevel.GradientTape(persistant=True)  # error
hilevel.set_random_seed("1")  # error
