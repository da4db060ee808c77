"""`SwapEMAWeights`: evaluation with the averages of the weights, against Keras, and weights that are always restored."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_cases import AVERAGES, averaged

import hilevel
from hilevel import callbacks, layers, optimizers

WANTED = json.loads((Path(__file__).parents[1] / "data/averages.json").read_text())
X, Y = np.ones((10, 2), "float32"), np.ones((10, 1), "float32")
FIT: dict[str, Any] = {"epochs": 2, "batch_size": 5, "verbose": 0}


def ready(optimizer: Any = None, **options: Any) -> Any:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer or optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), "mse", **options)
    return model


def same(a: list[Any], b: list[Any]) -> bool:
    return all((x == y).all() for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("name", AVERAGES)
def test_trainings_are_those_of_keras(name: str, backend: Any) -> None:
    got, wanted = averaged(hilevel, name), WANTED[name]
    for key in ("loss", "val_loss"):
        np.testing.assert_allclose(got["history"][key], wanted["history"][key], rtol=1e-5)
    for key in ("epochs", "after", "losses"):
        np.testing.assert_allclose(got[key], wanted[key], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_training_goes_on_as_without_the_callback(swap_on_epoch: bool, backend: Any) -> None:
    plain, swapped = ready(), ready()
    for model, more in ((plain, []), (swapped, [callbacks.SwapEMAWeights(swap_on_epoch)])):
        model.fit(X, Y, **FIT, validation_data=(X, Y), callbacks=more)
        model.fit(X, Y, **FIT, callbacks=more)
    assert same(plain.get_weights(), swapped.get_weights())
    assert plain.history.history["loss"] == swapped.history.history["loss"]


class Fails(callbacks.Callback):
    """Raises an error at an event."""

    def __init__(self, event: str, error: BaseException) -> None:
        super().__init__()
        self.weights: Any = None

        def fail(*_: Any) -> None:
            raise error

        setattr(self, event, fail)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.weights = self.model.get_weights()


@pytest.mark.parametrize("event", ["on_epoch_end", "on_test_batch_begin", "on_test_end"])
@pytest.mark.parametrize("last", [False, True])
def test_weights_are_restored_after_an_error(event: str, last: bool, backend: Any) -> None:
    fails = Fails(event, OSError("disk full"))
    swap = callbacks.SwapEMAWeights(swap_on_epoch=True)
    model = ready()
    with pytest.raises(OSError, match="disk full"):
        model.fit(X, Y, **FIT, validation_data=(X, Y), callbacks=[swap, fails] if last else [fails, swap])
    assert same(model.get_weights(), fails.weights)
    averages = [a.numpy() for a in model.optimizer._averages]
    assert not same(averages, fails.weights) and swap.kept == []


def test_weights_are_restored_after_ctrl_c(backend: Any, monkeypatch: Any) -> None:
    def press(*_: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    model, weights = ready(), []
    see = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: weights.append(model.get_weights()))
    pressed = callbacks.LambdaCallback(on_epoch_end=press)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, **FIT, callbacks=[callbacks.SwapEMAWeights(True), see, pressed])
    finally:
        signal.signal(signal.SIGINT, before)
    assert same(model.get_weights(), weights[-1])


def test_an_error_handled_before_is_no_error_of_training(backend: Any) -> None:
    model = ready()
    try:
        raise OSError
    except OSError:
        model.fit(X, Y, **FIT, callbacks=[callbacks.SwapEMAWeights(True)])
    assert same(model.get_weights(), [a.numpy() for a in model.optimizer._averages])


def test_training_that_is_stopped_ends_with_the_averages(backend: Any) -> None:
    model = ready()
    stop = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", True))
    model.fit(X, Y, **FIT, callbacks=[callbacks.SwapEMAWeights(True), stop])
    assert len(model.history.epoch) == 1
    assert same(model.get_weights(), [a.numpy() for a in model.optimizer._averages])


def test_evaluations_and_predictions_use_the_averages(backend: Any) -> None:
    model = ready(optimizers.LossScaleOptimizer(optimizers.SGD(0.1, use_ema=True), initial_scale=1.0))
    swap = callbacks.SwapEMAWeights()
    first = model.predict(X, verbose=0, callbacks=[swap])  # no step yet: there are no averages
    np.testing.assert_allclose(first, 2.0)
    for _ in range(3):
        model.train_on_batch(X, Y)
    weights = model.get_weights()
    averages = [a.numpy() for a in model.optimizer.inner_optimizer._averages]
    predicted = model.predict(X, verbose=0, callbacks=[swap])
    np.testing.assert_allclose(predicted, X @ averages[0] + averages[1], rtol=1e-6)
    assert same(model.get_weights(), weights)


def test_the_state_brings_the_weights_back(backend: Any) -> None:
    """A callback that stores model and callbacks at the end of an epoch stores the weights, too."""
    states: list[Any] = []
    model, swap = ready(), callbacks.SwapEMAWeights(swap_on_epoch=True)
    last = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: states.append(model.get_weights()),
        on_epoch_end=lambda epoch, logs: states.append(swap.get_state()),
    )
    model.fit(X, Y, **FIT | {"epochs": 1}, callbacks=[swap, last])
    other = callbacks.SwapEMAWeights(swap_on_epoch=True)
    other.set_state(states[-1])
    other.set_model(model)
    other.on_epoch_begin(1)
    assert same(model.get_weights(), states[-2])


def test_an_optimizer_without_averages_is_refused() -> None:
    model = ready("sgd")
    with pytest.raises(ValueError, match=r"use_ema=True.*SGD"):
        model.fit(X, Y, verbose=0, callbacks=[callbacks.SwapEMAWeights()])


def test_every_callback_gets_the_end_of_training() -> None:
    seen: list[str] = []
    first = Fails("on_train_end", OSError("first"))
    second = callbacks.LambdaCallback(on_train_end=lambda logs: seen.append("second"))
    with pytest.raises(OSError, match="first"):
        ready().fit(X, Y, verbose=0, callbacks=[first, second])
    assert seen == ["second"]
