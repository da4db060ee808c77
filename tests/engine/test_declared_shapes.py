"""Layers that compute the shape of their output themselves; arguments by name; layers that are built."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops


class Positions(layers.Layer):
    """The position embedding of Keras's examples: it slices a weight by the length of the input."""

    def __init__(self, longest: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.longest = longest

    def build(self, input_shape: Any) -> None:
        self.table = self.add_weight(shape=(self.longest, input_shape[-1]), initializer="uniform")

    def call(self, inputs: Any) -> Any:
        return inputs + self.table[: ops.shape(inputs)[1]]

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape


class BySpec(Positions):
    def compute_output_spec(self, inputs: Any) -> Any:
        return hilevel.KerasTensor(inputs.shape, dtype=inputs.dtype)


class OnNumbers(layers.Layer):
    """A layer whose `call` needs numbers."""

    def call(self, inputs: Any) -> Any:
        return ops.convert_to_tensor(np.repeat(ops.convert_to_numpy(inputs), 2, axis=-1))

    def compute_output_shape(self, input_shape: Any) -> Any:
        return (*input_shape[:-1], 2 * input_shape[-1])


@pytest.mark.parametrize("cls", [Positions, BySpec])
@pytest.mark.parametrize("eagerly", [False, True])
def test_an_embedding_of_positions_in_sequences_of_any_length(cls: Any, eagerly: bool, backend: Any) -> None:
    x = hilevel.Input((None, 4))
    positions = cls(10)
    hidden = positions(x)
    assert hidden.shape == (None, None, 4) and positions.built
    model = hilevel.Model(x, layers.Dense(2)(hidden))
    outer = hilevel.Sequential([hilevel.Input((None, 4)), model, layers.GlobalAveragePooling1D()])
    assert outer.output_shape == (None, 2)
    outer.compile("sgd", "mse", run_eagerly=eagerly)
    data = np.random.default_rng(0).normal(size=(6, 7, 4)).astype("float32")
    outer.fit(data, np.zeros((6, 2)), epochs=2, verbose=0)
    wanted = (data + positions.table.numpy()[:7]) @ model.layers[-1].kernel.numpy() + model.layers[
        -1
    ].bias.numpy()
    np.testing.assert_allclose(model.predict(data, verbose=0), wanted, rtol=1e-4, atol=1e-5)


def test_call_is_not_run_on_shapes() -> None:
    x = hilevel.Input((3,))
    model = hilevel.Model(x, OnNumbers()(x))
    assert model.output_shape == (None, 6)
    np.testing.assert_array_equal(ops.convert_to_numpy(model(np.ones((2, 3)))), np.ones((2, 6)))
    assert OnNumbers().compute_output_spec(hilevel.Input((None, 3))).shape == (None, None, 6)


class Split(layers.Layer):
    """A layer with several inputs and outputs, by name."""

    def call(self, query: Any, value: Any) -> Any:
        raise AssertionError("call is run on shapes")

    def compute_output_shape(self, query_shape: Any, value_shape: Any) -> Any:
        return {"sum": query_shape, "parts": [value_shape, (value_shape[0], None)]}


def test_structures_of_shapes() -> None:
    outputs = Split()(hilevel.Input((3,)), value=hilevel.Input((4,), batch_size=2))
    assert outputs["sum"].shape == (None, 3)
    assert [o.shape for o in outputs["parts"]] == [(2, 4), (2, None)]


class Calls(layers.Layer):
    def compute_output_shape(self, input_shape: Any) -> Any:
        shape = super().compute_output_shape(input_shape)
        return (*shape, 1)

    def call(self, inputs: Any) -> Any:
        return ops.expand_dims(inputs * 2, -1)[..., 0]


class CallsSpec(layers.Layer):
    def compute_output_spec(self, inputs: Any) -> Any:
        spec = super().compute_output_spec(inputs)
        return hilevel.KerasTensor(spec.shape, dtype="float16")

    def call(self, inputs: Any) -> Any:
        return inputs * 2


def test_the_method_of_the_base_runs_call() -> None:
    assert Calls()(hilevel.Input((3,))).shape == (None, 3, 1)
    got = CallsSpec()(hilevel.Input((3,)))
    assert (got.shape, got.dtype) == ((None, 3), "float16")


# -- arguments by name ---------------------------------------------------------------------------------

LAYERS: dict[str, Any] = {
    "Dense": (lambda: layers.Dense(2), (2, 3)),
    "Conv1D": (lambda: layers.Conv1D(2, 2), (2, 5, 3)),
    "MaxPooling2D": (lambda: layers.MaxPooling2D(), (2, 4, 4, 1)),
    "BatchNormalization": (lambda: layers.BatchNormalization(), (2, 3)),
    "LSTM": (lambda: layers.LSTM(2), (2, 5, 3)),
    "Flatten": (lambda: layers.Flatten(), (2, 3, 4)),
    "Bidirectional": (lambda: layers.Bidirectional(layers.LSTM(2)), (2, 5, 3)),
    "SpatialDropout1D": (lambda: layers.SpatialDropout1D(0.5), (2, 5, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_the_input_may_be_given_by_name(name: str, backend: Any) -> None:
    make, shape = LAYERS[name]
    layer, x = make(), np.random.default_rng(0).normal(size=shape).astype("float32")
    parameter = next(iter(layer._call_parameters))
    wanted = ops.convert_to_numpy(layer(x))
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(**{parameter: x})), wanted)
    assert make()(**{parameter: hilevel.Input(shape[1:])}).shape == (None, *wanted.shape[1:])
    with pytest.raises(
        TypeError, match=f"needs the argument '{parameter}'|unexpected keyword argument 'wrong'"
    ):
        make()(wrong=x)


# -- Variables and layers that are built ---------------------------------------------------------------


@pytest.mark.parametrize("name", ["ones", "zeros", "glorot_uniform", "random_normal"])
def test_a_variable_by_the_name_of_an_initializer(name: str, backend: Any) -> None:
    v = hilevel.Variable(name, shape=(2, 3), dtype="float32")
    assert v.shape == (2, 3) and v.dtype == "float32"
    if name in ("ones", "zeros"):
        np.testing.assert_array_equal(v.numpy(), getattr(np, name)((2, 3)))
    with pytest.raises(ValueError, match="needs a shape"):
        hilevel.Variable(name)
    with pytest.raises(ValueError, match="no initializer"):
        hilevel.Variable("onse", shape=(2,))


class Plain(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return inputs


class Around(layers.Layer):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


def test_a_layer_without_weights_is_built_when_it_is_made(backend: Any) -> None:
    for layer in (
        Plain(),
        layers.Dropout(0.5),
        layers.ReLU(),
        layers.Flatten(),
        Around(Plain()),
    ):
        assert layer.built, layer
    for layer in (
        layers.Dense(1),
        layers.LSTM(2),
        Around(layers.Dense(1)),
        hilevel.Model(),
        hilevel.Sequential(),
    ):
        assert not layer.built, layer
    around = Around(layers.Dense(1))
    around(np.ones((2, 3)))
    assert around.built


def test_build_makes_a_layer_built(backend: Any) -> None:
    for layer in (
        layers.Dense(1),
        layers.BatchNormalization(),
        layers.Dropout(0.1),
        Plain(),
        Around(layers.Dense(1)),
    ):
        layer.build((None, 3))
        assert layer.built, layer


class Small(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)


class Pairs(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = layers.Dense(2), layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.a(inputs["a"]) + self.b(inputs["b"])


def test_build_of_a_subclassed_model_makes_its_weights(backend: Any) -> None:
    model = Small()
    model.build((None, 3))
    assert model.built and model.count_params() == 8
    pairs = Pairs()
    pairs.build({"a": (None, 3), "b": (None, 5)})
    assert pairs.count_params() == 8 + 12
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
