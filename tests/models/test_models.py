"""Models: Sequential, graphs, subclasses; what they hold, how they are printed, copied and moved between backends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.engine.types import Tensor

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
Y = X[:, :1] - X[:, 1:2]


def dense(model: Any) -> list[Any]:
    return [ops.convert_to_numpy(w) for w in model.get_weights()]


# -- Sequential -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        lambda: [layers.Input((4,)), layers.Dense(3)],
        lambda: [layers.InputLayer((4,)), layers.Dense(3)],
        lambda: [layers.Dense(3, input_shape=(4,))],
        lambda: [layers.Dense(3, input_dim=4)],
        lambda: [layers.Dense(3, batch_input_shape=(None, 4))],
    ],
)
def test_a_sequential_that_knows_its_input_is_built(first: Any, backend: Any) -> None:
    model = hilevel.Sequential([*first(), layers.Dense(2)])
    assert model.built and model.count_params() == 4 * 3 + 3 + 3 * 2 + 2
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense"]


def test_a_sequential_without_input_is_built_by_its_first_data(backend: Any) -> None:
    model = hilevel.Sequential([layers.Dense(3), layers.Dense(1)])
    assert not model.built and model.weights == []
    assert model(X).shape == (12, 1)
    assert model.built and len(model.weights) == 4
    other = hilevel.Sequential([layers.Dense(3), layers.Dense(1)])
    other.build((None, 4))
    assert other.input_shape == (None, 4) and len(other.weights) == 4
    third = hilevel.Sequential([layers.Dense(3), layers.Dense(1)])
    third.compile("sgd", "mse")
    third.fit(X, Y, verbose=0)
    assert len(third.weights) == 4


def test_add_and_pop(backend: Any) -> None:
    model = hilevel.Sequential()
    model.add(layers.Input((4,)))
    model.add(layers.Dense(3, name="a"))
    assert model.output_shape == (None, 3)
    model.add(layers.Dense(2, name="b"))
    assert model.output_shape == (None, 2) and len(model.weights) == 4
    assert model.pop().name == "b"
    assert model.output_shape == (None, 3) and len(model.weights) == 2
    assert model(X).shape == (12, 3)
    with pytest.raises(ValueError, match='named "a"'):
        model.add(layers.Dense(2, name="a"))
    with pytest.raises(ValueError, match="Input"):
        model.add(layers.Input((4,)))
    with pytest.raises(ValueError, match="int"):
        model.add(3)
    model.pop()
    with pytest.raises(ValueError, match="no layer"):
        model.pop()


def test_a_sequential_from_its_config(backend: Any) -> None:
    model = hilevel.Sequential(
        [layers.Input((4,)), layers.Dense(3, "relu"), layers.Dropout(0.1)], name="mine"
    )
    copy = hilevel.Sequential.from_config(model.get_config())
    assert copy.get_config() == model.get_config() and copy.name == "mine"
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(ops.convert_to_numpy(copy(X)), ops.convert_to_numpy(model(X)))


def test_a_sequential_of_sequentials(backend: Any) -> None:
    inner = hilevel.Sequential([layers.Input((4,)), layers.Dense(3)])
    model = hilevel.Sequential([inner, hilevel.Sequential([layers.Dense(2)]), layers.Dense(1)])
    assert model.built and model.count_params() == 15 + 8 + 3
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert model.predict(X, verbose=0).shape == (12, 1)


# -- graphs -----------------------------------------------------------------------------------------


def test_a_shared_layer_counts_once(backend: Any) -> None:
    a, b = hilevel.Input((4,)), hilevel.Input((4,))
    shared = layers.Dense(2)
    model = hilevel.Model([a, b], layers.Subtract()([shared(a), shared(b)]))
    assert model.count_params() == 10 and len(model.weights) == 2
    assert not np.any(model.predict([X, X], verbose=0))
    model.compile("sgd", "mse")
    model.fit([X, -X], np.ones((12, 2)), verbose=0)
    k = shared.kernel.numpy()
    np.testing.assert_allclose(model.predict([X, -X], verbose=0), 2 * X @ k, rtol=1e-4, atol=1e-5)


def test_ops_in_a_graph_and_models_in_models(backend: Any) -> None:
    x = hilevel.Input((4,))
    inner = hilevel.Model(x, ops.tanh(layers.Dense(3)(x)) * 2)
    y = hilevel.Input((4,))
    h = inner(y)
    h = ops.concatenate([h, y[:, :1]], axis=-1)
    outer = hilevel.Model(y, ops.sum(h**2, axis=-1, keepdims=True))
    assert outer.output_shape == (None, 1) and outer.count_params() == 15
    k, b = (w.numpy() for w in inner.weights)
    wanted = ((2 * np.tanh(X @ k + b)) ** 2).sum(-1, keepdims=True) + X[:, :1] ** 2
    np.testing.assert_allclose(outer.predict(X, verbose=0), wanted, rtol=1e-5)
    inner.trainable = False
    assert outer.trainable_weights == []


def test_a_graph_is_made_without_computing(backend: Any) -> None:
    computed: list[Any] = []

    @ops.op(shape=lambda x: x)
    def noted(xp: Any, x: Tensor) -> Any:
        computed.append(x)
        return x

    class Scaled(layers.Layer):  # type: ignore[misc]
        def build(self, input_shape: Any) -> None:
            self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")

        def call(self, x: Any) -> Any:
            return x * noted(self.scale)

    x = hilevel.Input((3,))
    model = hilevel.Model(x, Scaled()(x))
    assert model.output_shape == (None, 3) and not computed
    model.predict(np.ones((2, 3)), verbose=0)
    assert computed


def test_inputs_by_position_and_by_name(backend: Any) -> None:
    a, b = hilevel.Input((4,), name="a"), hilevel.Input((4,), name="b")
    model = hilevel.Model([a, b], a - b)
    for data in ([X, 2 * X], (X, 2 * X), {"b": 2 * X, "a": X}):
        np.testing.assert_allclose(ops.convert_to_numpy(model(data)), -X)
        np.testing.assert_allclose(model.predict(data, verbose=0) if not isinstance(data, tuple) else -X, -X)
    for wrong, words in (
        ({"a": X}, "Missing: b"), ({"a": X, "b": X, "c": X}, '"c" is not an input'), ([X], "2 inputs"), ([X] * 3, "2 inputs"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            model(wrong)


def test_outputs_keep_their_structure(backend: Any) -> None:
    x = hilevel.Input((4,))
    for outputs in ([x, x + 1], {"z": x, "a": x + 1}, [x + 1, {"only": x}]):
        got = hilevel.Model(x, outputs).predict(X, verbose=0)
        assert type(got) is type(outputs)
        assert not isinstance(got, dict) or list(got) == ["z", "a"]
    assert hilevel.Model(x, {"z": x, "a": x + 1}).output_names == ["z", "a"]


def test_a_part_of_a_graph_is_a_model(backend: Any) -> None:
    x = hilevel.Input((4,))
    h = layers.Dense(3, name="hidden")(x)
    model = hilevel.Model(x, layers.Dense(1)(h))
    features = hilevel.Model(model.input, model.get_layer("hidden").output)
    np.testing.assert_allclose(
        features.predict(X, verbose=0), X @ h.node.operation.kernel.numpy(), rtol=1e-5, atol=1e-6
    )


def test_a_layer_is_found_by_name_and_index(backend: Any) -> None:
    x = hilevel.Input((4,), name="x")
    model = hilevel.Model(x, layers.Dense(1, name="head")(x))
    assert model.get_layer("head") is model.get_layer(index=-1) is model.layers[1]
    for wrong, words in (
        ({"name": "haed"}, "Did you mean"),
        ({"index": 5}, "no layer 5"),
        ({}, "name or an index"),
    ):
        with pytest.raises(ValueError, match=words):
            model.get_layer(**wrong)


def far_first(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return d(layers.Add()([a(x), b(c(x))]))


def shared_twice(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    h = a(b(x))
    return [c(a(h)), b(h)]


def in_a_dict(x: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    return {"z": a(x), "y": b(x), "m": c(a(x))}


@pytest.mark.parametrize(("graph", "order"), [(far_first, "cabd"), (shared_twice, "bac"), (in_a_dict, "acb")])
def test_weights_come_in_the_order_of_keras(graph: Any, order: str, backend: Any) -> None:
    """The orders are those of Keras 3.15.1."""
    x = hilevel.Input((4,))
    model = hilevel.Model(x, graph(x, *(layers.Dense(4, name=name) for name in "abcd")))
    assert [layer.name for layer in model.layers if layer.weights] == list(order)


# -- subclasses -------------------------------------------------------------------------------------


class Blocks(hilevel.Model):
    def __init__(self, widths: tuple[int, ...] = (3, 2)) -> None:
        super().__init__()
        self.blocks = [layers.Dense(n, activation="relu") for n in widths]
        self.head = {"out": layers.Dense(1)}

    def call(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.head["out"](x)


def test_a_subclass_finds_its_layers_in_lists_and_dicts(backend: Any) -> None:
    model = Blocks()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert [layer.name for layer in model.layers] == [v.name for v in [*model.blocks, model.head["out"]]]
    assert len(model.trainable_weights) == 6 and model.count_params() == 15 + 8 + 3
    copy = Blocks()
    copy(X)
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    with pytest.raises(ValueError, match="6 weights"):
        copy.set_weights(model.get_weights()[:2])
    with pytest.raises(ValueError, match="subclassed"):
        hilevel.models.clone_model(model)


def test_a_model_without_super_init_is_told(backend: Any) -> None:
    class Forgetful(hilevel.Model):
        def __init__(self) -> None:
            self.layer = layers.Dense(1)

    with pytest.raises((AttributeError, RuntimeError), match="super"):
        Forgetful()(X)


# -- freezing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["before", "after", "between fits"])
def test_frozen_weights_do_not_change(when: str, backend: Any) -> None:
    model = hilevel.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(3, name="a"),
            layers.BatchNormalization(),
            layers.Dense(1, name="b"),
        ]
    )
    if when == "before":
        model.get_layer("a").trainable = False
    model.compile("adam", "mse")
    if when == "between fits":
        model.fit(X, Y, verbose=0)
    model.get_layer("a").trainable = False
    before = model.get_layer("a").get_weights(), model.get_layer("b").get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    for old, new in zip(before[0], model.get_layer("a").get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert np.any(before[1][0] != model.get_layer("b").get_weights()[0])
    model.get_layer("a").trainable = True
    if when != "between fits":  # the optimizer has no slots for these weights
        with pytest.raises(ValueError, match="a/kernel"):
            model.fit(X, Y, verbose=0)
        model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    assert np.any(before[0][0] != model.get_layer("a").get_weights()[0])


# -- summary, copies --------------------------------------------------------------------------------


def sequential() -> Any:
    inner = hilevel.Sequential([layers.Input((4,)), layers.Dense(3, name="inside")], name="inner")
    return hilevel.Sequential(
        [inner, layers.BatchNormalization(name="norm"), layers.Dense(1, name="out")], name="m"
    )


def functional() -> Any:
    x = hilevel.Input((4,), name="x")
    return hilevel.Model(x, layers.Dense(1, name="out")(sequential().layers[0](x) * 2), name="m")


def subclassed() -> Any:
    model = Blocks()
    model(X)
    return model


@pytest.mark.parametrize("make", [sequential, functional, subclassed])
@pytest.mark.parametrize("width", [50, 80, 120])
def test_a_summary_fits_its_width(make: Any, width: int, backend: Any) -> None:
    lines: list[str] = []
    model = make()
    model.summary(
        line_length=width,
        expand_nested=True,
        show_trainable=True,
        print_fn=lambda text: lines.extend(text.split("\n")),
    )
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert all(layer.name[:12] in text for layer in model.layers)
    assert f"{model.count_params():,}" in text and "Trained" in text


def test_a_summary_says_what_is_not_built_and_what_is_nested(capsys: Any, backend: Any) -> None:
    hilevel.Sequential([layers.Dense(1)]).summary()
    assert "not built" in capsys.readouterr().out
    sequential().summary()
    assert "inside" not in capsys.readouterr().out
    sequential().summary(expand_nested=True)
    assert "inside" in capsys.readouterr().out
    model = sequential()
    model.summary(layer_range=("norm", "out"))
    out = capsys.readouterr().out
    assert "inner" not in out and "norm" in out
    with pytest.raises(ValueError, match="layer_range"):
        model.summary(layer_range=("none", "out"))


@pytest.mark.parametrize("make", [sequential, functional])
def test_a_clone_has_the_same_settings_and_its_own_weights(make: Any, backend: Any) -> None:
    model = make()
    copy = hilevel.models.clone_model(model)
    assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
    assert not {id(w) for w in copy.weights} & {id(w) for w in model.weights}
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)


def test_a_clone_by_a_function_of_ones_own(backend: Any) -> None:
    def wider(layer: Any) -> Any:
        return (
            layers.Dense(7, name=layer.name)
            if layer.name == "a"
            else type(layer).from_config(layer.get_config())
        )

    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(3, name="a"), layers.Dense(1, name="b")])
    assert hilevel.models.clone_model(model, clone_function=wider).count_params() == 35 + 8


# -- backends ---------------------------------------------------------------------------------------


def regression() -> Any:
    hilevel.set_random_seed(5)
    model = hilevel.Sequential(
        [
            layers.Input((4,)), layers.Dense(6, activation="tanh"), layers.BatchNormalization(),
            layers.Dropout(0.2), layers.Dense(1),
        ]
    )  # fmt: skip
    model.compile(hilevel.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def curve(model: Any, start: int, stop: int) -> list[float]:
    return model.fit(X, Y, batch_size=5, epochs=stop, initial_epoch=start, shuffle=False, verbose=0).history[
        "loss"
    ]


def test_a_model_moves_between_backends_in_the_middle_of_training() -> None:
    with hilevel.use_backend("numpy"):
        wanted = curve(regression(), 0, 6)
        moving = regression()
        got = curve(moving, 0, 2)
    got += curve(moving.to("jax"), 2, 4)
    assert moving.backend == "jax" and all(v.backend.name == "jax" for v in moving.variables)
    got += curve(moving.to("numpy"), 4, 6)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
    assert moving.evaluate(X, Y, verbose=0)[0] == pytest.approx(wanted[-1], rel=0.5)


def test_a_callback_moves_a_model_which_is_compiled_where_it_goes() -> None:
    calls: dict[str, int] = {"numpy": 0, "jax": 0}

    class Counting(hilevel.Sequential):
        def train_step(self, data: Any) -> Any:
            calls[hilevel.current_backend().name] += 1
            return super().train_step(data)

    class Move(hilevel.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.to("numpy" if epoch in (0, 5) else "jax")

    def fitted(callbacks: list[Any]) -> Any:
        hilevel.set_random_seed(5)
        model = Counting([layers.Input((4,)), layers.Dense(6), layers.Dropout(0.2), layers.Dense(1)])
        model.compile(hilevel.optimizers.Adam(0.01), "mse")
        return model.fit(X, Y, batch_size=5, epochs=6, verbose=0, callbacks=callbacks).history["loss"]

    with hilevel.use_backend("numpy"):
        wanted = fitted([])
        calls.update(numpy=0)
        np.testing.assert_allclose(fitted([Move()]), wanted, rtol=1e-4)
    assert all(0 < n <= 6 for n in calls.values())  # of twelve steps on each, what compiling takes


def test_two_models_on_two_backends_side_by_side() -> None:
    models = {}
    for name in ("numpy", "jax"):
        with hilevel.use_backend(name):
            models[name] = regression()
    curves = {name: [] for name in models}
    for epoch in range(2):
        for name, model in models.items():
            curves[name] += curve(model, epoch, epoch + 1)
            assert model.backend == name
    np.testing.assert_allclose(curves["jax"], curves["numpy"], rtol=1e-4, atol=1e-4)


def test_a_model_keeps_its_backend_when_the_default_changes() -> None:
    with hilevel.use_backend("jax"):
        model = regression()
    hilevel.set_backend("numpy")
    y = model(X)
    assert hilevel.get_backend("jax").is_array(y)
    assert isinstance(model.predict(X, verbose=0), np.ndarray)
    lazy = hilevel.Sequential([layers.Dense(1)])
    with hilevel.use_backend("jax"):
        lazy(X)
    assert lazy.backend == "jax"


# -- names --------------------------------------------------------------------------------------------


def clashing(kind: str) -> Any:
    x, other = hilevel.Input((2,), name="x"), hilevel.Input((2,), name="x" if kind == "two inputs" else "z")
    if kind == "two inputs":
        return hilevel.Model([x, other], layers.Add()([x, other]))
    if kind == "an input and a layer":
        return hilevel.Model(x, layers.Dense(2, name="x")(x))
    if kind == "in a Sequential":
        return hilevel.Sequential([x, layers.Dense(2, name="x")])
    branches = [layers.Dense(2, name="x2")(x), layers.ReLU(name="x2")(x)]
    return hilevel.Model(x, branches if kind == "two outputs" else layers.Add()(branches))


@pytest.mark.parametrize(("kind", "words"), [
    ("two inputs", ['"x"', "InputLayer", "InputLayer"]), ("an input and a layer", ['"x"', "InputLayer", "Dense"]),
    ("in a Sequential", ['"x"', "InputLayer", "Dense"]), ("two branches", ['"x2"', "Dense", "ReLU", "(None, 2)"]),
    ("two outputs", ['"x2"', "Dense", "ReLU"]),
])  # fmt: skip
def test_two_layers_of_one_name_in_a_graph(kind: str, words: list[str], backend: Any) -> None:
    with pytest.raises(ValueError, match="another name") as error:
        clashing(kind)
    for word in words:
        assert word in str(error.value)


def test_names_that_may_come_twice(backend: Any) -> None:
    x, shared = hilevel.Input((2,), name="x"), layers.Dense(2, name="d")
    inner = hilevel.Sequential([hilevel.Input((2,), name="x"), layers.Dense(2, name="d")], name="inner")
    hidden = inner(x)
    model = hilevel.Model(x, shared(shared(hidden) + 1.0) + 1.0)
    assert [layer.name for layer in model.layers] == ["x", "inner", "d"]
    between = hilevel.Model(hidden, model.output)
    assert between.predict(np.ones((3, 2)), verbose=0).shape == (3, 2)


def test_a_model_shows_its_name_its_inputs_and_its_parameters(backend: Any) -> None:
    class Own(hilevel.Model):
        def __init__(self, ready: bool) -> None:
            if ready:
                super().__init__(name="own")
                self.dense = layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    a, b = hilevel.Input((4,), name="left"), hilevel.Input((4,), name="right")
    sum_of_two = hilevel.Model([a, b], layers.Dense(1)(layers.Add()([a, b])), name="two")
    assert repr(sum_of_two) == '<Model "two": inputs left (None, 4), right (None, 4), 5 parameters>'
    sequential = hilevel.Sequential([hilevel.Input((999,), name="x"), layers.Dense(2)], name="s")
    assert repr(sequential) == '<Sequential "s": inputs x (None, 999), 2,000 parameters>'
    own = Own(True)
    assert repr(own) == '<Own "own": not built>'
    own(np.ones((1, 3), "float32"))
    assert repr(own) == '<Own "own": 8 parameters>'
    assert repr(Own(False)) == "<Own, not initialized>"
