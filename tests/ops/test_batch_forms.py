"""The forms that data come in: what a step is given, data that run out, numbers of steps, single batches."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops

X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = np.tanh(X[:, :1] - X[:, 1:2])
W = np.linspace(0.5, 1.5, 20).astype("float32")


class Batched(hilevel.utils.PyDataset):
    """Batches of `x`, `(x, y)` or `(x, y, w)`."""

    def __init__(self, *parts: Any, bare: bool = False) -> None:
        super().__init__()
        self.parts, self.bare = parts, bare

    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> Any:
        rows = tuple(p[10 * i : 10 * i + 10] for p in self.parts)
        return rows[0] if self.bare else rows


class Recording(hilevel.Model):
    """A model whose steps note the structure of the data that they get."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)
        self.seen: list[Any] = []

    def call(self, inputs: Any) -> Any:
        flat = hilevel.tree.flatten(inputs)
        return self.dense(flat[0])

    def _note(self, data: Any) -> Any:
        self.seen.append(hilevel.tree.map_structure(lambda _: 0, data))
        return data

    def train_step(self, data: Any) -> Any:
        return super().train_step(self._note(data))

    def test_step(self, data: Any) -> Any:
        return super().test_step(self._note(data))

    def predict_step(self, data: Any) -> Any:
        return super().predict_step(self._note(data))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None
    ) -> Any:
        return ops.mean(ops.square(y_pred - (0.0 if y is None else y)))


FORMS: dict[str, Any] = {
    "x": ((X,), 0),
    "x, y": ((X, Y), (0, 0)),
    "x, y, w": ((X, Y, W), (0, 0, 0)),
    "x and w": ((X, None, W), (0, 0, 0)),
    "a list": (([X, X],), ([0, 0],)),
    "a dict": (({"a": X, "b": X}, Y), ({"a": 0, "b": 0}, 0)),
    "a data set of x": ((Batched(X, bare=True),), 0),
    "a data set of (x,)": ((Batched(X),), (0,)),
    "a data set of x, y": ((Batched(X, Y),), (0, 0)),
    "a data set of x, y, w": ((Batched(X, Y, W),), (0, 0, 0)),
    "a stream": (((Batched(X, Y)[i] for i in (0, 1)),), (0, 0)),
}


@pytest.mark.parametrize("eagerly", [False, True])
@pytest.mark.parametrize("form", [f for f in FORMS if f != "a stream"])
def test_a_step_gets_the_data_as_they_were_given(form: str, eagerly: bool, backend: Any) -> None:
    (x, y, w), wanted = (*FORMS[form][0], None, None)[:3], FORMS[form][1]
    size = {} if isinstance(x, Batched) else {"batch_size": 10}
    model = Recording()
    model.compile("sgd", run_eagerly=eagerly)
    model.fit(x, y, sample_weight=w, verbose=0, **size)
    model.evaluate(x, y, sample_weight=w, verbose=0, **size)
    assert model.seen and all(seen == wanted for seen in model.seen)
    model.seen.clear()
    model.predict(x, verbose=0, **size)
    bare = ([0, 0],) if form == "a list" else wanted[0] if form == "a dict" else 0
    assert all(seen == (bare if isinstance(x, (np.ndarray, list, dict)) else wanted) for seen in model.seen)


class Guide(hilevel.Model):
    """The form of Keras's own guides."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def train_step(self, data: Any) -> Any:
        x, y = data
        with hilevel.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}

    def test_step(self, data: Any) -> Any:
        x, y = data
        return {"loss": self.compute_loss(y=y, y_pred=self(x, training=False))}


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_step_of_keras_guides(eagerly: bool, backend: Any) -> None:
    for data, size in (((X, Y), {"batch_size": 10}), ((Batched(X, Y),), {})):
        hilevel.set_random_seed(0)
        model = Guide()
        model.compile("sgd", "mse", run_eagerly=eagerly)
        history = model.fit(
            *data, epochs=3, verbose=0, validation_data=data[0] if len(data) == 1 else data, **size
        )
        assert history.history["loss"][-1] < history.history["loss"][0]
        assert len(history.history["val_loss"]) == 3


# -- data that run out ---------------------------------------------------------------------------------


def finite(batches: int) -> Iterator[Any]:
    for i in range(batches):
        yield X[2 * i : 2 * i + 2], Y[2 * i : 2 * i + 2]


def ready() -> Any:
    hilevel.set_random_seed(1)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize(
    ("batches", "steps", "epochs"), [(4, None, 1), (4, 2, 2), (5, 2, 3)], ids=["no steps", "exact", "partial"]
)
def test_training_stops_when_a_generator_runs_out(
    batches: int, steps: Any, epochs: int, backend: Any
) -> None:
    with pytest.warns(UserWarning, match=f"ran out after {batches} batches") as caught:
        history = ready().fit(finite(batches), steps_per_epoch=steps, epochs=6, verbose=0)
    assert len(caught) == 1
    assert history.epoch == list(range(epochs)) and len(history.history["loss"]) == epochs
    assert len(set(history.history["loss"])) == epochs


def test_enough_batches_bring_no_warning(backend: Any) -> None:
    assert len(ready().fit(finite(6), steps_per_epoch=2, epochs=3, verbose=0).history["loss"]) == 3


def test_an_iterable_with_steps_begins_again_where_it_ends(backend: Any) -> None:
    class Source:
        def __iter__(self) -> Any:
            return finite(3)

    history = ready().fit(Source(), steps_per_epoch=2, epochs=5, verbose=0)
    assert len(history.history["loss"]) == 5


def test_a_generator_validates_every_epoch(backend: Any) -> None:
    model = ready()
    model.optimizer.learning_rate = 0.0
    history = model.fit(X, Y, epochs=3, verbose=0, validation_data=finite(4)).history["val_loss"]
    np.testing.assert_allclose(history, [model.evaluate(X[:8], Y[:8], verbose=0)] * 3, rtol=1e-6)


def test_a_validation_generator_with_steps_goes_on_and_may_run_out(backend: Any) -> None:
    with pytest.warns(UserWarning, match="validation_data ran out after 4 batches"):
        history = (
            ready().fit(X, Y, epochs=3, verbose=0, validation_data=finite(4), validation_steps=2).history
        )
    assert len(history["val_loss"]) == 2 and len(history["loss"]) == 3


def test_predict_of_no_batch(backend: Any) -> None:
    model = ready()
    with pytest.raises(ValueError, match="data set is empty"):
        model.predict(iter([]), verbose=0)
    assert model.predict(iter([X[:3]]), verbose=0).shape == (3, 1)
    with pytest.raises(ValueError, match="data set is empty"):
        model.predict(iter([]), verbose=0)
    with pytest.raises(ValueError, match="data set is empty"):
        model.evaluate(iter([]), verbose=0)


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_epoch": 0},
        {"steps_per_epoch": -1},
        {"validation_freq": 0},
        {"validation_steps": 0},
        {"steps_per_epoch": 1.5},
    ],
    ids=str,
)
def test_numbers_of_steps_are_positive(options: Any, backend: Any) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))} must be a positive integer"):
        ready().fit(X, Y, verbose=0, validation_data=(X, Y), **options)


def test_steps_of_evaluate_and_predict_are_positive() -> None:
    for method in (ready().evaluate, ready().predict):
        with pytest.raises(ValueError, match="steps must be a positive integer"):
            method(X, steps=0, verbose=0)


# -- single batches, averages --------------------------------------------------------------------------


def test_single_batches_give_their_own_values(backend: Any) -> None:
    model = ready()
    model.compile(hilevel.optimizers.SGD(0.0), "mse", metrics=["mae"])
    for method in (model.train_on_batch, model.test_on_batch):
        for part in (slice(0, 5), slice(5, 20)):
            loss, mae = method(X[part], Y[part])
            error = model.predict(X[part], verbose=0) - Y[part]
            np.testing.assert_allclose([loss, mae], [np.mean(error**2), np.mean(abs(error))], rtol=1e-5)


@pytest.mark.parametrize("eagerly", [False, True])
def test_the_moving_average_of_weights_is_used_after_fit(eagerly: bool, backend: Any) -> None:
    hilevel.set_random_seed(0)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1, use_bias=False)])
    model.compile(hilevel.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse", run_eagerly=eagerly)
    weights = [model.get_weights()[0]]

    class Keep(hilevel.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            weights.append(model.get_weights()[0])

    model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0, callbacks=[Keep()])
    average = weights[1]
    for value in weights[2:]:
        average = 0.5 * average + 0.5 * value
    np.testing.assert_allclose(model.get_weights()[0], average, rtol=1e-5)
    assert not np.allclose(average, weights[-1])


def test_no_epoch_leaves_the_weights_as_they_are(backend: Any) -> None:
    model = ready()
    model.compile(hilevel.optimizers.SGD(0.1, use_ema=True), "mse")
    before = model.get_weights()
    assert model.fit(X, Y, epochs=0, verbose=0).epoch == []
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_warnings_are_said_once_in_a_fit() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ready().fit(finite(2), epochs=4, verbose=0)
    assert len(caught) == 1
