"""What a functional or Sequential model takes for its inputs, and gives for its outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.errors import ShapeError

N = 6


def model_of(shape: Any, **options: Any) -> Any:
    x = hilevel.Input(shape, name="x", **options)
    return hilevel.Model(x, layers.Flatten()(x) * 1.0)


def sequential_of(shape: Any, **options: Any) -> Any:
    return hilevel.Sequential([hilevel.Input(shape, name="x", **options), layers.Flatten()])


ACCEPTED = [
    ((1,), (N,)), ((1,), (N, 1)), ((28, 28, 1), (N, 28, 28)), ((28, 28), (N, 28, 28, 1)), ((4,), (N, 4, 1)),
    ((), (N, 1)), ((None, 1), (N, 7)), ((None,), (N, 7, 1)), ((None, None, 3), (N, 2, 5, 3)),
]  # fmt: skip
REFUSED = [
    ((5,), (N, 1, 5)), ((5,), (N, 6)), ((5,), (N,)), ((28, 28, 1), (N, 27, 28, 1)), ((28, 28, 1), (N, 28, 28, 3)),
    ((28, 28, 1), (N, 28)), ((28, 28, 3), (N, 28, 28)), ((None, 3), (N, 4, 2)), ((5,), (N, 5, 2)),
]  # fmt: skip


@pytest.mark.parametrize("make", [model_of, sequential_of])
@pytest.mark.parametrize(("shape", "given"), ACCEPTED, ids=str)
def test_a_last_axis_of_length_one_may_be_missing_or_more(
    make: Any, shape: Any, given: Any, backend: Any
) -> None:
    x = np.arange(np.prod(given), dtype="float32").reshape(given)
    model = make(shape)
    for got in (model(x), model.predict(x, verbose=0), model.predict(x, batch_size=4, verbose=0)):
        np.testing.assert_array_equal(ops.convert_to_numpy(got), x.reshape(N, -1))


@pytest.mark.parametrize("make", [model_of, sequential_of])
@pytest.mark.parametrize(("shape", "given"), REFUSED, ids=str)
def test_other_shapes_are_refused(make: Any, shape: Any, given: Any, backend: Any) -> None:
    model = make(shape)
    for call in (model, lambda x: model.predict(x, verbose=0)):
        with pytest.raises(ShapeError, match=r'input "x" of the model, read by Flatten .* got data of shape'):
            call(np.zeros(given, "float32"))


@pytest.mark.parametrize("eagerly", [False, True])
def test_the_first_program_of_most_courses(eagerly: bool, backend: Any) -> None:
    xs = np.array([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0])
    hilevel.set_random_seed(0)
    model = hilevel.Sequential([layers.Dense(units=1, input_shape=[1])])
    model.compile(optimizer="sgd", loss="mean_squared_error", run_eagerly=eagerly)
    model.fit(xs, 2 * xs - 1, epochs=500, verbose=0)
    np.testing.assert_allclose(model.predict(np.array([10.0]), verbose=0), [[19.0]], atol=0.2)
    assert model.evaluate(xs, 2 * xs - 1, verbose=0) < 0.01


def test_a_dict_of_columns(backend: Any) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [1.0, 2.0, 3.0], "size": [0, 1, 0]})
    inputs = {name: hilevel.Input((1,), name=name) for name in frame}
    model = hilevel.Model(inputs, layers.Concatenate()(list(inputs.values())))
    model.compile("sgd", "mse")
    np.testing.assert_array_equal(model.predict(dict(frame), verbose=0), frame.to_numpy())


@pytest.mark.parametrize("dtype", ["float32", "float16", "int32", "bool"])
@pytest.mark.parametrize("given", ["float64", "float32", "int64", "uint8", "bool"])
def test_inputs_are_cast_to_the_dtype_of_input(dtype: str, given: str, backend: Any) -> None:
    x = hilevel.Input((2,), dtype=dtype)
    model = hilevel.Model(x, ops.reshape(x, (-1, 2)))
    assert ops.convert_to_numpy(model(np.ones((3, 2), given))).dtype == dtype


def test_integers_become_floats_where_input_has_no_dtype(backend: Any) -> None:
    x = hilevel.Input((2,))
    model = hilevel.Model(x, ops.reshape(x, (-1, 2)))
    assert ops.convert_to_numpy(model(np.ones((3, 2), "int32"))).dtype == "float32"
    exact = hilevel.Model(x, ops.reshape(x, (-1, 2)), dtype="float64")
    assert ops.convert_to_numpy(exact(np.ones((3, 2), "float64"))).dtype == "float64"


@pytest.mark.parametrize("wrap", [lambda y: [y], lambda y: (y,)])
def test_one_output_in_a_list_is_one_tensor(wrap: Any, backend: Any) -> None:
    x = hilevel.Input((2,))
    model = hilevel.Model([x], wrap(layers.Dense(1)(x)))
    data, target = np.ones((N, 2), "float32"), np.ones((N, 1), "float32")
    assert tuple(model(data).shape) == (N, 1) and model.predict(data, verbose=0).shape == (N, 1)
    model.compile("sgd", "mse", metrics=["mae"])
    for y in (target, [target]):
        assert "mae" in model.fit(data, y, verbose=0).history


def test_a_mask_stays_with_an_input_that_gains_an_axis(backend: Any) -> None:
    x = hilevel.Input((3, 1))
    model = hilevel.Model(x, layers.GlobalAveragePooling1D()(x))
    data = hilevel.masks.set_mask(ops.convert_to_tensor([[1.0, 3.0, 9.0]]), np.array([[True, True, False]]))
    np.testing.assert_allclose(ops.convert_to_numpy(model(data)), [[2.0]])


def test_a_nested_model_checks_its_inputs_when_the_graph_is_made() -> None:
    inner = model_of((5,))
    with pytest.raises(ShapeError, match='input "x" of the model'):
        inner(hilevel.Input((6,)))
    assert inner(hilevel.Input((None,))).shape[0] is None


@pytest.mark.parametrize(
    ("spec", "shape", "fits"),
    [
        ({"shape": (None, 3)}, (2, 3, 1), True),
        ({"shape": (None, 3, 1)}, (2, 3), True),
        ({"shape": (None, 3)}, (2, 4, 1), False),
        ({"shape": (None, 3)}, (2, 3, 2), False),
        ({"shape": (None, 3, 1)}, (2, 4), False),
        ({"shape": (None, 3, 2)}, (2, 3), False),
        ({"ndim": 2}, (2, 3, 1), True),
        ({"ndim": 2}, (2, 3, 4), False),
    ],
    ids=str,
)
def test_the_spec_of_a_layer_allows_a_last_axis(spec: Any, shape: Any, fits: bool, backend: Any) -> None:
    layer = layers.Activation("linear")
    layer.input_spec = hilevel.InputSpec(allow_last_axis_squeeze=True, **spec)
    if fits:
        layer(np.zeros(shape, "float32"))
    else:
        with pytest.raises(ShapeError, match="expects inputs"):
            layer(np.zeros(shape, "float32"))


class Difference(layers.Layer):
    def call(self, inputs: Any) -> Any:
        a, b = inputs.values() if isinstance(inputs, dict) else inputs
        return a - b


@pytest.mark.parametrize(
    "wrap", [list, tuple, lambda xs: dict(zip("ab", xs, strict=True))], ids=["list", "tuple", "dict"]
)
def test_a_first_layer_with_several_inputs(wrap: Any, backend: Any) -> None:
    x = np.arange(6, dtype="float32").reshape(2, 3)
    model = hilevel.Sequential([Difference(), layers.Dense(1, kernel_initializer="ones")])
    np.testing.assert_allclose(ops.convert_to_numpy(model(wrap([x, x - 2]))), [[6], [6]])
    assert model.built
