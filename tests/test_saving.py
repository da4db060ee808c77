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
    "SeedGenerator": (3,),
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
            if wanted(thing) and name not in ("get", "serialize", "deserialize") and name not in BASES:
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


def test_models_whose_graph_would_be_lost_are_refused() -> None:
    x = hilevel.Input((3,))
    with pytest.raises(NotImplementedError, match="does not hold its graph yet"):
        serialize_keras_object(hilevel.Model(x, layers.Dense(2)(x)))


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
        assert [d["registered_name"] for d in described] == ["mine>Half", "mine>double"]
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
