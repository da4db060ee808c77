"""Training: against Keras on the same weights and data; data of every kind; steps of one's own; seeds; interruption."""

from __future__ import annotations

import json
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training_cases import CASES, train

import hilevel
from hilevel import layers, ops

WANTED = json.loads((Path(__file__).parents[1] / "data/training.json").read_text())
X = np.random.default_rng(0).normal(size=(20, 4)).astype("float32")
Y = np.tanh(X[:, :1] - X[:, 1:2])


def mlp(*more: Any, seed: int = 1, units: int = 1) -> hilevel.Sequential:
    hilevel.set_random_seed(seed)
    return hilevel.Sequential(
        [layers.Input((4,)), layers.Dense(5, activation="tanh"), *more, layers.Dense(units)]
    )


def ready(*more: Any, optimizer: Any = "sgd", **options: Any) -> hilevel.Sequential:
    made = mlp(*more)
    made.compile(optimizer, "mse", **options)
    return made


def losses(model: Any, x: Any = X, y: Any = Y, **options: Any) -> list[float]:
    options = {"epochs": 3, "batch_size": 8, "verbose": 0, "shuffle": False} | options
    return model.fit(x, y, **options).history["loss"]


def close(got: Any, wanted: Any, tolerance: float = 1e-5) -> None:
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)


# -- against Keras ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_curves_are_those_of_keras(name: str, backend: Any) -> None:
    got, wanted = train(hilevel, CASES[name]), WANTED["trainings"][name]
    for part in ("history", "evaluated"):
        assert set(got[part]) == set(wanted[part])
        for key, values in wanted[part].items():
            close(got[part][key], values)
    for name, values in wanted["predicted"].items():
        close(got["predicted"][name], values)


# -- data of every kind -----------------------------------------------------------------------------


class Batched(hilevel.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        return X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8]


def stream() -> Iterator[Any]:
    while True:
        yield from (Batched()[i] for i in range(3))


def on_jax() -> Any:
    with hilevel.use_backend("jax"):
        return ops.convert_to_tensor(X), ops.convert_to_tensor(Y), {}


KINDS: dict[str, Any] = {
    "arrays of another backend": on_jax,
    "float64": lambda: (X.astype("float64"), Y.astype("float64"), {}),
    "lists": lambda: (X.tolist(), Y.tolist(), {}),
    "in a list": lambda: ([X], [Y], {}),
    "pydataset": lambda: (Batched(), None, {}),
    "generator": lambda: (stream(), None, {"steps_per_epoch": 3}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_kind_of_data_makes_no_difference(kind: str) -> None:
    size = {} if kind in ("pydataset", "generator") else {"batch_size": 8}
    x, y, options = KINDS[kind]()
    close(losses(ready(), x, y, **{"batch_size": None} | size | options), losses(ready()))
    steps = size | ({"steps": options["steps_per_epoch"]} if options else {})
    x, y, _ = KINDS[kind]()
    close(ready().evaluate(x, y, verbose=0, **steps), ready().evaluate(X, Y, verbose=0))
    x = KINDS[kind]()[0]
    close(ready().predict(x, verbose=0, **steps), ready().predict(X, verbose=0))


def test_validation_of_every_kind() -> None:
    wanted = ready().evaluate(X[:10], Y[:10], verbose=0)
    for validation in (
        (X[:10], Y[:10]),
        (X[:10], Y[:10], np.ones(10)),
        iter([(X[:5], Y[:5]), (X[5:10], Y[5:10])]),
    ):
        made = ready(optimizer=hilevel.optimizers.SGD(0.0))
        history = made.fit(X, Y, validation_data=validation, verbose=0).history
        close(history["val_loss"], [wanted])


def test_validation_split_takes_the_end(backend: Any) -> None:
    made = ready(optimizer=hilevel.optimizers.SGD(0.0))
    history = made.fit(X, Y, validation_split=0.25, verbose=0).history
    close(history["val_loss"], [made.evaluate(X[15:], Y[15:], verbose=0)])
    close(history["loss"], [made.evaluate(X[:15], Y[:15], verbose=0)])


def test_counting_epochs_and_steps(backend: Any) -> None:
    made = ready()
    seen: list[int] = []
    note = hilevel.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    history = made.fit(
        X, Y, batch_size=5, epochs=6, initial_epoch=2, steps_per_epoch=2, verbose=0, callbacks=[note],
        validation_data=(X, Y), validation_freq=2, validation_steps=1, validation_batch_size=5,
    )  # fmt: skip
    assert history.epoch == [2, 3, 4, 5] and seen == [0, 1] * 4
    assert len(history.history["loss"]) == 4 and len(history.history["val_loss"]) == 2
    close(history.history["val_loss"][-1], made.evaluate(X[:5], Y[:5], verbose=0))
    assert "val_loss" in made.fit(X, Y, verbose=0, validation_data=(X, Y), validation_freq=[1]).history


def test_single_batches(backend: Any) -> None:
    made = ready(metrics=["mae"])
    first = made.train_on_batch(X, Y, return_dict=True)
    assert list(first) == ["loss", "mae"]
    made.reset_metrics()
    second = made.train_on_batch(X, Y)
    close(second[0], losses(ready(), batch_size=20, epochs=2)[1])
    made.reset_metrics()
    close(made.test_on_batch(X, Y), made.evaluate(X, Y, verbose=0))
    made.reset_metrics()
    weight = np.arange(20.0)
    got = made.test_on_batch(X, Y, sample_weight=weight, return_dict=True)["loss"]
    error = (made.predict_on_batch(X) - Y)[:, 0] ** 2
    close(got, np.mean(error * weight))


def test_means_are_exact_over_batches_of_different_sizes(backend: Any) -> None:
    made = ready(metrics=["mae"])
    exact = np.mean((made.predict(X, verbose=0) - Y) ** 2)
    for batch_size in (3, 7, 20):
        close(made.evaluate(X, Y, batch_size=batch_size, verbose=0)[0], exact)


def test_inputs_and_outputs_by_name(backend: Any) -> None:
    left, right = hilevel.Input((4,), name="left"), hilevel.Input((4,), name="right")
    made = hilevel.Model(
        {"left": left, "right": right},
        {"sum": layers.Dense(1)(left + right), "product": layers.Dense(1)(left * right)},
    )
    made.compile("sgd", {"product": "mse", "sum": "mae"})
    x, y = {"right": X, "left": 2 * X}, {"product": Y, "sum": Y}
    history = made.fit(x, y, epochs=2, verbose=0).history
    assert list(history) == ["loss", "sum_loss", "product_loss"]
    assert history["loss"][1] == pytest.approx(history["sum_loss"][1] + history["product_loss"][1], rel=1e-5)
    assert list(made.predict(x, verbose=0)) == ["sum", "product"]
    with pytest.raises(ValueError, match=r"rihgt.*Did you mean"):
        made.predict({"left": X, "rihgt": X}, verbose=0)
    with pytest.raises(ValueError, match=r"no targets.*sum"):
        made.fit(x, {"product": Y}, verbose=0)


# -- steps of one's own -----------------------------------------------------------------------------


class WithTape(hilevel.Sequential):
    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data[:2]
        with hilevel.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        self.optimizer.apply_gradients(
            zip(tape.gradient(loss, self.trainable_variables), self.trainable_variables, strict=True)
        )
        return {"loss": loss}


class WithValueAndGrad(hilevel.Sequential):
    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        loss, gradients = hilevel.value_and_grad(
            lambda: ops.mean((self(x, training=True) - y) ** 2), variables=self.trainable_variables
        )()
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


@pytest.mark.parametrize("cls", [WithTape, WithValueAndGrad])
def test_one_custom_step_runs_everywhere(cls: Any) -> None:
    curves = []
    for name, eager in (("numpy", False), ("jax", True), ("jax", False)):
        with hilevel.use_backend(name):
            made = cls(mlp(layers.BatchNormalization(), layers.Dropout(0.2, seed=1)).layers)
            made.build((None, 4))
            made.compile(hilevel.optimizers.Adam(0.01), "mse", run_eagerly=eager)
            curves.append(losses(made, batch_size=10))
    close(curves[1], curves[0])
    close(curves[2], curves[0])


class Overriding(hilevel.Sequential):
    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        return 2 * super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        return super().compute_metrics(x, y, y_pred, sample_weight) | {"mine": ops.max(y_pred)}

    def test_step(self, data: Any) -> dict[str, Any]:
        return super().test_step(data) | {"tested": ops.ones(())}

    def predict_step(self, data: Any) -> Any:
        return super().predict_step(data) + 100.0


def test_parts_of_the_steps_can_be_overridden(backend: Any) -> None:
    made = Overriding(mlp().layers)
    made.compile(hilevel.optimizers.SGD(0.0), "mse")
    history = made.fit(X, Y, validation_data=(X, Y), batch_size=20, verbose=0).history
    assert list(history) == ["loss", "mine", "val_loss", "val_mine", "val_tested"]
    close(history["loss"], [2 * np.mean((made.predict(X, verbose=0) - 100 - Y) ** 2)], 1e-4)
    close(history["mine"], [made.predict(X, verbose=0).max() - 100], 1e-4)
    assert history["val_tested"] == [1.0]


class Penalised(layers.Layer):
    def call(self, x: Any) -> Any:
        self.add_loss(0.5 * ops.mean(x * x))
        return x


def test_what_layers_add_is_in_the_loss(backend: Any) -> None:
    made = ready(Penalised(), layers.Dense(2, kernel_regularizer=hilevel.regularizers.L2(0.1)))
    hidden = made.layers[0](X)
    error = np.mean((made.predict(X, verbose=0) - Y) ** 2)
    kernel = made.layers[2].kernel.numpy()
    wanted = error + 0.5 * np.mean(np.asarray(hidden) ** 2) + 0.1 * np.sum(kernel**2)
    close(made.evaluate(X, Y, verbose=0), wanted)
    curve = losses(made)
    assert curve[2] < curve[0]
    alone = hilevel.Sequential([layers.Input((4,)), Penalised()])
    alone.compile("sgd")
    close(alone.evaluate(X, verbose=0), 0.5 * np.mean(X**2))


# -- how it is run ----------------------------------------------------------------------------------


def test_eager_steps_and_bundles_of_steps_give_the_same_curves(backend: Any) -> None:
    wanted = losses(ready(optimizer="adam"), batch_size=4)
    close(losses(ready(optimizer="adam", run_eagerly=True), batch_size=4), wanted)
    close(losses(ready(optimizer="adam", steps_per_execution=3), batch_size=4), wanted)


def test_nothing_is_compiled_after_the_first_epoch() -> None:
    with hilevel.use_backend("jax"):
        made = ready(layers.Dropout(0.1), optimizer="adam")
        import jax

        counts: list[int] = []
        jax.monitoring.register_event_duration_secs_listener(
            lambda event, *_, **__: counts.append(1) if "backend_compile" in event else None
        )
        try:
            after: list[int] = []
            note = hilevel.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: after.append(len(counts))
            )
            slower = hilevel.callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
            made.fit(
                X, Y, batch_size=8, epochs=4, verbose=0, validation_data=(X, Y), callbacks=[slower, note]
            )
            made.fit(X, Y, batch_size=8, epochs=2, verbose=0)
        finally:
            jax.monitoring.clear_event_listeners()
        assert after[0] > 0 and after[1:4] == [after[0]] * 3
        assert len(counts) == after[0]


def test_a_seed_gives_the_same_curves_on_every_backend() -> None:
    def curve(seed: int) -> list[float]:
        hilevel.set_random_seed(seed)
        parts = [
            layers.Dense(5, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ]
        made = hilevel.Sequential(parts)
        made.compile("adam", "mse")
        return losses(made, epochs=5, shuffle=True, validation_split=0.2)

    on_numpy, again, other = (curve(seed) for seed in (3, 3, 4))
    with hilevel.use_backend("jax"):
        close(curve(3), on_numpy, 1e-4)
    assert on_numpy == again != other


@pytest.mark.parametrize("event", ["on_train_batch_end", "on_epoch_end", "on_test_batch_end"])
def test_an_interruption_lets_the_step_end_and_the_model_live(event: str, backend: Any) -> None:
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        pytest.skip("Ctrl-C has another meaning here")
    made = ready(optimizer="adam")
    interrupt = hilevel.callbacks.LambdaCallback(
        **{event: lambda number, logs: signal.raise_signal(signal.SIGINT)}
    )
    with pytest.raises(KeyboardInterrupt):
        made.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[interrupt])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert int(made.optimizer.iterations) == 1
    assert losses(made)[-1] < 1


def test_a_loss_that_is_not_finite_is_named(backend: Any) -> None:
    bad = X.copy()
    bad[9] = np.nan
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        losses(ready(), bad)
    assert (
        len(told) == 1
        and "epoch 1, step 2" in str(told[0].message)
        and "TerminateOnNaN" in str(told[0].message)
    )
    with pytest.warns(RuntimeWarning, match="clipnorm|cause") as told_again:
        ready().fit(bad, Y, batch_size=8, verbose=0, callbacks=[hilevel.callbacks.TerminateOnNaN()])
    assert "TerminateOnNaN" not in str(told_again[0].message)


def test_metrics_of_several_outputs_in_lists_and_dicts(backend: Any) -> None:
    def two(**options: Any) -> list[str]:
        x = hilevel.Input((4,))
        made = hilevel.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
        made.compile("sgd", "mse", **options)
        made.train_on_batch(X, [Y, Y])
        return made.metrics_names

    own = ["loss", "a_loss", "b_loss"]
    assert two(metrics=["mae", "mse"]) == [*own, "a_mae", "b_mse"]
    assert two(metrics=[["mae"], ["mse"]]) == [*own, "a_mae", "b_mse"]
    assert two(metrics={"b": ["mae", "mse"]}) == [*own, "b_mae", "b_mse"]
    assert two(metrics={"b": "mae"}, weighted_metrics=[["mse"], None]) == [*own, "b_mae", "a_mse"]


def test_predicting_and_evaluating_leave_the_history_alone(backend: Any) -> None:
    class Look(hilevel.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.predict(X[:1], verbose=0)
            self.model.evaluate(X, Y, verbose=0)

    made = ready()
    history = made.fit(X, Y, epochs=2, verbose=0, callbacks=[Look()])
    assert len(history.history["loss"]) == 2 and made.history is history


def test_predictions_have_memory_of_their_own() -> None:
    class Own(hilevel.Model):
        def build(self, shape: Any) -> None:
            self.kept = self.add_weight((1, 2), "ones")

        def call(self, x: Any) -> Any:
            return self.kept

    with hilevel.use_backend("numpy"):
        for eager in (True, False):
            made = Own()
            made.compile(run_eagerly=eager)
            for _ in range(4):
                made.predict(np.ones((1, 2), "float32"), verbose=0)[:] = 7
            np.testing.assert_array_equal(made.kept.numpy(), [[1, 1]])


def test_an_evaluate_of_a_subclass_is_used_by_fit(backend: Any) -> None:
    class Doubled(hilevel.Sequential):
        def evaluate(self, *args: Any, **kwargs: Any) -> Any:
            return {name: 2 * value for name, value in super().evaluate(*args, **kwargs).items()}

    x = np.ones((8, 3), "float32")
    losses = []
    for kind in (hilevel.Sequential, Doubled):
        hilevel.utils.set_random_seed(1)
        model = kind([hilevel.Input((3,)), hilevel.layers.Dense(1)])
        model.compile("sgd", "mse")
        losses.append(model.fit(x, x[:, :1], validation_data=(x, x[:, :1]), verbose=0).history["val_loss"][0])
    assert losses[1] == pytest.approx(2 * losses[0])
