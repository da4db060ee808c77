"""KerasTuner: hyperparameters, oracles, tuners and their tools."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from keras_tuner.src.engine import conditions, metrics_tracking, tuner_utils
from keras_tuner.src.engine.objective import create_objective

keras.utils.set_random_seed(1)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 4)).astype("float32")
Y = (X[:, :1] > 0).astype("float32")


def build(hp: Any) -> Any:
    model = keras.Sequential([keras.Input((4,))])
    for i in range(hp.Int("depth", 1, 2)):
        model.add(
            keras.layers.Dense(
                hp.Int(f"units_{i}", 4, 8, step=4), activation=hp.Choice("act", ["relu", "tanh"])
            )
        )
    model.add(keras.layers.Dense(1, activation="sigmoid"))
    rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
    model.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["accuracy"])
    return model


class Hyper(keras_tuner.HyperModel):
    """A hypermodel that also chooses arguments of `fit`."""

    def build(self, hp: Any) -> Any:
        return build(hp)

    def fit(self, hp: Any, model: Any, *args: Any, **kwargs: Any) -> Any:
        return model.fit(
            *args, batch_size=hp.Choice("batch", [16, 32]), shuffle=hp.Boolean("shuffle"), **kwargs
        )


class Unbuilt(keras.Model):
    """A subclass of Model, built by its first batch."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(units), keras.layers.Dense(1, activation="sigmoid")

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))


def build_unbuilt(hp: Any) -> Any:
    model = Unbuilt(hp.Int("units", 2, 6))
    model.compile("adam", "mse")
    return model


TUNERS: dict[str, Any] = {
    "random": lambda **k: keras_tuner.RandomSearch(max_trials=3, **k),
    "bayesian": lambda **k: keras_tuner.BayesianOptimization(max_trials=4, num_initial_points=2, **k),
    "hyperband": lambda **k: keras_tuner.Hyperband(max_epochs=4, factor=2, **k),
    "grid": lambda **k: keras_tuner.GridSearch(max_trials=4, **k),
}
ORACLES: dict[str, Any] = {
    "random": lambda **k: keras_tuner.oracles.RandomSearchOracle(max_trials=4, **k),
    "bayesian": lambda **k: keras_tuner.oracles.BayesianOptimizationOracle(
        max_trials=4, num_initial_points=2, **k
    ),
    "hyperband": lambda **k: keras_tuner.oracles.HyperbandOracle(max_epochs=4, factor=2, **k),
    "grid": lambda **k: keras_tuner.oracles.GridSearchOracle(max_trials=4, **k),
}


def make(
    kind: str, folder: Path, hypermodel: Any = build, objective: Any = "val_accuracy", **more: Any
) -> Any:
    return TUNERS[kind](hypermodel=hypermodel, objective=objective, seed=3, directory=str(folder), **more)


def search(tuner: Any, **more: Any) -> Any:
    tuner.search(X, Y, epochs=2, validation_data=(X, Y), verbose=0, **more)
    return tuner


# -- hyperparameters -----------------------------------------------------------------------------------


def hyperparameters() -> Any:
    hp = keras_tuner.HyperParameters()
    hp.Int("int", 1, 9, step=2)
    hp.Float("float", 0.0, 1.0, step=0.25)
    hp.Float("log", 1e-4, 1.0, sampling="log")
    hp.Choice("choice", ["a", "b"], ordered=False)
    hp.Boolean("boolean", default=True)
    hp.Fixed("fixed", 7)
    with hp.conditional_scope("choice", ["a"]):
        hp.Int("inner", 0, 3)
    with hp.name_scope("outer"):
        hp.Int("named", 0, 3)
    return hp


def test_hyperparameters_have_values_and_scopes() -> None:
    hp = hyperparameters()
    assert hp.get("int") == 1 and hp["fixed"] == 7 and "outer/named" in hp and hp.is_active("inner")
    assert [p.name for p in hp.space][:3] == ["int", "float", "log"] and hp.values["boolean"] is True


def test_hyperparameters_are_copied_and_merged() -> None:
    hp = hyperparameters()
    again = keras_tuner.HyperParameters.from_config(hp.get_config())
    assert again.values == hp.values == hp.copy().values
    other = keras_tuner.HyperParameters()
    other.Int("new", 0, 1)
    other.merge(hp)
    other.ensure_active_values()
    assert {"new", "int"} <= set(other.values)


def test_hyperparameters_as_messages() -> None:
    hp = hyperparameters()
    assert keras_tuner.HyperParameters.from_proto(hp.to_proto()).values == hp.values


@pytest.mark.parametrize("name", ["int", "float", "log", "choice", "boolean", "fixed"])
def test_one_hyperparameter(name: str) -> None:
    one = next(p for p in hyperparameters().space if p.name == name)
    module = keras_tuner.engine.hyperparameters
    assert module.deserialize(module.serialize(one)).get_config() == one.get_config()
    assert one.random_sample(3) == one.random_sample(3)
    assert one.prob_to_value(one.value_to_prob(one.default)) == one.default
    assert type(one).from_proto(one.to_proto()).default == one.default
    assert one.default is not None and repr(one)
    if name not in ("log",):
        assert len(list(one.values)) >= 1


def test_conditions() -> None:
    parent = conditions.Parent("choice", ["a"])
    again = conditions.deserialize(conditions.serialize(parent))
    assert again.is_active({"choice": "a"}) and not again.is_active({"choice": "b"})
    assert conditions.Condition.from_proto(parent.to_proto()) == parent


# -- objectives and metrics ----------------------------------------------------------------------------

DIRECTIONS = {
    "loss": "min", "val_loss": "min", "accuracy": "max", "acc": "max", "val_accuracy": "max", "mse": "min",
    "mean_absolute_error": "min", "AUC": "max", "Precision": "max", "RootMeanSquaredError": "min",
    "weighted_accuracy": "max", "sparse_categorical_accuracy": "max", "hinge": "min", "own": None,
}  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), DIRECTIONS.items())
def test_the_direction_of_a_metric(name: str, expected: str | None) -> None:
    assert metrics_tracking.infer_metric_direction(name) == expected


@pytest.mark.parametrize("make_metric", [
    lambda: keras.metrics.BinaryAccuracy(), lambda: keras.losses.MeanSquaredError(), lambda: keras.losses.mean_absolute_error,
    lambda: keras.metrics.AUC(),
])  # fmt: skip
def test_the_direction_of_an_object(make_metric: Any) -> None:
    metric = make_metric()
    better = isinstance(metric, keras.metrics.Metric)
    assert metrics_tracking.infer_metric_direction(metric) == ("max" if better else "min")


def test_objectives() -> None:
    one = create_objective("val_accuracy")
    several = create_objective(["val_accuracy", keras_tuner.Objective("val_loss", "min")])
    logs = {"val_accuracy": 0.75, "val_loss": 0.5}
    assert one.has_value(logs) and one.get_value(logs) == 0.75 and one.better_than(0.8, 0.7)
    assert several.has_value(logs) and several.get_value(logs) == -0.25
    assert create_objective(None).name == "default_objective"


def test_the_tracker_of_metrics() -> None:
    tracker = metrics_tracking.MetricsTracker([keras.metrics.BinaryAccuracy(name="accuracy")])
    assert tracker.update("accuracy", np.float32(0.5), 0) and tracker.update("accuracy", 0.75, 1)
    assert tracker.get_best_value("accuracy") == 0.75 and tracker.get_best_step("accuracy") == 1
    assert tracker.get_direction("accuracy") == "max" and tracker.get_last_value("accuracy") == 0.75
    assert tracker.get_statistics("accuracy")["mean"] == 0.625 and len(tracker.get_history("accuracy")) == 2
    for again in (
        metrics_tracking.MetricsTracker.from_config(tracker.get_config()),
        metrics_tracking.MetricsTracker.from_proto(tracker.to_proto()),
    ):
        assert again.get_best_value("accuracy") == 0.75


# -- tuner_utils ---------------------------------------------------------------------------------------


def fitted() -> tuple[Any, Any]:
    model = build(keras_tuner.HyperParameters())
    return model, model.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0)


def test_results_of_trials() -> None:
    _, history = fitted()
    objective = create_objective("val_loss")
    best = int(np.argmin(history.history["val_loss"]))
    found = tuner_utils.convert_to_metrics_dict([history, history], objective)
    assert found["val_loss"] == pytest.approx(history.history["val_loss"][best])
    assert tuner_utils.get_best_step([history], objective) == best
    assert tuner_utils.convert_to_metrics_dict(np.float32(0.5), objective) == {"val_loss": 0.5}
    tuner_utils.validate_trial_results([history, {"val_loss": 1.0}, 3.0], objective, "fit")
    with pytest.raises(keras_tuner.errors.FatalTypeError):
        tuner_utils.validate_trial_results(None, objective, "fit")


def test_the_best_epoch_is_saved(tmp_path: Path) -> None:
    model = build(keras_tuner.HyperParameters())
    path = tmp_path / "best.weights.h5"
    callback = tuner_utils.SaveBestEpoch(create_objective("val_loss"), str(path))
    history = model.fit(X, Y, epochs=3, validation_data=(X, Y), verbose=0, callbacks=[callback])
    model.load_weights(path)
    assert callback.best_value == min(history.history["val_loss"])
    assert model.evaluate(X, Y, verbose=0)[0] == pytest.approx(callback.best_value, rel=1e-4)


def test_the_display_and_hparams(capsys: Any) -> None:
    hp = hyperparameters()

    class Api:
        """The names of TensorBoard's hparams that the function uses."""

        Discrete, IntInterval, RealInterval, HParam = (
            list,
            lambda *a: a,
            lambda *a: a,
            lambda name, domain: name,
        )

    assert tuner_utils.convert_hyperparams_to_hparams(hp, Api)["fixed"] == 7
    display = keras_tuner.src.engine.oracle.Display(
        keras_tuner.oracles.RandomSearchOracle("loss", 2), verbose=1
    )
    trial = keras_tuner.engine.trial.Trial(hp)
    display.on_trial_begin(trial)
    trial.status = "COMPLETED"
    display.on_trial_end(trial)
    display.set_state(display.get_state())
    assert (
        "Trial" in capsys.readouterr().out
        and display.format_duration(datetime.timedelta(seconds=3700)) == "01h 01m 40s"
    )


# -- oracles and trials --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ORACLES)
def test_an_oracle(kind: str, tmp_path: Path) -> None:
    oracle = ORACLES[kind](
        objective=keras_tuner.Objective("score", "max"), hyperparameters=hyperparameters(), seed=1
    )
    oracle._set_project_dir(str(tmp_path), "project")
    for score in (1.0, 3.0, 2.0):
        trial = oracle.create_trial("tuner0")
        oracle.update_trial(trial.trial_id, {"score": score})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    best = oracle.get_best_trials(2)
    assert [t.score for t in best] == [3.0, 2.0] and oracle.get_trial(best[0].trial_id) is best[0]
    assert oracle.get_space().get_config() == hyperparameters().get_config()
    oracle.save()
    again = ORACLES[kind](
        objective=keras_tuner.Objective("score", "max"), hyperparameters=hyperparameters(), seed=1
    )
    again._set_project_dir(str(tmp_path), "project")
    again.reload()
    assert [t.score for t in again.get_best_trials(2)] == [
        3.0,
        2.0,
    ] and again.get_state() == oracle.get_state()


def test_a_trial(tmp_path: Path, capsys: Any) -> None:
    trial = keras_tuner.engine.trial.Trial(hyperparameters())
    trial.metrics.register("score", "max")
    trial.metrics.update("score", 1.0)
    trial.score, trial.best_step = 1.0, 0
    trial.save(str(tmp_path / "trial.json"))
    for again in (type(trial).load(str(tmp_path / "trial.json")), type(trial).from_proto(trial.to_proto())):
        assert again.score == 1.0 and again.hyperparameters.values == trial.hyperparameters.values
    trial.summary()
    trial.display_hyperparameters()
    assert "Score: 1.0" in capsys.readouterr().out


def test_a_synchronized_oracle(tmp_path: Path) -> None:
    class Own(keras_tuner.Oracle):
        @keras_tuner.synchronized
        def populate_space(self, trial_id: str) -> dict[str, Any]:
            return {"status": "RUNNING", "values": self._random_values()}

    tuner = keras_tuner.Tuner(Own("val_loss", max_trials=2), build, directory=str(tmp_path))
    assert search(tuner).remaining_trials == 0


# -- tuners --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TUNERS)
def test_a_search(kind: str, tmp_path: Path, capsys: Any) -> None:
    tuner = search(make(kind, tmp_path))
    model = tuner.get_best_models(2)[0]
    best = tuner.oracle.get_best_trials(1)[0]
    assert model.evaluate(X, Y, verbose=0)[1] == pytest.approx(best.score, abs=1e-6)
    assert tuner.get_best_hyperparameters(2)[0].values == best.hyperparameters.values
    tuner.search_space_summary(extended=True)
    tuner.results_summary()
    assert "Best val_accuracy" in capsys.readouterr().out or best.score


@pytest.mark.parametrize("kind", TUNERS)
def test_a_search_is_saved_and_loaded(kind: str, tmp_path: Path) -> None:
    before = search(make(kind, tmp_path, project_name="p"))
    before.save()
    after = make(kind, tmp_path, project_name="p", overwrite=False)
    assert [t.score for t in after.oracle.get_best_trials(3)] == [
        t.score for t in before.oracle.get_best_trials(3)
    ]
    old, new = before.get_best_models()[0], after.get_best_models()[0]
    np.testing.assert_allclose(new.predict(X, verbose=0), old.predict(X, verbose=0), rtol=1e-6)
    search(after)  # nothing is left to try
    assert len(after.oracle.trials) == len(before.oracle.trials)


@pytest.mark.parametrize("kind", ["random", "bayesian"])
def test_a_search_goes_on(kind: str, tmp_path: Path) -> None:
    first = search(make(kind, tmp_path))
    number = len(first.oracle.trials)
    more = make(kind, tmp_path)
    more.oracle.max_trials = number + 1
    assert more.remaining_trials == 1
    search(more)
    assert len(more.oracle.trials) == number + 1 and set(first.oracle.trials) < set(more.oracle.trials)


@pytest.mark.parametrize("kind", TUNERS)
def test_a_hypermodel_chooses_arguments_of_fit(kind: str, tmp_path: Path) -> None:
    tuner = search(make(kind, tmp_path, Hyper()))
    assert {"batch", "shuffle"} <= set(tuner.get_best_hyperparameters()[0].values)


def test_a_subclass_of_model(tmp_path: Path) -> None:
    tuner = search(make("random", tmp_path, build_unbuilt, "val_loss"))
    model = tuner.get_best_models()[0]
    best = tuner.oracle.get_best_trials(1)[0]
    model.compile("adam", "mse")
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(best.score, rel=1e-4)


def test_several_executions_and_callbacks(tmp_path: Path) -> None:
    tuner = make("random", tmp_path, executions_per_trial=2)
    search(
        tuner,
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=0), keras.callbacks.TerminateOnNaN()],
    )
    assert len(tuner.oracle.trials) == 3


@pytest.mark.parametrize("optimizer", ["sgd", keras.optimizers.SGD(0.25)])
def test_arguments_of_compile_are_replaced(optimizer: Any, tmp_path: Path) -> None:
    tuner = make("random", tmp_path, objective="val_loss", optimizer=optimizer, loss="mse", metrics=["mae"])
    model = search(tuner).get_best_models()[0]
    assert isinstance(model.optimizer, keras.optimizers.SGD) and model.loss == "mse"
    assert "val_mae" in tuner.oracle.get_best_trials(1)[0].metrics.metrics


@pytest.mark.parametrize("objective", [["val_loss", keras_tuner.Objective("val_accuracy", "max")], None])
def test_objectives_of_a_search(objective: Any, tmp_path: Path) -> None:
    class Returns(Hyper):
        def fit(self, *args: Any, **kwargs: Any) -> Any:
            history = super().fit(*args, **kwargs)
            return history if objective else float(history.history["val_loss"][-1])

    tuner = search(make("random", tmp_path, Returns(), objective))
    assert tuner.oracle.get_best_trials(1)[0].score is not None


def test_oversized_and_failed_models(tmp_path: Path) -> None:
    tuner = make("grid", tmp_path, max_model_size=30, max_consecutive_failed_trials=9)
    search(tuner)
    assert {t.status for t in tuner.oracle.trials.values()} == {"COMPLETED", "INVALID"} or all(
        t.status in ("COMPLETED", "FAILED") for t in tuner.oracle.trials.values()
    )


def test_an_own_tuner(tmp_path: Path) -> None:
    events: list[str] = []

    class Own(keras_tuner.RandomSearch):
        def on_epoch_end(self, trial: Any, model: Any, epoch: int, logs: Any = None) -> None:
            super().on_epoch_end(trial, model, epoch, logs)
            events.append(f"epoch {epoch}")

        def on_batch_begin(self, trial: Any, model: Any, batch: int, logs: Any) -> None:
            events.append("batch")

        def run_trial(self, trial: Any, *args: Any, **kwargs: Any) -> Any:
            kwargs["batch_size"] = trial.hyperparameters.Int("batch_size", 16, 32, step=16)
            return super().run_trial(trial, *args, **kwargs)

    tuner = search(Own(build, "val_loss", max_trials=2, directory=str(tmp_path)))
    assert events.count("epoch 1") == 2 and "batch" in events
    assert "batch_size" in tuner.get_best_hyperparameters()[0].values


def test_a_base_tuner(tmp_path: Path) -> None:
    class Own(keras_tuner.engine.base_tuner.BaseTuner):
        def run_trial(self, trial: Any, x: Any) -> Any:
            model = self.hypermodel.build(trial.hyperparameters)
            path = str(Path(self.get_trial_dir(trial.trial_id)) / "model.keras")
            model.save(path)
            return float(model.evaluate(x, Y, verbose=0)[0])

        def load_model(self, trial: Any) -> Any:
            return keras.saving.load_model(str(Path(self.get_trial_dir(trial.trial_id)) / "model.keras"))

    oracle = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("default_objective", "min"), 2)
    tuner = Own(oracle, build, directory=str(tmp_path))
    tuner.search(X)
    assert tuner.get_best_models()[0].evaluate(X, Y, verbose=0)[0] == pytest.approx(
        oracle.get_best_trials()[0].score
    )


def test_the_tuner_of_scikit_learn(tmp_path: Path) -> None:
    sklearn = pytest.importorskip("sklearn")
    from sklearn import linear_model, metrics, model_selection  # noqa: F401

    tuner = keras_tuner.SklearnTuner(
        keras_tuner.oracles.BayesianOptimizationOracle(keras_tuner.Objective("score", "max"), max_trials=2),
        lambda hp: sklearn.linear_model.LogisticRegression(C=hp.Float("C", 0.1, 10, sampling="log")),
        scoring=metrics.make_scorer(metrics.accuracy_score), cv=model_selection.StratifiedKFold(2),
        directory=str(tmp_path),
    )  # fmt: skip
    tuner.search(X, Y[:, 0])
    assert tuner.get_best_models()[0].score(X, Y[:, 0]) > 0.8


# -- applications --------------------------------------------------------------------------------------


def test_the_hypermodel_of_resnet() -> None:
    hypermodel = keras_tuner.applications.HyperResNet(input_shape=(32, 32, 3), classes=4)
    hp = keras_tuner.HyperParameters()
    for name, value in {"version": "v2", "conv3_depth": 4, "conv4_depth": 6}.items():
        hp.Fixed(name, value)
    assert hypermodel.build(hp).output_shape == (None, 4)


def test_the_hypermodel_of_xception() -> None:
    model = keras_tuner.applications.HyperXception(input_shape=(32, 32, 3), classes=4).build(
        keras_tuner.HyperParameters()
    )
    assert model.output_shape == (None, 4)


def test_the_augmentation() -> None:
    images = np.random.default_rng(1).integers(0, 255, (2, 16, 16, 3)).astype("float32")
    hypermodel = keras_tuner.applications.HyperImageAugment(input_shape=(16, 16, 3))
    model = hypermodel.build(keras_tuner.HyperParameters())
    assert model(images, training=True).shape == (2, 16, 16, 3)


def test_efficientnet_needs_pretrained_weights() -> None:
    hypermodel = keras_tuner.applications.HyperEfficientNet(input_shape=(32, 32, 3), classes=4)
    with pytest.raises(NotImplementedError, match="applications"):
        hypermodel.build(keras_tuner.HyperParameters())
