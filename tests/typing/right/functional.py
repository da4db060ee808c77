"""Functional models: several inputs and outputs, a shared layer, shapes."""

import numpy as np

import hilevel
from hilevel import Input, layers

image = Input(shape=(8, 8, 1), name="image")
text = Input(shape=(None,), dtype="int32", name="text")
x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
x = layers.MaxPooling2D(pool_size=(2, 2))(x)
x = layers.Flatten()(x)
words = layers.Embedding(input_dim=20, output_dim=4, mask_zero=True)(text)
words = layers.LSTM(4, return_sequences=False, dropout=0.1)(words)
joined = layers.Concatenate(axis=-1)([x, words])
joined = hilevel.ops.tanh(joined) + 1.0
label = layers.Dense(3, activation="softmax", name="label")(joined)
score = layers.Dense(1, name="score")(joined)
model = hilevel.Model(inputs=[image, text], outputs={"label": label, "score": score})
assert image.shape == (None, 8, 8, 1) and label.shape == (None, 3)

model.compile(
    optimizer=hilevel.optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    loss={"label": "sparse_categorical_crossentropy", "score": hilevel.losses.MeanSquaredError()},
    loss_weights={"label": 1.0, "score": 0.5},
    metrics={"label": ["accuracy"], "score": [hilevel.metrics.MeanAbsoluteError(name="mae")]},
)
rng = np.random.default_rng(0)
inputs = {"image": rng.normal(size=(6, 8, 8, 1)), "text": rng.integers(1, 20, size=(6, 5))}
targets = {"label": rng.integers(0, 3, size=6), "score": rng.normal(size=(6, 1))}
model.fit(inputs, targets, epochs=1, verbose=0)
outputs = model.predict(inputs, verbose=0)
assert outputs["label"].shape == (6, 3)

features = hilevel.Model(model.inputs, model.get_layer("score").input)
assert features([inputs["image"], inputs["text"]]).shape == (6, 68)
copy = hilevel.models.clone_model(model)
assert copy.count_params() == model.count_params()
