"""A training that can be killed: python resumed_training.py FOLDER backend=numpy save=3 data=arrays kill=batch:17

It writes all that it leaves to FOLDER/result.npz. `kill` is a moment for kill -9: `batch:N` after N batches of this
process, `save:N` and `write:N` before and in the middle of its Nth saved state, `validation:N` in its Nth validation,
`time:S` S seconds after the first batch.
"""

import os
import signal
import sys
import threading

import numpy as np

folder = sys.argv[1]
settings = dict(word.split("=") for word in sys.argv[2:])
os.environ["HILEVEL_BACKEND"] = settings["backend"]

import hilevel
from hilevel import callbacks, layers
from hilevel.saving import npy
from hilevel.training import backup

moment, _, number = settings["kill"].partition(":")
seen = dict.fromkeys(("batch", "save", "write", "validation"), 0)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def count(name, steps=1):
    seen[name] += steps
    if moment == name and seen[name] >= int(number):
        die()


class Killer(callbacks.Callback):
    every_batch = False

    def on_train_batch_end(self, batch, logs=None):
        if moment == "time" and not seen["batch"]:
            threading.Timer(float(number), die).start()
        count("batch", batch + 1 - self.before)
        self.before = batch + 1

    def on_epoch_begin(self, epoch, logs=None):
        self.before = 0

    def on_epoch_resume(self, epoch, logs=None):
        self.before = logs["batch"]

    def on_test_batch_begin(self, batch, logs=None):
        count("validation")


plain_save, plain_write = backup.save, npy.write


def save(*args):
    count("save")
    plain_save(*args)


def write(archive, arrays, prefix):
    items = list(arrays.items())
    plain_write(archive, dict(items[: len(items) // 2]), prefix)
    count("write")
    plain_write(archive, dict(items[len(items) // 2 :]), prefix)


backup.save, npy.write = save, write
hilevel.utils.set_random_seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(100, 6)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int32")


class Rows(hilevel.utils.PyDataset):
    def __len__(self):
        return 10

    def __getitem__(self, i):
        return x[i * 8 : i * 8 + 8], y[i * 8 : i * 8 + 8]


class Stream:
    """An endless iterable that tells its position."""

    at = 0

    def __iter__(self):
        while True:
            i = self.at % 10
            self.at += 1
            yield x[i * 8 : i * 8 + 8], y[i * 8 : i * 8 + 8]

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


model = hilevel.Sequential(
    [
        hilevel.Input((6,)),
        layers.Dense(16, "relu"),
        layers.Dropout(0.3),
        layers.BatchNormalization(),
        layers.GaussianNoise(0.1),
        layers.Dense(2),
    ]
)
rate = hilevel.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
model.compile(
    hilevel.optimizers.Adam(rate, use_ema=True, gradient_accumulation_steps=2),
    hilevel.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
save_freq = settings["save"] if settings["save"] == "epoch" else int(settings["save"])
given = {
    "arrays": {"x": x, "y": y, "batch_size": 8, "validation_split": 0.2, "class_weight": {0: 1.0, 1: 2.0}},
    "steps": {"x": x, "y": y, "batch_size": 8, "steps_per_epoch": 4, "validation_data": (x[:20], y[:20])},
    "dataset": {"x": Rows(), "validation_data": (x[80:], y[80:])},
    "stateful": {"x": Stream(), "steps_per_epoch": 7, "validation_data": (x[80:], y[80:])},
}[settings["data"]]
history = model.fit(
    **given,
    epochs=5,
    verbose=0,
    callbacks=[
        callbacks.EarlyStopping(patience=3, restore_best_weights=True),
        callbacks.CSVLogger(f"{folder}/log.csv"),
        Killer(),
        callbacks.BackupAndRestore(f"{folder}/backup", save_freq, double_checkpoint=True),
    ],
)
result = {f"weight {i}": w for i, w in enumerate(model.get_weights())}
result |= {f"slot {i}": v.numpy() for i, v in enumerate(model.optimizer.variables)}
result |= {name: np.array(values) for name, values in history.history.items()}
with open(f"{folder}/log.csv", "rb") as file:
    result["csv"] = np.frombuffer(file.read(), "uint8")
result["random"] = np.array([np.random.rand(), hilevel.random.make_seed()])
np.savez(f"{folder}/result.npz", **result)
os._exit(0)  # without the timer
