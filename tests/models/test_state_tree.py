"""State trees: the values of all Variables of a model in nested dicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers


def trained() -> Any:
    hilevel.utils.clear_session()
    model = hilevel.Sequential(
        [
            hilevel.Input((2,)),
            layers.Dense(1, name="d"),
            layers.BatchNormalization(name="b"),
            layers.Dropout(0.5),
        ],
        name="s",
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.ones((2, 2)), np.ones((2, 1)), verbose=0)
    return model


def test_paths_as_in_keras(backend: str) -> None:
    tree = trained().get_state_tree()
    assert {group: set(tree[group]) for group in tree} == {
        "trainable_variables": {"s"},
        "non_trainable_variables": {"s", "seed_generator"},
        "optimizer_variables": {"adam"},
        "metrics_variables": {"loss", "mean_absolute_error"},
    }
    assert set(tree["trainable_variables"]["s"]["d"]) == {"kernel", "bias"}
    assert set(tree["non_trainable_variables"]["s"]["b"]) == {"moving_mean", "moving_variance"}
    assert {"iteration", "learning_rate", "s_d_kernel_momentum"} <= set(tree["optimizer_variables"]["adam"])
    assert hilevel.current_backend().is_array(tree["trainable_variables"]["s"]["d"]["bias"])


def test_there_and_back(backend: str) -> None:
    first, second = trained(), trained()
    tree = first.get_state_tree("numpy_array")
    second.set_state_tree(tree)
    for ours, expected in zip(second.get_weights(), first.get_weights(), strict=True):
        assert np.array_equal(ours, expected)
    assert int(second.optimizer.iterations) == 1
    kept = tree["trainable_variables"]["s"]["d"]["bias"].copy()
    second.set_state_tree({"trainable_variables": {"s": {"d": {"bias": np.array([7.0])}}}})
    assert second.layers[0].bias.numpy() == [7.0]
    assert np.array_equal(tree["trainable_variables"]["s"]["d"]["bias"], kept)


def test_a_wrong_tree_changes_nothing() -> None:
    model = trained()
    before = model.get_weights()
    good = {"d": {"bias": np.array([7.0])}}
    for error, tree in [
        (ValueError, {"trainable_variable": {}}),
        (ValueError, {"trainable_variables": {"s": good | {"x": {"kernel": 1.0}}}}),
        (hilevel.errors.ShapeError, {"trainable_variables": {"s": good | {"b": {"beta": np.ones(3)}}}}),
    ]:
        with pytest.raises(error):
            model.set_state_tree(tree)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    with pytest.raises(ValueError, match="backend_tensor, numpy_array"):
        model.get_state_tree("list")


def test_equal_paths_stay_apart() -> None:
    model = hilevel.Sequential([hilevel.Input((1,)), layers.Dense(1)])
    model.a, model.b = (hilevel.Variable(x, name="same") for x in (1.0, 2.0))
    tree = model.get_state_tree("numpy_array")["trainable_variables"]
    assert (tree["same"], tree["same_1"]) == (1.0, 2.0)
    model.set_state_tree({"trainable_variables": {"same_1": 5.0}})
    assert (float(model.a), float(model.b)) == (1.0, 5.0)


def test_metrics_are_no_variables_of_the_model(backend: str) -> None:
    model = trained()
    assert {v.path.split("/")[0] for v in model.variables} == {"s", "seed_generator"}
    assert {v.path.split("/")[0] for v in model.metrics_variables} == {"loss", "mean_absolute_error"}
