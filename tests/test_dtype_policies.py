"""Every layer with every dtype policy: the dtype of its output, and a training step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from layer_cases import FAMILIES, Case, Draw, cases

import hilevel
from hilevel import dtype_policies, initializers, layers, ops, optimizers, tree
from hilevel.layers.preprocessing.data_layer import DataLayer

jax = pytest.importorskip("jax")
POLICIES = ["float32", "float64", "float16", "bfloat16", "mixed_float16", "mixed_bfloat16"]

CASES: dict[str, Case] = {}
"""The first configuration of each layer."""
for family in FAMILIES:
    for case in cases(family).values():
        CASES.setdefault(case.cls, case)
CASES |= {
    "ActivityRegularization": Case("ActivityRegularization", {"l2": 0.1}, [(4, 5)]),
    "CategoryEncoding": Case("CategoryEncoding", {"num_tokens": 3}, [Draw((4, 5), 3)]),
    "Lambda": Case("Lambda", {"function": lambda x: ops.multiply(x, 0.5)}, [(4, 5)]),
    "SpatialDropout2D": Case("SpatialDropout2D", {"rate": 0.5}, [(4, 2, 2, 5)], {"training": True}),
    "SpatialDropout3D": Case("SpatialDropout3D", {"rate": 0.5}, [(4, 2, 2, 2, 5)], {"training": True}),
}
ON_THE_HOST = {"Discretization", "Hashing", "IntegerLookup", "StringLookup", "TextVectorization"}
OTHERS = {"HashedCrossing", "MelSpectrogram", "STFTSpectrogram"}
"""Layers of integers and sounds, which tests of their own compare."""
ABSTRACT = {"Input", "InputLayer", "InputSpec", "Layer", "Wrapper"}


def test_every_layer_is_here() -> None:
    """But layers of images and audio, which take integers, and whose dtypes their own tests compare."""
    covered = {getattr(layers, name) for name in {*CASES, *ON_THE_HOST, *OTHERS, *ABSTRACT}}
    named = [(n, getattr(layers, n)) for n in layers.__all__ if n[0].isupper()]
    assert {n for n, cls in named if cls not in covered and not issubclass(cls, DataLayer)} == set()


def inputs_of(case: Case) -> tuple[list[Any], dict[str, Any]]:
    """Inputs and keyword arguments; floats in float32, as data come."""
    rng = np.random.default_rng(0)
    draw = lambda x: x(rng) if isinstance(x, Draw) else x
    inputs = [x(rng) if isinstance(x, Draw) else rng.normal(size=x).astype("float32") for x in case.inputs]
    return case.positional(inputs), tree.map_structure(draw, case.call)


def dtypes_of(tensors: Any) -> list[str]:
    return [str(x.dtype) for x in tree.flatten(tensors)]


def step(layer: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
    """The outputs, and the gradients of their squares' mean by the trainable variables."""

    def loss() -> Any:
        outputs = layer(*args, **kwargs)
        floats = [y for y in tree.flatten(outputs) if "float" in str(y.dtype)]
        return sum(ops.mean(ops.square(ops.cast(y, "float32"))) for y in floats), outputs

    (_, outputs), gradients = hilevel.value_and_grad(
        loss, variables=layer.trainable_variables, has_aux=True
    )()
    return outputs, gradients


def made(name: str, policy: str) -> tuple[Any, Any, Any]:
    """A layer that is built, and the arguments of a call."""
    hilevel.set_random_seed(0)
    layer = CASES[name].layer(layers, dtype=policy)
    args, kwargs = inputs_of(CASES[name])
    layer(*args, **kwargs)
    return layer, args, kwargs


def check(policy: str, outputs: Any, gradients: Any) -> list[str]:
    """The dtypes of the outputs; floats are in the compute dtype, gradients in that of the variables."""
    expected = hilevel.DTypePolicy(policy)
    found = dtypes_of(outputs)
    assert {d for d in found if "float" in d} <= {expected.compute_dtype}
    assert {*dtypes_of(gradients)} <= {expected.variable_dtype}
    return found


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", CASES)
def test_same_dtype_everywhere(name: str, policy: str) -> None:
    """Eager, with a gradient, and compiled; on JAX traced, as compiling every layer takes minutes."""
    found = []
    with hilevel.use_backend("numpy"):
        layer, args, kwargs = made(name, policy)
        found.append(check(policy, layer(*args, **kwargs), []))
        for run in (step, hilevel.jit(step)):
            outputs, gradients = run(layer, args, kwargs)
            found.append(check(policy, outputs, gradients))
            assert all(np.isfinite(np.asarray(g, "float32")).all() for g in tree.flatten(gradients))
    with hilevel.use_backend("jax"):
        layer, args, kwargs = made(name, policy)
        jax.eval_shape(lambda args: found.append(check(policy, *step(layer, args, kwargs))), args)
    assert all(other == found[0] for other in found)


OPTIMIZERS = sorted(
    {name for name in optimizers.__all__ if name[0].isupper()}
    - {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}
)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_keep_the_dtype_of_variables(name: str, backend: Any) -> None:
    variable = hilevel.Variable(np.ones((3, 2)), dtype="bfloat16")
    optimizer = getattr(optimizers, name)(0.1)
    optimizer.apply([ops.ones((3, 2), "bfloat16")], [variable])
    assert {str(v.read().dtype) for v in (variable, *optimizer.variables) if v.shape} == {"bfloat16"}
    assert np.isfinite(variable.numpy().astype("float32")).all()


@pytest.mark.parametrize("name", ["GlorotUniform", "RandomUniform", "RandomNormal", "Orthogonal"])
def test_initializers_give_the_dtype(name: str, backend: Any) -> None:
    assert str(getattr(initializers, name)()((3, 3), dtype="bfloat16").dtype) == "bfloat16"


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16"])
def test_a_model_of_many_layers_trains(policy: str, backend: Any) -> None:
    hilevel.set_random_seed(0)
    make = lambda name, *args, **kwargs: getattr(layers, name)(*args, dtype=policy, **kwargs)
    x = inputs = hilevel.Input((8, 8, 2))
    x = make("MaxPooling2D", 2)(
        make("BatchNormalization")(make("Conv2D", 4, 3, activation="relu", padding="same")(x))
    )
    x = make("AveragePooling2D", 2, strides=1, padding="same")(x)
    x = make("Reshape", (16, 4))(x)
    x = make("MultiHeadAttention", 2, 4)(x, x)
    x = make("GRU", 4)(make("LSTM", 4, return_sequences=True)(make("LayerNormalization")(x)))
    model = hilevel.Model(inputs, make("Dense", 3, activation="softmax")(make("Dropout", 0.1)(x)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    rng = np.random.default_rng(0)
    data, labels = rng.normal(size=(32, 8, 8, 2)), rng.integers(0, 3, 32)
    history = model.fit(data, labels, batch_size=16, epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert {str(w.dtype) for w in model.trainable_variables} == {hilevel.DTypePolicy(policy).variable_dtype}
    assert {str(y.dtype) for y in (model(data), model.predict(data, verbose=0))} == {"bfloat16"}


@pytest.mark.parametrize("name", ["float16", "mixed_bfloat16"])
@pytest.mark.parametrize("cls", [hilevel.DTypePolicy, hilevel.FloatDTypePolicy])
def test_policies_are_restored(cls: Any, name: str) -> None:
    config = dtype_policies.serialize(cls(name))
    for policy in (dtype_policies.deserialize(config), dtype_policies.get(config)):
        assert type(policy) is cls and policy.name == name
    assert config["class_name"] == cls.__name__ and config["module"] == "keras"


def test_policies_of_other_objects_are_refused() -> None:
    with pytest.raises(ValueError, match="dtype policy"):
        dtype_policies.get({"class_name": "Dense", "config": {"units": 2}})
    with pytest.raises(TypeError, match="must be a string"):
        hilevel.DTypePolicy(3)  # type: ignore[arg-type]


def test_inputs_are_converted(backend: Any) -> None:
    policy = hilevel.DTypePolicy("float32")
    x = np.ones(2, "float64")
    assert str(policy.convert_input(x, True, "float16").dtype) == "float16"
    assert str(policy.convert_input(x.astype("int32"), True, "float16").dtype) == "int32"
    assert policy.convert_input("text", True, "float16") == "text"
    assert policy.quantization_mode is None


def test_policies_by_path() -> None:
    policies = hilevel.dtype_policies.DTypePolicyMap(
        None, {"net/first": "bfloat16", "net/.*d": "mixed_bfloat16"}
    )
    layers = [hilevel.layers.Dense(2, dtype=policies, name=name) for name in ("first", "second", "last")]

    class Net(hilevel.Model):
        def __init__(self) -> None:
            super().__init__(name="net", dtype=policies)
            self.parts = layers

        def call(self, x: Any) -> Any:
            seen.append([])
            for part in self.parts:
                x = part(x)
                seen[-1].append(str(x.dtype))
            return x

    seen: list[Any] = []
    net = Net()
    for _ in range(2):
        net(np.ones((1, 2), "float32"))
    assert seen[-2:] == [["bfloat16", "bfloat16", "float32"]] * 2
    assert [str(layer.kernel.dtype) for layer in layers] == ["bfloat16", "float32", "float32"]
    assert layers[1].dtype_policy == hilevel.DTypePolicy("mixed_bfloat16")


def test_the_map_of_policies() -> None:
    policies = hilevel.dtype_policies.DTypePolicyMap("float64")
    policies["a/b"] = hilevel.DTypePolicy("float16")
    again = hilevel.dtype_policies.deserialize(hilevel.dtype_policies.serialize(policies))
    assert again == policies and hilevel.dtype_policies.get(policies) is policies and len(policies) == 1
    assert policies["c"].name == policies.default_policy.name == policies.compute_dtype == "float64"
    assert list(policies) == ["a/b"] and "c" not in policies and policies.name == "map_float64"
    with pytest.raises(ValueError, match="has a policy already"):
        policies["a/b"] = hilevel.DTypePolicy("float32")
    policies["a/.*"] = policies[".*/c"] = hilevel.DTypePolicy("float32")
    assert policies["a/b"].name == "float16"
    with pytest.raises(ValueError, match=r"several keys match the path 'a/c': a/\.\*, \.\*/c"):
        policies["a/c"]
    with pytest.raises(TypeError, match="must be a dict of policies; got 3"):
        hilevel.dtype_policies.DTypePolicyMap(policy_map=3)  # type: ignore[arg-type]
    del policies["a/b"]
    assert policies["a/b"].name == "float32"
