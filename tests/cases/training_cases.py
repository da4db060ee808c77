"""Trainings that are compared with Keras. The model is made of whichever library is handed in, hilevel or keras."""

from __future__ import annotations

from typing import Any

import numpy as np

CASES: dict[str, dict[str, Any]] = {
    "sgd mse": {"optimizer": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}), "loss": "mse", "metrics": ["mae"]},
    "adam sparse": {
        "optimizer": ("Adam", {"learning_rate": 0.02}), "loss": "sparse_categorical_crossentropy",
        "activation": "softmax", "y": "labels", "metrics": ["accuracy"], "validation": "data",
    },
    "rmsprop one-hot class weight": {
        "optimizer": ("RMSprop", {"learning_rate": 0.01}), "loss": "categorical_crossentropy",
        "activation": "softmax", "y": "one_hot", "metrics": ["accuracy", "AUC"], "fit": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5}},
    },
    "adamw binary sample weight": {
        "optimizer": ("AdamW", {"learning_rate": 0.05}), "loss": "binary_crossentropy", "activation": "sigmoid",
        "y": "binary", "units": 1, "metrics": ["accuracy"], "weighted_metrics": ["mse", "Precision"], "weighted": True,
    },
    "adagrad huber split": {
        "optimizer": ("Adagrad", {"learning_rate": 0.1}), "loss": "huber", "metrics": ["RootMeanSquaredError"],
        "fit": {"validation_split": 0.3},
    },
    "nadam clipnorm, validated with weights": {
        "optimizer": ("Nadam", {"learning_rate": 0.02, "clipnorm": 0.1}), "loss": "mae", "weighted": True,
        "weighted_metrics": ["mse"], "validation": "weighted",
    },
    "regularized": {
        "optimizer": ("SGD", {"learning_rate": 0.05}), "loss": "mse", "regularized": True, "validation": "data",
    },
    "one loss weight": {"optimizer": ("SGD", {"learning_rate": 0.05}), "loss": "mse", "loss_weights": 0.25},
    "two outputs": {
        "optimizer": ("Adam", {"learning_rate": 0.02}), "two": True,
        "loss": {"number": "mse", "kind": "sparse_categorical_crossentropy"},
        "loss_weights": {"number": 2.0, "kind": 0.5},
        "metrics": {"number": ["mae"], "kind": ["accuracy"]}, "validation": "data",
    },
    "two outputs by position": {
        "optimizer": ("SGD", {"learning_rate": 0.05}), "two": True,
        "loss": ["mse", "sparse_categorical_crossentropy"], "loss_weights": [0.1, 1.0], "metrics": [["mse"], ["acc"]],
    },
}  # fmt: skip


def data(case: dict[str, Any]) -> tuple[Any, Any, Any]:
    rng = np.random.RandomState(7)
    x = rng.normal(size=(30, 4)).astype("float32")
    labels = rng.randint(0, 3, 30).astype("int32")
    targets = {
        "number": np.tanh(x @ rng.normal(size=(4, 3))).astype("float32"),
        "labels": labels,
        "one_hot": np.eye(3, dtype="float32")[labels],
        "binary": (x[:, :1] > 0).astype("float32"),
    }
    weight = rng.uniform(0.2, 2, 30).astype("float32") if case.get("weighted") else None
    if case.get("two"):
        y: Any = {"number": targets["number"], "kind": labels}
        return x, y if isinstance(case["loss"], dict) else list(y.values()), weight
    return x, targets[case.get("y", "number")], weight


def model(lib: Any, case: dict[str, Any]) -> Any:
    dense = lib.layers.Dense
    x = lib.Input((4,))
    extra = {"kernel_regularizer": "l2", "activity_regularizer": "l1"} if case.get("regularized") else {}
    h = dense(6, activation="tanh", **extra)(x)
    if case.get("two"):
        y: Any = [dense(3, name="number")(h), dense(3, activation="softmax", name="kind")(h)]
        y = dict(zip(("number", "kind"), y, strict=True)) if isinstance(case["loss"], dict) else y
    else:
        y = dense(case.get("units", 3), activation=case.get("activation"))(h)
    made = lib.Model(x, y)
    rng = np.random.RandomState(1)
    for layer in sorted(made.layers, key=lambda layer: layer.name == "number"):
        layer.set_weights([rng.normal(scale=0.5, size=w.shape) for w in layer.get_weights()])
    return made


def train(lib: Any, case: dict[str, Any]) -> dict[str, Any]:
    """Three epochs of batches of 8, of which the last has fewer, then an evaluation."""
    made = model(lib, case)
    name, arguments = case["optimizer"]
    keys = ("loss", "loss_weights", "metrics", "weighted_metrics")
    made.compile(getattr(lib.optimizers, name)(**arguments), **{k: case[k] for k in keys if k in case})
    x, y, weight = data(case)
    cut = lambda part: {k: v[:11] for k, v in part.items()} if isinstance(part, dict) else part[:11]
    validation = {"data": lambda: (x[:11], cut(y)), "weighted": lambda: (x[:11], cut(y), weight[:11])}
    history = made.fit(
        x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, sample_weight=weight,
        validation_data=validation[case["validation"]]() if "validation" in case else None,
        **case.get("fit", {}),
    )  # fmt: skip
    evaluated = made.evaluate(x, y, sample_weight=weight, batch_size=7, verbose=0, return_dict=True)
    predicted = made.predict(x[:5], verbose=0)
    predicted = dict(enumerate(predicted)) if isinstance(predicted, list) else predicted
    predicted = predicted if isinstance(predicted, dict) else {0: predicted}
    return {
        "history": {k: [float(v) for v in values] for k, values in history.history.items()},
        "evaluated": {k: float(v) for k, v in evaluated.items()},
        "predicted": {str(k): np.asarray(p).tolist() for k, p in predicted.items()},
    }


# callback, arguments, the number's name, its values by epoch
SCRIPTS: dict[str, tuple[str, dict[str, Any], str, list[float]]] = {
    "stop at once": ("EarlyStopping", {}, "val_loss", [1.0, 0.9, 0.95, 0.8]),
    "patience": ("EarlyStopping", {"patience": 2}, "val_loss", [1.0, 0.9, 0.95, 0.89, 0.9, 0.91, 0.92]),
    "restore": ("EarlyStopping", {"patience": 2, "restore_best_weights": True}, "val_loss", [1.0, 0.5, 0.6, 0.7, 0.1]),
    "restore, never stopped": ("EarlyStopping", {"patience": 9, "restore_best_weights": True}, "val_loss", [1.0, 0.5, 0.6]),
    "restore, first is best": ("EarlyStopping", {"patience": 1, "restore_best_weights": True}, "val_loss", [1.0, 2.0, 3.0]),
    "min_delta": ("EarlyStopping", {"patience": 2, "min_delta": 0.1}, "val_loss", [1.0, 0.95, 0.91, 0.85, 0.8]),
    "max": ("EarlyStopping", {"mode": "max", "monitor": "score", "patience": 1}, "score", [0.1, 0.2, 0.2, 0.3]),
    "auto accuracy": ("EarlyStopping", {"monitor": "val_accuracy", "patience": 1}, "val_accuracy", [0.1, 0.2, 0.3, 0.2, 0.1]),
    "auto mae": ("EarlyStopping", {"monitor": "mae", "patience": 1}, "mae", [0.3, 0.2, 0.1, 0.2, 0.3]),
    "baseline missed": ("EarlyStopping", {"baseline": 0.5, "patience": 2}, "val_loss", [1.0, 0.9, 0.8, 0.7, 0.6]),
    "baseline missed, restore": (
        "EarlyStopping", {"baseline": 0.5, "patience": 2, "restore_best_weights": True}, "val_loss", [1.0, 1.1, 0.8, 0.7, 0.6],
    ),
    "baseline reached": ("EarlyStopping", {"baseline": 0.5, "patience": 2}, "val_loss", [1.0, 0.4, 0.45, 0.6, 0.6]),
    "later": ("EarlyStopping", {"start_from_epoch": 3, "patience": 1}, "val_loss", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    "nan": ("EarlyStopping", {"patience": 1}, "val_loss", [1.0, float("nan"), 0.5, 0.4]),
    "plateau": ("ReduceLROnPlateau", {"patience": 2, "factor": 0.5}, "val_loss", [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5]),
    "plateau cooldown": (
        "ReduceLROnPlateau", {"patience": 1, "factor": 0.1, "cooldown": 2}, "val_loss", [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0],
    ),
    "plateau min_lr": ("ReduceLROnPlateau", {"patience": 1, "factor": 0.1, "min_lr": 0.02}, "val_loss", [1.0] * 6),
    "plateau min_delta": ("ReduceLROnPlateau", {"patience": 2, "min_delta": 0.2}, "val_loss", [1.0, 0.9, 0.85, 0.7, 0.6, 0.5]),
    "plateau max": ("ReduceLROnPlateau", {"patience": 1, "mode": "max", "monitor": "score"}, "score", [1.0, 2.0, 1.5, 1.2]),
    "plateau auto": ("ReduceLROnPlateau", {"patience": 1, "monitor": "val_accuracy"}, "val_accuracy", [0.1, 0.2, 0.2, 0.3]),
}  # fmt: skip


def play(lib: Any, name: str) -> dict[str, Any]:
    """What a callback does when it is shown the numbers: stops, learning rates, the weights it leaves."""
    cls, arguments, monitor, values = SCRIPTS[name]
    callback = getattr(lib.callbacks, cls)(**arguments)
    made = lib.Sequential([lib.Input((2,)), lib.layers.Dense(1)])
    made.compile(lib.optimizers.SGD(0.5), "mse", metrics=["accuracy", "mae"])
    made.evaluate(np.ones((1, 2)), np.ones((1, 1)), verbose=0)
    callback.set_model(made)
    callback.on_train_begin()
    made.stop_training, rates = False, []
    for epoch, value in enumerate(values):
        made.set_weights([np.full((2, 1), epoch, "float32"), np.full((1,), epoch, "float32")])
        callback.on_epoch_begin(epoch)
        callback.on_epoch_end(epoch, {monitor: value})
        rates.append(float(np.asarray(made.optimizer.learning_rate)))
        if made.stop_training:
            break
    callback.on_train_end()
    return {"epochs": len(rates), "rates": rates, "weight": float(made.get_weights()[1][0])}


def events(lib: Any) -> dict[str, list[Any]]:
    """The events of a callback in order, each with its number and the names of its logs."""
    seen: list[Any] = []

    class Spy(lib.callbacks.Callback):  # type: ignore[misc]
        pass

    def listener(event: str) -> Any:
        def listen(self: Any, *args: Any, logs: Any = None) -> None:
            given = args[-1] if args and not isinstance(args[-1], int) else logs
            numbers = [a for a in args if isinstance(a, int)]
            seen.append([event, numbers, sorted(given or {})])

        return listen

    kinds = ("train", "test", "predict")
    names = [f"{kind}_{when}" for kind in kinds for when in ("begin", "end", "batch_begin", "batch_end")]
    for event in (*names, "epoch_begin", "epoch_end"):
        setattr(Spy, f"on_{event}", listener(event))
    x, y, out = np.ones((7, 2), "float32"), np.ones((7, 1), "float32"), {}
    made = lib.Sequential([lib.Input((2,)), lib.layers.Dense(1)])
    for steps in (1, 2):
        made.compile("sgd", "mse", metrics=["mae"], steps_per_execution=steps)
        for what, run in {
            "fit": lambda: made.fit(
                x, y, batch_size=2, epochs=2, validation_data=(x[:3], y[:3]), verbose=0, callbacks=[Spy()]
            ),
            "evaluate": lambda: made.evaluate(x, y, batch_size=2, verbose=0, callbacks=[Spy()]),
            "predict": lambda: made.predict(x, batch_size=2, verbose=0, callbacks=[Spy()]),
        }.items():
            run()
            out[f"{what}, {steps} steps in one go"] = seen[:]
            seen.clear()
    return out


AVERAGES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "in tests": {},
    "from epoch to epoch": {"swap_on_epoch": True},
}
"""Arguments of `SwapEMAWeights` by case; None for a training without it."""


def averaged(lib: Any, name: str) -> dict[str, Any]:
    """Train with `use_ema`. Return the history, the weights at the end of each epoch and after training, and the losses
    of evaluations with the weights and with the averages."""
    options = AVERAGES[name]
    swap = [] if options is None else [lib.callbacks.SwapEMAWeights(**options)]
    rng = np.random.RandomState(0)
    x = rng.normal(size=(24, 3)).astype("float32")
    y = np.tanh(x @ np.ones((3, 2), "float32"))
    made = lib.Sequential([lib.layers.Input((3,)), lib.layers.Dense(2)])
    made.set_weights([np.full((3, 2), 0.5, "float32"), np.zeros(2, "float32")])
    made.compile(lib.optimizers.SGD(0.1, momentum=0.5, use_ema=True, ema_momentum=0.8), "mse")
    seen: list[Any] = []
    see = lib.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(made.get_weights()[0].tolist())
    )
    options = {"batch_size": 8, "shuffle": False, "verbose": 0, "validation_data": (x, y)}
    history = made.fit(x, y, epochs=3, callbacks=[*swap, see], **options).history
    after = made.get_weights()[0].tolist()
    made.train_on_batch(x, y)
    losses = [
        float(made.evaluate(x, y, verbose=0, callbacks=c)) for c in ([], [lib.callbacks.SwapEMAWeights()])
    ]
    values = {key: [float(v) for v in history[key]] for key in sorted(history)}
    return {"history": values, "epochs": seen, "after": after, "losses": losses}


# arguments of ModelCheckpoint, then the events: the logs at the ends of batches by their index, and of the epoch
_EPOCHS = [
    ({}, {"loss": 3.0, "val_loss": v, "val_accuracy": a})
    for v, a in ((1.0, 0.1), (0.5, 0.3), (0.7, 0.2), (0.4, 0.5))
]
_BATCHES = [({i: {"loss": 5.0 - e - i / 10} for i in range(5)}, {"loss": 1.0}) for e in range(3)]
_BUNDLES = [({i: {"loss": 5.0 - e - i / 10} for i in (1, 3, 4)}, {"loss": 1.0}) for e in range(3)]
CHECKPOINTS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "every epoch": ({"filepath": "{epoch:02d}-{val_loss:.2f}.keras"}, _EPOCHS),
    "best": ({"filepath": "{epoch}.keras", "save_best_only": True}, _EPOCHS),
    "best, max": ({"filepath": "{epoch}.keras", "save_best_only": True, "monitor": "val_accuracy", "mode": "max"}, _EPOCHS),
    "best, min": ({"filepath": "{epoch}.keras", "save_best_only": True, "monitor": "val_accuracy", "mode": "min"}, _EPOCHS),
    "threshold": ({"filepath": "{epoch}.keras", "save_best_only": True, "initial_value_threshold": 0.6}, _EPOCHS),
    "weights": ({"filepath": "{epoch}.weights.h5", "save_weights_only": True}, _EPOCHS),
    "missing": ({"filepath": "{epoch}.keras", "save_best_only": True, "monitor": "mse", "mode": "min"}, _EPOCHS),
    "batches": ({"filepath": "{epoch}-{batch}-{loss:.1f}.keras", "save_freq": 3}, _BATCHES),
    "each batch": ({"filepath": "{epoch}-{batch}.keras", "save_freq": 1}, _BATCHES),
    "more than an epoch": ({"filepath": "{epoch}-{batch}.keras", "save_freq": 7}, _BATCHES),
    "bundles": ({"filepath": "{epoch}-{batch}.keras", "save_freq": 3}, _BUNDLES),
    "bundles of 2, 2": ({"filepath": "{epoch}-{batch}.keras", "save_freq": 2}, _BUNDLES),
    "best of batches": (
        {"filepath": "{epoch}-{batch}.keras", "save_freq": 5, "save_best_only": True, "monitor": "loss"}, _BATCHES,
    ),
}  # fmt: skip


def checkpoints(lib: Any, name: str) -> list[str]:
    """Return the names of the files that `ModelCheckpoint` saves, in order."""
    arguments, epochs = CHECKPOINTS[name]
    callback = lib.callbacks.ModelCheckpoint(**arguments)
    saved: list[str] = []
    made = lib.Sequential([lib.Input((2,)), lib.layers.Dense(1)])
    made.compile("sgd", "mse")
    made.save = lambda path, **_: saved.append(f"model {path}")
    made.save_weights = lambda path, **_: saved.append(f"weights {path}")
    callback.set_model(made)
    callback.on_train_begin({})
    for epoch, (batches, logs) in enumerate(epochs):
        callback.on_epoch_begin(epoch, {})
        for batch, values in batches.items():
            callback.on_train_batch_end(batch, values)
        callback.on_epoch_end(epoch, dict(logs))
    callback.on_train_end({})
    return saved
