"""Calls and settings of layers as Keras programs write them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops

X = np.ones((2, 4), "float32")


def test_an_explicit_mask_goes_on_to_the_output() -> None:
    class Same(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.supports_masking = True

        def call(self, x: Any, mask: Any = None) -> Any:
            return x

    mask = np.array([[True, False, True, True]] * 2)
    assert np.array_equal(hilevel.masks.mask_of(Same()(X, mask=mask)), mask)


def test_symbolic_calls_add_no_activity_loss() -> None:
    layer = layers.Dense(2, activity_regularizer="l1")
    layer(layers.Input((3,)))
    assert layer.losses == []
    layer(np.ones((1, 3), "float32"))
    assert len(layer.losses) == 1


def test_parameters_of_build_need_an_input() -> None:
    class Wrong(layers.Layer):
        def build(self, x_shape: Any, z_shape: Any) -> None: ...

        def call(self, x: Any, y: Any) -> Any:
            return x + y

    with pytest.raises(ValueError, match="z_shape"):
        Wrong()(X, X)


def test_embedding_with_weights_is_built() -> None:
    table = np.arange(6.0).reshape(3, 2)
    for weights in (table, [table]):
        assert np.array_equal(layers.Embedding(3, 2, weights=weights).embeddings.numpy(), table)


def test_a_tensor_becomes_an_input() -> None:
    x = hilevel.KerasTensor((2, 3), name="x")
    layer = layers.InputLayer(input_tensor=x)
    assert layer.output is x
    assert layer.batch_shape == (2, 3)
    assert layer.call() is None
    assert layers.InputLayer(input_shape=(3,)).batch_shape == (None, 3)
    for wrong in ({"sparse": True}, {"ragged": True}, {"input_tensor": X}):
        with pytest.raises(ValueError, match="Input"):
            layers.InputLayer(**wrong if "input_tensor" in wrong else wrong | {"shape": (3,)})


def test_a_lambda_goes_through_its_config() -> None:
    shift = 3.0
    layer = layers.Lambda(lambda x, factor=2.0: x * factor + shift)
    config = layer.get_config()
    assert config["function"]["class_name"] == "__lambda__"
    with pytest.raises(hilevel.errors.UnsafeContentError):
        layers.Lambda.from_config(config)
    again = layers.Lambda.from_config(config, safe_mode=False)
    assert np.array_equal(again(X), 5 * X)
    squared = layers.Lambda(ops.square)
    assert np.array_equal(layers.Lambda.from_config(squared.get_config())(2 * X), 4 * X)


def test_masks_of_merges_are_lists() -> None:
    a, b = layers.Input((3,)), layers.Input((3,))
    for inputs, mask in ((a, [None, None]), ([a, b], X), ([a, b], [None])):
        for layer in (layers.Add(), layers.Concatenate()):
            with pytest.raises(ValueError, match=r"list|each of 2"):
                layer.compute_mask(inputs, mask)


@pytest.mark.parametrize("name", ["regularizer", "constraint"])
def test_settings_of_variables_are_callable(name: str) -> None:
    v = hilevel.Variable(X)
    setattr(v, name, lambda w: w)
    with pytest.raises(ValueError, match=name):
        setattr(v, name, "l2")


def test_other_wrong_uses_of_variables() -> None:
    v: Any = hilevel.Variable(X)
    with pytest.raises(TypeError, match="scalar"):
        float(v)
    with pytest.raises(TypeError, match="boolean"):
        v.overwrite_with_gradient = "true"
