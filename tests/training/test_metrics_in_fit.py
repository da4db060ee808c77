"""Every metric in `compile`: in `fit` with validation, in `evaluate`, against the metric called by hand."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, metrics, ops

RNG = np.random.default_rng(3)
X = RNG.normal(size=(20, 4)).astype("float32")
LABELS = RNG.integers(0, 3, 20)
TARGETS: dict[str, tuple[Any, int, str]] = {
    "binary": ((X[:, :1] > 0).astype("float32"), 1, "sigmoid"),
    "one-hot": (np.eye(3, dtype="float32")[LABELS], 3, "softmax"),
    "labels": (LABELS, 3, "softmax"),
    "pixels": (RNG.integers(0, 2, (20, 3)).astype("float32"), 3, "sigmoid"),
}
KIND = {
    **dict.fromkeys(["F1Score", "FBetaScore", "CategoricalAccuracy", "CategoricalCrossentropy"], "one-hot"),
    **dict.fromkeys(
        ["PearsonCorrelation", "TopKCategoricalAccuracy", "OneHotIoU", "OneHotMeanIoU", "CategoricalHinge"],
        "one-hot",
    ),
    **dict.fromkeys(["SparseCategoricalAccuracy", "SparseCategoricalCrossentropy"], "labels"),
    **dict.fromkeys(["SparseTopKCategoricalAccuracy"], "labels"),
    **dict.fromkeys(["BinaryIoU", "IoU", "MeanIoU"], "pixels"),
}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "BinaryIoU": {"target_class_ids": [0, 1]},
    "IoU": {"num_classes": 2, "target_class_ids": [1]},
    "MeanIoU": {"num_classes": 2},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.3},
    "RecallAtPrecision": {"precision": 0.3},
    "SensitivityAtSpecificity": {"specificity": 0.3},
    "SpecificityAtSensitivity": {"sensitivity": 0.3},
    "MeanMetricWrapper": {"fn": metrics.huber},
    "TopKCategoricalAccuracy": {"k": 2},
    "SparseTopKCategoricalAccuracy": {"k": 2},
}
# `Metric` is the base. `Mean` and `Sum` take values, not targets and predictions.
CLASSES = sorted(
    name for name in metrics.__all__
    if inspect.isclass(getattr(metrics, name)) and name not in ("Metric", "Mean", "Sum")
)  # fmt: skip


class Largest(metrics.Metric):
    """A metric of a user, which reads its Variable by `.value`."""

    def __init__(self, name: str = "largest", dtype: Any = None) -> None:
        super().__init__(dtype=dtype, name=name)
        self.seen = self.add_weight(name="seen")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.seen.assign(ops.maximum(self.seen.value, ops.max(y_pred)))

    def result(self) -> Any:
        return self.seen.value


def make(name: str) -> Any:
    return Largest() if name == "own" else getattr(metrics, name)(**ARGUMENTS.get(name, {}))


@pytest.mark.parametrize("eagerly", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", [*CLASSES, "own"])
def test_every_metric(name: str, eagerly: bool, backend: Any) -> None:
    y, units, activation = TARGETS[KIND.get(name, "binary")]
    hilevel.set_random_seed(1)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(units, activation=activation)])
    metric = make(name)
    loss = "mse" if y.ndim > 1 else "sparse_categorical_crossentropy"
    model.compile(hilevel.optimizers.SGD(0.0), loss, metrics=[metric], run_eagerly=eagerly)
    size = 10 if backend.name == "jax" else 8  # JAX compiles the steps for each size of a batch
    history = model.fit(
        X, y, batch_size=size, epochs=2, shuffle=False, verbose=0, validation_data=(X, y)
    ).history
    predictions = model.predict(X, verbose=0)
    with hilevel.use_backend("numpy"):
        by_hand = make(name)
        by_hand.update_state(y, predictions)
        wanted = np.asarray(by_hand.result())
    found = [*history[metric.name], *history[f"val_{metric.name}"]]
    found.append(model.evaluate(X, y, batch_size=size, verbose=0, return_dict=True)[metric.name])
    for value in found:
        np.testing.assert_allclose(
            value, wanted.reshape(()) if wanted.size == 1 else wanted, rtol=1e-5, atol=1e-6
        )
        assert isinstance(value, float) or (wanted.size > 1 and value.shape == wanted.shape)


def test_several_numbers_are_an_array_in_the_history(backend: Any) -> None:
    y = TARGETS["one-hot"][0]
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "mse", metrics=[metrics.F1Score()])
    history = model.fit(X, y, verbose=0).history
    assert history["f1_score"][0].shape == (3,)


def test_a_value_of_one_element_is_a_number(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "mse", metrics=[metrics.TruePositives(thresholds=[0.5], name="hits")])
    assert isinstance(model.fit(X, TARGETS["binary"][0], verbose=0).history["hits"][0], float)


def test_targets_of_one_axis_of_r2_score(backend: Any) -> None:
    y = X[:, 0]
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metrics.R2Score(name="r2")])
    r2 = model.fit(X, y, verbose=0, validation_data=(X, y)).history["val_r2"][0]
    residual = model.predict(X, verbose=0)[:, 0] - y
    np.testing.assert_allclose(r2, 1 - (residual**2).sum() / ((y - y.mean()) ** 2).sum(), rtol=1e-4)


class Counting(layers.Layer):
    """A layer of a user, which reads its Variable by `.value`."""

    def build(self, shape: Any) -> None:
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def call(self, inputs: Any) -> Any:
        self.count.assign(self.count.value + 1)
        return inputs * ops.cast(self.count.value > 0, "float32")


def test_a_layer_that_reads_the_value_of_a_variable(backend: Any) -> None:
    counting = Counting()
    model = hilevel.Sequential([layers.Input((4,)), counting, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=10, verbose=0)
    assert float(counting.count) == 2


def test_a_step_that_needs_numbers_runs_eagerly(backend: Any) -> None:
    class Looks(hilevel.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)
            self.means: list[float] = []

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

        def train_step(self, data: Any) -> Any:
            self.means.append(float(np.mean(ops.convert_to_numpy(data[0]))))
            return super().train_step(data)

    model = Looks()
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=10, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(model.means, [X[:10].mean(), X[10:].mean()] * 2, rtol=1e-5)
