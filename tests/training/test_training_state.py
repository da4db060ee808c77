"""The state of training: one object, with the order of samples, and the place where `fit` is."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.training.state import TrainingState, step_of

X = np.arange(12, dtype="float32").reshape(12, 1)
Y = np.zeros((12, 1), "float32")


class Recorder(hilevel.Sequential):
    """A model whose weight stays as it is, and which notes the samples of its batches."""

    def __init__(self) -> None:
        super().__init__([hilevel.Input((1,)), layers.Dense(1)])
        self.seen: list[float] = []

    def train_step(self, data: Any) -> Any:
        x = data[0]
        if isinstance(x, np.ndarray):
            self.seen += x[:, 0].tolist()
        return super().train_step(data)


def recorder() -> Recorder:
    model = Recorder()
    model.compile(hilevel.optimizers.SGD(0.0), "mse", run_eagerly=True)
    return model


def order(model: Recorder, epochs: int = 1, **options: Any) -> list[float]:
    model.seen.clear()
    model.fit(X, Y, batch_size=5, epochs=epochs, verbose=0, **options)
    return list(model.seen)


def test_a_model_is_three_classes_and_few_members() -> None:
    model = hilevel.Model(x := hilevel.Input((2,)), layers.Dense(1)(x))
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    above = hilevel.Model.__mro__[: hilevel.Model.__mro__.index(layers.Layer)]
    members = {*dir(hilevel.Model), *vars(model)} - {*dir(layers.Layer), *vars(layers.Dense(1))}
    assert len(above) <= 3 and len(members) <= 60


def test_each_fit_and_each_epoch_has_an_order_of_its_own() -> None:
    with hilevel.use_backend("numpy"):
        model = recorder()
        first, second = order(model, epochs=2), order(model, epochs=2)
    epochs = [first[:12], first[12:], second[:12], second[12:]]
    assert all(sorted(epoch) == X[:, 0].tolist() for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_the_order_does_not_depend_on_which_model_is_trained_first() -> None:
    def orders(first: int) -> list[list[float]]:
        hilevel.set_random_seed(3)
        models = [recorder(), recorder()]
        found = {i: order(models[i]) for i in (first, 1 - first)}
        return [found[0], found[1]]

    with hilevel.use_backend("numpy"):
        a, b = orders(0), orders(1)
    assert a == b and a[0] != a[1]


def test_samples_that_are_not_shuffled_keep_their_order() -> None:
    with hilevel.use_backend("numpy"):
        assert order(recorder(), shuffle=False) == X[:, 0].tolist()


class Place(hilevel.callbacks.Callback):
    """Notes where training is, at each event."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Any] = []

    def _note(self) -> None:
        state = self.model._training
        self.places.append((state.epoch, state.batch))
        assert state.batches.steps == 3 and self in state.callbacks.callbacks

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._note()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._note()


def test_the_state_says_where_training_is() -> None:
    model, place = recorder(), Place()
    model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=[place])
    assert place.places == [(e, b) for e in (0, 1) for b in range(4)]
    state = model._training
    assert (state.epoch, state.batch, state.fits) == (1, 3, 1)
    assert state.batches is None and state.callbacks is None


class Backup(hilevel.callbacks.Callback):
    """Keeps the progress at the beginning of each batch of training."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[Any] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.kept.append(self.model._training.progress())


def test_the_progress_of_fit_has_the_state_of_its_callbacks() -> None:
    model, backup = recorder(), Backup()
    stop = hilevel.callbacks.EarlyStopping("loss", patience=9, restore_best_weights=True)
    slower = hilevel.callbacks.ReduceLROnPlateau("loss", patience=9)
    with pytest.warns(hilevel.errors.HilevelWarning, match="The data ended after 1 of 2 steps"):
        model.fit(
            X, Y, batch_size=5, epochs=3, verbose=0, callbacks=[backup, stop, slower], steps_per_epoch=2
        )
    last = backup.kept[-1]
    state = model._training
    assert {name: last[name] for name in ("seed", "fits", "epoch", "batch")} == {
        "seed": state.seed, "fits": 1, "epoch": 2, "batch": 1,
    }  # fmt: skip
    assert last["position"] != backup.kept[0]["position"]
    of_backup, of_stop, of_slower, of_history = (c["state"] for c in last["callbacks"])
    assert of_backup == {} and len(of_history["history"]["loss"]) == 2
    assert (of_stop["wait"], of_stop["best_epoch"], of_slower["wait"]) == (1, 0, 1)


def test_the_state_of_a_callback_is_a_copy_and_can_be_set() -> None:
    model = recorder()
    stop = hilevel.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[stop])
    state = stop.get_state()
    other = hilevel.callbacks.EarlyStopping("loss", patience=3, restore_best_weights=True)
    other.set_state(state)
    state["best_weights"][0][:] = 7
    assert other.best == stop.best and other.wait == stop.wait == 1
    assert not np.array_equal(other.best_weights[0], state["best_weights"][0])
    with pytest.raises(ValueError):
        hilevel.callbacks.CallbackList([other]).set_state([])


class Interrupted(hilevel.callbacks.Callback):
    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        raise RuntimeError("stop")


def test_the_state_keeps_no_data_after_an_error() -> None:
    model = recorder()
    with pytest.raises(RuntimeError, match="stop"):
        model.fit(X, Y, verbose=0, callbacks=[Interrupted()])
    assert model._training.batches is None and model._training.callbacks is None


def test_compile_begins_anew_and_public_attributes_can_be_set(backend: Any) -> None:
    model = hilevel.Sequential([hilevel.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model._training
    model.fit(X, Y, verbose=0)
    step = step_of(model, "train")
    assert step.programs is not None and step_of(model, "train") is step
    history = model.history
    model.compile("adam", "mae", steps_per_execution=2)
    assert model._training is not before and model._training.steps == {} and model.history is history
    assert (model.loss, model.steps_per_execution, model.compiled) == ("mae", 2, True)
    model.run_eagerly, model.optimizer = True, hilevel.optimizers.SGD(0.0)
    assert step_of(model, "train").programs is None
    weights = model.get_weights()
    model.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, weights, model.get_weights()))


def test_a_pickled_state_has_neither_programs_nor_data() -> None:
    state = TrainingState(seed=7, fits=2)
    state.steps, state.batches = {"key": lambda: None}, lambda: None  # type: ignore[dict-item]
    copy = pickle.loads(pickle.dumps(state))
    assert (copy.seed, copy.fits, copy.steps, copy.batches) == (7, 2, {}, None)
    assert copy.next_seed() == 9 and copy.next_seed() == 10
