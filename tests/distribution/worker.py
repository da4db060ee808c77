"""A program of the tests of distributions: `python worker.py TASK FILE DEVICES [INDEX COUNT PORT]`.

The task, a function of this module, gets the number of devices and processes. Its result is written to the file.
"""

from __future__ import annotations

import json
import os
import sys

TASK, FILE, DEVICES, INDEX, COUNT, PORT = [*sys.argv[1:], "0", "1", "0"][:6]
os.environ["HILEVEL_BACKEND"] = "jax"
os.environ["HILEVEL_JAX_CPU_DEVICES"] = DEVICES

import signal
import time
import warnings
from typing import Any

import collectives
import numpy as np
import programs

import hilevel
from hilevel import layers
from hilevel.distribution import DataParallel, DeviceMesh, LayoutMap, ModelParallel, fully_sharded

index, count, devices = int(INDEX), int(COUNT), int(DEVICES)


def names(number: int) -> list[str]:
    return hilevel.distribution.list_devices()[:number]


def equality() -> dict[str, Any]:
    """Return the differences of training on several devices, with several layouts, from training on one."""
    mesh = DeviceMesh((2, 2), ["batch", "model"], names(4))
    two, four = (DataParallel(devices=names(number)) for number in (2, 4))
    divided = ModelParallel(layout_map=fully_sharded(mesh))
    kinds = {
        "dense": [two, divided],
        "convolutional": [four],
        "attention": [divided],
    }
    found = {}
    for name, distributions in kinds.items():
        one = programs.train(name)
        for number, distribution in enumerate(distributions):
            with distribution.scope():
                found[f"{name} {number}"] = programs.difference(programs.train(name), one)
    return found


def options() -> dict[str, Any]:
    """Return the differences for other settings of training."""
    settings: dict[str, dict[str, Any]] = {
        "clipping, averages, accumulation": {
            "optimizer": lambda: hilevel.optimizers.SGD(
                0.01, global_clipnorm=0.5, use_ema=True, gradient_accumulation_steps=2
            )
        },
        "bundles, sample weights": {
            "steps_per_execution": 2,
            "sample_weight": np.linspace(0, 1, programs.SAMPLES),
        },
        "early stopping": {"callbacks": [hilevel.callbacks.EarlyStopping("loss", patience=0)], "epochs": 3},
    }
    found = {}
    for name, given in settings.items():
        one = programs.train("dense", **given)
        with DataParallel(devices=names(4)).scope():
            found[name] = programs.difference(programs.train("dense", **given), one)
    return found


def model_axis() -> dict[str, Any]:
    """Return the difference and the divided bytes of a model whose layers are divided."""
    one = programs.train("attention")
    mesh = DeviceMesh((2, 2), ["batch", "model"], names(4))
    layouts = LayoutMap(mesh)
    layouts["(query|key|value)/kernel"] = (None, "model", None)
    layouts["dense/kernel"] = (None, "model")
    layouts["embeddings"] = ("model", None)
    with ModelParallel(layout_map=layouts, batch_dim_name="batch").scope():
        found = programs.difference(programs.train("attention"), one)
        model, _ = programs.attention()
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)
        kernel = model.layers[1].embeddings
        slot = next(v for v in model.optimizer.variables if v.shape == kernel.shape)
        parts = [v.array.addressable_shards[0].data.shape for v in (kernel, slot)]
    return {"difference": found, "parts": parts}


def _compilations(model: Any) -> list[int]:
    return [s.programs.compiled["jax"].compilations for s in model._training.steps.values()]


def traffic() -> dict[str, Any]:
    """Return for each model and batch size the bytes of weights, of collective operations, and the compilations."""
    found = {}
    for name, make in programs.MODELS.items():
        for size in (8, 16):
            with DataParallel().scope():
                model, x = make()
                y = np.zeros((len(x), 1), "float32")
                model.compile("adam", "mse")
                watcher = hilevel.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
                model.fit(x[:32], y[:32], batch_size=size, epochs=2, verbose=0, callbacks=[watcher])
                weights = sum(v.numpy().nbytes for v in model.trainable_variables)
                moved = collectives.of_step(model, (x[:size], y[:size]))
                found[f"{name} {size}"] = [weights, moved, _compilations(model)]
    return found


def made_in_parts() -> dict[str, Any]:
    """Return whether weights that are made in parts are those made whole, and the share of a device."""
    mesh = DeviceMesh((4,), ["batch"])

    def made() -> Any:
        hilevel.utils.set_random_seed(3)
        layer = layers.Dense(64)
        layer.build((None, 32))
        return layer.kernel

    whole = made().numpy()
    with ModelParallel(layout_map=fully_sharded(mesh)).scope():
        parts = made()
    return {
        "difference": float(np.abs(parts.numpy() - whole).max()),
        "share": parts.array.addressable_shards[0].data.nbytes / whole.nbytes,
    }


def eager() -> dict[str, Any]:
    """Return the difference for steps of plain Python, and the error for divided weights."""
    one = programs.train("dense", run_eagerly=True)
    with DataParallel().scope():
        found = programs.difference(programs.train("dense", run_eagerly=True), one)
        model, x = programs.dense()
        model.compile("sgd", "mse", run_eagerly=True)
        many = np.concatenate([x] * 2)
        model.fit(many, many[:, :1], batch_size=8, verbose=0)  # 10 steps, whose ops exchange nothing
    with ModelParallel(layout_map=fully_sharded(DeviceMesh((4,), ["batch"]))).scope():
        model, _ = programs.dense()
        model.compile("sgd", "mse", run_eagerly=True)
        try:
            model.fit(x, x[:, :1], verbose=0)
            error = ""
        except hilevel.errors.DistributionError as raised:
            error = str(raised)
    return {"difference": found, "error": error}


def many_steps() -> dict[str, Any]:
    """Run thousands of steps with a sum over the devices, from two threads at once, and return their number."""
    import threading

    def run() -> None:
        model = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(4), layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=True)
        watcher = hilevel.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)
        x = np.ones((1000 * devices, 4), "float32")
        model.fit(x, x[:, :1], batch_size=devices, epochs=2, verbose=0, callbacks=[watcher])
        steps.append(int(model.optimizer.iterations))

    steps: list[int] = []
    with DataParallel().scope():
        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {"steps": steps}


class OneDevice(hilevel.callbacks.Callback):
    """Check that Variables have arrays on one device between steps, and that an assigned value is used."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        assert all(len(v.array.devices()) == 1 for v in self.model.variables)
        if batch == 1:
            self.model.weights[-1].assign([0.5])


def _meshes(model: Any) -> set[int]:
    """Return the numbers of devices of the programs of a model's steps."""
    programs = [s.programs.compiled["jax"] for s in model._training.steps.values()]
    entries = [e for p in programs for e in (*p.entries.values(), *p.bundles.values())]
    return {1 if e.division.mesh is None else e.division.mesh.size for e in entries}


def all_cores() -> dict[str, Any]:
    """Return the difference of training on all cores from training on one device, and the devices of the programs."""
    from hilevel_jax import cores

    def train(least_work: int) -> dict[str, Any]:
        cores.LEAST_WORK = least_work
        return programs.train(
            "recurrent",
            kept=models,
            optimizer=lambda: hilevel.optimizers.SGD(
                0.01, global_clipnorm=0.5, use_ema=True, gradient_accumulation_steps=2
            ),
            sample_weight=np.linspace(0, 1, programs.SAMPLES),
            callbacks=[OneDevice(), hilevel.callbacks.EarlyStopping("loss", patience=0)],
        )

    models: list[Any] = []
    difference = programs.difference(train(2**60), train(1))
    return {"difference": difference, "devices": [sorted(_meshes(model)) for model in models]}


def many_divided_steps() -> dict[str, Any]:
    """Run steps on all cores from two threads at once, and programs of JAX beside them. Return the number of steps."""
    import threading

    import jax
    from hilevel_jax import cores

    cores.LEAST_WORK, cores.LEAST_ROWS = 1, 1
    hilevel.ops.ones(1)  # makes the devices
    steps, many = [], int(os.environ.get("STEPS", "1000"))

    def run() -> None:
        model = hilevel.Sequential([hilevel.Input((2, 4)), layers.LSTM(4), layers.Dense(1)])
        model.compile("sgd", "mse", jit_compile=True)
        x = np.ones((many * devices, 2, 4), "float32")
        model.fit(x, x[:, 0, :1], batch_size=devices, verbose=0)
        assert _meshes(model) == {devices}
        steps.append(int(model.optimizer.iterations))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    own = jax.jit(lambda x: x @ x / 100)
    x = jax.numpy.ones((100, 100))
    while any(thread.is_alive() for thread in threads):
        x = own(x)
    for thread in threads:
        thread.join()
    return {"steps": steps}


# -- several processes -----------------------------------------------------------------------------------


def arrays() -> dict[str, Any]:
    """Train on whole arrays in each process."""
    hilevel.distribution.set_distribution(DataParallel())
    folder = os.path.dirname(FILE)
    calls = [
        hilevel.callbacks.CSVLogger(f"{folder}/log.csv"),
        hilevel.callbacks.ModelCheckpoint(f"{folder}/m.hilevel"),
    ]
    return programs.train("dense", callbacks=calls)


class Parts(hilevel.utils.PyDataset):
    """The rows of this process of each batch."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: int) -> Any:
        rows = slice(8 * i + 8 // count * index, 8 * i + 8 // count * (index + 1))
        x = programs._numbers(8)
        return x[rows], x[rows].sum(1, keepdims=True)


def _trained_on(*data: Any, **options: Any) -> dict[str, Any]:
    """Train on data in the given order."""
    hilevel.utils.set_random_seed(1)
    model = hilevel.Sequential([hilevel.Input((8,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    model.compile("sgd", "mse")
    losses = model.fit(*data, epochs=2, verbose=0, shuffle=False, **options).history["loss"]
    return {"loss": losses, "weights": {str(i): w.tolist() for i, w in enumerate(model.get_weights())}}


def parts() -> dict[str, Any]:
    """Train on a data set that gives each process its rows."""
    if count > 1:
        hilevel.distribution.set_distribution(DataParallel(auto_shard_dataset=False))
    return _trained_on(Parts())


def _samples() -> list[Any]:
    x = programs._numbers(8)
    return list(zip(x, x.sum(1, keepdims=True), strict=True))


def grain() -> dict[str, Any]:
    """Train on the samples of this process, which Grain selects and batches."""
    from grain import MapDataset

    hilevel.distribution.set_distribution(DataParallel())
    mine = MapDataset.source(_samples())[index::count].batch(8 // count).to_iter_dataset()
    return _trained_on(mine)


def grain_by_index() -> dict[str, Any]:
    """Train on batches of Grain that are read by index, of which hilevel gives each process its rows."""
    from grain import MapDataset

    hilevel.distribution.set_distribution(DataParallel())
    return _trained_on(MapDataset.source(_samples()).batch(8))


def torch() -> dict[str, Any]:
    """Train on the samples of this process, which PyTorch selects and batches."""
    from torch.utils.data import DataLoader, DistributedSampler

    hilevel.distribution.set_distribution(DataParallel())
    samples: Any = _samples()
    mine = DistributedSampler(samples, num_replicas=count, rank=index, shuffle=False)
    return _trained_on(DataLoader(samples, batch_size=8 // count, sampler=mine))


def hugging_face() -> dict[str, Any]:
    """Train on the columns of a data set of Hugging Face, of which hilevel gives each process its rows."""
    from datasets import Dataset

    hilevel.distribution.set_distribution(DataParallel())
    x, y = (np.stack(values) for values in zip(*_samples(), strict=True))
    table = Dataset.from_dict({"x": x, "y": y}).with_format("numpy")
    return _trained_on(table["x"], table["y"], batch_size=8)


def streams() -> dict[str, Any]:
    """Train on an iterator in each process, of which the second is shorter."""
    hilevel.distribution.set_distribution(DataParallel())
    hilevel.utils.set_random_seed(1)
    model = hilevel.Sequential([hilevel.Input((8,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = programs._numbers(8)

    def batches() -> Any:
        for i in range(4 - index):
            rows = slice(8 * i + 4 * index, 8 * i + 4 * index + 4)
            yield x[rows], x[rows, :1]

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        model.fit(batches(), verbose=0)
    weights = {str(i): w.tolist() for i, w in enumerate(model.get_weights())}
    return {
        "steps": int(model.optimizer.iterations),
        "weights": weights,
        "warned": any("The data of process 1 have ended" in str(w.message) for w in found),
    }


def model_across() -> dict[str, Any]:
    """Train with an axis of the model across the processes."""
    mesh = DeviceMesh(
        (devices, count), ["batch", "model"], np.reshape(names(4), (count, devices)).T.ravel().tolist()
    )
    hilevel.distribution.set_distribution(ModelParallel(layout_map=fully_sharded(mesh, "model")))
    return programs.train("dense")


def no_seed() -> dict[str, Any]:
    """Return the weights of a model without a seed."""
    hilevel.distribution.set_distribution(DataParallel())
    layer = layers.Dense(3)
    layer.build((None, 2))
    return {"kernel": layer.kernel.numpy().tolist()}


class Event(hilevel.callbacks.Callback):
    """Something that happens to the last process in a step."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if index != count - 1 or int(self.model.optimizer.iterations) != 4:
            return
        if self.kind == "stop":
            self.model.stop_training = True
        elif self.kind == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif self.kind == "error":
            raise ValueError("a mistake")
        elif self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)


class FirstEpoch(hilevel.callbacks.Callback):
    """A callback that notes the first epoch."""

    number: int | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.number = epoch if self.number is None else self.number


def _resumable(kind: str) -> dict[str, Any]:
    """Train for four epochs; go on from a state that other processes have saved."""
    hilevel.distribution.set_distribution(DataParallel() if count * devices > 1 else None)
    first = FirstEpoch()
    calls = [Event(kind), first]
    found = programs.train("dense", resume=os.path.dirname(FILE) + "/state", epochs=4, callbacks=calls)
    return found | {"first": first.number}


def resumed() -> dict[str, Any]:
    return _resumable("none")


def broken() -> dict[str, Any]:
    return _resumable("kill")


def _with_event(kind: str) -> dict[str, Any]:
    hilevel.distribution.set_distribution(DataParallel())
    began, calls = time.time(), [Event(kind)]
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell ignores it for programs in the background
    state = os.path.dirname(FILE) + "/state"
    try:
        hilevel.utils.set_random_seed(1)
        model, x = programs.dense()
        model.compile("sgd", "mse")
        model.fit(x, x[:, :1], epochs=500, batch_size=16, verbose=0, callbacks=calls, resume=state)
        how = "ended"
    except KeyboardInterrupt:
        how = "interrupted"
    return {"how": how, "steps": int(model.optimizer.iterations), "time": time.time() - began}


def stop() -> dict[str, Any]:
    return _with_event("stop")


def interrupt() -> dict[str, Any]:
    return _with_event("interrupt")


def error() -> dict[str, Any]:
    return _with_event("error")


def kill() -> dict[str, Any]:
    return _with_event("kill")


def other_data() -> dict[str, Any]:
    """Train on other data in each process."""
    hilevel.distribution.set_distribution(DataParallel())
    model, x = programs.dense()
    model.compile("sgd", "mse")
    model.fit(x + index, x[:, :1], verbose=0)
    return {}


def other_code() -> dict[str, Any]:
    """Train another model in each process."""
    hilevel.distribution.set_distribution(DataParallel())
    model = hilevel.Sequential([hilevel.Input((8,)), layers.Dense(1, activation=["relu", "tanh"][index])])
    model.compile("sgd", "mse")
    x = programs._numbers(8)
    model.fit(x, x[:, :1], verbose=0)
    return {}


if __name__ == "__main__":
    if count > 1:
        hilevel.distribution.initialize(f"127.0.0.1:{PORT}", count, index)
    result = globals()[TASK]()
    with open(FILE, "w", encoding="utf-8") as file:
        json.dump(result, file)
