"""Data as arrays, lists, dicts, generators and batches by index; weights of samples and classes."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import hilevel
from hilevel import layers

Floats = npt.NDArray[np.float32]
x: Floats = np.ones((8, 2), dtype=np.float32)
y = np.arange(8) % 2


def batches() -> Iterator[tuple[Floats, npt.NDArray[Any]]]:
    for start in range(0, 8, 4):
        yield x[start : start + 4], y[start : start + 4]


class Batches(hilevel.utils.PyDataset):
    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = size

    def __len__(self) -> int:
        return 8 // self.size

    def __getitem__(self, index: int) -> tuple[Floats, npt.NDArray[Any]]:
        return x[index * self.size :][: self.size], y[index * self.size :][: self.size]


inputs = layers.Input((2,), name="features")
model = hilevel.Model(inputs, layers.Dense(1, "sigmoid")(inputs))
model.compile("sgd", "binary_crossentropy", metrics=["accuracy", hilevel.metrics.AUC()])
model.fit(x, y, sample_weight=np.ones(8), class_weight={0: 1.0, 1: 2.0}, verbose=0)
model.fit(x.tolist(), y.tolist(), validation_data=(x, y), verbose=0)
model.fit({"features": x}, y, shuffle=False, verbose=0)
model.fit(batches(), steps_per_epoch=2, verbose=0)
model.fit(Batches(4, workers=1), epochs=2, verbose=0)
model.evaluate(Batches(2), verbose=0)
result = model.predict(x, verbose=0)
wanted: npt.NDArray[Any] = (result > 0.5).astype("int32")
assert wanted.shape == (8, 1)

normalization = layers.Normalization()
normalization.adapt(x)
labels = hilevel.utils.to_categorical(y, num_classes=2)
assert labels.shape == (8, 2)
tokens = layers.TextVectorization(max_tokens=10, output_sequence_length=4)
tokens.adapt(["a b", "b c"])
assert tokens(["a c"]).shape == (1, 4)
(x_train, y_train), (x_test, y_test) = hilevel.datasets.digits.load_data()
assert len(x_train) == len(y_train) and len(x_test) == len(y_test)
