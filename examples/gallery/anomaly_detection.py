"""Find faults of a machine in its vibrations with an autoencoder.

The network has seen only recordings without faults, and cannot rebuild others well. So the error of a recording is a score of
its anomaly (Japkowicz, Myers and Gluck, 1995). Faults are a missing piece, a click, and a higher frequency. The data are made
up.

It prints the area under the ROC curve of the scores, and the fraction of each fault that is found at 1 % false alarms.
"""

import numpy as np
from checks import check, run

import hilevel
from hilevel import layers

LENGTH = 128
FAULTS = ("none", "gap", "click", "higher")


def make_signals(faults, seed):
    """Return recordings of shape (n, 128, 1), each with the fault of its index in FAULTS."""
    rng = np.random.default_rng(seed)
    n, t = len(faults), np.arange(LENGTH)
    speed = rng.uniform(0.25, 0.35, (n, 1)) * np.where(faults == 3, 1.6, 1)[:, None]
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    signals = (
        np.sin(speed * t + phase) + 0.5 * np.sin(2 * (speed * t + phase)) + rng.normal(0, 0.1, (n, LENGTH))
    )
    starts = rng.integers(10, LENGTH - 20, n)
    for signal, fault, start in zip(signals, faults, starts):
        if fault == 1:
            signal[start : start + 12] = 0
        elif fault == 2:
            signal[start : start + 2] += rng.choice([-1.5, 1.5])
    return signals[..., None].astype("float32")


def make_model():
    return hilevel.Sequential(
        [
            layers.Input((LENGTH, 1)),
            layers.Conv1D(16, 7, strides=4, padding="same", activation="relu"),
            layers.Conv1D(32, 7, strides=4, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(8),
            layers.Dense(8 * 32, activation="relu"),
            layers.Reshape((8, 32)),
            layers.Conv1DTranspose(16, 7, strides=4, padding="same", activation="relu"),
            layers.Conv1DTranspose(1, 7, strides=4, padding="same"),
        ]
    )


def scores(model, signals):
    """Return the largest error of each recording, over windows of four values."""
    error = (model.predict(signals, verbose=0) - signals)[..., 0] ** 2
    return error.reshape(len(signals), -1, 4).mean(axis=-1).max(axis=-1)


def main(quick=False):
    hilevel.utils.set_random_seed(0)
    normal = make_signals(np.zeros(800 if quick else 4000, int), seed=0)
    model = make_model()
    epochs = 8 if quick else 40
    rate = hilevel.optimizers.schedules.CosineDecay(0.003, epochs * len(normal) // 32)
    model.compile(hilevel.optimizers.Adam(rate), loss="mse")
    model.fit(normal, normal, batch_size=32, epochs=epochs)

    faults = np.repeat(range(len(FAULTS)), [300, 100, 100, 100])
    found = scores(model, make_signals(faults, seed=1))
    limit = np.quantile(scores(model, make_signals(np.zeros(500, int), seed=2)), 0.99)
    for fault, name in enumerate(FAULTS):
        print(f"{name}: {np.mean(found[faults == fault] > limit):.0%} above the limit")
    auc = hilevel.metrics.AUC(num_thresholds=1000)
    auc.update_state(faults > 0, found / found.max())
    area = float(auc.result())
    check(area > (0.75 if quick else 0.97), f"area under the curve {area:.3f}, of chance 0.500")


if __name__ == "__main__":
    run(main, __doc__)
