"""`utils.count_flops`: operations and bytes, against formulas written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.engine.context import context
from hilevel.utils import count_flops
from hilevel.utils.flops import Cost, flops_text


@pytest.fixture(params=["numpy", "jax"], autouse=True)
def backend(request: Any) -> Iterator[str]:
    with hilevel.use_backend(request.param):
        yield request.param


def conv(places: int, window: int, channels: int, filters: int, extras: int = 0) -> int:
    """Multiply-adds of a convolution, and `extras` operations for each element of the result."""
    return places * filters * (2 * window * channels + extras)


N, T, F, U = 1, 7, 5, 3  # samples, steps, features, units
CASES: dict[str, tuple[Any, Any, int]] = {
    "dense": (lambda: layers.Dense(4), (None, 8), 2 * 8 * 4 + 4),
    "dense with activation": (lambda: layers.Dense(4, "relu"), (None, 8), 2 * 8 * 4 + 4 + 4),
    "dense without bias": (lambda: layers.Dense(4, use_bias=False), (None, 8), 2 * 8 * 4),
    "dense, ten samples": (lambda: layers.Dense(4), (10, 8), 10 * (2 * 8 * 4 + 4)),
    "dense over steps": (lambda: layers.Dense(4), (None, 6, 8), 6 * (2 * 8 * 4 + 4)),
    "conv": (lambda: layers.Conv2D(6, 3), (None, 10, 9, 4), conv(8 * 7, 9, 4, 6, 1)),
    "conv, strides": (lambda: layers.Conv2D(6, 3, strides=2, use_bias=False), (None, 10, 9, 4), conv(4 * 4, 9, 4, 6)),
    "conv, same": (
        lambda: layers.Conv2D(6, (3, 5), padding="same", activation="relu"), (None, 10, 9, 4), conv(90, 15, 4, 6, 2),
    ),
    "conv, groups": (lambda: layers.Conv2D(6, 3, groups=2), (None, 10, 9, 4), conv(8 * 7, 9, 2, 6, 1)),
    "conv, channels first": (
        lambda: layers.Conv2D(6, 3, data_format="channels_first"), (None, 4, 10, 9), conv(8 * 7, 9, 4, 6, 1),
    ),
    "conv 1d, dilation": (lambda: layers.Conv1D(6, 3, dilation_rate=2), (None, 10, 4), conv(6, 3, 4, 6, 1)),
    "depthwise": (
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2), (None, 10, 9, 4), conv(8 * 7, 9, 1, 8, 1),
    ),
    "separable": (
        lambda: layers.SeparableConv2D(6, 3), (None, 10, 9, 4), conv(56, 9, 1, 4) + conv(56, 1, 4, 6, 1),
    ),
    "transposed": (
        lambda: layers.Conv2DTranspose(6, 3, strides=2), (None, 5, 4, 8), conv(5 * 4, 9, 8, 6) + 11 * 9 * 6,
    ),
    "max pooling": (lambda: layers.MaxPooling2D(2), (None, 10, 8, 4), 5 * 4 * 4 * 4),
    "average pooling": (lambda: layers.AveragePooling2D(2), (None, 10, 8, 4), 5 * 4 * 4 * (4 + 1)),
    "simple rnn": (lambda: layers.SimpleRNN(U), (None, T, F), T * (2 * F * U + 2 * U * U + 2 * U + U)),
    "lstm": (
        lambda: layers.LSTM(U, return_sequences=True), (None, T, F), T * (4 * (2 * F * U + 2 * U * U + 2 * U) + 9 * U),
    ),
    "lstm without bias": (
        lambda: layers.LSTM(U, use_bias=False), (2, T, F), 2 * T * (4 * (2 * F * U + 2 * U * U + U) + 9 * U),
    ),
    "gru": (lambda: layers.GRU(U), (None, T, F), T * (3 * (2 * F * U + 2 * U * U + 3 * U) + 8 * U)),
    "gru, reset before": (
        lambda: layers.GRU(U, reset_after=False), (None, T, F), T * (3 * (2 * F * U + 2 * U * U + 2 * U) + 8 * U),
    ),
    "embedding": (lambda: layers.Embedding(100, 8), (None, 7), 0),
    "batch normalisation": (lambda: layers.BatchNormalization(), (None, 6, 4), 2 * 6 * 4 + 6 * 4),
    "layer normalisation": (lambda: layers.LayerNormalization(), (None, 6, 4), 7 * 24),
    "flatten": (lambda: layers.Flatten(), (None, 6, 4), 0),
    "dropout": (lambda: layers.Dropout(0.5), (None, 6), 0),
    "add": (lambda: layers.Add(), [(None, 6), (None, 6), (None, 6)], 12),
    "einsum": (lambda: layers.EinsumDense("abc,cde->abde", (None, 2, 3)), (None, 5, 4), 2 * 5 * 4 * 2 * 3),
    "global average": (lambda: layers.GlobalAveragePooling2D(), (None, 6, 5, 4), 6 * 5 * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_layers_against_formulas(name: str) -> None:
    make, shape, expected = CASES[name]
    layer = make()
    assert count_flops(layer, shape).flops == expected
    assert count_flops(layer, shape).flops == expected  # now that it is built
    assert context.interpreter.is_plain


def test_multi_head_attention() -> None:
    """Four projections, and for each head and score two products and the softmax; the query is scaled."""
    heads, size, queries, keys, width = 2, 3, 6, 5, 8
    q, v = layers.Input((queries, width)), layers.Input((keys, width))
    model = hilevel.Model([q, v], layers.MultiHeadAttention(heads, size, name="mha")(q, v))
    cost = count_flops(model, [(None, queries, width), (None, keys, width)])
    inner = heads * size
    projections = (queries + 2 * keys) * (2 * width * inner + inner) + queries * (2 * inner * width + width)
    scores = heads * queries * keys * (2 * size + 2 * size + 1) + queries * inner
    assert cost.flops == projections + scores == cost.by_layer["mha"].flops
    assert cost.by_op["attention"].flops == scores


def test_bytes_of_ops() -> None:
    layer = layers.Dense(4)
    assert count_flops(layer, (None, 8)).bytes == 4 * (8 + 8 * 4 + 4 + 4)
    assert count_flops(layers.Embedding(100, 8), (None, 7)).by_op["embedding_lookup"].bytes == 2 * 4 * 7 * 8
    assert count_flops(layers.Reshape((8,)), (None, 2, 4)).bytes == 0


def net() -> Any:
    parts = [
        layers.Conv2D(8, 3, activation="relu", name="conv"), layers.MaxPooling2D(2, name="pool"),
        layers.Flatten(name="flat"), layers.Dense(10, activation="softmax", name="out"),
    ]  # fmt: skip
    return hilevel.Sequential([layers.Input((28, 28, 1)), *parts], name="net")


CONV, POOL, OUT = 26 * 26 * 8 * (2 * 9 + 2), 13 * 13 * 8 * 4, 2 * 1352 * 10 + 10 + 10


def test_a_sequential_by_layer_and_by_op() -> None:
    cost = count_flops(net())
    assert cost.flops == CONV + POOL + OUT
    assert {k: v.flops for k, v in cost.by_layer.items()} == {
        "net/conv": CONV, "net/pool": POOL, "net/flat": 0, "net/out": OUT,
    }  # fmt: skip
    assert cost.by_op["convolution"].flops == CONV
    assert sum(c.flops for c in cost.by_op.values()) == cost.flops
    assert sum(c.bytes for c in cost.by_op.values()) == cost.bytes
    assert count_flops(net(), (5, 28, 28, 1)).flops == 5 * cost.flops
    assert repr(cost).startswith("140.63 kFLOP, ") and repr(cost).endswith(" KB")


def test_a_shared_layer_counts_each_call() -> None:
    shared = layers.Dense(4, name="shared")
    a, b = layers.Input((8,), name="a"), layers.Input((8,), name="b")
    model = hilevel.Model({"a": a, "b": b}, layers.Concatenate(name="both")([shared(a), shared(b)]))
    for shape in (None, {"a": (None, 8), "b": (None, 8)}):
        cost = count_flops(model, shape)
        assert cost.flops == 2 * (2 * 8 * 4 + 4) == cost.by_layer["shared"].flops
        assert cost.by_layer["both"].flops == 0


def test_layers_inside_count_for_those_around() -> None:
    inner = hilevel.Sequential([layers.Dense(4, name="dense")], name="inner")
    model = hilevel.Sequential([layers.Input((8,)), inner, layers.Dense(1, name="last")], name="outer")
    cost = count_flops(model)
    assert cost.by_layer["outer/inner"].flops == cost.by_layer["outer/inner/dense"].flops == 68
    assert cost.flops == 68 + 2 * 4 + 1


class Cell(layers.Layer):
    state_size = output_size = 3

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight((5, 3))

    def call(self, x: Any, states: Any) -> Any:
        h = ops.matmul(x, self.kernel) + states[0]
        return h, [h]


def test_the_steps_of_a_loop_count_each() -> None:
    assert count_flops(layers.RNN(Cell()), (None, 7, 5)).flops == 7 * (2 * 5 * 3 + 3)


def test_an_op_without_a_rule_counts_one_for_each_element() -> None:
    @ops.op(dtype="float", shape=lambda x: x)
    def unheard_of(xp: Any, x: Any) -> Any:
        return x

    cost = count_flops(layers.Lambda(unheard_of), (None, 4, 5))
    assert cost.by_op["unheard_of"].flops == cost.flops == 20


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no Input that gives its shape\. Give input_shape"):
        count_flops(hilevel.Sequential([layers.Dense(1)]))
    with pytest.raises(ValueError, match="only the first axis of input_shape may be None"):
        count_flops(hilevel.Sequential([layers.Input((None, 3)), layers.Dense(1)]))


def test_counting_changes_nothing() -> None:
    class Adding(layers.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(ops.sum(x))
            return x

    model = hilevel.Sequential([layers.Dense(3), Adding(), layers.Dense(2)])
    x = np.ones((4, 5), "float32")
    y, loss, weights = model(x), model.losses, model.get_weights()
    shapes = [layer._record.output_shapes for layer in model.layers]
    count_flops(model, (None, 5))
    assert np.array_equal(model(x), y)
    assert model.losses == loss or np.array_equal(model.losses[0], loss[0])
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert [layer._record.output_shapes for layer in model.layers] == shapes


def test_nothing_is_computed(monkeypatch: Any) -> None:
    model = net()
    monkeypatch.setattr("hilevel.engine.interpreter.Evaluate.run", None)
    assert count_flops(model).flops == CONV + POOL + OUT


def test_texts() -> None:
    assert [flops_text(n) for n in (0, 1500, 2e6, 3e15)] == [
        "0 FLOP",
        "1.50 kFLOP",
        "2.00 MFLOP",
        "3000.00 TFLOP",
    ]
    assert repr(Cost(1_230_000_000, 4_718_592)) == "1.23 GFLOP, 4.5 MB"


# -- summary --------------------------------------------------------------------------------------------


def test_summary_shows_flops(capsys: Any) -> None:
    model = net()
    model.summary(show_flops=True, show_trainable=True)
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert lines[2].split() == ["Layer", "(type)", "Output", "shape", "Params", "FLOPs", "Trained"]
    assert [line.split()[-2] for line in lines[4:8]] == [f"{n:,}" for n in (CONV, POOL, 0, OUT)]
    assert "FLOPs of a prediction for one sample: 140,628 (140.63 kFLOP)" in text
    model.summary()
    assert "FLOP" not in capsys.readouterr().out


def test_summary_of_a_fixed_batch_is_for_one_sample(capsys: Any) -> None:
    model = hilevel.Sequential([layers.Input(batch_shape=(10, 8)), layers.Dense(4)])
    model.summary(show_flops=True)
    assert "for one sample: 68 " in capsys.readouterr().out


def test_summary_of_nested_and_unbuilt_models(capsys: Any) -> None:
    inner = hilevel.Sequential([layers.Dense(4)], name="inner")
    model = hilevel.Sequential([layers.Input((8,)), inner, layers.Dense(1)])
    model.summary(show_flops=True, expand_nested=True)
    rows = capsys.readouterr().out.splitlines()[4:7]
    assert [row.split()[-1] for row in rows] == ["68", "68", "9"]
    hilevel.Sequential([layers.Dense(1)]).summary(show_flops=True)
    text = capsys.readouterr().out
    assert "FLOPs: unknown, as the model is not built" in text and text.count("not built") == 3


def test_summary_of_unknown_steps(capsys: Any) -> None:
    hilevel.Sequential([layers.Input((None, 3)), layers.Dense(1)]).summary(show_flops=True, line_length=100)
    text = capsys.readouterr().out
    assert "FLOPs: unknown. count_flops: only the first axis" in text and text.splitlines()[4].endswith("?")


def test_the_shape_of_a_sample_is_taken_where_the_model_has_one_input() -> None:
    model = hilevel.Sequential([hilevel.Input((8, 3)), layers.Dense(4)])
    costs = [count_flops(model, shape).flops for shape in (None, (8, 3), (None, 8, 3), (1, 8, 3))]
    assert costs == [8 * (2 * 3 * 4 + 4)] * 4
