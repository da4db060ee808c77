"""SciKeras: its two wrappers, their parameters, and the tools of scikit-learn around them."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import keras
import numpy as np
import pytest
from scikeras.utils import loss_name, metric_name
from scikeras.utils.transformers import ClassifierLabelEncoder
from scikeras.wrappers import BaseWrapper, KerasClassifier, KerasRegressor
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.ensemble import AdaBoostRegressor, BaggingClassifier
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score, learning_curve
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

X, LABELS = make_blobs(90, 4, centers=3, random_state=0)
X = X.astype("float32")
TARGETS = (X @ np.array([[1.0], [-1.0], [0.5], [0.0]]))[:, 0].astype("float32")


LEARNING_RATE = "optimizer__learning_rate"


def classifier(meta: Any, hidden: int = 8, activation: str = "relu", compile_kwargs: Any = None) -> Any:
    classes, kind = meta["n_classes_"], meta["target_type_"]
    outputs, last = (1, "sigmoid") if kind == "binary" else (classes, "softmax")
    if kind == "multilabel-indicator" and last == "softmax" and classes == 2:
        last = "sigmoid"
    model = keras.Sequential([keras.Input((meta["n_features_in_"],))])
    model.add(keras.layers.Dense(hidden, activation=activation))
    model.add(keras.layers.Dense(outputs, activation=last))
    return model


def regressor(meta: Any, hidden: int = 8, rate: float = 0.05) -> Any:
    model = keras.Sequential([keras.Input((meta["n_features_in_"],))])
    model.add(keras.layers.Dense(hidden, activation="relu"))
    model.add(keras.layers.Dense(meta.get("n_outputs_", 1)))
    model.compile(keras.optimizers.Adam(rate), "mse")
    return model


def make_classifier(**more: Any) -> Any:
    settings = {
        "loss": "sparse_categorical_crossentropy",
        "optimizer": "adam",
        "optimizer__learning_rate": 0.05,
    }
    settings |= {"epochs": 8, "verbose": 0, "random_state": 1, **more}
    return KerasClassifier(
        classifier, **{k: v for k, v in settings.items() if k != LEARNING_RATE or v is not None}
    )


def make_regressor(**more: Any) -> Any:
    return KerasRegressor(regressor, **{"epochs": 20, "verbose": 0, "random_state": 1, **more})


# -- the wrappers --------------------------------------------------------------------------------------


def test_a_classifier() -> None:
    found = make_classifier().fit(X, LABELS)
    assert found.score(X, LABELS) > 0.8 and found.predict(X).shape == (90,)
    chances = found.predict_proba(X)
    np.testing.assert_allclose(chances.sum(1), 1, rtol=1e-5)
    assert list(found.classes_) == [0, 1, 2] and found.n_classes_ == 3 and found.n_features_in_ == 4
    assert found.target_type_ == "multiclass" and found.initialized_ and found.current_epoch == 8


@pytest.mark.parametrize("kind", ["binary", "words", "one-hot", "several"])
def test_kinds_of_labels(kind: str) -> None:
    two = LABELS % 2
    y = {
        "binary": two, "words": np.array(["b", "a", "c"])[LABELS], "one-hot": np.eye(3)[LABELS],
        "several": np.stack([two, 1 - two], 1),
    }[kind]  # fmt: skip
    loss = {
        "binary": "binary_crossentropy",
        "several": "binary_crossentropy",
        "one-hot": "categorical_crossentropy",
    }
    found = make_classifier(loss=loss.get(kind, "sparse_categorical_crossentropy"), epochs=15)
    if kind == "several":
        found = Several(found)
    found.fit(X, y)
    assert found.predict(X).shape == y.shape and found.score(X, y) > 0.6


class Several:
    """A classifier of two labels at once, scored by each."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped

    def fit(self, x: Any, y: Any) -> None:
        self.wrapped.fit(x, y)

    def predict(self, x: Any) -> Any:
        return (np.asarray(self.wrapped.predict_proba(x)) > 0.5).astype(int).reshape(len(x), -1)

    def score(self, x: Any, y: Any) -> Any:
        return (self.predict(x) == y).mean()


def test_a_regressor() -> None:
    found = make_regressor().fit(X, TARGETS)
    assert found.score(X, TARGETS) > 0.7 and found.predict(X).shape == (90,)
    two = make_regressor().fit(X, np.stack([TARGETS, -TARGETS], 1))
    assert two.predict(X).shape == (90, 2) and two.n_outputs_ == 2


def test_the_base_wrapper() -> None:
    found = BaseWrapper(regressor, epochs=2, verbose=0).fit(X, TARGETS[:, None])
    assert found.predict(X).shape[0] == 90 and found.target_encoder_ is not None


def test_a_model_instance_and_a_subclass_of_the_wrapper() -> None:
    model = regressor({"n_features_in_": 4, "n_outputs_": 1})
    assert KerasRegressor(model, epochs=2, verbose=0).fit(X, TARGETS).predict(X).shape == (90,)

    class Own(KerasRegressor):
        def __init__(self, hidden: int = 3, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.hidden = hidden

        def _keras_build_fn(self, meta: Any, params: Any) -> Any:
            return regressor(meta, params["hidden"])

    assert clone(Own(hidden=5, epochs=1, verbose=0)).fit(X, TARGETS).model_.layers[0].units == 5


# -- parameters ----------------------------------------------------------------------------------------

PARAMETERS: dict[str, Any] = {
    "batch_size": 16, "batch_size=-1": -1, "validation_split": 0.25, "shuffle": False, "run_eagerly": True,
    "validation_batch_size": 8, "verbose": 1, "warm_start": True, "random_state": np.random.RandomState(0),
    "metrics": ["accuracy"], "class_weight": "balanced", "class_weight=dict": {0: 1.0, 1: 2.0, 2: 0.5},
    "model__hidden": 5, "hidden": 5, "activation": "tanh", "optimizer": "sgd", "optimizer=class": keras.optimizers.Adam,
    "optimizer=instance": keras.optimizers.RMSprop(0.05), "loss": keras.losses.SparseCategoricalCrossentropy,
    "loss=function": keras.losses.sparse_categorical_crossentropy, "fit__batch_size": 16, "predict__batch_size": 7,
    "fit__epochs": 3, "predict__verbose": 0, "callbacks": keras.callbacks.TerminateOnNaN(),
    "callbacks=class": keras.callbacks.EarlyStopping, "metrics=class": [keras.metrics.SparseCategoricalAccuracy],
    "metrics=dict": {"acc": "accuracy"}, "loss_weights": [1.0], "loss=instance": keras.losses.SparseCategoricalCrossentropy(),
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter(name: str) -> None:
    settings = {name.partition("=")[0]: PARAMETERS[name], "epochs": 2}
    if name == "callbacks=class":
        settings["callbacks__monitor"] = "loss"
    if name == "optimizer=instance":
        settings["optimizer__learning_rate"] = None
    if name == "loss_weights":
        settings = {"compile__loss_weights": [1.0], "epochs": 2}
    found = make_classifier(**settings).fit(X, LABELS)
    assert found.predict(X).shape == (90,) and len(found.history_["loss"]) == settings.get("fit__epochs", 2)
    if name.endswith("hidden"):
        assert found.model_.layers[0].units == 5
    if name == "metrics=dict":
        assert "acc" in str(list(found.history_))


def test_routed_parameters_reach_their_objects() -> None:
    stop = {"callbacks__stop__patience": 3, "callbacks__stop__monitor": "loss"}
    found = make_classifier(
        optimizer=keras.optimizers.SGD, optimizer__learning_rate=0.25, optimizer__momentum=0.5,
        loss=keras.losses.SparseCategoricalCrossentropy, loss__from_logits=False, loss__name="own",
        metrics=[keras.metrics.SparseTopKCategoricalAccuracy], metrics__0__k=2, metrics__0__name="top",
        callbacks={"stop": keras.callbacks.EarlyStopping}, **stop,
    ).fit(X, LABELS)  # fmt: skip
    assert float(found.model_.optimizer.learning_rate) == 0.25 and found.model_.optimizer.momentum == 0.5
    assert found.model_.loss.name == "own" and "top" in found.history_


def test_parameters_are_got_and_set() -> None:
    found = make_classifier(callbacks__patience=2)
    assert found.get_params()["optimizer__learning_rate"] == 0.05
    found.set_params(optimizer__learning_rate=0.5, epochs=1, model__hidden=3)
    assert (
        found.get_params()["model__hidden"] == 3
        and clone(found).get_params().keys() == found.get_params().keys()
    )
    with pytest.raises(ValueError, match="Invalid parameter"):
        found.set_params(wrong=3)


def test_sample_weights_and_class_weights() -> None:
    weights = np.where(LABELS == 0, 0.0, 1.0)
    found = make_classifier(epochs=15).fit(X, LABELS, sample_weight=weights)
    assert (found.predict(X) == 0).sum() < 15
    assert make_regressor().fit(X, TARGETS, sample_weight=np.ones(90)).score(X, TARGETS, np.ones(90)) > 0.5


def test_training_goes_on() -> None:
    found = make_classifier(epochs=2)
    found.partial_fit(X, LABELS).partial_fit(X, LABELS)
    assert found.current_epoch == 2 and len(found.history_["loss"]) == 2
    warm = make_classifier(warm_start=True, epochs=2).fit(X, LABELS)
    first = warm.model_
    assert (
        warm.fit(X, LABELS).model_ is first
        and make_classifier().fit(X, LABELS).fit(X, LABELS).model_ is not first
    )


def test_initialization_without_training() -> None:
    found = make_classifier().initialize(X, LABELS)
    assert found.initialized_ and found.predict(X).shape == (90,) and not hasattr(found, "history_")


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = (make_regressor(epochs=2).fit(X, TARGETS).predict(X) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_epochs_of_a_loss_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="loss"):
        make_classifier(loss=None).fit(X, LABELS)


# -- copies --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["pickle", "deepcopy"])
@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_copies_predict_and_train_alike(how: str, kind: str) -> None:
    made, y = (make_classifier(), LABELS) if kind == "classifier" else (make_regressor(), TARGETS)
    made.fit(X, y)
    again = copy.deepcopy(made) if how == "deepcopy" else pickle.loads(pickle.dumps(made))
    np.testing.assert_allclose(again.predict(X), made.predict(X), rtol=1e-6)
    for wrapper in (made, again):
        wrapper.set_params(random_state=None)
        wrapper.partial_fit(X, y)
    assert again.model_.optimizer.iterations.numpy() == made.model_.optimizer.iterations.numpy()
    np.testing.assert_allclose(again.model_.get_weights()[0].shape, made.model_.get_weights()[0].shape)


def test_clones_are_not_trained() -> None:
    made = make_classifier(model__hidden=5).fit(X, LABELS)
    again = clone(made)
    assert not hasattr(again, "model_") and again.get_params()["model__hidden"] == 5
    assert clone(clone(again)).fit(X, LABELS).score(X, LABELS) > 0.7


def test_the_model_is_saved_in_files(tmp_path: Any) -> None:
    made = make_regressor().fit(X, TARGETS)
    made.model_.save(tmp_path / "m.keras")
    loaded = KerasRegressor(keras.saving.load_model(tmp_path / "m.keras"), verbose=0)
    loaded.initialize(X, TARGETS)
    np.testing.assert_allclose(loaded.predict(X), made.predict(X), rtol=1e-5)


# -- scikit-learn --------------------------------------------------------------------------------------


def test_pipelines() -> None:
    pipeline = make_pipeline(StandardScaler(), make_classifier(epochs=15))
    assert pipeline.fit(X, LABELS).score(X, LABELS) > 0.8
    again = pickle.loads(pickle.dumps(pipeline))
    np.testing.assert_allclose(again.predict_proba(X), pipeline.predict_proba(X), rtol=1e-6)


@pytest.mark.parametrize("jobs", [None, 1])
def test_cross_validation(jobs: int | None) -> None:
    assert cross_val_score(make_classifier(epochs=15), X, LABELS, cv=3, n_jobs=jobs).min() > 0.6
    assert cross_val_score(make_regressor(epochs=30), X, TARGETS, cv=3).mean() > 0.5


def test_searches() -> None:
    grid = {"model__hidden": [1, 8], "optimizer__learning_rate": [0.0, 0.05]}
    found = GridSearchCV(make_classifier(), grid, cv=2).fit(X, LABELS)
    assert found.best_params_["optimizer__learning_rate"] == 0.05 and len(found.cv_results_["params"]) == 4
    some = RandomizedSearchCV(
        make_classifier(hidden=8), {"hidden": [4, 8], "batch_size": [8, 16]}, n_iter=2, cv=2
    )
    assert some.fit(X, LABELS).best_score_ > 0.5
    pipeline = make_pipeline(StandardScaler(), make_classifier(epochs=3))
    assert GridSearchCV(pipeline, {"kerasclassifier__epochs": [1, 10]}, cv=2).fit(X, LABELS).best_params_


def test_ensembles_and_several_outputs() -> None:
    assert BaggingClassifier(make_classifier(), n_estimators=2).fit(X, LABELS).score(X, LABELS) > 0.7
    assert AdaBoostRegressor(make_regressor(), n_estimators=2).fit(X, TARGETS).score(X, TARGETS) > 0.5
    several = MultiOutputRegressor(make_regressor(epochs=2)).fit(X, np.stack([TARGETS, TARGETS], 1))
    assert several.predict(X).shape == (90, 2)


def test_learning_curves() -> None:
    sizes, _, scores = learning_curve(make_classifier(epochs=2), X, LABELS, cv=2, train_sizes=[0.5, 1.0])
    assert len(sizes) == 2 and np.isfinite(scores).all()


# -- transformers and names ----------------------------------------------------------------------------


def test_transformers_of_features_and_targets() -> None:
    class Doubled(KerasRegressor):
        @property
        def feature_encoder(self) -> Any:
            return FunctionTransformer(lambda x: x * 2)

    assert Doubled(regressor, epochs=2, verbose=0).fit(X, TARGETS).predict(X).shape == (90,)
    encoder = ClassifierLabelEncoder(loss="categorical_crossentropy").fit(LABELS)
    assert encoder.transform(LABELS).shape == (90, 3) and set(encoder.get_metadata()) == {
        "classes_",
        "n_classes_",
        "n_outputs_",
        "n_outputs_expected_",
    }


def test_functional_models_with_several_inputs() -> None:
    class Split(KerasRegressor):
        @property
        def feature_encoder(self) -> Any:
            return FunctionTransformer(lambda x: [x[:, :2], x[:, 2:]])

    def two(meta: Any) -> Any:
        inputs = [keras.Input((2,)), keras.Input((2,))]
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Concatenate()(inputs)))
        model.compile("adam", "mse")
        return model

    assert Split(two, epochs=1, verbose=0).fit(X, TARGETS).predict(X).shape == (90,)


@pytest.mark.parametrize(
    "loss", ["mse", "BinaryCrossentropy", keras.losses.BinaryCrossentropy, keras.losses.Huber()]
)
def test_names_of_losses(loss: Any) -> None:
    assert loss_name(loss) in ("mean_squared_error", "binary_crossentropy", "huber")


@pytest.mark.parametrize(
    "metric", ["mse", keras.metrics.BinaryAccuracy, keras.metrics.AUC(), "binary_accuracy"]
)
def test_names_of_metrics(metric: Any) -> None:
    assert metric_name(metric) in ("mean_squared_error", "binary_accuracy", "a_u_c")
