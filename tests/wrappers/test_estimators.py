"""Models as estimators of scikit-learn: its own checks, its tools, and what `fit` makes of the arguments."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

import hilevel
from hilevel.errors import NotCompiledError, ShapeError
from hilevel.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
WEIGHTS = np.array([2.0, -1.0, 0.5])
VALUES = X @ WEIGHTS
LABELS = np.where(VALUES > 0, "up", "down")
THREE = np.digitize(VALUES, [-1, 1])
QUIET = {"epochs": 2, "verbose": 0}


def network(
    X: Any, y: Any, activation: Any = "softmax", loss: Any = "categorical_crossentropy", units: Any = None
) -> Any:
    """A network that is the same for each call, as its seed is."""
    hilevel.set_random_seed(0)
    outputs = hilevel.layers.Dense(units or y.shape[1], activation=activation)
    model = hilevel.Sequential(
        [hilevel.Input(X.shape[1:]), hilevel.layers.Dense(8, activation="tanh"), outputs]
    )
    model.compile(hilevel.optimizers.Adam(0.05), loss)
    return model


def values(X: Any, y: Any, units: int = 1) -> Any:
    return network(X, y, None, "mse", units)


def line() -> Any:
    model = hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


ALL = [
    SKLearnClassifier(network, fit_kwargs=QUIET),
    SKLearnRegressor(values, fit_kwargs=QUIET),
    SKLearnTransformer(values, fit_kwargs=QUIET),
]
TWO_COLUMNS = "decision_function has two columns for two classes, as in Keras"
EXPECTED = {
    "SKLearnClassifier": {"check_classifiers_train": TWO_COLUMNS, "check_classifiers_classes": TWO_COLUMNS}
}


def checks() -> Iterator[Any]:
    """Yield the checks of scikit-learn for each estimator, with names that are the same in each process."""
    for estimator in ALL:
        kind = type(estimator).__name__
        for number, (_, check) in enumerate(estimator_checks_generator(estimator)):
            name = getattr(check, "func", check).__name__
            why = EXPECTED.get(kind, {}).get(name)
            marks = [] if why is None else [pytest.mark.xfail(reason=why)]
            yield pytest.param(estimator, check, id=f"{kind}-{number}-{name}", marks=marks)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("estimator", "check"), list(checks()))
def test_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    with hilevel.use_backend("numpy"):
        check(estimator)


# -- what the function gets, and what predict returns ----------------------------------------------


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(object), LABELS == "up", THREE, THREE + 0.0])
def test_the_function_gets_one_hot_labels_and_predict_returns_labels(backend: Any, labels: Any) -> None:
    got = {}

    def make(X: Any, y: Any) -> Any:
        got.update(X=X, y=y)
        return network(X, y)

    classifier = SKLearnClassifier(make, fit_kwargs={"epochs": 30, "verbose": 0}).fit(X, labels)
    classes = np.unique(labels)
    np.testing.assert_array_equal(got["y"], labels[:, None] == classes)
    np.testing.assert_array_equal(classifier.classes_, classes)
    assert got["X"].dtype == got["y"].dtype == "float64" and classifier.n_features_in_ == 3
    predicted = classifier.predict(X)
    assert predicted.dtype == labels.dtype and predicted.shape == (60,)
    assert classifier.score(X, labels) == (predicted == labels).mean() > 0.9
    assert len(classifier.history_.history["loss"]) == 30 and classifier.model_.backend == backend.name


def test_decision_function_and_probabilities() -> None:
    model = SKLearnClassifier(network, fit_kwargs=QUIET).fit(X, LABELS)
    outputs = model.model_.predict(X, verbose=0)
    np.testing.assert_array_equal(model.decision_function(X), outputs)
    np.testing.assert_allclose(model.predict_proba(X), outputs, rtol=1e-6)
    sigmoid = {"activation": "sigmoid", "loss": "binary_crossentropy"}
    model = SKLearnClassifier(network, model_kwargs=sigmoid, fit_kwargs=QUIET).fit(X, LABELS)
    outputs = model.decision_function(X).astype(float)
    np.testing.assert_allclose(model.predict_proba(X), outputs / outputs.sum(1, keepdims=True))


def test_probabilities_are_there_where_the_outputs_are_some() -> None:
    classifier = SKLearnClassifier(
        network, model_kwargs={"activation": None, "loss": "mse"}, fit_kwargs=QUIET
    )
    assert not hasattr(classifier, "predict_proba")
    assert not hasattr(classifier.fit(X, LABELS), "predict_proba")
    assert hasattr(classifier.set_params(model_kwargs=None).fit(X, LABELS), "predict_proba")

    def softmax_layer(X: Any, y: Any) -> Any:
        model = network(X, y, activation=None)
        model.add(hilevel.layers.Softmax())
        model.compile("sgd", "categorical_crossentropy")
        return model

    assert SKLearnClassifier(softmax_layer, fit_kwargs=QUIET).fit(X, LABELS).predict_proba(X).shape == (60, 2)


def test_probabilities_of_a_saturated_sigmoid_are_no_nan() -> None:
    classifier = SKLearnClassifier(network, model_kwargs={"activation": "sigmoid"}, fit_kwargs=QUIET).fit(
        X, LABELS
    )
    classifier.model_.layers[-1].set_weights([np.zeros((8, 2)), np.full(2, -500.0)])
    np.testing.assert_array_equal(classifier.predict_proba(X), np.full((60, 2), 0.5))


def test_a_regressor_returns_one_number_for_each_sample(backend: Any) -> None:
    regressor = SKLearnRegressor(values, fit_kwargs={"epochs": 60, "verbose": 0}).fit(X, VALUES)
    assert regressor.predict(X).shape == (60,) and regressor.score(X, VALUES) > 0.9


def test_a_transformer_returns_the_outputs() -> None:
    two = {"units": 2, "loss": "sparse_categorical_crossentropy"}
    transformer = SKLearnTransformer(network, model_kwargs=two, fit_kwargs=QUIET)
    features = transformer.fit_transform(X, LABELS == "up")
    np.testing.assert_array_equal(features, transformer.model_.predict(X, verbose=0))
    assert transformer.get_feature_names_out().tolist() == ["sklearntransformer0", "sklearntransformer1"]
    frame = transformer.set_output(transform="pandas").transform(X)
    np.testing.assert_array_equal(frame["sklearntransformer1"], features[:, 1])


# -- the model: copies, further training -----------------------------------------------------------


def test_fit_trains_a_copy_with_new_weights_and_the_settings_of_compile() -> None:
    model = line()
    before = model.get_weights()
    regressor = SKLearnRegressor(model, fit_kwargs={"epochs": 1, "verbose": 0})
    first = regressor.fit(X, VALUES).model_
    assert first is not model and first.optimizer is not model.optimizer and first.loss == "mse"
    assert regressor.fit(X, VALUES).model_ is not first
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    assert not np.allclose(first.get_weights()[0], before[0], atol=0.2)


def test_warm_start_goes_on_with_the_model() -> None:
    model = line()
    regressor = SKLearnRegressor(model, warm_start=True, fit_kwargs={"epochs": 3, "verbose": 0})
    assert regressor.fit(X, VALUES).model_ is model
    first = regressor.history_.history["loss"][0]
    assert regressor.fit(X, VALUES).model_ is model and regressor.history_.history["loss"][-1] < first
    made = SKLearnRegressor(values, warm_start=True, fit_kwargs=QUIET).fit(X, VALUES)
    assert made.model_ is made.fit(X, VALUES).model_


def test_partial_fit_is_an_epoch_of_one_model() -> None:
    classifier = SKLearnClassifier(network, fit_kwargs={"epochs": 7, "verbose": 0})
    model = classifier.partial_fit(X[:3], ["up"] * 3, classes=["up", "down", "same"]).model_
    assert classifier.classes_.tolist() == ["down", "same", "up"]
    assert len(classifier.history_.epoch) == 1
    assert classifier.partial_fit(X, LABELS, epochs=2).model_ is model and len(classifier.history_.epoch) == 2
    with pytest.raises(ValueError, match="other"):
        classifier.partial_fit(X[:2], ["up", "other"])
    assert classifier.fit(X, LABELS).model_ is not model
    regressor = SKLearnRegressor(values, fit_kwargs=QUIET)
    model = regressor.partial_fit(X, VALUES).model_
    assert regressor.partial_fit(X, VALUES).model_ is model
    with pytest.raises(ValueError, match="features"):
        regressor.partial_fit(X[:, :2], VALUES)


def test_arguments_of_fit_replace_those_of_the_estimator() -> None:
    regressor = SKLearnRegressor(values, fit_kwargs={"epochs": 5, "verbose": 0})
    regressor.fit(X, VALUES, epochs=2, validation_split=0.25)
    assert len(regressor.history_.history["val_loss"]) == 2
    weights = np.where(X[:, 0] > 0, 1.0, 0.0)
    regressor.fit(X, np.where(weights > 0, 1.0, -1.0), epochs=60, sample_weight=weights)
    assert abs(regressor.predict(X) - 1).mean() < 0.3


# -- the tools of scikit-learn ---------------------------------------------------------------------


def test_pipelines_and_searches() -> None:
    with hilevel.use_backend("numpy"):
        pipeline = make_pipeline(
            StandardScaler(), SKLearnClassifier(network, fit_kwargs={"epochs": 20, "verbose": 0})
        )
        assert cross_val_score(pipeline, X * 100, LABELS, cv=3).mean() > 0.8
        assert cross_val_predict(pipeline, X, THREE, cv=3, method="predict_proba").shape == (60, 3)
        choices = {
            "sklearnclassifier__fit_kwargs": [{"epochs": n, "verbose": 0} for n in (0, 20)],
            "sklearnclassifier__model_kwargs": [{"activation": "softmax"}, {"activation": "sigmoid"}],
        }
        search = GridSearchCV(pipeline, choices, cv=2, error_score="raise").fit(X, LABELS)
        assert search.best_params_["sklearnclassifier__fit_kwargs"]["epochs"] == 20
        assert search.predict_proba(X).shape == (60, 2)


def test_a_transformer_before_another_estimator() -> None:
    features = SKLearnTransformer(values, model_kwargs={"units": 1}, fit_kwargs={"epochs": 60, "verbose": 0})
    pipeline = make_pipeline(features, LinearRegression()).fit(X, VALUES)
    assert pipeline.score(X, VALUES) > 0.9


@pytest.mark.parametrize("estimator", ALL, ids=lambda e: type(e).__name__)
def test_clones_and_pickles(estimator: Any) -> None:
    targets = LABELS if isinstance(estimator, SKLearnClassifier) else VALUES
    trained = clone(estimator).fit(X, targets)
    assert not hasattr(clone(trained), "model_")
    loaded = pickle.loads(pickle.dumps(trained))
    np.testing.assert_array_equal(loaded.predict(X), trained.predict(X))
    assert loaded.history_.history == trained.history_.history


def test_a_clone_has_a_model_of_its_own() -> None:
    model = line()
    copy = clone(SKLearnRegressor(model, warm_start=True, fit_kwargs=QUIET))
    before = model.get_weights()[0]
    np.testing.assert_array_equal(copy.model.get_weights()[0], before)
    copy.fit(X, VALUES)
    np.testing.assert_array_equal(model.get_weights()[0], before)


# -- errors ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: SKLearnRegressor(3).fit(X, VALUES), TypeError, "needs a model"),
        (lambda: SKLearnRegressor(lambda X, y: 3).fit(X, VALUES), TypeError, "needs a model"),
        (lambda: SKLearnRegressor(hilevel.Sequential()).fit(X, VALUES), NotCompiledError, "a loss"),
        (lambda: SKLearnRegressor(line()).predict(X), NotFittedError, "not fitted"),
        (lambda: SKLearnClassifier(line()).decision_function(X), NotFittedError, "not fitted"),
        (lambda: SKLearnTransformer(line()).transform(X), NotFittedError, "not fitted"),
        (lambda: SKLearnTransformer(line()).fit(X, None), ValueError, "requires y"),
        (lambda: SKLearnRegressor(line()).fit(X * np.nan, VALUES), ValueError, "NaN"),
        (lambda: SKLearnRegressor(line()).fit(X, X), ValueError, "1d array"),
        (lambda: SKLearnClassifier(network).fit(X, X > 0), ValueError, "1d array"),
        (lambda: SKLearnClassifier(network).fit(X, VALUES), ValueError, "continuous"),
        (lambda: SKLearnClassifier(network).fit(X, THREE * 0), ValueError, "one class"),
        (lambda: SKLearnClassifier(network, model_kwargs={"units": 5}).fit(X, THREE), ShapeError, "5"),
    ],
)
def test_errors(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_a_failed_fit_leaves_no_model() -> None:
    classifier = SKLearnClassifier(network, model_kwargs={"units": 5})
    with pytest.raises(ShapeError):
        classifier.fit(X, THREE)
    assert not hasattr(classifier, "model_")


def test_without_scikit_learn_the_message_names_the_package() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import hilevel.wrappers; hilevel.wrappers.SKLearnRegressor"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (
        "ImportError: hilevel.wrappers needs the package sklearn: pip install 'hilevel[sklearn]'"
        in run.stderr
    )
