"""A loss, a metric, a callback, an initializer and a regularizer of one's own, in `fit`."""

from typing import Any

import numpy as np

import hilevel
from hilevel import layers, ops


class Huber(hilevel.losses.Loss):
    def __init__(self, delta: float = 1.0, name: str = "huber", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.delta = delta

    def call(self, y_true: Any, y_pred: Any) -> Any:
        error = ops.abs(y_true - y_pred)
        small = ops.minimum(error, self.delta)
        return ops.mean(0.5 * small**2 + self.delta * (error - small), axis=-1)


class Largest(hilevel.metrics.Metric):
    def __init__(self, name: str = "largest", **kwargs: Any) -> None:
        super().__init__(name=name, **kwargs)
        self.largest = self.add_variable(shape=(), initializer="zeros", name="largest")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.largest.assign(ops.maximum(self.largest, ops.max(ops.abs(y_true - y_pred))))

    def result(self) -> Any:
        return self.largest.value

    def reset_state(self) -> None:
        self.largest.assign(0.0)


class Note(hilevel.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.seen.clear()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.seen.append((logs or {})["loss"])
        if self.model is not None and epoch == 1:
            self.model.stop_training = True


class Half(hilevel.initializers.Initializer):
    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return ops.full(shape, 0.5, dtype=dtype)


class Sum(hilevel.regularizers.Regularizer):
    def __call__(self, x: Any) -> Any:
        return 0.001 * ops.sum(ops.abs(x))


def error(y_true: Any, y_pred: Any) -> Any:
    return ops.mean(ops.abs(y_true - y_pred), axis=-1)


note = Note()
model = hilevel.Sequential(
    [layers.Input((2,)), layers.Dense(1, kernel_initializer=Half(), kernel_regularizer=Sum())]
)
model.compile(optimizer="sgd", loss=Huber(delta=0.5), metrics=[Largest(), error, "mae"])
x, y = np.ones((8, 2), "float32"), np.zeros((8, 1), "float32")
stopping = hilevel.callbacks.EarlyStopping(monitor="loss", patience=3, restore_best_weights=True)
plain = hilevel.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)
history = model.fit(x, y, epochs=5, callbacks=[note, stopping, plain], verbose=0)
assert note.seen == history.history["loss"] and len(note.seen) == 2
