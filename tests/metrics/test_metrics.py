"""Metrics: values against Keras, state inside compiled functions, errors, configs, the public names."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import metrics, ops
from hilevel.errors import ShapeError, UnknownNameError, VariableCreationError

TABLE = json.loads((Path(__file__).parents[1] / "data" / "losses_metrics.json").read_text())
DATA = {k: np.array(v["values"], v["dtype"]) for k, v in TABLE["data"].items()}
CASES = TABLE["metrics"]
CLASSES = sorted(n for n in metrics.__all__ if inspect.isclass(getattr(metrics, n)))
ARGUMENTS: dict[str, dict[str, Any]] = {
    "IoU": {"num_classes": 3, "target_class_ids": [1]},
    "MeanIoU": {"num_classes": 3, "ignore_class": 2},
    "OneHotIoU": {"num_classes": 3, "target_class_ids": [0, 2]},
    "OneHotMeanIoU": {"num_classes": 3},
    "PrecisionAtRecall": {"recall": 0.3},
    "RecallAtPrecision": {"precision": 0.3},
    "SensitivityAtSpecificity": {"specificity": 0.3},
    "SpecificityAtSensitivity": {"sensitivity": 0.3},
    "MeanMetricWrapper": {"fn": metrics.huber, "delta": 2.0},
    "AUC": {"thresholds": [0.25, 0.5], "label_weights": [1.0, 2.0], "curve": "PR"},
    "SparseTopKCategoricalAccuracy": {"k": 3, "from_sorted_ids": True},
    "CosineSimilarity": {"axis": 1},
    "Precision": {"thresholds": [0.1, 0.2], "top_k": 2, "class_id": 1},
    "FBetaScore": {"beta": 2.0, "average": "macro"},
}


def ident(case: dict[str, Any]) -> str:
    return f"{case['name']}-{case['kwargs']}-{case['y_true']}-{case['weights']}"


def batches(case: dict[str, Any]) -> list[list[Any]]:
    names = (case["y_true"], case["y_pred"], case["weights"])
    return [[None if n is None else DATA[n][part] for n in names] for part in (slice(3), slice(3, 6))]


def check(value: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(value), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    ("name", "case"),
    [("numpy", c) for c in CASES] + [("jax", c) for c in CASES[::4]],
    ids=lambda x: x if isinstance(x, str) else ident(x),
)
def test_values_are_those_of_keras(name: str, case: dict[str, Any]) -> None:
    pytest.importorskip(name)
    with hilevel.use_backend(name):
        metric = getattr(metrics, case["name"])(**case["kwargs"])
        for part in batches(case):
            metric.update_state(*part)
        check(metric.result(), case["expected"])


@pytest.mark.parametrize("case", CASES[::5], ids=ident)
def test_inside_a_compiled_step(case: dict[str, Any], backend: Any) -> None:
    metric = getattr(metrics, case["name"])(**case["kwargs"])
    metric.build(DATA[case["y_true"]].shape, DATA[case["y_pred"]].shape)
    step = hilevel.jit(lambda *args: metric(*args))
    for _ in range(2):
        metric.reset_state()
        for part in batches(case):
            value = step(*part)
        check(value, case["expected"])


@pytest.mark.parametrize("case", CASES[::9], ids=ident)
def test_stateless(case: dict[str, Any], backend: Any) -> None:
    metric = getattr(metrics, case["name"])(**case["kwargs"])
    metric.build(DATA[case["y_true"]].shape, DATA[case["y_pred"]].shape)
    state = metric.stateless_reset_state()
    for part in batches(case):
        state = metric.stateless_update_state(state, *part)
    check(metric.stateless_result(state), case["expected"])
    assert all(not v.numpy().any() for v in metric.variables)
    with pytest.raises(ValueError, match="variables"):
        metric.stateless_result([*state, 1.0])


@pytest.mark.parametrize("values", [2.0, [1.0, 3.0], np.arange(6.0).reshape(2, 3)])
def test_mean_and_sum(values: Any, backend: Any) -> None:
    for cls, judge in ((metrics.Mean, np.mean), (metrics.Sum, np.sum)):
        metric = cls()
        metric.update_state(values)
        check(metric.result(), judge(values))
    weights = np.array([1.0, 3.0])
    if np.ndim(values):
        rows = np.asarray(values).reshape(2, -1)
        check(metrics.Mean()(values, weights), np.average(rows.mean(1), weights=weights))
        check(metrics.Sum()(values, weights), (rows.sum(1) * weights).sum())


def test_reset(backend: Any) -> None:
    metric = metrics.Mean()
    assert float(metric.result()) == 0
    metric.update_state([4.0])
    metric.reset_state()
    metric.update_state([1.0, 2.0])
    assert float(metric.result()) == 1.5


def test_state_of_metrics_in_attributes(backend: Any) -> None:
    class Two(metrics.Metric):
        def __init__(self) -> None:
            super().__init__()
            self.parts = [metrics.Mean(), metrics.Sum()]
            self.own = self.add_weight((2,), initializer=ops.ones, name="own")

    two = Two()
    assert [v.name for v in two.variables] == ["own", "total", "count", "total"]
    assert not any(v.trainable for v in two.variables)
    two.reset_state()
    assert not two.own.numpy().any()


# -- errors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "true", "pred"),
    [
        (metrics.Accuracy, (8,), (8, 3)),
        (metrics.BinaryAccuracy, (8, 1), (8, 3)),
        (metrics.CategoricalAccuracy, (8,), (8, 3)),
        (metrics.SparseCategoricalAccuracy, (8, 3), (8, 3)),
        (metrics.TopKCategoricalAccuracy, (8, 1), (8, 3)),
        (metrics.SparseTopKCategoricalAccuracy, (7,), (8, 3)),
        (metrics.MeanSquaredError, (8, 1), (8, 3)),
        (metrics.RootMeanSquaredError, (8, 1), (8, 3)),
        (metrics.R2Score, (8, 1), (8, 3)),
        (metrics.F1Score, (8, 1), (8, 3)),
        (metrics.F1Score, (8,), (8,)),
        (metrics.Precision, (8, 1), (8, 3)),
        (metrics.AUC, (8,), (8, 3)),
        (lambda: metrics.AUC(multi_label=True), (8,), (8,)),
        (lambda: metrics.MeanIoU(3), (8,), (7,)),
        (lambda: metrics.Precision(class_id=0), (8,), (8,)),
        (lambda: metrics.PrecisionAtRecall(0.5, class_id=0), (8,), (8,)),
    ],
)
def test_shapes_that_do_not_agree(metric: Any, true: Any, pred: Any, backend: Any) -> None:
    with pytest.raises(ShapeError):
        metric()(np.ones(true, "int32"), np.ones(pred, "float32"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.AUC(curve="ROCK"), "`curve` must be one of 'ROC', 'PR', 'PRGAIN'; got 'ROCK'"),
        (lambda: metrics.AUC(summation_method="x"), "`summation_method`"),
        (lambda: metrics.AUC(num_thresholds=1), "`num_thresholds` must be at least 2"),
        (lambda: metrics.AUC(num_labels=3), "`num_labels`"),
        (lambda: metrics.Precision(thresholds=[0.5, 1.5]), "`thresholds` must be between 0 and 1"),
        (lambda: metrics.PrecisionAtRecall(2.0), "`recall`"),
        (lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0), "`num_thresholds`"),
        (lambda: metrics.F1Score(average="mean"), "`average`"),
        (lambda: metrics.F1Score(threshold=2.0), "`threshold`"),
        (lambda: metrics.FBetaScore(beta=1), "`beta` must be a float"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "`class_aggregation`"),
        (lambda: metrics.R2Score(num_regressors=-1), "`num_regressors`"),
        (lambda: metrics.IoU(2, [2]), "`target_class_ids`"),
    ],
)
def test_bad_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_float_weights_of_integer_counts_are_warned_of() -> None:
    with pytest.warns(UserWarning, match='Give it dtype="float32"'):
        metrics.MeanIoU(2)(np.array([0, 1]), np.array([0, 1]), np.array([0.5, 1.0]))


def test_shapes_have_to_be_known_before_compiling() -> None:
    metric = metrics.F1Score()
    with pytest.raises(VariableCreationError, match="build"):
        hilevel.jit(lambda a, b: metric(a, b))(DATA["onehot"], DATA["probs"])


@pytest.mark.parametrize(
    ("true", "pred", "expected"), [([1.0, 1.0], [1.0, 1.0], np.nan), ([1.0, 1.0], [0.0, 1.0], 0.0)]
)
def test_r2_of_constant_targets(true: Any, pred: Any, expected: float, backend: Any) -> None:
    value = metrics.R2Score()(np.array(true)[:, None], np.array(pred)[:, None])
    np.testing.assert_equal(float(value), expected)


# -- names and configs -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in CLASSES if n != "Metric"])
def test_config_round_trip(name: str) -> None:
    cls = getattr(metrics, name)
    metric = cls(**ARGUMENTS.get(name, {}), name="mine", dtype="float64")
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(again) is cls and again.get_config() == metric.get_config()
    assert (again.name, again.dtype) == ("mine", "float64")
    for key, value in ARGUMENTS.get(name, {}).items():
        assert metric.get_config()[key] == (value.__name__ if callable(value) else value)


def test_get() -> None:
    assert metrics.get(None) is None
    assert type(metrics.get("accuracy")) is metrics.Accuracy
    assert type(metrics.get("mse")) is metrics.MeanSquaredError
    assert type(metrics.get("mean_absolute_error")) is metrics.MeanAbsoluteError
    with pytest.raises(UnknownNameError, match='Did you mean "precision"'):
        metrics.get("precison")


@pytest.mark.parametrize(
    ("name", "true", "pred", "cls"),
    [
        ("accuracy", (None, 1), (None, 1), metrics.BinaryAccuracy),
        ("acc", (None,), (None, 4), metrics.SparseCategoricalAccuracy),
        ("acc", (None, 1), (None, 4), metrics.SparseCategoricalAccuracy),
        ("acc", (None, 4), (None, 4), metrics.CategoricalAccuracy),
        ("ce", (None,), (None, 4), metrics.SparseCategoricalCrossentropy),
        ("mse", (None, 4), (None, 4), metrics.MeanSquaredError),
        ("huber", (None, 4), (None, 4), metrics.MeanMetricWrapper),
    ],
)
def test_resolve(name: str, true: Any, pred: Any, cls: Any) -> None:
    metric = metrics.resolve(name, true, pred)
    assert type(metric) is cls and metric.name == name


def test_resolve_takes_functions_objects_and_the_logits_of_the_loss() -> None:
    def far(y_true: Any, y_pred: Any) -> Any:
        return ops.abs(y_true - y_pred)

    wrapped = metrics.resolve(far, (None,), (None,))
    assert wrapped is not None and wrapped.name == "far"
    mean = metrics.Mean()
    assert metrics.resolve(mean, (None,), (None,)) is mean
    loss = hilevel.losses.CategoricalCrossentropy(from_logits=True)
    assert metrics.resolve("ce", (None, 4), (None, 4), loss).from_logits


@pytest.mark.parametrize(
    ("labels", "predictions"), [((2, 1), (1, 2, 3)), ((1, 2), (2, 1, 3)), ((2,), (2, 1, 3))]
)
def test_labels_may_differ_by_axes_of_size_one(labels: Any, predictions: Any, backend: Any) -> None:
    y, scores = (
        np.array([2, 0]).reshape(labels),
        np.array([0.1, 0.2, 0.7] * 2, "float32").reshape(predictions),
    )
    assert float(metrics.SparseCategoricalAccuracy()(y, scores)) == 0.5
    assert float(metrics.SparseTopKCategoricalAccuracy(k=2)(y, scores)) == 0.5


def test_an_array_is_an_initializer(backend: Any) -> None:
    class Own(metrics.Mean):
        def __init__(self) -> None:
            super().__init__()
            self.start = self.add_weight((2,), np.array([1.0, 2.0], "float32"))

    assert Own().start.numpy().tolist() == [1.0, 2.0]
