"""Objects as plain data, and back: every public class and function of the families that are described by name."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import (
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    random,
    regularizers,
)  # fmt: skip
from hilevel.api import serialization
from hilevel.errors import UnknownNameError
from hilevel.optimizers import schedules
from hilevel.saving import deserialize_keras_object, register_keras_serializable, serialize_keras_object

FAMILIES = {
    "losses": losses, "metrics": metrics, "optimizers": optimizers, "schedules": schedules, "constraints": constraints,
    "initializers": initializers, "regularizers": regularizers, "activations": activations, "ops": ops,
    "random": random,
}  # fmt: skip
ARGUMENTS: dict[str, Any] = {
    "IoU": (3, [0, 2]), "OneHotIoU": (3, [0, 2]), "MeanIoU": (3,), "OneHotMeanIoU": (3,), "PrecisionAtRecall": (0.5,),
    "RecallAtPrecision": (0.5,), "SensitivityAtSpecificity": (0.5,), "SpecificityAtSensitivity": (0.5,),
    "MeanMetricWrapper": (losses.mean_squared_error,), "CosineDecay": (0.1, 10), "CosineDecayRestarts": (0.1, 10),
    "ExponentialDecay": (0.1, 2, 0.5), "InverseTimeDecay": (0.1, 2, 0.5), "PolynomialDecay": (0.1, 10),
    "PiecewiseConstantDecay": ([2, 4], [0.1, 0.05, 0.01]), "LossScaleOptimizer": (optimizers.SGD(0.5),),
    "SeedGenerator": (3,), "OptimizerMap": (optimizers.SGD(0.5), {"a": optimizers.Adam()}),
    "MultiOptimizer": (optimizers.OptimizerMap(optimizers.SGD(0.5), {"a": optimizers.Adam()}),),
}  # fmt: skip
BASES = {
    "Loss",
    "Metric",
    "Optimizer",
    "LearningRateSchedule",
    "Initializer",
    "Regularizer",
    "Constraint",
    "Op",
    "Composite",
}


def public(wanted: Any) -> Iterator[Any]:
    for family, module in FAMILIES.items():
        for name in module.__all__:
            thing = getattr(module, name)
            if wanted(thing) and name not in serialization._BARRED and name not in BASES:
                yield pytest.param(thing, id=f"{family}.{name}")


def there_and_back(thing: Any) -> Any:
    return deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(thing))))


@pytest.mark.parametrize("cls", list(public(inspect.isclass)))
def test_every_class(cls: Any) -> None:
    """An object of the same class, also where two families have one of that name, and with the same config."""
    first = cls(*ARGUMENTS.get(cls.__name__, ()))
    second = there_and_back(first)
    assert type(second) is type(first)
    assert serialize_keras_object(second) == serialize_keras_object(first)


@pytest.mark.parametrize(
    "function", list(public(lambda thing: callable(thing) and not inspect.isclass(thing)))
)
def test_every_function(function: Any) -> None:
    assert there_and_back(function) is function


def test_objects_within_objects() -> None:
    seeded = initializers.GlorotUniform(seed=random.SeedGenerator(3))
    things: Any = {
        "scheduled": optimizers.Adam(schedules.CosineDecay(0.5, 10), beta_1=0.5),
        "scaled": optimizers.LossScaleOptimizer(
            optimizers.SGD(schedules.ExponentialDecay(0.25, 2, 0.5)), 8.0
        ),
        "list": [seeded, layers.Dense(2, kernel_initializer=seeded), {"f": ops.relu, "n": 1, "none": None}],
    }
    found = there_and_back(things)
    assert float(found["scheduled"].learning_rate) == 0.5 and found["scheduled"].beta_1 == 0.5
    assert float(found["scaled"].learning_rate) == 0.25
    assert found["list"][0].seed.initial_seed == found["list"][1].kernel_initializer.seed.initial_seed == 3
    assert found["list"][2] == {"f": ops.relu, "n": 1, "none": None}
    assert there_and_back(hilevel.DTypePolicy("mixed_float16")).name == "mixed_float16"


def test_models_of_layers(backend: Any) -> None:
    inner = hilevel.Sequential([layers.Dense(3, activation="tanh"), layers.Dropout(0.5)])
    first = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(2, activation="relu"), inner], name="outer")
    second = there_and_back(first)
    second.set_weights(first.get_weights())
    x = np.ones((5, 4), "float32")
    np.testing.assert_allclose(second.predict(x, verbose=0), first.predict(x, verbose=0), rtol=1e-6)
    assert second.name == "outer" and second.layers[-1].layers[0].activation is activations.tanh


def shared() -> Any:
    x = hilevel.Input((4,), name="x")
    dense = layers.Dense(4, activation="relu")
    return hilevel.Model(x, layers.Dense(2)(dense(dense(x))))


def of_ops() -> Any:
    x = hilevel.Input((4, 3))
    h = ops.concatenate([x[:, 1:], x[..., :2, :] * np.float32(2)], axis=1)
    h = ops.reshape(ops.maximum(h, np.zeros((5, 3), "float32")), (-1, 15)) + 1.0
    return hilevel.Model(x, layers.Dense(1)(ops.cast(h, "float32")))


def dicts() -> Any:
    a, b = hilevel.Input((4,), name="a"), hilevel.Input((2,), name="b", dtype="int32")
    h = layers.Concatenate()([a, layers.Flatten()(layers.Embedding(5, 3)(b))])
    return hilevel.Model({"a": a, "b": b}, {"sum": layers.Dense(1)(h), "both": [a * 2.0, h]})


def nested() -> Any:
    x = hilevel.Input((4,))
    inner = shared()
    return hilevel.Model(
        [x], hilevel.Sequential([hilevel.Input((2,)), layers.Dense(3)])(inner(x) + inner(x * 0.5))
    )


def part() -> Any:
    x = hilevel.Input((4,))
    hidden = layers.Dense(3, name="hidden")(x)
    return hilevel.Model(hidden, layers.Dense(2)(hidden))


def attention() -> Any:
    query, value = hilevel.Input((3, 4)), hilevel.Input((5, 4))
    return hilevel.Model(
        [query, value], layers.MultiHeadAttention(2, 3)(query, value=value, use_causal_mask=False)
    )


@pytest.mark.parametrize("make", [shared, of_ops, dicts, nested, part, attention], ids=lambda f: f.__name__)
def test_functional_models(make: Any, backend: Any) -> None:
    first = make()
    for second in (
        deserialize_keras_object(json.loads(json.dumps(serialize_keras_object(first)))),
        hilevel.Model.from_config(first.get_config()),
        hilevel.Sequential.from_config(hilevel.Sequential([first]).get_config()).layers[0]
        if len(first.inputs) == 1
        else first,
    ):
        assert second.name == first.name and second.input_names == first.input_names
        assert [w.shape for w in second.weights] == [w.shape for w in first.weights]
        second.set_weights(first.get_weights())
        rng = np.random.default_rng(0)
        x = [rng.integers(0, 2, (6, *i.shape[1:])).astype(i.dtype) for i in first.inputs]
        x = dict(zip(first.input_names, x, strict=True)) if isinstance(first.input, dict) else x
        got, wanted = second.predict(x, verbose=0), first.predict(x, verbose=0)
        hilevel.tree.map_structure(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), got, wanted
        )
        assert type(got) is type(wanted)


def test_a_layer_of_ones_own_in_a_functional_model(backend: Any) -> None:
    class Twice(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * 2.0

    x = hilevel.Input((3,))
    config = hilevel.Model(x, Twice()(x)).get_config()
    again = hilevel.Model.from_config(config, custom_objects={"Twice": Twice})
    np.testing.assert_array_equal(again.predict(np.ones((1, 3)), verbose=0), [[2, 2, 2]])
    with pytest.raises(ValueError, match="Twice"):
        hilevel.Model.from_config(config)


def test_a_functional_model_that_cannot_be_written_or_read() -> None:
    x = hilevel.Input((3,))

    class Takes(layers.Layer):
        def call(self, inputs: Any, how: Any = None) -> Any:
            return inputs

    with pytest.raises(TypeError, match="cannot hold an argument"):
        hilevel.Model(x, Takes()(x, how=lambda v: v)).get_config()
    config = hilevel.Model(x, x + 1.0).get_config()
    config["layers"][1]["module"] = "os"
    with pytest.raises(ValueError, match='"Add" of the module "os" is not registered'):
        hilevel.Model.from_config(config)
    config = hilevel.Model(x, layers.Dense(1, name="d")(x)).get_config()
    config["layers"][1]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = ["other", 0, 0]
    with pytest.raises(ValueError, match="no other call returns: d"):
        hilevel.Model.from_config(config)


def test_ones_own_classes_and_functions() -> None:
    class Half(optimizers.SGD):
        pass

    class Twice(layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    def double(x: Any) -> Any:
        return 2 * x

    own = {"Half": Half, "Twice": Twice, "double": double}
    described = serialize_keras_object([Half(0.5), hilevel.Sequential([Twice()]), double])
    with pytest.raises(UnknownNameError, match="Half"):
        deserialize_keras_object(described)
    half, model, function = deserialize_keras_object(described, custom_objects=own)
    assert type(half) is Half and type(model.layers[0]) is Twice and function is double
    before = dict(hilevel.saving.get_custom_objects())
    try:
        for thing in own.values():
            register_keras_serializable("mine")(thing)
        described = serialize_keras_object([Half(0.5), double])
        assert [described[0]["registered_name"], described[1]["config"]] == ["mine>Half", "mine>double"]
        half, function = deserialize_keras_object(described)
        assert type(half) is Half and function is double
    finally:
        hilevel.saving.get_custom_objects().clear()
        hilevel.saving.get_custom_objects().update(before)


def test_what_keras_wrote() -> None:
    """Its modules are found under the names that they have here."""
    relu = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    schedule = {"module": "keras.optimizers.schedules", "class_name": "CosineDecay", "registered_name": None,
                "config": {"initial_learning_rate": 0.5, "decay_steps": 10}}  # fmt: skip
    adam = {
        "module": "keras.optimizers",
        "class_name": "Adam",
        "config": {"learning_rate": schedule},
        "registered_name": None,
    }
    hinge = {
        "module": "keras.metrics",
        "class_name": "Hinge",
        "config": {"name": "hinge"},
        "registered_name": None,
    }
    found = deserialize_keras_object([relu, adam, hinge])
    assert found[0] is activations.relu and type(found[2]) is metrics.Hinge
    assert float(found[1].learning_rate) == 0.5


def test_what_has_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="A lambda cannot be serialized"):
        serialize_keras_object(lambda x: x)
    with pytest.raises(
        UnknownNameError, match=r'There is no class or function "Dens"\. Did you mean "Dense"'
    ):
        deserialize_keras_object({"class_name": "Dens", "config": {}})


def test_an_unknown_class_gets_the_remedy_and_no_list_of_all_names() -> None:
    with pytest.raises(UnknownNameError) as caught:
        deserialize_keras_object({"class_name": "MyScale", "config": {}})
    text = str(caught.value)
    assert "register_keras_serializable" in text and "custom_objects" in text and len(text) < 250


def test_names_of_modules_and_custom_objects() -> None:
    load = hilevel.saving.deserialize_keras_object
    classes = {"own": hilevel.regularizers.L2, "f": len}
    assert (
        isinstance(load("own", module_objects=classes), hilevel.regularizers.L2)
        and load("f", module_objects=classes) is len
    )
    assert (
        load("own", custom_objects=classes) is hilevel.regularizers.L2 and load("other", classes) == "other"
    )
    described = {"class_name": "own", "config": {"l2": 0.5}}
    assert load(described, module_objects=classes).l2 == 0.5
    assert load(described, {"own": hilevel.regularizers.L1L2}, module_objects=classes).l1 == 0
