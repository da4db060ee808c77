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
    with pytest.raises(ValueError, match="A lambda cannot be serialized"):
        layers.Lambda(ops.square, activity_regularizer=lambda x: 0.0).get_config()
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


@pytest.mark.parametrize("name", ["LayerNormalization", "RMSNormalization"])
def test_normalization_of_another_rank(name: str) -> None:
    layer = getattr(layers, name)()
    layer.build((2, 3, 4))
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
    y = np.reshape(ops.convert_to_numpy(layer(x.reshape(2, 15, 4))), x.shape)
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x)), y, rtol=1e-5)
    with pytest.raises(ValueError, match="last axis"):
        layer(x[..., :3])


def test_layer_normalization_without_the_mean() -> None:
    layer = layers.LayerNormalization(rms_scaling=True)
    y = ops.convert_to_numpy(layer(np.arange(5.0)[None]))
    np.testing.assert_allclose(y, [[0.0, 0.70693, 1.41386, 2.12079, 2.82772]], rtol=1e-4)
    assert layer.beta is None
    assert layers.LayerNormalization.from_config(layer.get_config()).rms_scaling


def test_renormalization_gives_the_output_of_inference() -> None:
    x = np.random.default_rng(0).normal(3.0, 2.0, size=(64, 4)).astype("float32")
    layer = layers.BatchNormalization(renorm=True, momentum=0.5, renorm_momentum=0.5)
    for _ in range(40):
        y = layer(x, training=True)
    np.testing.assert_allclose(ops.convert_to_numpy(y), ops.convert_to_numpy(layer(x)), atol=1e-3)
    assert len(layer.non_trainable_weights) == 5
    clipped = layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 1.0, "rmax": 1.0, "dmax": 0.0})
    plain = layers.BatchNormalization()
    np.testing.assert_allclose(
        *(ops.convert_to_numpy(bn(x, training=True)) for bn in (clipped, plain)), atol=1e-5
    )
    for wrong in ({"size": 1}, {"rmin": 2, "rmax": 1}, {"dmax": -1}):
        with pytest.raises(ValueError, match="renorm_clipping"):
            layers.BatchNormalization(renorm=True, renorm_clipping=wrong)


@pytest.mark.parametrize(
    "make",
    [
        layers.Flatten,
        lambda: layers.Reshape((12,)),
        lambda: layers.Cropping1D(1),
        lambda: layers.Permute((2, 1)),
    ],
)
def test_results_are_arrays_of_the_backend(make: Any, backend: str) -> None:
    assert hilevel.current_backend().is_array(make()(np.ones((2, 3, 4), "float32")))


def test_a_lambda_with_a_mask_is_the_same_after_its_config(backend: Any) -> None:
    layer = layers.Lambda(ops.square, mask=ops.ones((2, 3), "bool"))
    again = layers.Lambda.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert np.array_equal(hilevel.masks.mask_of(again(np.ones((2, 3, 4)))), np.ones((2, 3)))
