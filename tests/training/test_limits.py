"""Ends of training, evaluation and prediction: limits by `hilevel.config`, callbacks, averages of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import config
from hilevel.errors import HilevelWarning


class Count(hilevel.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[str, int] = {}

    def count(self, event: str) -> None:
        self.seen[event] = self.seen.get(event, 0) + 1

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.count("epochs")

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.count("train")

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.count("test")

    def on_predict_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.count("predict")


@pytest.fixture
def limits() -> Iterator[None]:
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def test_epochs_and_steps_are_limited(limits: None, backend: Any) -> None:
    model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, y, count = np.ones((80, 4)), np.ones((80, 1)), Count()
    with pytest.warns(HilevelWarning, match="limits"):
        model.fit(x, y, batch_size=8, epochs=4, validation_data=(x, y), verbose=0, callbacks=[count])
    assert count.seen == {"epochs": 2, "train": 6, "test": 6}
    with pytest.warns(HilevelWarning, match="limits"):
        assert model.predict(x, batch_size=8, verbose=0, callbacks=[count]).shape == (24, 1)
    model.evaluate(x, y, batch_size=8, verbose=0, steps=2, callbacks=[count])
    assert (count.seen["predict"], count.seen["test"]) == (3, 8)


def test_limits_are_checked() -> None:
    for set_limit in (config.set_max_epochs, config.set_max_steps_per_epoch):
        for wrong in (0, -1, 1.5):
            with pytest.raises(ValueError, match="positive integer"):
                set_limit(wrong)  # type: ignore[arg-type]
    assert config.max_epochs() is None and config.max_steps_per_epoch() is None


def test_identifiers_count_with_names() -> None:
    hilevel.utils.clear_session()
    assert [hilevel.backend.get_uid("dense") for _ in range(2)] == [1, 2]
    assert hilevel.layers.Dense(1).name == "dense_2"
    assert hilevel.layers.Flatten().name == "flatten" and hilevel.backend.get_uid("flatten") == 2


@pytest.mark.parametrize("kind", ["test", "predict"])
def test_callbacks_end_evaluate_and_predict(kind: str, backend: Any) -> None:
    class Stop(Count):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_evaluating = batch == 1

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.stop_predicting = batch == 1

    model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(1)])
    model.compile("sgd", "mse")
    x, stop = np.ones((40, 4)), Stop()
    for _ in range(2):
        if kind == "test":
            model.evaluate(x, np.ones((40, 1)), batch_size=8, verbose=0, callbacks=[stop])
        else:
            assert model.predict(x, batch_size=8, verbose=0, callbacks=[stop]).shape == (16, 1)
    assert stop.seen == {kind: 4}


def test_training_ends_with_the_averages_of_the_weights(backend: Any) -> None:
    model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(1)])
    model.compile(hilevel.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), "mse")
    model.fit(np.ones((8, 4)), np.ones((8, 1)), epochs=3, verbose=0)
    for v, average in zip(model.trainable_variables, model.optimizer._averages, strict=True):
        np.testing.assert_array_equal(v.numpy(), average.numpy())
