"""Models as Keras programs make, clone and check them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers

X = np.ones((4, 3), "float32")


def test_a_clone_of_a_compiled_model_is_compiled() -> None:
    model = hilevel.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    clone = hilevel.models.clone_model(model)
    clone.fit(X, X[:, :1], verbose=0)
    assert clone.optimizer is not model.optimizer
    assert float(model.optimizer.iterations) == 0


class Wide(hilevel.Model):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x: Any) -> Any:
        return self.dense(x)


def test_a_subclassed_model_is_cloned_by_its_config() -> None:
    clone: Any = hilevel.models.clone_model(Wide(5, name="w"))
    assert (type(clone), clone.units, clone.name) == (Wide, 5, "w")
    with pytest.raises(ValueError, match="clone_function"):
        hilevel.models.clone_model(Wide(5), clone_function=lambda layer: layer)


def test_inputs_are_symbolic_and_not_none() -> None:
    a, b = layers.Input((3,), name="a"), layers.Input((3,), name="b")
    for inputs, outputs in (({"a": "a", "b": b}, a + b), ({"a": a, "b": b}, "y")):
        with pytest.raises(ValueError, match="symbolic tensors"):
            hilevel.Model(inputs, outputs)
    model = hilevel.Model({"a": a, "b": b}, layers.Add()([a, b]))
    with pytest.raises(ValueError, match="not optional"):
        model({"a": X, "b": None})
    single = hilevel.Model(a, layers.Dense(1)(a))
    single.compile("sgd", "mse")
    with pytest.raises(ValueError, match="not optional"):
        single.fit([None], X[:, :1])


def test_wrong_sequential_models() -> None:
    class Two(layers.Layer):
        def call(self, x: Any, training: Any) -> Any:
            return x

    with pytest.raises(ValueError, match="training"):
        hilevel.Sequential([Two()]).build((None, 3))
    with pytest.raises(ValueError, match="no layers"):
        hilevel.Sequential()(X)
    model = hilevel.Sequential([layers.Input((2,), batch_size=3), layers.Dense(2)])
    model.build((3, 2))
    with pytest.raises(ValueError, match=r"\(3, 2\).*\(3, 4\)"):
        model.build((3, 4))


def two_outputs() -> Any:
    x = layers.Input((3,))
    outputs = {"a": layers.Dense(1, name="a")(x), "b": layers.Dense(1, "sigmoid", name="b")(x)}
    return hilevel.Model(x, outputs)


def test_a_loss_of_one_output_has_no_name_in_the_history() -> None:
    model = two_outputs()
    of_b = {"b": ["mse", "accuracy"]}
    model.compile("sgd", {"b": ["binary_crossentropy"]}, metrics=of_b, weighted_metrics=of_b)
    history = model.fit(X, {"a": X[:, :1], "b": X[:, :1]}, verbose=0).history
    assert sorted(history) == ["b_accuracy", "b_mse", "b_weighted_accuracy", "b_weighted_mse", "loss"]


def test_a_loss_of_an_unknown_output_is_a_key_error() -> None:
    model = two_outputs()
    model.compile("sgd", {"a": "mse", "c": "mse"})
    with pytest.raises(KeyError) as caught:
        model.fit(X, (X[:, :1], X[:, :1]), verbose=0)
    assert 'there is no output "c"' in str(caught.value)


def test_configs_of_keras_2() -> None:
    config = {
        "name": "m",
        "layers": [
            {
                "class_name": "InputLayer", "name": "i", "inbound_nodes": [],
                "config": {"batch_input_shape": [None, 3], "dtype": "float32", "name": "i"},
            },
            {
                "class_name": "Dense", "name": "d", "inbound_nodes": [[["i", 0, 0, {}]]],
                "config": {"units": 2, "name": "d"},
            },
        ],
        "input_layers": [["i", 0, 0]],
        "output_layers": [["d", 0, 0]],
    }  # fmt: skip
    assert hilevel.Model.from_config(config)(X).shape == (4, 2)
    config["layers"][1]["inbound_nodes"] = [[["other", 0, 0, {}]]]  # type: ignore[index]
    with pytest.raises(ValueError, match="d"):
        hilevel.Model.from_config(config)


def test_a_loss_for_a_structure_of_outputs() -> None:
    x = layers.Input((3,))
    a, b, c = (layers.Dense(1, name=n)(x) for n in "abc")
    model = hilevel.Model(x, {"pair": (a, b), "c": c})
    seen: list[Any] = []

    def distance(y: Any, p: Any) -> Any:
        seen.append((type(y), len(y)))
        return hilevel.ops.mean(hilevel.ops.abs(y[0] - p[0]) + hilevel.ops.abs(y[1] - p[1]), axis=-1)

    model.compile("sgd", {"pair": [distance, (None, "mse")], "c": "mse"})
    y = X[:, :1]
    history = model.fit(X, {"pair": (y, y), "c": y}, verbose=0).history
    assert sorted(history) == ["c_loss", "loss", "pair/b_loss", "pair_loss"]
    assert set(seen) == {(tuple, 2)}
    total = sum(history[name][0] for name in ("c_loss", "pair/b_loss", "pair_loss"))
    assert history["loss"][0] == pytest.approx(total)


def test_a_summary_has_ops_totals_and_shapes_of_eager_calls(capsys: Any) -> None:
    x = layers.Input((2,))
    hilevel.Model(x, hilevel.ops.mean(layers.Dense(4, name="d")(x))).summary(show_trainable=True)
    text = capsys.readouterr().out
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert rows["mean"][-3:] == ["()", "0", "-"]
    assert rows["d"][-1] == "Y"
    for line in ("Total params: 12 (48 B)", "Trainable params: 12 (48 B)", "Non-trainable params: 0 (0 B)"):
        assert line in text

    class Head(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(10)

        def call(self, x: Any) -> Any:
            return {"head": self.dense(x)}

        def compute_output_shape(self, input_shape: Any) -> Any:
            return {"head": self.dense.compute_output_shape(input_shape)}

    class Outer(hilevel.Model):
        def __init__(self) -> None:
            super().__init__()
            self.head = Head()

        def call(self, x: Any) -> Any:
            return self.head(x)

    model = Outer()
    model(np.zeros((1, 16), "float32"))
    model.summary()
    assert "(1, 10)" in capsys.readouterr().out


class Normalized(layers.Layer):
    """A layer without `build`, with a shape of its own."""

    def __init__(self, traced: bool) -> None:
        super().__init__()
        self.traced, self.inner = traced, layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.inner(x if self.traced else np.asarray(x))

    def compute_output_shape(self, shape: Any) -> Any:
        return (*shape[:-1], 3)


def test_layers_in_a_layer_with_a_declared_shape_are_built_with_the_graph() -> None:
    inputs = hilevel.Input((2,))
    for traced in (True, False):  # a call that cannot run on shapes leaves them to the first batch
        model = hilevel.Model(inputs, Normalized(traced)(inputs))
        assert len(model.weights) == 2 * traced and model.output_shape == (None, 3)
        model.compile("sgd", "mse")
        if traced:
            model.optimizer.build(model.trainable_variables)
            model.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
        assert model(np.ones((4, 2))).shape == (4, 3) and len(model.weights) == 2
