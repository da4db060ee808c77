"""Storage of a layer: its own Variables in a dict, by the keys of Keras, and files for what else it keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import Case
from test_layer_config import all_cases

import hilevel
from hilevel import layers
from hilevel.errors import ShapeError


@pytest.mark.parametrize("case", list(all_cases()))
def test_there_and_back(case: Case, tmp_path: Path) -> None:
    """A layer built by its build config, and all layers in it, get the weights of the first."""
    rng = np.random.default_rng(0)
    inputs = case.positional(
        [x(rng) if callable(x) else rng.normal(size=x).astype("float32") for x in case.inputs]
    )
    call = hilevel.tree.map_structure(lambda v: v(rng) if callable(v) else v, case.call)
    first = case.layer(layers)
    first(*inputs, **call)
    second = case.layer(layers)
    second.build_from_config(first.get_build_config())
    for one, other in zip(first._flatten_layers(), second._flatten_layers(), strict=True):
        store: dict[str, Any] = {}
        one.save_own_variables(store)
        one.save_assets(tmp_path)
        other.load_own_variables(store)
        other.load_assets(tmp_path)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_order_is_that_of_keras() -> None:
    layer = layers.BatchNormalization()
    layer.build((None, 2))
    layer.set_weights([np.full(2, n, "float32") for n in range(4)])
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    assert list(store) == ["0", "1", "2", "3"] and [store[k][0] for k in store] == [0, 1, 2, 3]
    assert [v.name for v in layer.weights] == ["gamma", "beta", "moving_mean", "moving_variance"]


def test_layers_inside_are_not_stored() -> None:
    layer = layers.Bidirectional(layers.LSTM(2))
    layer.build((None, 3, 4))
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    assert store == {}


def test_another_number_of_arrays_is_refused() -> None:
    layer = layers.Dense(2, name="mine")
    layer.save_own_variables(store := {})
    assert store == {}
    with pytest.raises(ValueError, match=r'Dense "mine" is not built.*got 1 arrays.*layer\.build'):
        layer.load_own_variables({"0": np.ones((3, 2))})
    layer.build((None, 3))
    with pytest.raises(ValueError, match=r'Dense "mine" has 2 Variables \(kernel, bias\).*got 1 arrays'):
        layer.load_own_variables({"0": np.ones((3, 2))})


def test_another_shape_is_refused_before_anything_is_set() -> None:
    layer = layers.Dense(2, name="mine")
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(
        ShapeError, match=r'"mine/bias" has shape \(2,\); load_own_variables got .* shape \(3,\)'
    ):
        layer.load_own_variables({"0": np.ones((3, 2)), "1": np.ones(3)})
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])


def test_a_vocabulary_is_an_asset(tmp_path: Path) -> None:
    first = layers.StringLookup(mask_token="")
    first.adapt(["b", "a", "b"])
    first.save_assets(tmp_path)
    assert (tmp_path / "vocabulary.txt").read_text() == "\n[UNK]\nb\na"
    second = layers.StringLookup.from_config(first.get_config())
    second.load_assets(tmp_path)
    assert second.get_vocabulary() == first.get_vocabulary() == ["", "[UNK]", "b", "a"]


def test_a_given_vocabulary_needs_no_file(tmp_path: Path) -> None:
    layer = layers.IntegerLookup(vocabulary=[12, 36])
    layer.load_assets(tmp_path)
    assert layer.get_vocabulary() == [-1, 12, 36]


def test_statistics() -> None:
    first, given = layers.Normalization(), layers.Normalization(mean=2.0, variance=4.0)
    first.adapt(np.array([[1.0, 2.0], [3.0, 6.0]]))
    given(np.ones((2, 2), "float32"))
    first.save_own_variables(store := {})
    given.save_own_variables(of_given := {})
    assert [store["0"].tolist(), store["1"].tolist(), store["2"].tolist(), of_given] == [
        [2, 4],
        [1, 4],
        2,
        {},
    ]
    second = layers.Normalization()
    second.build_from_config(first.get_build_config())
    second.load_own_variables(store)
    x = np.ones((1, 2), "float32")
    np.testing.assert_array_equal(second(x), first(x))
