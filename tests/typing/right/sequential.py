"""A Sequential model: compiled, trained, evaluated, used."""

import numpy as np

import hilevel
from hilevel import layers

hilevel.set_random_seed(0)
model = hilevel.Sequential(
    [
        layers.Input((4,)),
        layers.Dense(8, activation="relu", kernel_regularizer="l2", name="hidden"),
        layers.BatchNormalization(),
        layers.Dropout(0.1, seed=1),
    ],
    name="small",
)
model.add(layers.Dense(3, activation=hilevel.activations.softmax, kernel_initializer="he_normal"))
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
y = np.arange(32) % 3
history = model.fit(x, y, batch_size=8, epochs=2, validation_split=0.25, verbose=0)
first: float = history.history["loss"][0]
epochs: list[int] = history.epoch
assert first > 0 and len(epochs) == 2
assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]

results = model.evaluate(x, y, verbose=0, return_dict=True)
loss, accuracy = model.evaluate(x, y, verbose=0)
assert loss == results["loss"] and 0 <= accuracy <= 1
probabilities = model.predict(x, batch_size=16, verbose=0)
assert probabilities.shape == (32, 3)
assert probabilities.argmax(axis=-1).max() < 3
assert model(x, training=False).shape == (32, 3)

model.summary(print_fn=lambda line: None)
hidden = model.get_layer("hidden")
hidden.trainable = False
shapes: list[tuple[int, ...]] = [weight.shape for weight in model.trainable_weights]
assert (8, 3) in shapes and model.count_params() > 0
model.set_weights(model.get_weights())
for layer in model.layers:
    assert layer.name
