"""Results that are used as what they are not."""

import numpy as np

import hilevel
from hilevel import layers

x, y = np.ones((8, 2)), np.ones((8, 1))
model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])
model.compile("adam", "mse")
history = model.fit(x, y, verbose=0)

print(history["loss"])  # error
print(history.epochs)  # error
print(history.history.loss)  # error
print(history.history["loss"]["first"])  # error
print(history.history[0])  # error
name: int = model.name  # error
number: str = model.count_params()  # error
weights: dict[str, int] = model.get_weights()  # error
layer: str = model.get_layer("dense")  # error
print(model.layers.dense)  # error
model.summry()  # error
print(model.optimzer)  # error
model.fitt(x, y)  # error
units: str = layers.Dense(3).units  # error
print(layers.Dense(3).unit)  # error
layers.Dense(3).kernel.numpi()  # error
dense: layers.Conv2D = layers.Dense(3)  # error
