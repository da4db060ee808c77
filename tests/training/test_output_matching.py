"""Losses, metrics, targets and weights of several outputs, in every structure."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(3, 12, 1)).astype("float32")
A, B, C = Y
Pair = namedtuple("Pair", ["u", "v"])


class Several(hilevel.Model):
    """A model whose outputs have a given structure of three tensors."""

    def __init__(self, build: Any) -> None:
        super().__init__()
        self.parts = [layers.Dense(1) for _ in range(3)]
        self.structure = build

    def call(self, inputs: Any) -> Any:
        return self.structure(*(part(inputs) for part in self.parts))


STRUCTURES: dict[str, Any] = {
    "a list": lambda a, b, c: [a, b, c],
    "a dict": lambda a, b, c: {"a": a, "b": b, "c": c},
    "a list in a dict": lambda a, b, c: {"a": [a, b], "c": c},
    "dicts": lambda a, b, c: {"a": {"u": a, "v": b}, "c": c},
    "a named tuple": lambda a, b, c: {"a": Pair(a, b), "c": c},
    "deep": lambda a, b, c: [({"u": a}, {"v": b}), c],
}


def mse(model: Any, y: Any = Y) -> list[float]:
    outputs = hilevel.tree.flatten(model.predict(X, verbose=0))
    return [float(np.mean((o - t) ** 2)) for o, t in zip(outputs, y, strict=True)]


def mae(model: Any) -> list[float]:
    outputs = hilevel.tree.flatten(model.predict(X, verbose=0))
    return [float(np.mean(abs(o - t))) for o, t in zip(outputs, Y, strict=True)]


def evaluated(model: Any, y: Any, **options: Any) -> dict[str, float]:
    model.compile(hilevel.optimizers.SGD(0.0), **options)
    model.fit(X, y, verbose=0)
    return model.evaluate(X, y, verbose=0, return_dict=True)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_losses_in_the_structure_of_the_outputs(structure: str, backend: Any) -> None:
    build = STRUCTURES[structure]
    for loss, weights in (
        (build("mse", "mae", "mse"), None),
        (build("mse", "mae", "mse"), build(1.0, 2.0, 0.5)),
    ):
        model = Several(build)
        got = evaluated(model, build(A, B, C), loss=loss, loss_weights=weights)
        values = [mse(model)[0], mae(model)[1], mse(model)[2]]
        np.testing.assert_allclose(
            got["loss"], np.dot(values, [1, 1, 1] if weights is None else [1, 2, 0.5]), rtol=1e-5
        )
        np.testing.assert_allclose([v for k, v in got.items() if k != "loss"], values, rtol=1e-5)


def test_one_loss_for_all_and_losses_for_some(backend: Any) -> None:
    build = STRUCTURES["dicts"]
    model = Several(build)
    np.testing.assert_allclose(
        evaluated(model, build(A, B, C), loss="mse")["loss"], sum(mse(model)), rtol=1e-5
    )
    got = evaluated(model, build(A, B, C), loss={"a": {"u": "mse"}})
    np.testing.assert_allclose(got["loss"], mse(model)[0], rtol=1e-5)
    got = evaluated(model, {"a": {"u": A}}, loss={"a": {"u": "mse"}})
    np.testing.assert_allclose(got["loss"], mse(model)[0], rtol=1e-5)


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"a": s}])
def test_several_losses_of_one_output(wrap: Any, backend: Any) -> None:
    x = hilevel.Input((4,))
    model = hilevel.Model(x, wrap(layers.Dense(1)(x)))
    for weights in (None, wrap([2.0, 0.5])):
        got = evaluated(model, wrap(A), loss=wrap(["mse", "mae"]), loss_weights=weights)
        values = [
            mse(model, [A])[0],
            float(np.mean(abs(hilevel.tree.flatten(model.predict(X, verbose=0))[0] - A))),
        ]
        np.testing.assert_allclose(got["loss"], np.dot(values, (weights and [2, 0.5]) or [1, 1]), rtol=1e-5)
        assert list(got) == ["loss", "mse_loss", "mae_loss"]


def test_several_losses_of_one_output_among_several_have_one_name(backend: Any) -> None:
    model = Several(STRUCTURES["a list"])
    got = evaluated(model, [*Y], loss=["mse", ["mse", "mae"], "mse"], loss_weights=[1.0, [2.0, 1.0], 1.0])
    names = list(got)[1:]
    assert len(names) == 3 and all(name.endswith("_loss") for name in names)
    errors = mse(model)
    absolute = float(np.mean(abs(hilevel.tree.flatten(model.predict(X, verbose=0))[1] - Y[1])))
    wanted = [errors[0], errors[1] + absolute, errors[2]]
    np.testing.assert_allclose([got[name] for name in names], wanted, rtol=1e-5)
    np.testing.assert_allclose(got["loss"], sum(wanted) + errors[1], rtol=1e-5)


@pytest.mark.parametrize("where", [[0], [1], [2], [1, 2], [0, 2]], ids=str)
def test_targets_for_the_outputs_with_a_loss_only(where: list[int], backend: Any) -> None:
    model = Several(STRUCTURES["a list"])
    y = [Y[i] for i in where]
    loss = ["mse" if i in where else None for i in range(3)]
    got = evaluated(model, y[0] if len(y) == 1 else y, loss=loss)["loss"]
    wanted = sum(v for i, v in enumerate(mse(model)) if i in where)
    np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_targets_by_name_for_outputs_by_position(backend: Any) -> None:
    x = hilevel.Input((4,))
    model = hilevel.Model(x, [layers.Dense(1, name="b")(x), layers.Dense(1, name="a")(x)])
    got = evaluated(model, {"a": A, "b": B}, loss=["mse", "mse"])
    np.testing.assert_allclose(got["loss"], sum(mse(model, [B, A])), rtol=1e-5)
    got = evaluated(
        model, [B, A], loss={"a": "mse", "b": "mae"}, loss_weights={"b": 0.0}, metrics={"a": ["mae"]}
    )
    np.testing.assert_allclose(got["loss"], mse(model, [B, A])[1], rtol=1e-5)
    assert "a_mae" in got


def test_metrics_and_weights_of_nested_outputs(backend: Any) -> None:
    build = STRUCTURES["a list in a dict"]
    model = Several(build)
    got = evaluated(model, build(A, B, C), loss="mse", metrics={"a": [["mae"], []], "c": "mae"})
    assert {k for k in got if "mae" in k} == {"a/0_mae", "c_mae"}
    np.testing.assert_allclose([got["a/0_mae"], got["c_mae"]], [mae(model)[0], mae(model)[2]], rtol=1e-5)
    weights = build(*(np.full(12, w, "float32") for w in (1.0, 0.0, 3.0)))
    value = model.evaluate(X, build(A, B, C), sample_weight=weights, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(value, mse(model)[0] + 3 * mse(model)[2], rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "y", "words"),
    [
        ({"loss": {"a": {"w": "mse"}}}, (A, B, C), 'no output "w"'),
        ({"loss": {"d": "mse"}}, (A, B, C), 'no output "d"'),
        ({"loss": ["mse", "mse"] * 3}, (A, B, C), "got 6"),
        ({"loss": "mse", "loss_weights": [1.0] * 4}, (A, B, C), "loss_weights: the model has 3 outputs"),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_structures_that_do_not_match_are_named(options: Any, y: Any, words: str) -> None:
    build = STRUCTURES["dicts"]
    model = Several(build)
    model.compile("sgd", **options)
    with pytest.raises(ValueError, match=words):
        model.fit(X, build(*y), verbose=0)


def test_too_few_targets() -> None:
    model = Several(STRUCTURES["a list"])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="the model has 3 outputs"):
        model.fit(X, [A, B], verbose=0)


def test_a_weighted_metric_of_the_same_name_has_a_name_of_its_own(backend: Any) -> None:
    weight = np.linspace(0.0, 2.0, 12).astype("float32")
    x = hilevel.Input((4,))
    one = hilevel.Model(x, layers.Dense(1)(x))
    one.compile(hilevel.optimizers.SGD(0.0), "mse", metrics=["mae"], weighted_metrics=["mae", "mse"])
    one.fit(X, A, sample_weight=weight, verbose=0)
    got = one.evaluate(X, A, sample_weight=weight, verbose=0, return_dict=True)
    error = abs(one.predict(X, verbose=0) - A)[:, 0]
    assert list(got) == ["loss", "mae", "weighted_mae", "mse"]
    np.testing.assert_allclose(
        [got["mae"], got["weighted_mae"]], [error.mean(), np.average(error, weights=weight)], rtol=1e-5
    )
    two = Several(STRUCTURES["a list"])
    two.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    history = two.fit(X, [A, B, C], verbose=0).history
    assert {"output_0_mae", "output_0_weighted_mae", "output_2_weighted_mae"} <= set(history)


@pytest.mark.parametrize("operation", ["and", "or", "xor"])
def test_logical_operators_of_variables(operation: str, backend: Any) -> None:
    import operator

    apply = getattr(operator, f"__{operation}__")
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    for left, right in (
        (hilevel.Variable(a), hilevel.Variable(b)),
        (hilevel.Variable(a), b),
        (True, hilevel.Variable(b)),
    ):
        wanted = apply(np.array(True) if left is True else a, b)
        np.testing.assert_array_equal(hilevel.ops.convert_to_numpy(apply(left, right)), wanted)
