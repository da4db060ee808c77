"""Writes losses_metrics.json: what Keras 3.15.1 says of losses and metrics, for small fixed inputs.

Run with Keras installed: `KERAS_BACKEND=jax python tests/data/make_losses_metrics.py`
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

rng = np.random.default_rng(7)


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def normal(*shape: int) -> np.ndarray:
    return rng.normal(size=shape)


labels = np.array([0, 3, 1, 2, 3, 0])
steps = rng.integers(0, 4, (6, 5))
columns = rng.integers(0, 4, (6, 3))
vectors = normal(6, 4)
DATA: dict[str, np.ndarray] = {
    "real": normal(6, 4),
    "real2": normal(6, 4),
    "flat": normal(6),
    "column": normal(6, 1),
    "positive": rng.uniform(0.1, 3, (6, 4)),
    "counts": rng.integers(0, 5, (6, 4)),
    "probs": softmax(normal(6, 4)),
    "dist": softmax(normal(6, 4)),
    "logits": 2 * normal(6, 4),
    "labels": labels,
    "labels_column": labels[:, None],
    "labels_holes": np.array([0, -1, 1, 2, -1, 0]),
    "onehot": np.eye(4)[labels],
    "steps": steps,
    "steps_onehot": np.eye(4)[steps],
    "steps_logits": normal(6, 5, 4),
    "steps_probs": softmax(normal(6, 5, 4)),
    "first_onehot": np.moveaxis(np.eye(4)[columns], -1, 1),
    "first_probs": softmax(normal(6, 4, 3), axis=1),
    "yes": rng.integers(0, 2, (6, 3)),
    "yes_probs": rng.uniform(0, 1, (6, 3)).round(2),
    "yes_logits": 2 * normal(6, 3),
    "yes_flat": np.array([0, 1, 1, 0, 1, 0]),
    "yes_flat_probs": np.array([0.1, 0.9, 0.4, 0.6, 1.0, 0.0]),
    "ids": np.array([[0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 0, 1], [0, 2, 1, 3], [1, 0, 2, 3], [1, 0, 3, 2]]),
    "signs": np.sign(normal(6, 4)),
    "unit": vectors / np.linalg.norm(vectors, axis=-1, keepdims=True),
    "predicted": np.array([0, 3, 2, 2, 1, 0]),
    "spoken": np.array([[1, 2], [2, 2], [3, 0], [1, 3], [0, 0], [3, 1]]),
    "speech": normal(6, 5, 4),
    "weights": np.array([1.0, 0.5, 2.0, 0.0, 1.5, 3.0]),
    "weights_column": np.array([[1.0], [0.5], [2.0], [0.0], [1.5], [3.0]]),
    "weights_steps": rng.uniform(0, 2, (6, 5)),
    "weights_int": np.array([1, 2, 1, 0, 1, 3]),
}
DATA = {k: v.astype("int32" if v.dtype.kind == "i" else "float32") for k, v in DATA.items()}

SMOOTH = {"label_smoothing": 0.2}
LOGITS = {"from_logits": True}
LOSSES: list[tuple[str, dict[str, Any], str, str]] = [
    *((name, {}, "real", "real2") for name in (
        "MeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError", "LogCosh", "Huber",
        "CosineSimilarity",
    )),
    ("MeanSquaredError", {}, "flat", "column"),
    ("MeanAbsoluteError", {}, "column", "flat"),
    ("MeanSquaredLogarithmicError", {}, "positive", "real"),
    ("Huber", {"delta": 0.3}, "real", "real2"),
    ("CosineSimilarity", {"axis": 1}, "steps_logits", "steps_probs"),
    ("Hinge", {}, "signs", "real"),
    ("Hinge", {}, "yes", "yes_logits"),
    ("SquaredHinge", {}, "signs", "real"),
    ("SquaredHinge", {}, "yes", "yes_logits"),
    ("CategoricalHinge", {}, "onehot", "logits"),
    ("Poisson", {}, "counts", "positive"),
    ("KLDivergence", {}, "dist", "probs"),
    ("CategoricalCrossentropy", {}, "onehot", "probs"),
    ("CategoricalCrossentropy", LOGITS, "onehot", "logits"),
    ("CategoricalCrossentropy", LOGITS | SMOOTH, "onehot", "logits"),
    ("CategoricalCrossentropy", {"axis": 1}, "first_onehot", "first_probs"),
    ("CategoricalCrossentropy", LOGITS, "steps_onehot", "steps_logits"),
    ("CategoricalFocalCrossentropy", {}, "onehot", "probs"),
    ("CategoricalFocalCrossentropy", LOGITS | SMOOTH | {"gamma": 1.5, "alpha": 0.4}, "onehot", "logits"),
    ("SparseCategoricalCrossentropy", {}, "labels", "probs"),
    ("SparseCategoricalCrossentropy", {}, "labels_column", "probs"),
    ("SparseCategoricalCrossentropy", LOGITS, "labels", "logits"),
    ("SparseCategoricalCrossentropy", LOGITS | {"ignore_class": -1}, "labels_holes", "logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 3}, "labels_column", "probs"),
    ("SparseCategoricalCrossentropy", LOGITS, "steps", "steps_logits"),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.7}, "labels", "probs"),
    ("BinaryCrossentropy", {}, "yes", "yes_probs"),
    ("BinaryCrossentropy", LOGITS | SMOOTH, "yes", "yes_logits"),
    ("BinaryCrossentropy", {"axis": 0}, "yes", "yes_probs"),
    ("BinaryFocalCrossentropy", {}, "yes", "yes_probs"),
    ("BinaryFocalCrossentropy", LOGITS | SMOOTH | {"apply_class_balancing": True}, "yes", "yes_logits"),
    ("Dice", {}, "yes", "yes_probs"),
    ("Dice", {"axis": 1}, "yes", "yes_probs"),
    ("Tversky", {"alpha": 0.3, "beta": 0.7}, "yes", "yes_probs"),
    ("Tversky", {"axis": 1}, "yes", "yes_probs"),
    ("CTC", {}, "spoken", "speech"),
    ("Circle", {"gamma": 4.0}, "labels", "unit"),
    ("Circle", {"gamma": 4.0, "remove_diagonal": False, "margin": 0.2}, "labels", "unit"),
]  # fmt: skip
REDUCTIONS = ["sum_over_batch_size", "mean", "mean_with_sample_weight", "sum", "none"]

AT = {"num_thresholds": 20}
CURVES = [
    {"curve": c, "summation_method": s, **AT}
    for c in ("ROC", "PR", "PRGAIN")
    for s in ("interpolation", "majoring", "minoring")
]
METRICS: list[tuple[str, dict[str, Any], str, str]] = [
    *((name, {}, "real", "real2") for name in (
        "MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError", "MeanAbsolutePercentageError",
        "LogCoshError", "CosineSimilarity", "PearsonCorrelation", "ConcordanceCorrelation", "R2Score",
    )),
    ("RootMeanSquaredError", {}, "flat", "column"),
    ("CosineSimilarity", {"axis": 1}, "steps_logits", "steps_probs"),
    ("MeanSquaredLogarithmicError", {}, "positive", "real"),
    ("R2Score", {"class_aggregation": None}, "real", "real2"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "real", "real2"),
    ("R2Score", {"num_regressors": 2}, "real", "real2"),
    ("Hinge", {}, "signs", "real"),
    ("SquaredHinge", {}, "yes", "yes_logits"),
    ("CategoricalHinge", {}, "onehot", "logits"),
    ("KLDivergence", {}, "dist", "probs"),
    ("Poisson", {}, "counts", "positive"),
    ("BinaryCrossentropy", {}, "yes", "yes_probs"),
    ("BinaryCrossentropy", LOGITS | SMOOTH, "yes", "yes_logits"),
    ("CategoricalCrossentropy", {}, "onehot", "probs"),
    ("CategoricalCrossentropy", LOGITS | SMOOTH, "onehot", "logits"),
    ("SparseCategoricalCrossentropy", {}, "labels", "probs"),
    ("SparseCategoricalCrossentropy", LOGITS, "steps", "steps_logits"),
    ("SparseCategoricalCrossentropy", LOGITS | {"ignore_class": -1}, "labels_holes", "logits"),
    ("Accuracy", {}, "labels", "predicted"),
    ("Accuracy", {}, "labels_column", "predicted"),
    ("BinaryAccuracy", {}, "yes", "yes_probs"),
    ("BinaryAccuracy", {"threshold": 0.0}, "yes", "yes_logits"),
    ("BinaryAccuracy", {}, "yes_flat", "yes_flat_probs"),
    ("CategoricalAccuracy", {}, "onehot", "probs"),
    ("CategoricalAccuracy", {}, "steps_onehot", "steps_probs"),
    ("SparseCategoricalAccuracy", {}, "labels", "probs"),
    ("SparseCategoricalAccuracy", {}, "labels_column", "logits"),
    ("SparseCategoricalAccuracy", {}, "steps", "steps_logits"),
    ("TopKCategoricalAccuracy", {"k": 2}, "onehot", "probs"),
    ("TopKCategoricalAccuracy", {"k": 2}, "steps_onehot", "steps_probs"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "labels", "probs"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "labels_column", "probs"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "steps", "steps_logits"),
    ("SparseTopKCategoricalAccuracy", {"k": 2, "from_sorted_ids": True}, "labels", "ids"),
    *((name, kwargs, *pair) for name in (
        "TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives", "Precision", "Recall",
    ) for kwargs, *pair in (
        ({}, "yes_flat", "yes_flat_probs"),
        ({}, "yes", "yes_probs"),
        ({"thresholds": [0.2, 0.7]}, "yes", "yes_probs"),
        ({"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "yes_flat", "yes_flat_probs"),
    )),
    *((name, kwargs, "onehot", "probs") for name in ("Precision", "Recall") for kwargs in (
        {"top_k": 2}, {"class_id": 3}, {"top_k": 2, "class_id": 0}, {"top_k": 1, "thresholds": 0.4},
    )),
    *((name, {key: 0.5, **AT}, *pair) for name, key in (
        ("SensitivityAtSpecificity", "specificity"), ("SpecificityAtSensitivity", "sensitivity"),
        ("PrecisionAtRecall", "recall"), ("RecallAtPrecision", "precision"),
    ) for pair in (("yes", "yes_probs"), ("yes_flat", "yes_flat_probs"))),
    ("PrecisionAtRecall", {"recall": 0.5, "num_thresholds": 1}, "yes", "yes_probs"),
    ("RecallAtPrecision", {"precision": 0.2, "class_id": 1}, "onehot", "probs"),
    *(("AUC", curve, "yes", "yes_probs") for curve in CURVES),
    ("AUC", {}, "yes_flat", "yes_flat_probs"),
    ("AUC", LOGITS, "yes", "yes_logits"),
    ("AUC", {"thresholds": [0.2, 0.3, 0.9]}, "yes", "yes_probs"),
    ("AUC", {"thresholds": [0.2, 0.3, 0.9], "multi_label": True}, "yes", "yes_probs"),
    ("AUC", {"multi_label": True, **AT}, "yes", "yes_probs"),
    ("AUC", {"multi_label": True, "curve": "PR", "label_weights": [1.0, 2.0, 0.5], **AT}, "yes", "yes_probs"),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5], **AT}, "yes", "yes_probs"),
    *((name, {"average": average, "threshold": threshold, **extra}, "onehot", "probs")
      for name, extra in (("F1Score", {}), ("FBetaScore", {"beta": 2.0}))
      for average in (None, "micro", "macro", "weighted") for threshold in (None, 0.3)),
    ("MeanIoU", {"num_classes": 4}, "labels", "predicted"),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 3, "dtype": "float32"}, "labels", "predicted"),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 3]}, "labels_column", "predicted"),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 1], "sparse_y_pred": False}, "labels", "probs"),
    ("BinaryIoU", {}, "yes", "yes_probs"),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.3}, "yes_flat", "yes_flat_probs"),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [0, 3]}, "onehot", "probs"),
    ("OneHotMeanIoU", {"num_classes": 4}, "steps_onehot", "steps_probs"),
]  # fmt: skip
WHOLE_WEIGHTS = ("MeanIoU", "IoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")
WEIGHTS = {(): "weights", (6,): "weights", (6, 5): "weights_steps"}


def case(name: str, kwargs: Any, y_true: str, y_pred: str, weights: str | None, value: Any) -> Any:
    numbers = np.vmap(lambda x: float(f"{x:.8g}"))(np.asarray(value, "float64")).tolist()
    return {
        "name": name, "kwargs": kwargs, "y_true": y_true, "y_pred": y_pred, "weights": weights,
        "expected": numbers,
    }  # fmt: skip


def loss_cases() -> list[dict[str, Any]]:
    cases = []
    for name, kwargs, y_true, y_pred in LOSSES:
        cls = getattr(keras.losses, name)
        shape = cls(**kwargs, reduction="none")(DATA[y_true], DATA[y_pred]).shape
        for weights in dict.fromkeys((None, WEIGHTS.get(tuple(shape)))):
            for reduction in REDUCTIONS:
                options = kwargs | {"reduction": reduction}
                w = None if weights is None else DATA[weights]
                value = cls(**options)(DATA[y_true], DATA[y_pred], sample_weight=w)
                cases.append(case(name, options, y_true, y_pred, weights, value))
    return cases


def metric_cases() -> list[dict[str, Any]]:
    cases = []
    for name, kwargs, y_true, y_pred in METRICS:
        whole = name in WHOLE_WEIGHTS and "dtype" not in kwargs
        if "steps" in y_true or (whole and y_true == "yes"):
            fitting = None
        else:
            fitting = "weights_int" if whole else "weights"
        for weights in dict.fromkeys((None, fitting)):
            metric = getattr(keras.metrics, name)(**kwargs)
            for part in (slice(0, 3), slice(3, 6)):
                w = None if weights is None else DATA[weights][part]
                metric.update_state(DATA[y_true][part], DATA[y_pred][part], sample_weight=w)
            cases.append(case(name, kwargs, y_true, y_pred, weights, metric.result()))
    return cases


if __name__ == "__main__":
    content = {
        "keras": keras.__version__,
        "data": {k: {"dtype": v.dtype.name, "values": v.tolist()} for k, v in DATA.items()},
        "losses": loss_cases(),
        "metrics": metric_cases(),
    }
    path = Path(__file__).with_name("losses_metrics.json")
    text = json.dumps(content, separators=(",", ":"))
    path.write_text(text.replace('},{"name"', '},\n{"name"') + "\n")
