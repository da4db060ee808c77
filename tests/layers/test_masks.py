"""What a mask leaves out cannot change a result: for every layer that supports masks, alone, nested and wrapped; and a
layer that does not know of them says so."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers as L, masks, ops

STEPS, FEATURES = 6, 4
LENGTHS = np.array([6, 4, 1])
MASK = np.arange(STEPS) < LENGTHS[:, None]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, STEPS, FEATURES)).astype("float32")
OTHER = np.where(MASK[..., None], X, 100 * RNG.normal(size=X.shape)).astype("float32")
"""The same where the mask is True, something else elsewhere."""

Z = RNG.normal(size=X.shape).astype("float32")

# A function of a masked tensor for each layer. What comes out with X and with OTHER must be equal where the mask of
# the result, if it has one, is True.
CASES: dict[str, Callable[[], Any]] = {
    "Activation": lambda: L.Activation("tanh"),
    "ActivityRegularization": lambda: L.ActivityRegularization(l2=0.0),
    "Add": lambda: pair(L.Add()),
    "AdditiveAttention": lambda: twice(L.AdditiveAttention()),
    "AlphaDropout": lambda: L.AlphaDropout(0.5, seed=1),
    "Attention": lambda: twice(L.Attention()),
    "Average": lambda: pair(L.Average()),
    "BatchNormalization": lambda: L.BatchNormalization(),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(3, return_sequences=True)),
    "Bidirectional last": lambda: L.Bidirectional(L.GRU(3)),
    "Concatenate": lambda: pair(L.Concatenate()),
    "Concatenate steps": lambda: pair(L.Concatenate(axis=1)),
    "Dense": lambda: L.Dense(3),
    "Dot": lambda: pair(L.Dot(axes=1)),
    "Dropout": lambda: L.Dropout(0.5, seed=1),
    "ELU": lambda: L.ELU(),
    "GRU": lambda: L.GRU(3),
    "GaussianDropout": lambda: L.GaussianDropout(0.5, seed=1),
    "GaussianNoise": lambda: L.GaussianNoise(0.5, seed=1),
    "GlobalAveragePooling1D": lambda: L.GlobalAveragePooling1D(),
    "GroupNormalization": lambda: L.GroupNormalization(2),
    "GroupQueryAttention": lambda: twice(L.GroupQueryAttention(4, 4, 2), several=False),
    "Identity": lambda: L.Identity(),
    "LSTM": lambda: L.LSTM(3, return_sequences=True),
    "LSTM last": lambda: L.LSTM(3),
    "LSTM backwards": lambda: L.LSTM(3, go_backwards=True),
    "Lambda": lambda: L.Lambda(lambda x: 2 * x),
    "LayerNormalization": lambda: L.LayerNormalization(),
    "LayerNormalization steps": lambda: L.LayerNormalization(axis=[1, 2]),
    "LeakyReLU": lambda: L.LeakyReLU(),
    "Masking": lambda: L.Masking(),
    "Maximum": lambda: pair(L.Maximum()),
    "Minimum": lambda: pair(L.Minimum()),
    "MultiHeadAttention": lambda: twice(L.MultiHeadAttention(2, 3), several=False),
    "MultiHeadAttention causal": lambda: twice(L.MultiHeadAttention(2, 3), several=False, use_causal_mask=True),
    "Multiply": lambda: pair(L.Multiply()),
    "Normalization": lambda: L.Normalization(mean=1.0, variance=2.0),
    "PReLU": lambda: L.PReLU("ones"),
    "RMSNormalization": lambda: L.RMSNormalization(),
    "RNN": lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2, reset_after=False)]),
    "ReLU": lambda: L.ReLU(),
    "Rescaling": lambda: L.Rescaling(2.0),
    "SimpleRNN": lambda: L.SimpleRNN(3),
    "Softmax": lambda: L.Softmax(axis=1),
    "SpatialDropout1D": lambda: L.SpatialDropout1D(0.5, seed=1),
    "Subtract": lambda: pair(L.Subtract()),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(3)),
    "UnitNormalization": lambda: L.UnitNormalization(axis=[1, 2]),
    "a model in a model": lambda: hilevel.Sequential([hilevel.Sequential([L.Dense(3), L.LSTM(3)]), L.Dense(2)]),
    "a functional model": lambda: functional(),
    "a block of one's own": lambda: hilevel.Sequential([Block(), L.GlobalAveragePooling1D()]),
}  # fmt: skip

NOT_SEQUENCES = {
    "Embedding", "ReversibleEmbedding", "SpatialDropout2D", "SpatialDropout3D", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Pipeline",
}  # fmt: skip
"""Layers that know of masks, and are looked at below, or have none of steps."""


def pair(layer: Any) -> Callable[..., Any]:
    """A layer of two inputs, of which the second has no mask."""
    return lambda x, **kwargs: layer([x, Z], **kwargs)


def twice(layer: Any, several: bool = True, **more: Any) -> Callable[..., Any]:
    """Attention of a sequence to itself."""
    return lambda x, **kwargs: layer(*([[x, x]] if several else [x, x]), **more, **kwargs)


def functional() -> hilevel.Model:
    """A graph with an op in it."""
    x = L.Input((STEPS, FEATURES))
    y = L.Dense(3)(x) * 2.0 + 1.0
    return hilevel.Model(x, L.GlobalAveragePooling1D()(L.Bidirectional(L.GRU(2, return_sequences=True))(y)))


class Block(L.Layer):
    """A residual block, as a user would write it."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True
        self.norm, self.rnn = L.LayerNormalization(), L.LSTM(FEATURES, return_sequences=True)

    def call(self, x: Any) -> Any:
        return self.norm(x + self.rnn(x))


def takes_training(layer: Any) -> bool:
    inner = (
        inspect.getclosurevars(layer).nonlocals.get("layer", layer) if inspect.isfunction(layer) else layer
    )
    return bool(inner._takes_training)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", CASES)
def test_what_is_masked_cannot_change_a_result(name: str, compiled: bool, backend: Any) -> None:
    if backend.name == "jax" and not compiled and " " in name:
        pytest.skip(
            "JAX compiles every op of every shape by itself, which takes long: one form of each layer"
        )
    hilevel.set_random_seed(0)
    layer = CASES[name]()
    kwargs = {"training": True} if takes_training(layer) else {}
    found = []

    def run(x: Any, mask: Any) -> Any:
        y = layer(masks.set_mask(x, mask), **kwargs)
        return y, masks.mask_of(y)

    run(ops.convert_to_tensor(X.copy()), ops.convert_to_tensor(MASK))
    state = [v.numpy() for v in getattr(layer, "variables", ())]
    step = hilevel.jit(run) if compiled else run
    for x in (X, OTHER):
        for v, value in zip(getattr(layer, "variables", ()), state, strict=True):
            v.assign(value)
        hilevel.set_random_seed(0)
        y, mask = step(ops.convert_to_tensor(x.copy()), ops.convert_to_tensor(MASK))
        y = ops.convert_to_numpy(y)
        if mask is not None:
            mask = ops.convert_to_numpy(mask)
            assert mask.shape == y.shape[: mask.ndim]
            y = np.where(mask.reshape(mask.shape + (1,) * (y.ndim - mask.ndim)), y, 0)
        elif y.ndim == 3 and name != "Dot":
            pytest.fail("a sequence came out without a mask")
        found.append([y, *[v.numpy() for v in getattr(layer, "non_trainable_weights", ())]])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    assert np.abs(found[0][0]).max() > 0


def test_every_layer_that_knows_of_masks_is_looked_at() -> None:
    known = set()
    for name, cls in [(name, getattr(L, name)) for name in L.__all__]:
        if inspect.isclass(cls) and issubclass(cls, L.Layer):
            source = "".join(
                inspect.getsource(c)
                for c in cls.__mro__
                if c.__module__.startswith("hilevel.layers") and c is not L.Layer
            )
            if "supports_masking = " in source or "mask" in inspect.signature(cls.call).parameters:
                known.add(cls.__name__ if cls.__name__ in vars(L) else name)
    abstract = {n for n in known if n.startswith("_")}
    assert known - abstract - {n.split(" ")[0] for n in CASES} - NOT_SEQUENCES == set()


def test_embedding_to_loss_and_metric(backend: Any) -> None:
    """Padding counts neither in the loss nor in the accuracy, whatever stands there."""
    ids = np.where(MASK, RNG.integers(1, 9, MASK.shape), 0)
    model = hilevel.Sequential(
        [
            L.Input((STEPS,), dtype="int32"),
            L.Embedding(9, 3, mask_zero=True),
            L.Dense(5, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    y = RNG.integers(0, 5, MASK.shape)
    other = np.where(MASK, y, (y + 1) % 5)
    assert model.evaluate(ids, y, verbose=0) == pytest.approx(model.evaluate(ids, other, verbose=0))
    probabilities = model.predict(ids, verbose=0)
    right = probabilities.argmax(-1)[MASK] == y[MASK]
    loss = -np.log(np.take_along_axis(probabilities, y[..., None], -1)[..., 0][MASK]).mean()
    assert model.evaluate(ids, y, verbose=0) == pytest.approx([loss, right.mean()], rel=1e-4)


def test_a_layer_that_loses_a_mask_says_so() -> None:
    x = masks.set_mask(X.copy(), MASK)
    with pytest.warns(
        UserWarning, match=r'Flatten "flatten\w*" got a tensor with a mask, and does not propagate'
    ):
        L.Flatten()(x)
    y = L.Embedding(9, 3, mask_zero=True)(L.Input((STEPS,), dtype="int32"))
    with pytest.warns(UserWarning, match="The op mean got a tensor with a mask"):
        ops.mean(y, axis=1)


class Careless(L.Layer):
    """Uses a mask inside and gives back a sequence without one."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = L.GRU(3, return_sequences=True)

    def call(self, x: Any) -> Any:
        return self.rnn(x) + 1.0


class Last(Careless):
    """Uses a mask inside, and nothing is left to be masked."""

    def call(self, x: Any) -> Any:
        return self.rnn(x)[:, -1] + 1.0


def test_a_layer_of_ones_own_is_warned_of_only_if_something_is_lost(backend: Any) -> None:
    with pytest.warns(UserWarning, match="supports_masking = True"):
        Careless()(masks.set_mask(ops.convert_to_tensor(X.copy()), ops.convert_to_tensor(MASK)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Last()(masks.set_mask(ops.convert_to_tensor(X.copy()), ops.convert_to_tensor(MASK)))


def test_masks_are_forgotten_with_their_tensors() -> None:
    before = len(masks.table)
    x = masks.set_mask(X.copy(), MASK)
    y = L.Dense(2)(x)
    assert len(masks.table) == before + 2
    del x, y
    assert len(masks.table) == before


def test_masks_survive_mixed_precision_and_other_backends(backend: Any) -> None:
    layer = L.Dense(2, dtype="mixed_float16" if backend.name == "numpy" else "mixed_bfloat16")
    assert masks.mask_of(layer(masks.set_mask(X.copy(), MASK))) is not None
    with hilevel.use_backend("numpy"):
        other = L.Dense(2)
        assert masks.mask_of(other(masks.set_mask(ops.convert_to_tensor(X.copy()), MASK))) is not None


def test_inputs_of_a_model_may_come_with_masks(backend: Any) -> None:
    model = functional()
    plain, masked = model(X), model(X, mask=MASK)
    assert not np.allclose(ops.convert_to_numpy(plain), ops.convert_to_numpy(masked))
    np.testing.assert_array_equal(ops.convert_to_numpy(masked), ops.convert_to_numpy(model(OTHER, mask=MASK)))


def test_merged_masks() -> None:
    """A step counts where it counts in every input that has a mask; joined along the steps, masks are joined."""
    other = np.arange(STEPS) >= 2
    a, b = masks.set_mask(X.copy(), MASK), masks.set_mask(X.copy(), np.broadcast_to(other, MASK.shape))
    np.testing.assert_array_equal(masks.mask_of(L.Add()([a, b])), MASK & other)
    np.testing.assert_array_equal(masks.mask_of(L.Concatenate()([a, b])), MASK & other)
    joined = masks.mask_of(L.Concatenate(axis=1)([a, Z]))
    np.testing.assert_array_equal(joined, np.concatenate([MASK, np.ones_like(MASK)], axis=1))


def test_nested_sequences_have_masks_at_both_levels(backend: Any) -> None:
    """Words in sentences: padded words and padded sentences."""
    ids = RNG.integers(1, 9, (2, 3, STEPS))
    ids[:, :, 4:], ids[1, 2] = 0, 0
    embedded = L.Embedding(9, 4, mask_zero=True)(ids)
    sentences = L.TimeDistributed(L.LSTM(3))(embedded)
    np.testing.assert_array_equal(ops.convert_to_numpy(masks.mask_of(sentences)), (ids != 0).any(-1))
    assert ops.convert_to_numpy(L.GRU(2)(sentences)).shape == (2, 2)


# -- masks of layers within TimeDistributed, and of BatchNormalization ------------------------------


class Marked(hilevel.Layer):
    """The inputs, -1 where the mask that the layer was given leaves them out."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None) -> Any:
        if mask is None:
            return inputs
        return ops.where(masks.expand_to_rank(mask, len(inputs.shape)), inputs, -1.0)


@pytest.mark.parametrize("run", [lambda f: f, hilevel.jit])
@pytest.mark.parametrize("axes", [2, 3])
def test_a_layer_in_time_distributed_gets_its_steps_of_the_mask(axes: int, run: Any, backend: Any) -> None:
    x = RNG.uniform(1, 2, (2, 3, 4, 2)).astype("float32")
    mask = RNG.random((2, 3, 4)[:axes]) < 0.5
    layer = L.TimeDistributed(Marked())
    y = run(lambda x, mask: layer(x, mask=mask))(x, mask)
    kept = mask.reshape(*mask.shape, *(1,) * (4 - axes))
    np.testing.assert_array_equal(ops.convert_to_numpy(y), np.where(kept, x, -1))


def test_the_steps_of_an_embedding_reach_the_layer_in_time_distributed(backend: Any) -> None:
    ids = np.array([[1, 2, 0], [3, 0, 0]])
    model = hilevel.Sequential([L.Embedding(5, 2, mask_zero=True), L.TimeDistributed(Marked())])
    for y in (ops.convert_to_numpy(model(ids)), model.predict(ids, verbose=0)):
        np.testing.assert_array_equal(y[ids == 0], -1)
        assert (y[ids != 0] != -1).all()
    np.testing.assert_array_equal(ops.convert_to_numpy(masks.mask_of(model(ids))), ids != 0)


@pytest.mark.parametrize(
    "inner",
    [
        lambda: L.LSTM(2),
        lambda: L.Bidirectional(L.GRU(2, return_sequences=True)),
        lambda: L.GlobalAveragePooling1D(),
    ],
)
def test_a_mask_of_steps_leaves_the_sequences_in_them_whole(inner: Any, backend: Any) -> None:
    x = RNG.normal(size=(2, 3, 4, 2)).astype("float32")
    layer = L.TimeDistributed(inner())
    y = layer(x, mask=np.array([[1, 1, 0], [1, 0, 0]], bool))
    np.testing.assert_array_equal(ops.convert_to_numpy(y), ops.convert_to_numpy(layer(x)))


@pytest.mark.parametrize("run", [lambda f: f, hilevel.jit])
@pytest.mark.parametrize(("axis", "shape", "axes"), [
    (1, (5, 3, 4), 2), (-2, (5, 3, 4), 2), (1, (5, 3, 4, 2), 3), (2, (5, 3, 4, 2), 3), (2, (5, 3, 4, 2), 2), (1, (5, 3, 4), 1),
    (-1, (5, 3, 4), 2),
])  # fmt: skip
def test_batch_normalization_of_any_axis_leaves_out_masked_steps(
    axis: int, shape: Any, axes: int, run: Any, backend: Any
) -> None:
    x = RNG.normal(3, 2, shape)
    mask = RNG.random(shape[:axes]) < 0.6
    mask[0] = True
    kept = np.broadcast_to(mask.reshape(*mask.shape, *(1,) * (x.ndim - axes)), shape)
    rows, counts = np.moveaxis(x, axis, 0), np.moveaxis(kept, axis, 0)
    mean = np.array([row[k].mean() for row, k in zip(rows, counts, strict=True)])
    variance = np.array([row[k].var() for row, k in zip(rows, counts, strict=True)])
    view = [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]
    expected = (x - mean.reshape(view)) / np.sqrt(variance.reshape(view) + 1e-3)
    layer = L.BatchNormalization(axis=axis, momentum=0.0)
    layer.build(shape)
    y = run(lambda x, mask: layer(x, mask=mask, training=True))(x.astype("float32"), mask)
    np.testing.assert_allclose(ops.convert_to_numpy(y), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(layer.moving_mean.numpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), variance, rtol=1e-4)
