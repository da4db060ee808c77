"""Paths of weights: those that Keras 3.15.1 writes, and distinct in every model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, optimizers


class Block(layers.Layer):
    """A layer that builds the layer in it when it is called."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.inner(inputs)


class Built(layers.Layer):
    """A layer that builds the layers in it, one of which it makes then, in `build`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = layers.Dense(2)

    def build(self, input_shape: Any) -> None:
        self.inner.build(input_shape)
        late = layers.Dense(1, use_bias=False, name="late")
        late.build((None, 2))
        self.late = late
        self.w = self.add_weight(shape=(2,), name="w")

    def call(self, inputs: Any) -> Any:
        return self.late(self.inner(inputs) * self.w)


class Subclassed(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = [Block()]
        self.blocks.append(Block())
        self.ends = {"a": (layers.Dense(2),)}

    def call(self, inputs: Any) -> Any:
        for block in self.blocks:
            inputs = block(inputs)
        return self.ends["a"][0](inputs)


def functional(*inner: Any, name: str | None = None, width: int = 4) -> Any:
    x = y = hilevel.Input((width,))
    for layer in inner:
        y = layer(y)
    return hilevel.Model(x, y, name=name)


def called(model: Any, *shape: int) -> Any:
    model(np.ones(shape, "float32"))
    return model


def two_attentions() -> Any:
    x = hilevel.Input((5, 4))
    return hilevel.Model(x, layers.MultiHeadAttention(2, 3)(layers.MultiHeadAttention(2, 3)(x, x), x))


def recurrent() -> Any:
    cells = [layers.GRUCell(2, use_bias=False), layers.LSTMCell(3, use_bias=False)]
    return hilevel.Sequential(
        [
            hilevel.Input((5, 4)),
            layers.LSTM(2, return_sequences=True, use_bias=False),
            layers.RNN(cells, return_sequences=True),
            layers.Bidirectional(layers.GRU(2, use_bias=False, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(2, use_bias=False)),
        ]
    )


def nested() -> Any:
    inner = hilevel.Sequential([layers.Dense(3)])
    return hilevel.Sequential([hilevel.Input((4,)), inner, layers.Dense(1)])


def of_two_models() -> Any:
    one = hilevel.Sequential([hilevel.Input((4,)), shared := layers.Dense(4)], name="one")
    other = hilevel.Sequential([hilevel.Input((4,)), shared], name="other")
    assert one.weights[0] is other.weights[0]
    return other


def same_names() -> Any:
    parts = [functional(layers.Dense(4, name="d"), name=name) for name in ("a", "b")]
    return functional(*parts, name="m")


class Parts(hilevel.Model):
    def __init__(self) -> None:
        super().__init__(name="gan")
        self.parts = [functional(layers.Dense(4, name="d"), name=name) for name in ("a", "b")]

    def call(self, inputs: Any) -> Any:
        return self.parts[1](self.parts[0](inputs))


class Unnamed(layers.Layer):
    def build(self, input_shape: Any) -> None:
        self.a, self.b = self.add_weight(shape=(2,)), self.add_weight(shape=(2,))

    def call(self, inputs: Any) -> Any:
        return inputs * self.a + self.b


class Plain(layers.Layer):
    """Has Variables that no method of the layer made."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = hilevel.Variable(1.0), hilevel.Variable([1.0, 2.0])

    def call(self, inputs: Any) -> Any:
        return inputs * self.a + self.b


class SameLayers(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = layers.Dense(2, use_bias=False, name="d"), layers.Dense(2, use_bias=False, name="d")

    def call(self, inputs: Any) -> Any:
        return self.a(inputs) + self.b(inputs)


def of(layer: str, *names: str) -> list[str]:
    return [f"{layer}/{name}" for name in names]


DENSE = ("kernel", "bias")
HEADS = [f"{part}/{w}" for part in ("query", "key", "value", "attention_output") for w in DENSE]
STEP = ("kernel", "recurrent_kernel")

# What Keras writes; in the second group it writes a path several times, and hilevel does not.
CASES: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "sequential": (
        lambda: hilevel.Sequential([hilevel.Input((4,)), layers.Dense(2), layers.Dense(2, use_bias=False)]),
        [*of("sequential/dense", *DENSE), "sequential/dense_1/kernel"],
    ),
    "sequential, built by a call": (
        lambda: called(hilevel.Sequential([layers.Dense(2)]), 1, 4), of("sequential/dense", *DENSE),
    ),
    "functional": (lambda: functional(layers.Dense(2)), of("dense", *DENSE)),
    "attention": (
        two_attentions, of("multi_head_attention", *HEADS) + of("multi_head_attention_1", *HEADS),
    ),
    "nested sequential": (
        nested, of("sequential_1/sequential/dense", *DENSE) + of("sequential_1/dense_1", *DENSE),
    ),
    "nested functional": (
        lambda: functional(functional(layers.Dense(4)), layers.Dense(2)),
        of("dense", *DENSE) + of("dense_1", *DENSE),
    ),
    "block": (lambda: called(Block(), 1, 4), of("block/dense", *DENSE)),
    "layers built in build": (
        lambda: called(Built(), 1, 4), ["built/w", *of("built/dense", *DENSE), "built/late/kernel"],
    ),
    "subclassed": (
        lambda: called(Subclassed(), 1, 4),
        of("subclassed/block/dense", *DENSE) + of("subclassed/block_1/dense_1", *DENSE)
        + of("subclassed/dense_2", *DENSE),
    ),
    "subclassed in sequential": (
        lambda: called(hilevel.Sequential([Subclassed()]), 1, 4),
        of("sequential/subclassed/block/dense", *DENSE) + of("sequential/subclassed/block_1/dense_1", *DENSE)
        + of("sequential/subclassed/dense_2", *DENSE),
    ),
    "shared": (lambda: functional(*[layers.Dense(4)] * 2), of("dense", *DENSE)),
    "shared by models": (of_two_models, of("one/dense", *DENSE)),
    "recurrent": (
        recurrent,
        of("sequential/lstm/lstm_cell", *STEP) + of("sequential/rnn/stacked_rnn_cells/gru_cell", *STEP)
        + of("sequential/rnn/stacked_rnn_cells/lstm_cell", *STEP)
        + of("sequential/bidirectional/forward_gru/gru_cell", *STEP)
        + of("sequential/bidirectional/backward_gru/gru_cell", *STEP)
        + ["sequential/time_distributed/dense/kernel"],
    ),
    "spectral": (
        lambda: hilevel.Sequential([hilevel.Input((4,)), layers.SpectralNormalization(layers.Dense(2, use_bias=False))]),
        of("sequential/spectral_normalization", "dense/kernel", "vector_u"),
    ),
    # duplicates in Keras
    "layers of one name in models": (same_names, of("m/a/d", *DENSE) + of("m/b/d", *DENSE)),
    "layers of one name in a subclassed model": (
        lambda: called(Parts(), 1, 4), of("gan/a/d", *DENSE) + of("gan/b/d", *DENSE),
    ),
    "layers of one name in a layer": (
        lambda: called(SameLayers(), 1, 4), ["same_layers/d/kernel", "same_layers/d_1/kernel"],
    ),
    "Variables without names": (lambda: called(Plain(), 1, 2), ["plain/variable", "plain/variable_1"]),
    "weights without names": (
        lambda: called(Unnamed(), 1, 2), ["unnamed/variable", "unnamed/variable_1"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_paths(name: str) -> None:
    make, expected = CASES[name]
    hilevel.utils.clear_session()
    model = make()
    assert sorted(v.path for v in model.weights) == sorted(expected)
    optimizer = optimizers.Adam()
    optimizer.build(model.trainable_variables)
    paths = [v.path for v in optimizer.variables]
    assert len(set(paths)) == len(paths) == 2 + 2 * len(model.trainable_variables)


def test_paths_of_seed_generators_and_optimizers() -> None:
    hilevel.utils.clear_session()
    model = hilevel.Sequential(
        [hilevel.Input((4,)), layers.Dropout(0.5), layers.Dense(2), layers.Dropout(0.5)]
    )
    assert [v.path for v in model.variables[2:]] == [
        "seed_generator/seed_generator_state",
        "seed_generator_1/seed_generator_state",
    ]
    optimizer = optimizers.SGD(momentum=0.9, name="mine")
    optimizer.build(model.trainable_variables)
    assert [v.path for v in optimizer.variables] == [
        *("mine/iteration", "mine/learning_rate"),
        *("mine/sequential_dense_kernel_momentum", "mine/sequential_dense_bias_momentum"),
    ]


def test_paths_in_a_name_scope() -> None:
    with hilevel.name_scope("outer"):
        layer = called(layers.Dense(2, name="d"), 1, 4)
    assert layer.path == "outer/d" and layer.kernel.path == "outer/d/kernel"


def test_the_path_of_a_layer() -> None:
    model = hilevel.Sequential([layers.Dense(2, name="d")], name="m")
    assert model.layers[0].path is None
    called(model, 1, 4)
    assert model.path == "m" and model.layers[0].path == "m/d"


def test_a_path_is_known_while_a_weight_is_made() -> None:
    seen = []

    def start(shape: Any, dtype: Any = None) -> Any:
        seen.append(hilevel.Variable(0.0, name="inside").path)
        return np.zeros(shape, dtype)

    hilevel.Sequential([hilevel.Input((4,)), layers.Dense(2, kernel_initializer=start, name="d")], name="m")
    assert seen == ["m/d/inside"]
