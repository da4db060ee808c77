"""Models, Variables and backends in several threads: results equal to those of one thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.engine.backends import get_backend

SIZES = [1, 2, 3, 5, 8, 13, 21, 32, 33, 40]


@pytest.fixture(autouse=True)
def short_switches() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_threads(functions: list[Callable[[], Any]]) -> list[Any]:
    """Call functions in threads of their own, on the backend of this one, which begin at the same time."""
    backend, gate = hilevel.current_backend(), threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        with hilevel.use_backend(backend):
            gate.wait()
            return function()

    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(run, f) for f in functions]]


def dense() -> Any:
    return hilevel.Sequential([layers.Dense(16, activation="relu"), layers.Dense(3)]), (6,)


def recurrent() -> Any:
    return hilevel.Sequential([layers.LSTM(5, return_sequences=True), layers.GRU(4), layers.Dense(2)]), (7, 3)


def convolutional() -> Any:
    model = [
        layers.Conv2D(4, 3),
        layers.BatchNormalization(),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(2),
    ]
    return hilevel.Sequential(model), (8, 8, 2)


MODELS = {"dense": dense, "recurrent": recurrent, "convolutional": convolutional}


def rows(n: int, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + n).normal(size=(n, *shape)).astype("float32")


@pytest.mark.parametrize("build", [False, True], ids=["unbuilt", "built"])
@pytest.mark.parametrize("name", MODELS)
def test_many_threads_predict_with_one_fresh_model(backend: Any, name: str, build: bool) -> None:
    hilevel.utils.set_random_seed(1)
    model, shape = MODELS[name]()
    if build:
        model.build((None, *shape))
    data = [rows(n, shape) for n in SIZES]

    def predict() -> list[Any]:
        return [(i % len(data), model.predict(data[i % len(data)], verbose=0)) for i in range(40)]

    found = in_threads([predict] * 8)
    expected = [model.predict(x, verbose=0) for x in data]
    weights = [w.numpy() for w in model.weights]
    assert len(weights) == len({v.path for v in model.weights}) or name == "convolutional"
    for results in found:
        for i, y in results:
            np.testing.assert_array_equal(y, expected[i])
    with hilevel.use_backend("numpy"):
        again, _ = MODELS[name]()
        again.build((None, *shape))
        again.set_weights(weights)
        np.testing.assert_allclose(again.predict(data[3], verbose=0), expected[3], rtol=1e-4, atol=1e-5)


def learner(seed: int = 0, samples: int = 512) -> Any:
    """A compiled model with dropout, and data for it."""
    model = hilevel.Sequential(
        [
            hilevel.Input((6,)),
            layers.Dense(32, activation="relu"),
            layers.Dropout(0.5, seed=seed),
            layers.BatchNormalization(),
            layers.Dense(1),
        ]
    )
    model.compile(hilevel.optimizers.Adam(0.01), "mse", metrics=["mae"])
    x = rows(samples, (6,), seed)
    return model, x, x.sum(1, keepdims=True)


def history(model: Any, x: Any, y: Any, **options: Any) -> Any:
    return model.fit(x, y, batch_size=16, epochs=3, shuffle=False, verbose=0, **options).history


COMPILED_AND_EAGER = pytest.mark.parametrize(
    "eager", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["compiled", "eager"]
)


@COMPILED_AND_EAGER
@pytest.mark.slow
def test_models_train_in_threads_at_once(backend: Any, eager: bool) -> None:
    def make() -> list[Any]:
        hilevel.utils.set_random_seed(3)
        made = [learner(seed, 96 if eager else 512) for seed in range(4)]
        for model, _, _ in made:
            model.run_eagerly = eager
        return made

    expected = [(history(*one), one[0].get_weights()) for one in make()]
    made = make()
    found = in_threads([lambda one=one: history(*one) for one in made])
    for (curve, weights), result, (model, _, _) in zip(expected, found, made, strict=True):
        assert result == curve
        for a, b in zip(weights, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_seeded_draws_in_threads(backend: Any) -> None:
    def draw(seed: int) -> list[Any]:
        generator = hilevel.random.SeedGenerator(seed)
        return [ops.convert_to_numpy(hilevel.random.uniform((50,), seed=generator)) for _ in range(30)]

    expected = [draw(seed) for seed in range(8)]
    found = in_threads([lambda seed=seed: draw(seed) for seed in range(8)])
    np.testing.assert_array_equal(found, expected)


def test_draws_of_one_generator_in_threads_differ(backend: Any) -> None:
    generator = hilevel.random.SeedGenerator(5)
    found = in_threads([lambda: [int(generator.next()[1]) for _ in range(100)]] * 4)
    assert sorted(chain(*found)) == list(range(400))


def test_seeds_of_the_global_stream_in_threads_differ() -> None:
    hilevel.utils.set_random_seed(9)
    found = chain(*in_threads([lambda: [hilevel.random.make_seed() for _ in range(500)]] * 8))
    hilevel.utils.set_random_seed(9)
    assert sorted(found) == sorted(hilevel.random.make_seed() for _ in range(4000))


def test_names_in_threads_differ() -> None:
    found = chain(*in_threads([lambda: [layers.Dense(1).name for _ in range(200)]] * 4))
    assert len(set(found)) == 800


def test_two_models_on_two_backends_in_two_threads() -> None:
    def make(backend: str) -> Any:
        with hilevel.use_backend(backend):
            hilevel.utils.set_random_seed(4)
            return learner()

    pairs = [make("numpy"), make("jax")]
    expected = [history(*one) for one in pairs]
    again = [make("numpy"), make("jax")]
    assert in_threads([lambda one=one: history(*one) for one in again]) == expected
    np.testing.assert_allclose(expected[0]["loss"], expected[1]["loss"], rtol=1e-4)


def test_threads_that_use_a_backend_first_get_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    from hilevel.engine import backends

    for name in ("numpy", "jax"):
        monkeypatch.setattr(backends, "_loaded", {})
        found = in_threads([lambda name=name: get_backend(name)] * 8)
        assert len({id(b) for b in found}) == 1
        monkeypatch.undo()


@pytest.mark.slow
def test_eager_gradients_of_shared_variables_in_threads(backend: Any) -> None:
    w = hilevel.Variable(np.arange(6, dtype="float32").reshape(2, 3), name="w")

    def by_function(x: Any) -> Any:
        return hilevel.grad(lambda: ops.sum(ops.tanh(ops.matmul(x, w)) ** 2), variables=[w])()[0]

    def by_tape(x: Any) -> Any:
        with hilevel.GradientTape() as tape:
            y = ops.sum(ops.tanh(ops.matmul(x, w)) ** 2)
        return tape.gradient(y, w)

    data = [rows(4, (2,), seed) for seed in range(8)]
    for gradient in (by_function, by_tape):
        expected = [ops.convert_to_numpy(gradient(x)) for x in data]
        work = [lambda x=x, f=gradient: [ops.convert_to_numpy(f(x)) for _ in range(30)] for x in data]
        for found, right in zip(in_threads(work), expected, strict=True):
            for g in found:
                np.testing.assert_array_equal(g, right)


@COMPILED_AND_EAGER
def test_fit_beside_predict_and_evaluate(backend: Any, eager: bool) -> None:
    hilevel.utils.set_random_seed(6)
    model, x, y = learner(samples=96 if eager else 512)
    model.run_eagerly = eager
    start = model.get_weights()
    expected = history(model, x, y, validation_data=(x[:64], y[:64]))
    weights = model.get_weights()

    hilevel.utils.set_random_seed(6)
    model, x, y = learner(samples=96 if eager else 512)
    model.run_eagerly = eager
    model.set_weights(start)
    over = threading.Event()

    def train() -> Any:
        try:
            return history(model, x, y, validation_data=(x[:64], y[:64]))
        finally:
            over.set()

    def predict() -> int:
        count = 0
        while not over.is_set() or count < 3:
            results = model.predict(np.repeat(x[:1], 96, axis=0), batch_size=8, verbose=0)
            np.testing.assert_allclose(results, results[:1].repeat(96, axis=0), rtol=1e-5)
            count += 1
        return count

    def evaluate() -> int:
        count = 0
        while not over.is_set() or count < 3:
            loss, mae = model.evaluate(x[:40], y[:40], batch_size=8, verbose=0)
            assert np.isfinite([loss, mae]).all()
            count += 1
        return count

    found, *_ = in_threads([train, predict, evaluate, predict])
    assert found == expected
    for a, b in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_evaluate_of_a_callback_leaves_the_metrics_of_fit(backend: Any) -> None:
    class Looks(hilevel.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if batch % 3 == 0:
                self.model.evaluate(x[:8], y[:8], verbose=0)

    curves = []
    for callbacks in ([], [Looks()]):
        hilevel.utils.set_random_seed(6)
        model, x, y = learner()
        curves.append(history(model, x, y, callbacks=callbacks))
    assert curves[0] == curves[1]


def test_a_second_fit_in_another_thread_is_refused(backend: Any) -> None:
    model, x, y = learner()
    started, may_end = threading.Event(), threading.Event()

    class Waits(hilevel.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            started.set()
            may_end.wait(30)

    def second() -> None:
        started.wait(30)
        try:
            with pytest.raises(RuntimeError, match="is being trained in another thread"):
                model.fit(x, y, verbose=0)
        finally:
            may_end.set()

    in_threads([lambda: model.fit(x, y, verbose=0, callbacks=[Waits()]), second])
    model.fit(x, y, verbose=0)


def test_batches_trained_in_threads_are_whole_steps(backend: Any) -> None:
    model, x, y = learner()
    in_threads([lambda: [model.train_on_batch(x[:16], y[:16]) for _ in range(20)]] * 4)
    assert int(model.optimizer.iterations.numpy()) == 80


def test_metrics_of_evaluations_in_threads_do_not_mix(backend: Any) -> None:
    model, x, y = learner()
    parts = [(x[i : i + n], y[i : i + n]) for i, n in ((0, 64), (64, 128), (200, 40), (300, 96))]
    expected = [model.evaluate(*part, batch_size=8, verbose=0) for part in parts]
    work = [
        lambda part=part: [model.evaluate(*part, batch_size=8, verbose=0) for _ in range(5)] for part in parts
    ]
    for found, right in zip(in_threads(work), expected, strict=True):
        assert found == [right] * 5


def test_state_of_a_stateful_layer_is_kept_by_predict(backend: Any) -> None:
    model = hilevel.Sequential([hilevel.Input(batch_shape=(2, 4, 3)), layers.SimpleRNN(3, stateful=True)])
    x = rows(2, (4, 3))
    first, second = model.predict(x, verbose=0), model.predict(x, verbose=0)
    assert not np.array_equal(first, second)
    model.layers[-1].reset_state()
    np.testing.assert_array_equal(model.predict(x, verbose=0), first)


def test_losses_that_layers_add_are_those_of_the_thread(backend: Any) -> None:
    layer = layers.ActivityRegularization(l1=1.0)

    def added(value: float) -> list[float]:
        found = []
        for _ in range(50):
            layer(np.full((1, 4), value, "float32"))
            found.append(float(ops.convert_to_numpy(layer.losses[0])))
        return found

    assert in_threads([lambda v=v: added(v) for v in (1.0, 2.0, 3.0)]) == [
        [4.0] * 50,
        [8.0] * 50,
        [12.0] * 50,
    ]


def test_a_callback_changes_variables_during_a_validation(backend: Any) -> None:
    """In the thread that trains only the metrics are those of the evaluation alone."""
    model, x, y = learner()
    seen = hilevel.Variable(0.0, trainable=False)

    class Counts(hilevel.callbacks.Callback):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            self.model.layers[-1].bias.assign_add(np.ones(1, "float32"))
            seen.assign_add(1.0)

    model.optimizer.learning_rate = 0.0
    before = model.layers[-1].bias.numpy()
    model.fit(
        x, y, batch_size=256, epochs=3, validation_data=(x[:64], y[:64]), verbose=0, callbacks=[Counts()]
    )
    assert (float(model.layers[-1].bias.numpy()[0] - before[0]), float(seen)) == (3.0, 3.0)
