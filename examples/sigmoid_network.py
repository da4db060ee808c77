"""A network of two sigmoid layers, three times: as a model with `fit`, as a static graph, and as a dynamic one.

A static graph is what `hilevel.jit` makes of a step: on a compiling backend it is traced once and runs without Python from then on.
A dynamic one is the same step run as it is written, so that Python may look at the numbers: here a hidden layer is applied
again and again until the batch has settled, more or less often as the data want it.

Both layers are sigmoids, the loss is the cross-entropy of the second; it gets the numbers before that sigmoid (a sigmoid applied
twice, as in some listings of this network, hides the gradient).
"""

import numpy as np
from options import expect, load_digits, options

import hilevel
from hilevel import layers, ops

HIDDEN = 64


def with_fit(x, y, epochs):
    """The network as a functional model."""
    inputs = hilevel.Input((x.shape[1],))
    h = layers.Dense(HIDDEN, activation="sigmoid")(inputs)
    outputs = layers.Dense(10, activation="sigmoid")(h)
    model = hilevel.Model(inputs, outputs)
    model.compile("adam", "binary_crossentropy", metrics=["categorical_accuracy"])
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    return model


def variables(features):
    """Weights and biases of both layers."""
    shapes = [(features, HIDDEN), (HIDDEN,), (HIDDEN, 10), (10,)]
    return [hilevel.Variable(hilevel.random.normal(s, stddev=0.1 if len(s) == 2 else 0.0)) for s in shapes]


def static(x, y, epochs):
    """The network as a step of one's own, compiled."""
    weights = variables(x.shape[1])
    W, b, W2, b2 = weights
    optimizer = hilevel.optimizers.Adam(0.003)
    optimizer.build(weights)

    def logits(x):
        return ops.matmul(ops.sigmoid(ops.matmul(x, W) + b), W2) + b2

    @hilevel.jit
    def train(x, y):
        def loss():
            return ops.mean(ops.binary_crossentropy(y, logits(x), from_logits=True))

        value, gradients = hilevel.value_and_grad(loss, variables=weights)()
        optimizer.apply(gradients)
        return value

    for batch in batches(x, y, epochs):
        train(*batch)
    return logits


def dynamic(x, y, epochs):
    """The same network with a hidden layer that feeds back into itself until it has settled."""
    W, b, W2, b2 = weights = variables(x.shape[1])
    feedback = hilevel.Variable(hilevel.random.normal((HIDDEN, HIDDEN), stddev=0.05))
    weights = [*weights, feedback]
    optimizer = hilevel.optimizers.Adam(0.003)
    rounds = []

    def logits(x):
        given = ops.matmul(x, W) + b
        h, change, count = ops.sigmoid(given), 1.0, 0
        while change > 0.01 and count < 10:
            settled = ops.sigmoid(given + ops.matmul(h, feedback))
            change, count = float(ops.max(ops.abs(ops.stop_gradient(settled - h)))), count + 1
            h = settled
        rounds.append(count)
        return ops.matmul(h, W2) + b2

    for xb, yb in batches(x, y, epochs):
        with hilevel.GradientTape() as tape:
            loss = ops.mean(ops.binary_crossentropy(yb, logits(xb), from_logits=True))
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
    print(f"Rounds until a batch had settled: {min(rounds)} to {max(rounds)}.")
    return logits


def batches(x, y, epochs, size=64):
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for i in range(0, len(x) - size + 1, size):
            yield x[order[i : i + size]], y[order[i : i + size]]


def main(epochs: int) -> None:
    (x, labels), (x_test, y_test) = load_digits()
    x, x_test = (a.reshape(len(a), -1).astype("float32") for a in (x, x_test))
    y = hilevel.utils.to_categorical(labels, 10)
    for train in (with_fit, static, dynamic):
        found = train(x, y, epochs)
        accuracy = (ops.convert_to_numpy(found(x_test)).argmax(-1) == y_test).mean()
        expect(
            accuracy > min(0.5, 0.08 * epochs) + 0.3 * (epochs >= 20),
            f"{train.__name__}: accuracy {accuracy:.3f}",
        )


if __name__ == "__main__":
    main(options(__doc__, epochs=30).epochs)
