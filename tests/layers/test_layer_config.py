"""Configs of layers: read from attributes, for every public layer, and for layers of the user's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import FAMILIES, Case, cases
from test_layer_arguments import CLASSES, arguments, parameters

import hilevel
from hilevel import initializers, layers, regularizers
from hilevel.api.serialization import plain

# Arguments of which a layer keeps more, or less, than was given.
NOT_KEPT = {"vocabulary", "idf_weights", "mean", "variance", "weights"}


def all_cases() -> Iterator[Any]:
    for family in FAMILIES:
        for name, case in cases(family).items():
            yield pytest.param(case, id=f"{family}: {name}")


@pytest.mark.parametrize("name", [name for name in CLASSES if name != "InputLayer"])
def test_every_argument_is_an_attribute_and_the_config_is_read_from_it(name: str) -> None:
    layer = CLASSES[name](**arguments(name))
    config = layer.get_config()
    for argument in set(parameters(CLASSES[name])) - NOT_KEPT - {"name", "dtype", "trainable"}:
        assert config[argument] == plain(getattr(layer, argument)), argument


@pytest.mark.parametrize("case", list(all_cases()))
def test_from_config_and_back(case: Case) -> None:
    """The config of a layer made of a config, through JSON, is the same."""
    if case.cls == "Lambda":
        pytest.skip("functions come from custom_object_scope alone")
    first = case.layer(layers)
    config = json.loads(json.dumps(first.get_config()))
    assert json.loads(json.dumps(type(first).from_config(config).get_config())) == config


@pytest.mark.parametrize("case", list(all_cases()))
def test_build_configs(case: Case) -> None:
    first = case.layer(layers)
    rng = np.random.default_rng(0)
    inputs = [x(rng) if callable(x) else np.zeros(x, "float32") for x in case.inputs]
    call = hilevel.tree.map_structure(lambda v: v(rng) if callable(v) else v, case.call)
    first(*case.positional(inputs), **call)
    second = case.layer(layers)
    second.build_from_config(first.get_build_config())
    assert [(v.name, v.shape, v.dtype) for v in second.weights] == [
        (v.name, v.shape, v.dtype) for v in first.weights
    ]


def test_forms_of_build_configs() -> None:
    assert layers.Dense(2).get_build_config() is None
    attention = layers.MultiHeadAttention(2, 3)
    attention(np.ones((1, 5, 4)), np.ones((1, 6, 4)))
    assert attention.get_build_config() == {
        "shapes_dict": {"query_shape": (1, 5, 4), "value_shape": (1, 6, 4)}
    }
    model = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(2)])
    assert model.get_build_config() == {"input_shape": (None, 4)}
    other = hilevel.Sequential([layers.Dense(2)])
    other.build_from_config(model.get_build_config())
    assert other.count_params() == model.count_params() == 10


def test_a_changed_attribute_is_in_the_config() -> None:
    dropout, conv, lstm = layers.Dropout(0.5), layers.Conv2D(2, 3), layers.LSTM(2, dropout=0.5)
    dropout.rate, conv.padding, lstm.dropout, lstm.return_sequences = 0.1, "same", 0.25, True
    assert dropout.get_config()["rate"] == 0.1
    assert conv.get_config()["padding"] == "same"
    assert lstm.get_config()["dropout"] == lstm.cell.dropout == 0.25 and lstm.get_config()["return_sequences"]
    both = layers.Bidirectional(layers.LSTM(2, dropout=0.5))
    both.forward_layer.dropout = 0.125
    assert layers.Bidirectional.from_config(both.get_config()).forward_layer.dropout == 0.125


def test_clones_have_the_attributes_of_now() -> None:
    model = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(2), layers.Dropout(0.5)])
    model.layers[1].rate = 0.1
    model.layers[0].kernel_regularizer = regularizers.L2(0.5)
    clone = hilevel.models.clone_model(model)
    assert clone.layers[1].rate == 0.1
    assert clone.layers[0].kernel.regularizer.l2 == 0.5


# -- configs of Keras -----------------------------------------------------------------------------------------

CONFIGS = json.loads((Path(__file__).parents[1] / "data/configs.json").read_text())
"""What Keras 3.15.1 writes: tests/data/make_configs.py."""


def agrees(ours: Any, keras: Any) -> bool:
    """Whether all that Keras writes is in a config of ours."""
    if keras == "float32" and isinstance(ours, dict):  # Keras writes some policies by their names
        ours = ours["config"]["name"]
    if isinstance(keras, dict):
        beside = {"build_config", "rms_scaling"}
        return all(k in ours and agrees(ours[k], v) for k, v in keras.items() if k not in beside)
    if isinstance(keras, list):
        return len(ours) == len(keras) and all(map(agrees, ours, keras))
    return bool(ours == keras)


@pytest.mark.parametrize("name", CONFIGS)
def test_configs_of_keras(name: str) -> None:
    """A layer made of a config of Keras has the same config."""
    keras = CONFIGS[name]
    ours = json.loads(json.dumps(layers.deserialize(keras).get_config()))
    if keras["class_name"] == "RMSNormalization" and isinstance(ours["axis"], list):
        keras["config"]["axis"].sort()  # in any order they are the same axes
    for argument, value in keras["config"].items():
        assert agrees({argument: ours.get(argument, "missing")}, {argument: value}), argument


# -- layers of the user's own -------------------------------------------------------------------------------


class Unkept(layers.Layer):
    """Keeps no argument in an attribute of its name, but one as something else."""

    def __init__(self, units: int, sizes: Any = (2, 3), scale: Any = "one", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._units = units
        self.sizes = [layers.Dense(n) for n in sizes]

    def scale(self) -> float:
        return 1.0


class InKerasStyle(layers.Layer):
    """As the documentation of Keras writes layers."""

    def __init__(self, units: int = 32, activation: Any = None, start: Any = "zeros", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = hilevel.activations.get(activation)
        self.start = initializers.get(start)

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(input_shape[-1], self.units), initializer=self.start, trainable=True)
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", trainable=True)
        self.built = True

    def call(self, inputs: Any) -> Any:
        return self.activation(hilevel.ops.matmul(inputs, self.w) + self.b)

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {
            "units": self.units,
            "activation": hilevel.activations.serialize(self.activation),
            "start": initializers.serialize(self.start),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        config = dict(config)
        config["start"] = initializers.deserialize(config["start"])
        return cls(**config)


def test_an_argument_without_an_attribute_is_as_it_was_given() -> None:
    layer = Unkept(3, sizes=(4, 5), name="mine")
    config = layer.get_config()
    assert (config["units"], config["sizes"], config["scale"], config["name"]) == (3, (4, 5), "one", "mine")
    assert [inner.units for inner in Unkept.from_config(config).sizes] == [4, 5]


def test_a_layer_in_the_style_of_keras() -> None:
    layer = InKerasStyle(3, "relu", initializers.Constant(2.0), name="mine")
    layer.units = 4
    x = np.ones((2, 5), "float32")
    copy = InKerasStyle.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(copy(x), layer(x))
    assert copy(x).shape == (2, 4) and copy.name == "mine"


def test_layers_and_objects_in_a_config() -> None:
    @hilevel.saving.register_keras_serializable("tests")
    class Around(layers.Layer):
        def __init__(self, inner: Any, penalty: Any = None, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.inner = inner
            self.penalty = regularizers.get(penalty)

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    try:
        first = Around(
            Around(layers.Dense(2, kernel_initializer=initializers.HeNormal(3))), regularizers.L1(0.5)
        )
        config = json.loads(json.dumps(layers.serialize(first)))
        assert config["registered_name"] == "tests>Around"
        second: Any = layers.deserialize(config)
        assert isinstance(second.inner.inner, layers.Dense) and second.penalty.l1 == 0.5
        assert second.inner.inner.kernel_initializer.seed == 3
        assert layers.serialize(second) == layers.serialize(first)
    finally:
        hilevel.saving.get_custom_objects().pop("tests>Around")
