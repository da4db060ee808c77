"""Losses: values against Keras, gradients against finite differences, errors, configs, the public names."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import losses, ops
from hilevel.errors import ShapeError, UnknownNameError
from hilevel.losses.base import LossFunctionWrapper
from hilevel.testing import check_gradients

TABLE = json.loads((Path(__file__).parents[1] / "data" / "losses_metrics.json").read_text())
DATA = {k: np.array(v["values"], v["dtype"]) for k, v in TABLE["data"].items()}
CASES = TABLE["losses"]
CLASSES = sorted(n for n in losses.__all__ if inspect.isclass(getattr(losses, n)) and n != "Loss")


def ident(case: dict[str, Any]) -> str:
    return f"{case['name']}-{case['kwargs']}-{case['y_true']}-{case['weights']}"


def batch(case: dict[str, Any]) -> list[Any]:
    names = (case["y_true"], case["y_pred"], case["weights"])
    return [None if n is None else DATA[n] for n in names]


@pytest.mark.parametrize("case", CASES, ids=ident)
def test_values_are_those_of_keras(case: dict[str, Any]) -> None:
    loss = getattr(losses, case["name"])(**case["kwargs"])
    value = loss(*batch(case))
    assert value.dtype == np.float32
    np.testing.assert_allclose(np.asarray(value), case["expected"], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", CASES[::7], ids=ident)
@pytest.mark.parametrize("compiled", [False, True])
def test_values_on_jax(case: dict[str, Any], compiled: bool) -> None:
    pytest.importorskip("jax")
    loss = getattr(losses, case["name"])(**case["kwargs"])
    with hilevel.use_backend("jax"):
        value = (hilevel.jit(lambda *args: loss(*args)) if compiled else loss)(*batch(case))
    np.testing.assert_allclose(np.asarray(value), case["expected"], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c["kwargs"]["reduction"] == "sum" and c["weights"] is None],
    ids=ident,
)
def test_gradients(case: dict[str, Any], backend: Any) -> None:
    loss = getattr(losses, case["name"])(**case["kwargs"], dtype="float64")
    y_true, y_pred, _ = batch(case)
    y_pred = y_pred.astype("float64")
    direction = np.random.default_rng(0).normal(size=y_pred.shape) * 1e-6
    gradient = np.asarray(hilevel.grad(lambda p: loss(y_true, p))(y_pred))
    difference = float(loss(y_true, y_pred + direction)) - float(loss(y_true, y_pred - direction))
    np.testing.assert_allclose((gradient * direction).sum() * 2, difference, rtol=1e-4, atol=1e-10)


def test_gradients_of_squared_errors_to_the_second(backend: Any) -> None:
    rng = np.random.default_rng(0)
    for shape in ((4, 3), (5,), (2, 3, 1)):
        check_gradients(losses.mean_squared_error, rng.normal(size=shape), rng.normal(size=shape))


def test_sparse_along_another_axis_is_categorical(backend: Any) -> None:
    hot, probs = DATA["first_onehot"], DATA["first_probs"]
    sparse = losses.sparse_categorical_crossentropy(hot.argmax(1), probs, axis=1)
    dense = losses.categorical_crossentropy(hot, probs, axis=1)
    np.testing.assert_allclose(np.asarray(sparse), np.asarray(dense), rtol=1e-6)


@pytest.mark.parametrize("axis", [1, -1])
def test_the_sparse_focal_loss_is_the_one_of_one_hot_targets(axis: int, backend: Any) -> None:
    hot, probs = (np.moveaxis(DATA[n], 1, axis) for n in ("first_onehot", "first_probs"))
    options = {"alpha": 0.4, "gamma": 1.5, "axis": axis, "from_logits": True}
    labels = hot.argmax(axis)
    dense = np.asarray(losses.categorical_focal_crossentropy(hot, probs, **options))
    for targets in (labels, np.expand_dims(labels, axis)):
        sparse = losses.sparse_categorical_focal_crossentropy(targets, probs, **options)
        np.testing.assert_allclose(np.asarray(sparse), dense, rtol=1e-6)
    loss = losses.SparseCategoricalFocalCrossentropy(**options)
    again = losses.deserialize(losses.serialize(loss))
    assert float(again(labels, probs)) == pytest.approx(dense.mean(), rel=1e-5)
    with pytest.raises(ValueError, match="label 99"):
        loss(np.full_like(labels, 99), probs)


# -- errors ------------------------------------------------------------------------------------------

SAME_SHAPE = sorted(set(CLASSES) - {"CTC", "Circle", "CategoricalGeneralizedCrossEntropy"})


@pytest.mark.parametrize("shapes", [((8, 1), (8, 3)), ((8, 3), (8, 1)), ((3,), (1, 3)), ((8,), (8, 3))])
@pytest.mark.parametrize("name", [n for n in SAME_SHAPE if not n.startswith("Sparse")])
def test_shapes_are_not_broadcast(name: str, shapes: Any, backend: Any) -> None:
    loss = getattr(losses, name)()
    y_true, y_pred = (np.ones(s, "float32") for s in shapes)
    with pytest.raises(ShapeError, match=f"y_true .*{shapes[0][0]}.* y_pred .*{shapes[1][0]}"):
        loss(y_true, y_pred)
    with pytest.raises(ShapeError):
        hilevel.jit(lambda a, b: loss(a, b))(y_true, y_pred)


def test_a_label_that_is_no_class(backend: Any) -> None:
    loss = losses.SparseCategoricalCrossentropy()
    probs = np.full((2, 10), 0.1, "float32")
    for wrong in (12, -1):
        with pytest.raises(ValueError, match=f"label {wrong} is outside 0..9"):
            loss(np.array([3, wrong]), probs)
    ignoring = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    assert np.isfinite(float(ignoring(np.array([3, -1]), probs)))
    with pytest.raises(ValueError, match="label 10"):
        ignoring(np.array([10, -1]), probs)


def test_labels_beyond_24_bits_stay_exact() -> None:
    seen = []

    class Look(losses.SparseCategoricalCrossentropy):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            seen.append(y_true)
            return ops.zeros((1,))

    Look()(np.array([2**24 + 1]), np.ones((1, 2), "float32"))
    assert seen[0].dtype.kind == "i" and int(seen[0][0]) == 2**24 + 1


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ((6,), (6, 5)),
        ((6, 1), (6, 5)),
        ((6, 5), (6, 5)),
        ((), (6, 5)),
        ((5,), None),
        ((6, 4), None),
        ((6, 5, 2), None),
    ],
)
def test_weights_belong_to_the_first_axes(weights: Any, expected: Any, backend: Any) -> None:
    loss = losses.MeanSquaredError(reduction=None)
    y = np.zeros((6, 5, 4), "float32")
    w = np.ones(weights, "float32")
    if expected is None:
        with pytest.raises(ShapeError, match="sample_weight has shape"):
            loss(y, y, w)
    else:
        assert tuple(loss(y, y, w).shape) == expected


@pytest.mark.parametrize(
    "call",
    [
        lambda: losses.Loss(reduction="average"),
        lambda: losses.CategoricalGeneralizedCrossEntropy(q=1.0),
        lambda: losses.categorical_crossentropy(DATA["onehot"], DATA["probs"], axis=True),
    ],
)
def test_bad_arguments(call: Any) -> None:
    with pytest.raises(ValueError, match=r"`(reduction|q|axis)`"):
        call()


ONE = np.ones((6, 1), "float32")


def one_unit(activation: Any, loss: Any, **options: Any) -> Any:
    model = hilevel.Sequential(
        [hilevel.Input((1,)), hilevel.layers.Dense(1, activation=activation, name="head")]
    )
    model.compile("sgd", loss, **options)
    return model


@pytest.mark.parametrize("category", [SyntaxWarning, hilevel.errors.HilevelWarning])
def test_one_class_is_warned_of(category: Any, backend: Any) -> None:
    for call in (losses.categorical_crossentropy, losses.CategoricalCrossentropy()):
        with pytest.warns(category, match="always 0") as caught:
            for _ in range(3):
                call(ONE, ONE)
        assert len(caught) == 1 and caught[0].filename == __file__


@pytest.mark.parametrize("eager", [False, True])
def test_a_metric_of_one_class_is_warned_of_once_at_the_line_of_fit(eager: bool, backend: Any) -> None:
    metrics = ["categorical_crossentropy", hilevel.metrics.CategoricalCrossentropy(name="again")]
    model = one_unit("sigmoid", "mse", metrics=metrics, run_eagerly=eager)
    with pytest.warns(hilevel.errors.ConstantOutputWarning) as caught:
        model.fit(ONE, ONE, verbose=0, epochs=3, batch_size=4, validation_data=(ONE, ONE))
    assert [w.filename for w in caught] == [__file__]


@pytest.mark.parametrize(
    ("activation", "loss", "words"),
    [
        ("softmax", "binary_crossentropy", 'Dense "head" is a softmax over one unit.*sigmoid'),
        ("softmax", losses.BinaryCrossentropy(from_logits=True), 'Dense "head" is a softmax over one unit'),
        ("softmax", "binary_focal_crossentropy", 'Dense "head" is a softmax over one unit'),
        (
            "softmax",
            "categorical_crossentropy",
            "one class is always 0.*binary_crossentropy.*one unit for each",
        ),
        ("sigmoid", "categorical_crossentropy", "one class is always 0"),
        (None, losses.CategoricalFocalCrossentropy(from_logits=True), "one class is always 0"),
        (None, losses.SparseCategoricalCrossentropy(from_logits=True), "one class is always 0"),
    ],
)
def test_a_loss_that_never_learns_is_refused_before_training(
    activation: Any, loss: Any, words: str, backend: Any
) -> None:
    model = one_unit(activation, loss)
    with pytest.raises(ValueError, match=words):
        model.fit(ONE, 0 * ONE, verbose=0)
    assert int(model.optimizer.iterations) == 0


@pytest.mark.parametrize("head", ["dense", "layer"])
def test_a_softmax_over_one_unit_is_warned_of_once(head: str, backend: Any) -> None:
    model = one_unit("softmax" if head == "dense" else None, "mse")
    if head == "layer":
        model.add(hilevel.layers.Softmax())
        model.compile("sgd", "mse")
    with pytest.warns(hilevel.errors.HilevelWarning, match="softmax over one unit") as caught:
        model.fit(ONE, ONE, verbose=0, epochs=3)
    assert [w.filename for w in caught] == [__file__]


# -- structure, names, configs -----------------------------------------------------------------------


def test_a_loss_of_ones_own_sees_the_structure(backend: Any) -> None:
    class Both(losses.Loss):
        def call(self, y_true: Any, y_pred: Any) -> Any:
            return ops.abs(y_true["a"] - y_pred["a"]) + ops.abs(y_true["b"] - y_pred["b"])

    value = Both()({"a": np.ones(3), "b": np.ones(3)}, {"a": np.zeros(3), "b": np.full(3, 3.0)})
    assert float(value) == 3.0 and value.dtype == np.float32


@pytest.mark.parametrize("name", CLASSES)
def test_config_round_trip(name: str) -> None:
    cls = getattr(losses, name)
    loss = cls(name="mine", reduction="sum", dtype="float64")
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    assert type(again) is cls and again.get_config() == loss.get_config()
    assert (again.name, again.reduction, again.dtype) == ("mine", "sum", "float64")


def test_config_keeps_what_was_chosen() -> None:
    loss = losses.Huber(delta=3.0)
    assert loss.get_config() == {
        "delta": 3.0,
        "reduction": "sum_over_batch_size",
        "name": "huber_loss",
    }
    wrapper = LossFunctionWrapper(losses.tversky, name="t", alpha=0.2)
    again = losses.deserialize(losses.serialize(wrapper))
    assert again.fn is losses.tversky and again.options == {"alpha": 0.2}


@pytest.mark.parametrize("short", ["mse", "MSE", "mae", "mape", "msle", "bce", "BCE", "kld", "KLD"])
def test_short_names(short: str) -> None:
    assert losses.get(short).__name__ in losses.__all__


def test_get() -> None:
    assert losses.get(None) is None
    assert losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    with pytest.raises(UnknownNameError, match='Did you mean "mean_squared_error"'):
        losses.get("mean_square_error")


@pytest.mark.parametrize(
    ("name", "true", "pred", "cls"),
    [
        ("crossentropy", (None, 1), (None, 1), losses.BinaryCrossentropy),
        ("ce", (None,), (None, 4), losses.SparseCategoricalCrossentropy),
        ("CrossEntropy", (None, 4), (None, 4), losses.CategoricalCrossentropy),
        ("mse", (None, 4), (None, 4), losses.MeanSquaredError),
        (lambda a, b: a - b, (None,), (None,), LossFunctionWrapper),
    ],
)
def test_resolve(name: Any, true: Any, pred: Any, cls: Any) -> None:
    loss = losses.resolve(name, true, pred)
    assert type(loss) is cls and loss.name == (name if isinstance(name, str) else "<lambda>")
