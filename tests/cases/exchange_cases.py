"""Models for the exchange of files with Keras: one of each configuration of a layer, and whole models.

`K` is `keras` or `hilevel`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from layer_cases import FAMILIES, Case, Draw, cases


def singles() -> Iterator[tuple[str, Case]]:
    """All configurations of layers that can be in a functional model, by name."""
    for family in FAMILIES:
        for name, case in cases(family).items():
            is_cell = case.cls.endswith("Cell") or case.cls == "StackedRNNCells"
            if name in (
                "softmax mask of one row",
                "groups of one no bias",
            ):  # not of a model, or not in Keras
                continue
            if not is_cell and "training" not in case.call:  # Keras's predict overrides training=True
                yield f"{family}: {name}", case


def single(K: Any, name: str, case: Case) -> tuple[Any, list[Any]]:
    """Return a functional model of one layer, and data for it."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    data = [(x if isinstance(x, Draw) else Draw(x))(rng) for x in case.inputs]
    symbols = [symbol(K, x) for x in data]

    def drawn(x: Any) -> Any:
        if isinstance(x, list):
            return [drawn(part) for part in x]
        if isinstance(x, Draw):
            data.append(x(rng))
            symbols.append(symbol(K, data[-1]))
            return symbols[-1]
        return x

    call = {key: drawn(value) for key, value in case.call.items()}
    outputs = case.layer(K.layers)(*case.positional(symbols[: len(case.inputs)]), **call)
    model = K.Model(symbols if len(symbols) > 1 else symbols[0], outputs)
    randomize(model, rng)
    return model, data


def symbol(K: Any, x: np.ndarray[Any, Any]) -> Any:
    return K.Input(batch_shape=(None, *x.shape[1:]), dtype=x.dtype.name)


def randomize(model: Any, rng: np.random.Generator) -> None:
    """Change every weight from its first value."""
    for w in model.weights:
        if "int" in str(w.dtype) or "seed" in w.name or w.name in ("mean", "variance"):  # of adapt
            continue
        value = rng.normal(size=tuple(w.shape)).astype("float32") * 0.5
        w.assign(np.abs(value) + 0.1 if "variance" in w.name else value)


# -- whole models --------------------------------------------------------------------------------------

WHOLE: dict[str, Callable[[Any], tuple[Any, Any, Any]]] = {}
"""Functions of `K` that return a model, its data, and targets if it is compiled, by name."""


def whole(build: Callable[[Any], tuple[Any, Any, Any]]) -> Callable[[Any], tuple[Any, Any, Any]]:
    WHOLE[build.__name__] = build
    return build


def data(*shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def words(*shape: int, high: int = 20) -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, high, size=shape).astype("int32")


def custom(K: Any) -> dict[str, Any]:
    """Return the custom classes and functions, registered for `K`."""

    @K.saving.register_keras_serializable("exchange")
    class Scale(K.layers.Layer):
        def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.start = start

        def build(self, shape: Any) -> None:
            self.factor = self.add_weight(
                name="factor", shape=(shape[-1],), initializer=K.initializers.Constant(self.start)
            )

        def call(self, x: Any) -> Any:
            return x * self.factor

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "start": self.start}

    @K.saving.register_keras_serializable("exchange")
    class Block(K.layers.Layer):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.dense = [K.layers.Dense(units), K.layers.Dense(units)]
            self.parts = {"norm": K.layers.LayerNormalization(), "inner": [K.layers.Dense(units)]}

        def call(self, x: Any) -> Any:
            for layer in (*self.dense, self.parts["norm"], *self.parts["inner"]):
                x = layer(x)
            return x

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    @K.saving.register_keras_serializable("exchange")
    class Classifier(K.Model):
        def __init__(self, units: int = 4, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.embed = K.layers.Embedding(20, units)
            self.blocks = [Block(units), Block(units)]
            self.pool = K.layers.GlobalAveragePooling1D()
            self.head = K.layers.Dense(3, activation="softmax")

        def call(self, x: Any, training: bool | None = None) -> Any:
            x = self.embed(x)
            for block in self.blocks:
                x = block(x)
            return self.head(self.pool(x))

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "units": self.units}

    @K.saving.register_keras_serializable("exchange")
    def wave(x: Any) -> Any:
        return K.ops.sin(x) + x

    return {"Scale": Scale, "Block": Block, "Classifier": Classifier, "wave": wave}


@whole
def sequential(K: Any) -> Any:
    model = K.Sequential([K.Input((5,)), K.layers.Dense(4, "relu"), K.layers.Dropout(0.0), K.layers.Dense(3)])
    loss = K.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(K.optimizers.Adam(0.01, clipnorm=1.0, amsgrad=True), loss, metrics=["accuracy"])
    return model, data(32, 5), words(32, high=3)


@whole
def shared_layer(K: Any) -> Any:
    a, b = K.Input((4,)), K.Input((4,))
    dense = K.layers.Dense(3, "tanh", kernel_regularizer=K.regularizers.L1L2(0.01, 0.01))
    out = K.layers.Dense(1)(
        K.layers.concatenate([dense(a), dense(b)]) if hasattr(K.layers, "concatenate") else 0
    )
    model = K.Model([a, b], out)
    model.compile(K.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "mse")
    return model, [data(16, 4), data(16, 4, seed=2)], data(16, 1, seed=3)


@whole
def dict_inputs(K: Any) -> Any:
    inputs = {"left": K.Input((4,), name="left"), "right": K.Input((3,), name="right")}
    h = K.layers.Concatenate()([K.layers.Dense(4)(inputs["left"]), K.layers.Dense(4)(inputs["right"])])
    model = K.Model(
        inputs, {"one": K.layers.Dense(1, name="one")(h), "two": K.layers.Dense(2, name="two")(h)}
    )
    model.compile(
        "rmsprop",
        {"one": "mse", "two": "mae"},
        loss_weights={"one": 1.0, "two": 0.5},
        metrics={"one": ["mae"]},
    )
    x = {"left": data(16, 4), "right": data(16, 3)}
    return model, x, {"one": data(16, 1), "two": data(16, 2)}


@whole
def nested(K: Any) -> Any:
    inner = K.Sequential([K.Input((6,)), K.layers.Dense(4, "gelu"), K.layers.BatchNormalization()])
    x = K.Input((4,))
    middle = K.Model(x, K.layers.Dense(6)(x))
    y = K.Input((4,))
    model = K.Model(y, K.layers.Dense(2)(inner(middle(y))))
    model.compile(K.optimizers.AdamW(0.01), "huber")
    return model, data(16, 4), data(16, 2)


@whole
def shared_across_levels(K: Any) -> Any:
    dense = K.layers.Dense(4, name="everywhere")
    x = K.Input((4,))
    inner = K.Model(x, K.ops.tanh(dense(x)))
    y = K.Input((4,))
    model = K.Model(y, K.layers.Dense(1)(dense(inner(dense(y)))))
    model.compile("adam", "mse")
    return model, data(16, 4), data(16, 1)


@whole
def ops_as_layers(K: Any) -> Any:
    ops = K.ops
    x = K.Input((6,))
    h = ops.reshape(x * 2.0 - 1.0, (-1, 2, 3))
    h = ops.concatenate([h, ops.exp(-ops.square(h))], axis=-1)
    h = ops.where(h > 0.5, h, ops.cast(h < 0, "float32"))
    h = ops.einsum("bij,bkj->bik", h, h) / 6.0 + ops.sum(h, axis=(1, 2), keepdims=True)
    h = ops.stack([h[:, 0], ops.max(h, axis=1), ops.mean(h, axis=-1) ** 2], axis=1)
    h = ops.matmul(h, np.ones((2, 4), "float32")) + np.arange(4, dtype="float32")
    h = ops.transpose(ops.pad(h, ((0, 0), (1, 0), (0, 0))), (0, 2, 1))[:, 1:3]
    return K.Model(x, ops.softmax(ops.clip(h, -3, 3), axis=-1)), data(8, 6), None


@whole
def masks(K: Any) -> Any:
    x = K.Input((7,), dtype="int32")
    h = K.layers.Embedding(20, 4, mask_zero=True)(x)
    h = K.layers.Bidirectional(K.layers.LSTM(3, return_sequences=True))(h)
    h = K.layers.GRU(4)(h)
    model = K.Model(x, K.layers.Dense(2, "softmax")(h))
    model.compile(K.optimizers.Nadam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, words(16, 7), words(16, high=2)


@whole
def states(K: Any) -> Any:
    x = K.Input((5, 3))
    h, *state = K.layers.LSTM(4, return_sequences=True, return_state=True)(x)
    h = K.layers.LSTM(4)(h, initial_state=state)
    model = K.Model(x, K.layers.Dense(1)(h))
    model.compile(K.optimizers.Adagrad(0.1), "mse")
    return model, data(8, 5, 3), data(8, 1)


@whole
def custom_layers(K: Any) -> Any:
    own = custom(K)
    x = K.Input((4,))
    h = own["Block"](4)(own["Scale"](2.0)(x))
    h = K.layers.Lambda(own["wave"])(h)
    model = K.Model(x, K.layers.Dense(2, activation=own["wave"])(h))
    model.compile(K.optimizers.Lion(0.01), "log_cosh")
    return model, data(8, 4), data(8, 2)


@whole
def subclassed(K: Any) -> Any:
    model = custom(K)["Classifier"](5)
    x = words(16, 6)
    model(x)
    model.compile(K.optimizers.Adamax(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, words(16, high=3)


@whole
def mixed_precision(K: Any) -> Any:
    policy = K.DTypePolicy("mixed_bfloat16")
    model = K.Sequential(
        [K.Input((5,)), K.layers.Dense(4, "relu", dtype=policy), K.layers.Dense(2, dtype="float32")]
    )
    model.compile(K.optimizers.SGD(0.01), "mse")
    return model, data(16, 5), data(16, 2)


@whole
def adapted(K: Any) -> Any:
    norm, buckets = K.layers.Normalization(), K.layers.Discretization(bin_boundaries=[-0.5, 0.0, 0.5])
    norm.adapt(data(100, 3) * 3 + 1)
    x = K.Input((3,))
    h = K.layers.Concatenate()([norm(x), K.ops.cast(buckets(x), "float32")])
    model = K.Model(x, K.layers.Dense(1)(h))
    model.compile(K.optimizers.Ftrl(0.1), "mse")
    return model, data(16, 3), data(16, 1)


@whole
def image(K: Any) -> Any:
    model = K.Sequential(
        [
            K.Input((8, 8, 3)),
            K.layers.Conv2D(4, 3, padding="same", activation="relu"),
            K.layers.BatchNormalization(),
            K.layers.MaxPooling2D(),
            K.layers.SeparableConv2D(4, 3),
            K.layers.GlobalAveragePooling2D(),
            K.layers.Dense(2, kernel_constraint=K.constraints.MaxNorm(2.0)),
        ]
    )
    schedule = K.optimizers.schedules.CosineDecay(0.01, 10)
    model.compile(
        K.optimizers.SGD(schedule, momentum=0.5), "mse", metrics=[K.metrics.MeanAbsoluteError(name="mae")]
    )
    return model, data(16, 8, 8, 3), data(16, 2)


@whole
def transformer(K: Any) -> Any:
    x = K.Input((6,), dtype="int32")
    h = K.layers.Embedding(20, 8)(x)
    attended = K.layers.MultiHeadAttention(2, 4, dropout=0.0)(h, h, use_causal_mask=True)
    h = K.layers.LayerNormalization()(h + attended)
    h = K.layers.Add()([h, K.layers.Dense(8)(K.layers.Dense(16, "gelu")(h))])
    model = K.Model(x, K.layers.Dense(20)(h))
    loss = K.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(K.optimizers.Adam(0.01), loss)
    return model, words(8, 6), words(8, 6)


@whole
def accumulated(K: Any) -> Any:
    model = K.Sequential([K.Input((5,)), K.layers.Dense(4, "elu"), K.layers.Dense(1)])
    model.compile(K.optimizers.Adadelta(1.0, gradient_accumulation_steps=2, weight_decay=0.01), "mse")
    return model, data(32, 5), data(32, 1)


# -- models of text, which Keras makes with TensorFlow only ---------------------------------------------

TEXT: dict[str, Callable[[Any], tuple[Any, Any]]] = {}
"""Functions of `K` that return a layer with a vocabulary, and data for it, by name."""


def of_text(build: Callable[[Any], tuple[Any, Any]]) -> Callable[[Any], tuple[Any, Any]]:
    TEXT[build.__name__] = build
    return build


SENTENCES = np.array(["the cat sat", "the dog ran", "a cat ran off", "the bird"], object)
TOKENS = np.array(["cat", "dog", "cat", "bird", "cat", "dog"], object)


@of_text
def string_lookup(K: Any) -> Any:
    layer = K.layers.StringLookup()
    layer.adapt(TOKENS)
    return layer, np.array(["dog", "cat", "fish"], object)


@of_text
def string_lookup_of_a_list(K: Any) -> Any:
    return K.layers.StringLookup(vocabulary=["a", "b", "c"], num_oov_indices=1), np.array(
        ["c", "x", "a"], object
    )


@of_text
def integer_lookup(K: Any) -> Any:
    layer = K.layers.IntegerLookup(output_mode="multi_hot")
    layer.adapt(np.array([5, 5, 7, 9]))
    return layer, np.array([[5, 9], [1, 7]])


@of_text
def text_vectorization(K: Any) -> Any:
    layer = K.layers.TextVectorization(output_sequence_length=4)
    layer.adapt(SENTENCES)
    return layer, SENTENCES


@of_text
def text_vectorization_tf_idf(K: Any) -> Any:
    layer = K.layers.TextVectorization(output_mode="tf_idf", ngrams=2)
    layer.adapt(SENTENCES)
    return layer, SENTENCES
