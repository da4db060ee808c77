"""What attention does beside what tests/layer_cases compares: scores of our own, dropout, masks that travel, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, masks, ops
from hilevel.errors import ShapeError
from hilevel.ops.nn.attention import attention
from hilevel.testing import check_gradients

rng = np.random.default_rng(0)
QUERY, KEY, VALUE = (rng.normal(size=shape).astype("float32") for shape in ((2, 3, 4), (2, 5, 4), (2, 5, 6)))


def host(x: Any) -> Any:
    return ops.convert_to_numpy(x)


# -- scores of our own ----------------------------------------------------------------------------------


def cosine(query: Any, key: Any) -> Any:
    lengths = np.linalg.norm(query, axis=-1)[..., :, None] * np.linalg.norm(key, axis=-1)[..., None, :]
    return query @ key.swapaxes(1, 2) / lengths


def euclidean(query: Any, key: Any) -> Any:
    return -np.linalg.norm(query[:, :, None] - key[:, None], axis=-1)


def softmax(scores: Any, mask: Any) -> Any:
    weights = np.exp(scores) * mask
    return weights / weights.sum(-1, keepdims=True)


@pytest.mark.parametrize(("mode", "formula"), [("cosine", cosine), ("euclidean", euclidean)])
def test_scores_of_our_own(mode: str, formula: Callable[..., Any], backend: Any) -> None:
    layer = layers.Attention(score_mode=mode, use_scale=True)
    layer([QUERY, VALUE, KEY])
    layer.scale.assign(1.7)
    seen = np.array([[True, True, False, True, False], [True] * 5])
    expected = softmax(1.7 * formula(QUERY, KEY), seen[:, None] & np.tri(3, 5, dtype=bool))
    call = {"mask": [None, seen], "use_causal_mask": True}
    y, weights = layer([QUERY, VALUE, KEY], return_attention_scores=True, **call)
    np.testing.assert_allclose(host(weights), expected, rtol=1e-5)
    np.testing.assert_allclose(host(y), expected @ VALUE, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(host(layer([QUERY, VALUE, KEY], **call)), host(y), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mode", ["cosine", "euclidean"])
def test_their_gradients_are_finite_where_vectors_are_equal(mode: str) -> None:
    with hilevel.use_backend("numpy"):
        layer = layers.Attention(score_mode=mode, dtype="float64")
        x = QUERY.astype("float64")
        check_gradients(lambda x: ops.sum(ops.square(layer([x, x]))), x, order=1)
        zeros = ops.zeros((1, 2, 3))
        with hilevel.GradientTape() as tape:
            watched = tape.watch(zeros)
            y = ops.sum(layer([watched, watched + 0.0]))
        assert np.isfinite(tape.gradient(y, watched)).all()


# -- dropout --------------------------------------------------------------------------------------------

DROPPING = {
    "heads": lambda: layers.MultiHeadAttention(2, 3, value_dim=5, dropout=0.4, seed=7),
    "groups": lambda: layers.GroupQueryAttention(3, 4, 2, dropout=0.4, seed=7),
    "dot": lambda: layers.Attention(dropout=0.4, seed=7),
    "additive": lambda: layers.AdditiveAttention(dropout=0.4, seed=7),
}


def called(layer: Any, **call: Any) -> Any:
    heads = hasattr(layer, "use_bias")
    found = layer(QUERY, KEY, **call) if heads else layer([QUERY, KEY], **call)
    return [host(y) for y in (found if isinstance(found, tuple) else (found,))]


@pytest.mark.parametrize("kind", DROPPING)
def test_dropout_is_the_same_on_every_backend(kind: str) -> None:
    found = {}
    for name in ("numpy", "jax"):
        with hilevel.use_backend(name):
            hilevel.set_random_seed(5)
            layer = DROPPING[kind]()
            found[name] = [called(layer, training=t)[0] for t in (False, True, True)]
    for a, b in zip(found["numpy"], found["jax"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    rest, first, second = found["numpy"]
    assert not np.allclose(rest, first) and not np.allclose(first, second)


@pytest.mark.parametrize("kind", DROPPING)
@pytest.mark.parametrize("training", [False, True])
def test_with_and_without_the_weights_it_is_the_same(kind: str, training: bool, backend: Any) -> None:
    layer = DROPPING[kind]()
    called(layer)
    start = layer.seed_generator.state.numpy()
    (plain,) = called(layer, training=training)
    layer.seed_generator.state.assign(start)
    y, weights = called(layer, training=training, return_attention_scores=True)
    np.testing.assert_allclose(plain, y, rtol=1e-5, atol=1e-6)
    if kind in ("dot", "additive"):  # whose weights are those after dropout
        assert (weights == 0).any() == training
        np.testing.assert_allclose(weights @ KEY, y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("heads", [1, 2])
def test_gradients_with_dropout(heads: int) -> None:
    """Of the fused op, by finite differences, and those of the gradients; one row sees no key."""
    draw = np.random.default_rng(1)
    query, key, value = (draw.normal(size=(1, n, 3, 2)) for n in (2, heads, heads))
    mask = np.array([[True, True, False], [False] * 3, [True] * 3])
    keep = draw.random((1, 2, 3, 3)) < 0.7
    with hilevel.use_backend("numpy"):
        check_gradients(
            lambda *x: attention(*x, mask=mask, keep=keep, scale=0.7, rate=0.25), query, key, value, order=2
        )


# -- masks ----------------------------------------------------------------------------------------------

WORDS = np.array([[3, 1, 4, 0, 0], [2, 0, 5, 1, 0]])
ATTENDING: dict[str, Callable[[Any], Any]] = {
    "heads": lambda x: layers.MultiHeadAttention(2, 3)(x, x),
    "heads causal": lambda x: layers.MultiHeadAttention(2, 3)(x, x, use_causal_mask=True),
    "heads weights": lambda x: layers.MultiHeadAttention(2, 3)(x, x, return_attention_scores=True)[0],
    "groups": lambda x: layers.GroupQueryAttention(3, 4, 2)(x, x),
    "dot": lambda x: layers.Attention()([x, x]),
    "cosine causal": lambda x: layers.Attention(score_mode="cosine")([x, x], use_causal_mask=True),
    "additive": lambda x: layers.AdditiveAttention()([x, x]),
}


@pytest.mark.parametrize("kind", ATTENDING)
def test_masked_steps_change_nothing_and_the_mask_goes_on(kind: str, backend: Any) -> None:
    """The vector of the word 0 may be anything."""
    inputs = hilevel.Input((5,), dtype="int32")
    embedding = layers.Embedding(6, 4, mask_zero=True)
    model = hilevel.Model(inputs, ATTENDING[kind](embedding(inputs)))
    first = model(WORDS)
    np.testing.assert_array_equal(host(masks.mask_of(first)), WORDS != 0)
    table = embedding.get_weights()[0]
    table[0] = 1e6
    embedding.set_weights([table])
    again = host(model(WORDS))
    np.testing.assert_array_equal(host(first)[WORDS != 0], again[WORDS != 0])
    assert np.isfinite(again).all()


def test_a_mask_that_is_given_counts_as_one_that_travels(backend: Any) -> None:
    layer = layers.MultiHeadAttention(2, 3)
    seen = [np.arange(n) < 2 for n in (3, 5)]
    query, key = (np.broadcast_to(s, (2, len(s))) for s in seen)
    given = layer(QUERY, KEY, query_mask=query, value_mask=key)
    carried = [
        masks.set_mask(ops.convert_to_tensor(x.copy()), ops.convert_to_tensor(m))
        for x, m in ((QUERY, query), (KEY, key))
    ]
    np.testing.assert_array_equal(host(layer(*carried)), host(given))
    assert not np.allclose(host(layer(QUERY, KEY)), host(given))


# -- the rest -------------------------------------------------------------------------------------------


def test_in_half_precision(backend: Any) -> None:
    """The softmax is computed in float32, and a row of masked keys has the mean of the values."""
    x = rng.normal(size=(1, 3, 2, 4)).astype("float16") * 10
    mask = np.array([[True, True, False], [False] * 3, [True] * 3])
    y = ops.dot_product_attention(*[ops.convert_to_tensor(x)] * 3, mask=mask)
    wide = ops.dot_product_attention(*[ops.convert_to_tensor(x.astype("float32"))] * 3, mask=mask)
    assert y.dtype == np.float16
    np.testing.assert_allclose(host(y), host(wide), rtol=1e-2, atol=5e-2)
    np.testing.assert_allclose(host(wide)[:, 1], x.astype("float32").mean(1), rtol=1e-5, atol=1e-5)
    layer = layers.MultiHeadAttention(2, 3, dtype="mixed_float16")
    y, weights = layer(QUERY, KEY, return_attention_scores=True, use_causal_mask=True)
    assert y.dtype == weights.dtype == np.float16 and np.isfinite(host(y)).all()


def test_a_model_with_self_attention_learns(backend: Any) -> None:
    inputs = hilevel.Input((4, 3))
    x = layers.MultiHeadAttention(2, 4, dropout=0.1, seed=1)(inputs, inputs)
    model = hilevel.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))
    model.compile(hilevel.optimizers.Adam(0.01), "mse")
    x = rng.normal(size=(16, 4, 3)).astype("float32")
    losses = model.fit(x, x[:, :1, 0], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "mode": (lambda: layers.Attention(score_mode="sum"), ValueError, "score_mode must be one of 'dot', 'concat', 'cosine', 'euc"),
    "no list": (lambda: layers.Attention()(QUERY), ValueError, "inputs must be a list"),
    "no list of masks": (
        lambda: layers.Attention()([QUERY, KEY], mask=np.ones((2, 5), bool)), ValueError, "mask must be a list"
    ),
    "dropout": (lambda: layers.MultiHeadAttention(2, 3, dropout=1), ValueError, "dropout must be a number from 0"),
    "heads": (lambda: layers.MultiHeadAttention(0, 3), ValueError, "num_heads must be a positive integer"),
    "axes": (lambda: layers.MultiHeadAttention(2, 3, attention_axes="a"), ValueError, "attention_axes must be an integer"),
    "groups": (lambda: layers.GroupQueryAttention(2, 3, 2), ValueError, "a multiple of num_key_value_heads; got 3 and 2"),
    "flash": (lambda: layers.MultiHeadAttention(2, 3, flash_attention=True), NotImplementedError, "flash_attention"),
    "flash op": (
        lambda: ops.dot_product_attention(QUERY, KEY, KEY, flash_attention=True), NotImplementedError, "flash_attention"
    ),
    "rank": (lambda: ops.dot_product_attention(QUERY, KEY, KEY), ShapeError, "query must have the shape"),
    "steps": (lambda: layers.MultiHeadAttention(2, 3)(QUERY, KEY, QUERY), ShapeError, "key and value the same steps"),
    "sizes": (lambda: layers.Attention()([QUERY, VALUE]), ShapeError, "must have equal sizes"),
    "mask": (
        lambda: layers.MultiHeadAttention(2, 3)(QUERY, KEY, attention_mask=np.ones((2, 4, 5), bool)), ShapeError,
        r"must broadcast to the shape \(2, 2, 3, 5\) of the scores; got \(2, 1, 4, 5\)",
    ),
    "causal over two axes": (
        lambda: layers.MultiHeadAttention(2, 3)(QUERY[:, None], KEY[:, None], use_causal_mask=True), ValueError,
        "need a single attention axis",
    ),
    "shared heads": (
        lambda: ops.dot_product_attention(np.ones((1, 2, 3, 4)), *[np.ones((1, 2, 2, 4))] * 2), ShapeError,
        "the query has 3 heads; expected a multiple of 2",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str, backend: Any) -> None:
    run, error, message = ERRORS[name]
    with pytest.raises(error, match=message):
        run()


def test_the_attention_of_projections_is_the_part_of_a_call() -> None:
    rng = np.random.default_rng(3)
    x, z = (rng.normal(size=(2, n, 6)).astype("float32") for n in (4, 5))
    mask = rng.random((2, 4, 5)) > 0.3
    for layer in (layers.MultiHeadAttention(2, 3, 4), layers.GroupQueryAttention(3, 4, 2)):
        expected, weights = layer(x, z, attention_mask=mask, return_attention_scores=True)
        q, k, v = layer._query_dense(x), layer._key_dense(z), layer._value_dense(z)
        found, again = layer._compute_attention(q, k, v, mask, return_attention_scores=True)
        np.testing.assert_allclose(layer._output_dense(found), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(again, weights, rtol=1e-5, atol=1e-6)
        plain, _ = layer._compute_attention(q, k, v, mask)
        np.testing.assert_allclose(plain, found, rtol=1e-5, atol=1e-6)


SUBCLASSED: dict[str, tuple[Any, tuple[int, ...], dict[str, Any], Any]] = {
    "heads": (layers.MultiHeadAttention, (2, 3), {}, (2, 4, 4)),
    "several axes": (layers.MultiHeadAttention, (2, 3), {"attention_axes": (1, 2)}, (2, 4, 3, 4, 3)),
    "groups": (layers.GroupQueryAttention, (3, 4, 2), {}, (2, 4, 4)),
}


@pytest.mark.parametrize("name", SUBCLASSED)
def test_a_subclass_can_compute_the_attention(name: str, backend: Any) -> None:
    base, sizes, options, shape = SUBCLASSED[name]
    seen = []

    class Own(base):  # type: ignore[misc]
        def _compute_attention(
            self,
            query: Any,
            key: Any,
            value: Any,
            attention_mask: Any = None,
            training: Any = None,
            *scores: bool,
        ) -> Any:
            seen.append((query.shape[-2] == key.shape[-2], attention_mask))
            return super()._compute_attention(query, key, value, attention_mask, training, *scores)

    rng = np.random.default_rng(4)
    x = rng.normal(size=(*shape[: len(shape) // 2 + 1], 6)).astype("float32")
    mask = rng.random(shape) > 0.2
    own, plain = Own(*sizes, **options), base(*sizes, **options)
    own(x, x), plain(x, x)
    plain.set_weights(own.get_weights())
    assert seen == [(True, None)]
    calls: list[dict[str, Any]] = [
        {"attention_mask": mask},
        {"attention_mask": mask, "return_attention_scores": True},
    ]
    for call in [*calls, *([] if options else [{"use_causal_mask": True}])]:
        for found, expected in zip(own(x, x, **call), plain(x, x, **call), strict=True):
            np.testing.assert_allclose(host(found), host(expected), rtol=1e-5, atol=1e-6)
        assert seen[-1][0]
        assert seen[-1][1].shape in (shape, (1, *shape[1:]))
