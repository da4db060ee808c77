"""Estimators of scikit-learn that train a model. The import of this module needs scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np

from hilevel import activations, layers
from hilevel.api.optional import import_optional
from hilevel.callbacks.base import History
from hilevel.errors import NotCompiledError
from hilevel.models.clone import clone_model
from hilevel.models.model import Model

Array = np.ndarray[Any, Any]
PROBABILITIES = (activations.softmax, activations.sigmoid)
"""The activations whose values are probabilities."""


def _sklearn(module: str) -> Any:
    return import_optional(f"sklearn.{module}", "hilevel[sklearn]", "hilevel.wrappers")


base: Any = _sklearn("base")
available_if: Any = _sklearn("utils.metaestimators").available_if
multiclass: Any = _sklearn("utils.multiclass")
validation: Any = _sklearn("utils.validation")


class _Estimator(base.BaseEstimator):  # type: ignore[misc]
    """The base of the estimators: `fit` makes the model `model_` and trains it."""

    model_: Model
    history_: History
    n_features_in_: int

    def __init__(
        self,
        model: Model | Callable[..., Model],
        warm_start: bool = False,
        model_kwargs: dict[str, Any] | None = None,
        fit_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.warm_start = warm_start
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs

    def fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Train a new model, or with `warm_start` the model of the last call.

        Args:
            X: numbers of shape `(samples, features)`: an array, a list of lists or a data frame.
            y: targets of shape `(samples,)`.
            kwargs: arguments of `Model.fit`, such as `sample_weight`, in addition to `fit_kwargs`.

        Returns:
            The estimator.

        Raises:
            NotCompiledError: the model has no loss or no optimizer.
            TypeError: `model` is neither a model nor a function that returns one.
            ValueError: `X` or `y` has another shape, or a value that is missing or infinite.
        """
        return self._fit(X, y, kwargs, keep=self.warm_start)

    def partial_fit(self, X: Any, y: Any, **kwargs: Any) -> Self:
        """Train the model of the last call further, by default for one epoch. The first call makes the model.

        Args:
            X, y, kwargs: as in `fit`.

        Returns:
            The estimator.

        Raises:
            ValueError: the number of features differs from the first call.
        """
        return self._fit(X, y, {"epochs": 1, **kwargs}, keep=True)

    def predict(self, X: Any) -> Array:
        """Return the outputs of the model for numbers of shape `(samples, features)`; a single column is flattened.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: the number of features differs from `fit`.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if outputs.shape[1:] == (1,) else outputs

    def _fit(self, X: Any, y: Any, kwargs: dict[str, Any], keep: bool, classes: Any = None) -> Self:
        is_new = not (keep and hasattr(self, "model_"))
        X, y = validation.validate_data(self, X, y, reset=is_new, y_numeric=not base.is_classifier(self))
        if is_new:
            self._set_classes(y if classes is None else classes)
        targets = self._targets(y)
        model = self._new_model(X, targets) if is_new else self.model_
        self.history_ = model.fit(X, targets, **{**(self.fit_kwargs or {}), **kwargs})
        self.model_ = model
        return self

    def _new_model(self, X: Array, targets: Array) -> Model:
        model = self.model
        if isinstance(model, Model):
            model = model if self.warm_start else clone_model(model)
        elif callable(model):
            model = model(X, targets, **(self.model_kwargs or {}))
        owner = type(self).__name__
        if not isinstance(model, Model):
            raise TypeError(f"{owner} needs a model, or a function that returns a model; got {model!r}.")
        if not model.compiled or model.loss is None or model.optimizer is None:
            raise NotCompiledError(f"{owner} needs a model that is compiled with a loss and an optimizer.")
        return model

    def _set_classes(self, y: Any) -> None:
        """Store the classes of the labels; targets that are not labels have none."""

    def _targets(self, y: Array) -> Array:
        return y[:, None]

    def _outputs(self, X: Any) -> Array:
        validation.check_is_fitted(self, "model_")
        X = validation.validate_data(self, X, reset=False)
        return np.asarray(self.model_.predict(X, verbose=0))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = True
        tags.target_tags.required = True
        return tags


def _gives_probabilities(classifier: SKLearnClassifier) -> bool:
    """Return True if the trained model ends with a softmax or a sigmoid."""
    last = classifier.model_.layers[-1]
    return isinstance(last, layers.Softmax) or getattr(last, "activation", None) in PROBABILITIES


class SKLearnClassifier(base.ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A classifier of scikit-learn that trains a model on one-hot labels.

    Args:
        model: a compiled model with one output for each class, of which `fit` trains a copy with new weights. Or a
            function `(X, y, **model_kwargs)` that returns a compiled model. `y` has the shape `(samples, classes)`.
        warm_start: whether `fit` trains `model` itself, and trains the same model further when it is called again.
        model_kwargs: keyword arguments of the function; by default none.
        fit_kwargs: arguments of `Model.fit`, such as `{"epochs": 10}`; by default none.

    `fit` sets `model_`, the trained model, `history_`, the `History` of the last training, `classes_`, the labels of
    the outputs, and `n_features_in_`, the number of features.

    Source: scikit-learn, "Developing scikit-learn estimators".

    >>> import hilevel
    >>> def make(X, y, units=8):
    ...     hilevel.set_random_seed(0)
    ...     layers = [hilevel.layers.Dense(units, "relu"), hilevel.layers.Dense(y.shape[1], "softmax")]
    ...     model = hilevel.Sequential([hilevel.Input(X.shape[1:]), *layers])
    ...     model.compile(hilevel.optimizers.Adam(0.1), "categorical_crossentropy")
    ...     return model
    >>> X, y = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), ["no", "yes", "yes", "no"]
    >>> classifier = hilevel.wrappers.SKLearnClassifier(make, fit_kwargs={"epochs": 100, "verbose": 0})
    >>> classifier.fit(X, y).predict(X).tolist()
    ['no', 'yes', 'yes', 'no']
    """

    classes_: Array

    def partial_fit(self, X: Any, y: Any, classes: Any = None, **kwargs: Any) -> Self:
        """Train the model of the last call further, by default for one epoch. The first call makes the model.

        Args:
            X, y, kwargs: as in `fit`.
            classes: all labels, needed at the first call if `y` does not contain them all.

        Returns:
            The estimator.

        Raises:
            ValueError: the number of features differs from the first call, or a label is new.
        """
        return self._fit(X, y, {"epochs": 1, **kwargs}, keep=True, classes=classes)

    def predict(self, X: Any) -> Array:
        """Return the labels of the largest outputs, of shape `(samples,)`.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: the number of features differs from `fit`.
        """
        largest = self._outputs(X).argmax(axis=-1)
        return self.classes_[largest]

    @available_if(_gives_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes, of shape `(samples, classes)`; each row has the sum 1.

        A trained classifier has this method if its model ends with a softmax or a sigmoid. Outputs of a sigmoid are
        divided by the sum of their row.

        Raises:
            AttributeError: `fit` was not called, or the model ends with another activation.
            ValueError: the number of features differs from `fit`.
        """
        outputs = self._outputs(X).astype(float)
        positive = np.maximum(outputs, np.finfo(float).tiny)
        return positive / positive.sum(axis=-1, keepdims=True)

    def decision_function(self, X: Any) -> Array:
        """Return the outputs of the model, of shape `(samples, classes)`, also for two classes.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: the number of features differs from `fit`.
        """
        return self._outputs(X)

    def _set_classes(self, y: Any) -> None:
        multiclass.check_classification_targets(y)
        self.classes_ = np.unique(y)
        if len(self.classes_) < 2:
            raise ValueError("SKLearnClassifier can't train when only one class is present.")

    def _targets(self, y: Array) -> Array:
        one_hot = y[:, None] == self.classes_
        if not one_hot.any(axis=-1).all():
            new = np.setdiff1d(y, self.classes_)
            raise ValueError(
                f"The labels {new} are not among the classes of the first call, {self.classes_}."
            )
        return one_hot.astype(float)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = True
        return tags


class SKLearnRegressor(base.RegressorMixin, _Estimator):  # type: ignore[misc]
    """A regressor of scikit-learn that trains a model on one target for each sample.

    Args:
        model: a compiled model with one output, of which `fit` trains a copy with new weights. Or a function
            `(X, y, **model_kwargs)` that returns a compiled model. `y` has the shape `(samples, 1)`.
        warm_start: whether `fit` trains `model` itself, and trains the same model further when it is called again.
        model_kwargs: keyword arguments of the function; by default none.
        fit_kwargs: arguments of `Model.fit`, such as `{"epochs": 10}`; by default none.

    `fit` sets `model_`, the trained model, `history_`, the `History` of the last training, and `n_features_in_`, the
    number of features.

    Source: scikit-learn, "Developing scikit-learn estimators".

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((1,)), hilevel.layers.Dense(1)])
    >>> model.compile(hilevel.optimizers.SGD(0.1), "mse")
    >>> regressor = hilevel.wrappers.SKLearnRegressor(model, fit_kwargs={"epochs": 200, "verbose": 0})
    >>> regressor.fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]).predict([[3.0]]).round(1)
    array([7.], dtype=float32)
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


class SKLearnTransformer(base.ClassNamePrefixFeaturesOutMixin, base.TransformerMixin, _Estimator):  # type: ignore[misc]
    """A transformer of scikit-learn that trains a model, whose outputs are the new features.

    Args:
        model: a compiled model, of which `fit` trains a copy with new weights. Or a function
            `(X, y, **model_kwargs)` that returns a compiled model. `y` has the shape `(samples, 1)`.
        warm_start: whether `fit` trains `model` itself, and trains the same model further when it is called again.
        model_kwargs: keyword arguments of the function; by default none.
        fit_kwargs: arguments of `Model.fit`, such as `{"epochs": 10}`; by default none.

    `fit` sets `model_`, the trained model, `history_`, the `History` of the last training, and `n_features_in_`, the
    number of features.

    Source: scikit-learn, "Developing scikit-learn estimators".

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(2, "softmax")])
    >>> model.compile("sgd", "sparse_categorical_crossentropy")
    >>> transformer = hilevel.wrappers.SKLearnTransformer(model, fit_kwargs={"verbose": 0})
    >>> transformer.fit_transform(np.ones((4, 3)), [0, 0, 1, 1]).shape
    (4, 2)
    >>> transformer.get_feature_names_out().tolist()
    ['sklearntransformer0', 'sklearntransformer1']
    """

    def transform(self, X: Any) -> Array:
        """Return the outputs of the model for numbers of shape `(samples, features)`.

        Raises:
            NotFittedError: `fit` was not called.
            ValueError: the number of features differs from `fit`.
        """
        return self._outputs(X)

    @property
    def _n_features_out(self) -> int:
        return self.model_.compute_output_shape((None, self.n_features_in_))[-1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags
