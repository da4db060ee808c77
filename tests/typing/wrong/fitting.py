"""Wrong calls of compile, fit, evaluate and predict."""

import numpy as np

import hilevel
from hilevel import layers

x, y = np.ones((8, 2)), np.ones((8, 1))
model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])

model.compile(optimiser="adam")  # error
model.compile(optimizer=3)  # error
model.compile(loss=3)  # error
model.compile(metrics=3)  # error
model.compile(metrics=[3])  # error
model.compile("adam", "mse", run_eagerly="yes")  # error
model.fit(1)  # error
model.fit(x, y, epoch=3)  # error
model.fit(x, y, epochs="3")  # error
model.fit(x, y, epochs=1.5)  # error
model.fit(x, y, batch_size="32")  # error
model.fit(x, y, callbacks=[1])  # error
model.fit(x, y, callbacks="early_stopping")  # error
model.fit(x, y, validation_split="0.2")  # error
model.fit(x, y, class_weight=[1.0, 2.0])  # error
model.fit(x, y, verbose=[1])  # error
model.evaluate(x, y, return_dicts=True)  # error
model.predict(batch_size="32", x=x)  # error
model.predict()  # error
model.predict(x, y, 1, 2, 3)  # error
