"""`hilevel.explain`: each function finds a planted cause, on each backend, and leaves the model as it is."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import explain, layers
from hilevel.errors import HilevelWarning, NotCompiledError, OutOfRangeError, ShapeError
from hilevel.explain.calls import intercepted

rng = np.random.default_rng(7)


def table_model(activation: str = "tanh") -> Any:
    """A model whose second output depends on the column 2 only."""
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(5, activation), layers.Dense(2)])
    kernel = np.zeros((4, 5))
    kernel[2] = rng.uniform(0.5, 1, 5)
    model.set_weights([kernel, np.zeros(5), rng.uniform(0.5, 1, (5, 2)), np.zeros(2)])
    return model


def image_model(**options: Any) -> Any:
    """A model that adds up the pixels at row 2 and column 5, in the middle of a convolution's window."""
    shape = (1, 8, 8) if options.get("data_format") == "channels_first" else (8, 8, 1)
    convolution = layers.Conv2D(1, 3, padding="same", activation="relu", name="windows", **options)
    model = hilevel.Sequential([layers.Input(shape), convolution, layers.Flatten(), layers.Dense(2)])
    window, dense = np.zeros((3, 3, 1, 1)), np.zeros((64, 2))
    window[1, 1], dense[2 * 8 + 5, 1] = 1, 1
    model.set_weights([window, np.zeros(1), dense, np.zeros(2)])
    return model


def text_model(mask_zero: bool = False, dtype: str = "int32") -> Any:
    """A model for which only the token 3 has a vector other than zero."""
    inputs = layers.Input((6,), dtype=dtype)
    vectors = layers.Embedding(9, 3, mask_zero=mask_zero)(inputs)
    y = layers.Dense(2, "sigmoid")(layers.GlobalAveragePooling1D()(vectors))
    model = hilevel.Model(inputs, y)
    table = np.zeros((9, 3))
    table[3] = 1, -2, 3
    model.set_weights([table, rng.normal(size=(3, 2)), np.zeros(2)])
    return model


def attention_model(mask_zero: bool = False) -> Any:
    """Two layers of attention in nested layers, the second from the first."""
    inputs = layers.Input((5,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=mask_zero)(inputs)
    for _ in range(2):
        x = layers.add([x, layers.MultiHeadAttention(2, 3)(x, x)])
    return hilevel.Model(inputs, layers.Dense(2)(layers.GlobalAveragePooling1D()(x)))


def state_of(model: Any) -> Any:
    tree = model.get_state_tree("numpy_array")
    attributes = {layer.name: sorted(vars(layer)) for layer in model._flatten_layers()}
    return hilevel.tree.map_structure(np.array, tree), attributes


IMAGES = rng.uniform(0.5, 1, (3, 8, 8, 1)).astype("float32")
TABLE = rng.normal(size=(5, 4)).astype("float32")
TOKENS = np.array([[1, 2, 3, 4, 5, 6], [3, 1, 1, 1, 2, 2]])

GRADIENTS = [explain.saliency, explain.smooth_grad, explain.integrated_gradients]


# -- a planted cause -------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [*GRADIENTS, lambda *a, **k: explain.occlusion(*a, window=1, **k)])
def test_a_pixel_a_token_and_a_column_are_found(function: Callable[..., Any], backend: Any) -> None:
    pixels = function(image_model(), IMAGES, target=1).round(6)
    assert pixels.shape == IMAGES.shape
    assert pixels.dtype == np.float32
    assert (pixels.reshape(3, -1).argmax(axis=1) == 2 * 8 + 5).all()
    assert (np.count_nonzero(pixels.reshape(3, -1), axis=1) == 1).all()

    columns = function(table_model(), TABLE, target=1).round(6)
    assert np.count_nonzero(columns, axis=0).tolist() == [0, 0, 5, 0]

    if (
        function is not explain.saliency and function is not explain.smooth_grad
    ):  # a zero vector has a gradient, too
        tokens = function(text_model(), TOKENS, target=1).round(6)
        assert np.array_equal(tokens != 0, TOKENS == 3)


def test_the_gradient_of_a_token_is_that_of_its_vector(backend: Any) -> None:
    model = text_model(mask_zero=True)
    tokens = np.array([[3, 2, 0, 0, 0, 0]])
    found = explain.saliency(model, tokens, target=0)
    assert found.shape == (1, 6)
    table, kernel = model.get_weights()[:2]
    slope = 0.25 / np.cosh(0.25 * (table[3] @ kernel[:, 0])) ** 2  # of sigmoid at the mean of two vectors
    assert np.allclose(found[0, :2], slope * np.linalg.norm(kernel[:, 0]) / 2, rtol=1e-4)
    assert np.all(found[0, 2:] == 0)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_tokens_may_come_as_floats(dtype: str, backend: Any) -> None:
    given = TOKENS.astype(dtype)
    found = explain.integrated_gradients(text_model(dtype=dtype), given, target=1)
    assert np.array_equal(found != 0, TOKENS == 3)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_grad_cam_finds_the_place(data_format: str, backend: Any) -> None:
    model = image_model(data_format=data_format)
    images = IMAGES if data_format == "channels_last" else np.moveaxis(IMAGES, -1, 1)
    found = explain.grad_cam(model, images, target=1)
    assert found.shape == (3, 8, 8)
    expected = IMAGES[..., 0] / 64  # the weight of the channel is the mean of its gradient
    assert np.allclose(found, expected, atol=1e-6)
    assert np.array_equal(found, explain.grad_cam(model, images, "windows", target=1))


def test_grad_cam_is_resized_to_the_input(backend: Any) -> None:
    model = hilevel.Sequential(
        [
            layers.Input((8, 12, 1)), layers.Conv2D(1, 2, strides=2, kernel_initializer="ones"),
            layers.GlobalAveragePooling2D(), layers.Dense(1, kernel_initializer="ones"),
        ]
    )  # fmt: skip
    images = np.zeros((2, 8, 12, 1))
    images[:, 6:, 8:10] = 1
    found = explain.grad_cam(model, images, batch_size=1)
    assert found.shape == (2, 8, 12)
    assert np.all(found[:, 6:8, 8:10] > 0.5 * found.max())
    assert np.all(found[:, :4] == 0)

    sequence = hilevel.Sequential(
        [layers.Input((9, 2)), layers.Conv1D(3, 3), layers.Flatten(), layers.Dense(2)]
    )
    assert explain.grad_cam(sequence, np.ones((2, 9, 2))).shape == (2, 9)


def test_a_convolution_in_a_subclassed_model_is_found(backend: Any) -> None:
    class Own(hilevel.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = image_model()

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs) * 2.0

    assert np.allclose(explain.grad_cam(Own(), IMAGES, target=1), IMAGES[..., 0] / 32, atol=1e-6)


def test_occlusion_takes_the_mean_over_windows(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((3,)), layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0], [2.0], [4.0]])])
    x = np.ones((2, 3))
    assert explain.occlusion(model, x, 2, strides=1)[0].tolist() == [3, 4.5, 6]
    assert explain.occlusion(model, x, 2)[0].tolist() == [3, 4.5, 6]  # the last window ends at the border
    assert explain.occlusion(model, x, 3, fill=2.0)[1].tolist() == [-7, -7, -7]
    assert explain.occlusion(model, x, 1, batch_size=1).tolist() == [[1, 2, 4]] * 2


def test_permutation_finds_the_column(backend: Any) -> None:
    model = table_model()
    x = rng.normal(size=(60, 4)).astype("float32")
    labels = (x[:, 2] > 0).astype("int32")
    y = model.predict(x, verbose=0)
    found = explain.permutation_importance(model, x, y, "mse", seed=0)
    assert found.shape == (4,)
    assert found[2] > 0.1
    assert np.all(found[[0, 1, 3]] == 0)
    assert np.array_equal(found, explain.permutation_importance(model, x, y, "mse", seed=0, batch_size=7))

    with pytest.raises(NotCompiledError):
        explain.permutation_importance(model, x, y)
    model.compile(loss="mse")
    assert np.allclose(explain.permutation_importance(model, x, y, seed=0), found, rtol=1e-4)

    wide = hilevel.Sequential([layers.Input((4,)), layers.Dense(2)])
    wide.set_weights([np.array([[0, 0], [0, 0], [-1, 1], [0, 0]]), np.zeros(2)])
    accuracy = explain.permutation_importance(wide, x, labels, "accuracy", seed=0)
    own = hilevel.metrics.SparseCategoricalAccuracy()
    assert accuracy[2] < -0.3
    assert np.array_equal(accuracy, explain.permutation_importance(wide, x, labels, own, seed=0))
    assert float(own.result()) == 0  # a copy is used

    def right(y: Any, outputs: Any) -> Any:
        return np.mean(y == np.asarray(outputs).argmax(axis=1))

    assert np.allclose(accuracy, explain.permutation_importance(wide, x, labels, right, seed=0))


# -- several inputs and outputs --------------------------------------------------------------------


def two_inputs() -> Any:
    """A model of a table and of tokens, with two outputs: the sum of the table and of the vectors, and twice it."""
    table, tokens = layers.Input((3,), name="table"), layers.Input((4,), dtype="int32", name="tokens")
    vectors = layers.Embedding(5, 1, name="vectors")(tokens)
    total = layers.add([layers.Dense(1, use_bias=False)(table), layers.Dense(1)(layers.Flatten()(vectors))])
    model = hilevel.Model([table, tokens], {"once": total, "twice": total * 2.0})
    return model


def test_results_have_the_structure_of_the_inputs(backend: Any) -> None:
    model = two_inputs()
    x = {"table": np.ones((2, 3), "float32"), "tokens": np.array([[1, 2, 3, 4], [0, 0, 1, 1]])}

    def once(outputs: Any) -> Any:
        return outputs["once"]

    def twice(outputs: Any) -> Any:
        return outputs["twice"]

    for function in (*GRADIENTS[::2], lambda *a, **k: explain.occlusion(*a, window=1, **k)):
        single, double = function(model, x, target=once), function(model, x, target=twice)
        listed = function(model, [x["table"], x["tokens"]], target=once)
        assert {name: a.shape for name, a in single.items()} == {"table": (2, 3), "tokens": (2, 4)}
        for name in x:
            assert np.abs(single[name]).max() > 0
            assert np.allclose(2 * single[name], double[name], atol=1e-5)
        assert [np.array_equal(a, b) for a, b in zip(listed, single.values(), strict=True)] == [True, True]

    def error(y: Any, outputs: Any) -> Any:
        return np.abs(y - np.asarray(outputs["once"]))

    y = model.predict(x, verbose=0)["once"]
    importance = explain.permutation_importance(model, x, y, error, repeats=8, seed=1)
    assert importance["table"] == pytest.approx(0, abs=1e-6)  # its rows are equal
    assert importance["tokens"] > 0
    for function in GRADIENTS:
        with pytest.raises(ValueError, match="several outputs"):
            function(model, x)


def test_equal_tokens_in_two_inputs_are_told_apart(backend: Any) -> None:
    a, b = (layers.Input((2,), dtype="int32") for _ in range(2))
    first, second = layers.Embedding(3, 1), layers.Embedding(3, 1)
    y = layers.Dense(1, use_bias=False)(
        layers.concatenate([layers.Flatten()(first(a)), layers.Flatten()(second(b))])
    )
    model = hilevel.Model([a, b], y)
    model.set_weights([np.ones((3, 1)), np.ones((3, 1)), np.array([[1.0], [2.0], [3.0], [4.0]])])
    tokens = np.array([[1, 2]])
    assert [g.tolist() for g in explain.saliency(model, [tokens, tokens])] == [[[1, 2]], [[3, 4]]]


def test_positions_that_are_embedded_are_not_taken_for_tokens(backend: Any) -> None:
    class Places(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = layers.Embedding(9, 2), layers.Embedding(6, 2)

        def build(self, shape: Any) -> None:
            self.words.build(shape)
            self.places.build((1, 6))

        def call(self, x: Any) -> Any:
            return self.words(x) + self.places(hilevel.ops.arange(6)[None])

    inputs = layers.Input((6,), dtype="int32")
    model = hilevel.Model(inputs, layers.Dense(1)(layers.Flatten()(Places()(inputs))))
    zeros = np.zeros((1, 6), "int32")
    for x in (np.array([[1, 1, 5, 3, 2, 2]]), np.arange(6)[None], zeros):
        for baseline in (0, 3):
            tokens = explain.integrated_gradients(model, x, baseline=baseline)
            difference = model.predict(x, verbose=0) - model.predict(zeros + baseline, verbose=0)
            assert tokens.sum() == pytest.approx(difference.item(), abs=1e-4)


# -- gradients -------------------------------------------------------------------------------------


def test_saliency_agrees_with_finite_differences(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(6, "gelu"), layers.Dense(3, "softmax")])
    model.predict(TABLE, verbose=0)
    outputs = model.predict(TABLE, verbose=0)
    best, rows, step = outputs.argmax(axis=1), np.arange(5), 1e-2
    expected = np.empty((5, 4))
    for j in range(4):
        above, below = (model.predict(TABLE + sign * step * np.eye(4)[j], verbose=0) for sign in (1, -1))
        expected[:, j] = np.abs(above - below)[rows, best] / (2 * step)
    for found in (explain.saliency(model, TABLE), explain.saliency(model, TABLE, best, batch_size=2)):
        assert np.allclose(found, expected, atol=1e-3)
    assert np.allclose(explain.smooth_grad(model, TABLE, noise=0.0, samples=3), expected, atol=1e-3)


def test_smooth_grad_is_the_mean_over_noise(backend: Any) -> None:
    model = table_model("tanh")
    once = explain.smooth_grad(model, TABLE, 1, seed=3)
    assert np.array_equal(once, explain.smooth_grad(model, TABLE, 1, seed=3))
    assert not np.array_equal(once, explain.smooth_grad(model, TABLE, 1, seed=4))
    hidden = np.asarray(model.get_weights()[0][2])
    out = np.asarray(model.get_weights()[2][:, 1])
    spread = 0.5 * np.ptp(TABLE, axis=1)
    draws = np.random.default_rng(0).normal(size=(20000, 5)) * spread + TABLE[:, 2]
    expected = ((1 - np.tanh(draws[..., None] * hidden) ** 2) * hidden * out).sum(axis=-1).mean(axis=0)
    found = explain.smooth_grad(model, TABLE, 1, samples=2000, noise=0.5, seed=0)[:, 2]
    assert np.allclose(found, expected, rtol=0.1)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_integrated_gradients_sum_up_to_the_difference(activation: str, backend: Any) -> None:
    model = hilevel.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(20, activation),
            layers.Dense(20, activation),
            layers.Dense(3, "softmax"),
        ]
    )
    outputs = model.predict(TABLE, verbose=0)
    start = np.full(4, 0.5, "float32")
    for baseline in (None, start, np.tile(start, (5, 1)), 0.5):
        found = explain.integrated_gradients(model, TABLE, 2, baseline)
        origin = 0.0 if baseline is None else 0.5
        difference = outputs - model.predict(np.full((1, 4), origin), verbose=0)
        assert np.allclose(found.sum(axis=1), difference[:, 2], atol=1e-3)


def test_integrated_gradients_of_tokens_sum_up_to_the_difference(backend: Any) -> None:
    model = attention_model(mask_zero=True)
    x, other = np.array([[1, 2, 3, 0, 0], [4, 4, 1, 2, 3]]), np.array([[5, 6, 7, 8, 8], [5, 6, 7, 8, 8]])
    found = explain.integrated_gradients(model, x, 1, baseline=other)
    assert np.all(found[0, 3:] == 0)
    full = explain.integrated_gradients(model, x[1:], 1, baseline=other[1:])
    difference = model.predict(x[1:], verbose=0) - model.predict(other[1:], verbose=0)
    assert full.sum() == pytest.approx(difference[0, 1], abs=1e-3)
    assert np.allclose(full, found[1:], atol=1e-5)


def test_a_sum_that_is_not_reached_gives_a_warning(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((1,)), layers.Dense(1, hilevel.ops.sign)])
    model.set_weights([np.ones((1, 1)), np.full(1, -0.5)])
    with pytest.warns(HilevelWarning, match="is wrong by 1"):
        explain.integrated_gradients(model, np.ones((1, 1)), steps=2)


# -- attention -------------------------------------------------------------------------------------


def rolled(matrices: Any) -> Any:
    flow = np.eye(matrices.shape[-1])
    for one in matrices:
        mixed = one.mean(axis=1) / 2 + np.eye(matrices.shape[-1]) / 2
        flow = mixed @ flow
    return flow


def test_attention_rollout_multiplies_the_layers(backend: Any) -> None:
    model = attention_model()
    x = rng.integers(1, 9, (3, 5))
    inner = [layer for layer in model.layers if isinstance(layer, layers.MultiHeadAttention)]
    before = [hilevel.Model(model.inputs, model.layers[i].output) for i in range(1, len(model.layers))]
    states = {layer.name: m.predict(x, verbose=0) for m, layer in zip(before, model.layers[1:], strict=True)}
    inputs = [states[model.layers[1].name], states[model.layers[3].name]]
    matrices = np.stack(
        [
            hilevel.ops.convert_to_numpy(a(i, i, return_attention_scores=True)[1])
            for a, i in zip(inner, inputs, strict=True)
        ]
    )
    found = explain.attention_rollout(model, x, batch_size=2)
    assert found.shape == (3, 5)
    assert np.allclose(found, rolled(matrices).mean(axis=1), atol=1e-5)
    assert np.allclose(explain.attention_rollout(model, x, query=0), rolled(matrices)[:, 0], atol=1e-5)


def test_attention_rollout_finds_the_token_that_all_attend_to(backend: Any) -> None:
    model = attention_model()
    embedding = np.zeros((9, 4))
    embedding[3] = 5
    model.layers[1].set_weights([embedding])
    for layer in model.layers:
        if isinstance(layer, layers.MultiHeadAttention):
            layer.query_dense.set_weights([np.zeros((4, 2, 3)), np.ones((2, 3))])
            layer.key_dense.set_weights([np.ones((4, 2, 3)), np.zeros((2, 3))])
            layer.output_dense.set_weights([np.zeros((2, 3, 4)), np.zeros(4)])
    found = explain.attention_rollout(model, np.array([[1, 2, 3, 4, 5]]))
    assert found.argmax() == 2
    assert found.sum() == pytest.approx(1)
    assert found[0, 2] > 0.7


def test_attention_rollout_leaves_out_padding(backend: Any) -> None:
    model = attention_model(mask_zero=True)
    padded = explain.attention_rollout(model, np.array([[1, 2, 3, 0, 0]]))
    assert np.all(padded[0, 3:] == 0)
    assert padded.sum() == pytest.approx(1)


# -- the model, its backend, errors ----------------------------------------------------------------


def every_function(model: Any, x: Any) -> None:
    for function in GRADIENTS:
        function(model, x, target=0, batch_size=2)
    explain.occlusion(model, x, window=2)
    explain.permutation_importance(model, x, np.zeros(len(x)), repeats=1)


def test_nothing_of_the_model_changes(backend: Any) -> None:
    image = hilevel.Sequential(
        [
            layers.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.BatchNormalization(), layers.Dropout(0.5),
            layers.GaussianNoise(1.0), layers.Flatten(), layers.Dense(3, activity_regularizer="l2"),
        ]
    )  # fmt: skip
    for model, x in ((image, IMAGES), (attention_model(True), np.array([[1, 2, 3, 0, 0], [1, 2, 3, 4, 5]]))):
        y = np.zeros(len(x), "int32")
        model.compile(
            "adam", hilevel.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
        )
        model.fit(x, y, verbose=0)
        before, outputs = state_of(model), model.predict(x, verbose=0)
        every_function(model, x)
        if model is image:
            explain.grad_cam(model, x)
        else:
            explain.attention_rollout(model, x)
        after = state_of(model)
        assert after[1] == before[1]
        assert all(map(np.array_equal, hilevel.tree.flatten(after[0]), hilevel.tree.flatten(before[0])))
        assert np.array_equal(model.predict(x, verbose=0), outputs)


def test_other_threads_see_the_layers_as_they_are() -> None:
    layer = layers.Dense(2)
    expected = layer(TABLE)
    with intercepted([layer], lambda *_: np.zeros((5, 2))), ThreadPoolExecutor(1) as pool:
        assert not np.any(layer(TABLE))
        assert np.array_equal(pool.submit(layer, TABLE).result(), expected)
    assert np.array_equal(layer(TABLE), expected)


def test_a_model_stays_on_its_backend() -> None:
    pytest.importorskip("jax")
    with hilevel.use_backend("jax"):
        model = table_model()
    with hilevel.use_backend("numpy"):
        found = explain.saliency(model, TABLE)
        model.to("numpy")
        assert np.allclose(found, explain.saliency(model, TABLE), atol=1e-6)


def test_on_cupy(cupy: Any) -> None:
    for function in GRADIENTS:
        assert np.count_nonzero(function(image_model(), IMAGES, target=1)) == 3
    assert np.allclose(explain.grad_cam(image_model(), IMAGES, target=1), IMAGES[..., 0] / 64, atol=1e-6)
    assert np.count_nonzero(explain.occlusion(text_model(), TOKENS, window=1, target=1)) == 2
    rollout = explain.attention_rollout(attention_model(), TOKENS[:, :5])
    assert np.allclose(rollout.sum(axis=1), 1)
    x = rng.normal(size=(20, 4))
    importance = explain.permutation_importance(table_model(), x, np.zeros((20, 2)), "mse", seed=0)
    assert np.allclose(importance, 0, atol=1e-6)  # the outputs are permuted, and the targets are equal


def test_a_subclassed_model_is_built_by_the_first_call(backend: Any) -> None:
    class Own(hilevel.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(2, use_bias=False)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Own()
    found = explain.saliency(model, TABLE, target=lambda y: y[:, 1])
    assert np.allclose(found, np.abs(np.asarray(model.dense.kernel)[:, 1]), atol=1e-6)


def test_layers_in_other_layers_and_dtypes(backend: Any) -> None:
    inputs = layers.Input((2, 3), dtype="int32")
    vectors = layers.TimeDistributed(layers.Embedding(9, 3))(inputs)
    model = hilevel.Model(inputs, layers.Dense(1, use_bias=False)(layers.Flatten()(vectors)))
    table, kernel = model.get_weights()
    tokens = np.arange(6).reshape(1, 2, 3)
    found = explain.integrated_gradients(model, tokens)
    assert np.allclose(found, (table[tokens] * kernel.reshape(1, 2, 3, 3)).sum(axis=-1), atol=1e-6)

    with hilevel.RematScope("full"):
        remat = image_model()
    assert np.allclose(explain.grad_cam(remat, IMAGES, target=1), IMAGES[..., 0] / 64, atol=1e-6)
    mixed = image_model(dtype="mixed_float16")
    assert np.allclose(explain.grad_cam(mixed, IMAGES, target=1), IMAGES[..., 0] / 64, atol=1e-3)


def test_integers_are_differentiated_as_floats(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((2,)), layers.Rescaling(0.5), layers.Dense(1)])
    model.layers[-1].set_weights([np.array([[2.0], [4.0]]), np.zeros(1)])
    assert explain.saliency(model, np.array([[7, 9]], "uint8")).tolist() == [[1, 2]]
    inputs = layers.Input((2,), dtype="int32", name="codes")
    model = hilevel.Model(inputs, layers.Dense(1)(layers.Rescaling(0.5)(inputs)))
    with pytest.raises(ValueError, match="codes"):
        explain.saliency(model, np.array([[7, 9]]))


def test_targets_of_any_rank(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((3, 2)), layers.Dense(4, use_bias=False)])
    x = rng.normal(size=(2, 3, 2)).astype("float32")
    kernel = np.abs(model.get_weights()[0])
    assert np.allclose(explain.saliency(model, x, target=-1), kernel[:, 3], atol=1e-6)
    found = explain.saliency(model, x)  # the largest output of a sample is at one step
    assert (np.count_nonzero(found.any(axis=2), axis=1) == 1).all()
    each = explain.saliency(model, x, target=np.array([0, 2]))
    assert np.allclose(each, kernel.T[[0, 2]][:, None], atol=1e-6)


@pytest.mark.parametrize(
    ("target", "error"),
    [(2, OutOfRangeError), (-3, OutOfRangeError), ([0, 1, 0, 1, 2], OutOfRangeError), ([0, 1], ShapeError),
     (0.5, TypeError), ("a", TypeError), (lambda y: y[0], ShapeError)],
)  # fmt: skip
def test_wrong_targets(target: Any, error: type[Exception]) -> None:
    for function in (*GRADIENTS, lambda *a: explain.occlusion(a[0], a[1], 1, target=a[2])):
        with pytest.raises(error):
            function(table_model(), TABLE, target)


def test_other_errors() -> None:
    table, image = table_model(), image_model()
    with pytest.raises(ValueError, match=r'no layer "window".*Did you mean "windows"'):
        explain.grad_cam(image, IMAGES, "window")
    with pytest.raises(ValueError, match="no convolution"):
        explain.grad_cam(table, TABLE)
    with pytest.raises(ValueError, match="no input has as many"):
        explain.grad_cam(image, IMAGES, image.layers[-1].name)
    with pytest.raises(ValueError, match="no MultiHeadAttention"):
        explain.attention_rollout(table, TABLE)
    with pytest.raises(OutOfRangeError):
        explain.attention_rollout(attention_model(), TOKENS[:, :5], query=5)
    with pytest.raises(TypeError, match="Only models"):
        explain.saliency(layers.Dense(2), TABLE)  # type: ignore[arg-type]
    for function, arguments in (
        (explain.smooth_grad, {"samples": 0}), (explain.smooth_grad, {"noise": -1}), (explain.saliency, {"batch_size": 0}),
        (explain.integrated_gradients, {"steps": 0}), (explain.integrated_gradients, {"baseline": np.ones(3)}),
        (explain.occlusion, {"window": 5}), (explain.occlusion, {"window": (1, 1)}), (explain.occlusion, {"window": 0}),
        (explain.occlusion, {"window": 1, "strides": 0}),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            function(table, TABLE, **arguments)  # type: ignore[operator]
    for y, options in (
        (np.zeros(4), {"metric": "mse"}),
        (np.zeros(5), {"metric": "msee"}),
        (np.zeros(5), {"repeats": 0}),
    ):
        with pytest.raises(ValueError):
            explain.permutation_importance(table, TABLE, y, **options)  # type: ignore[arg-type]
    with pytest.raises(ShapeError):
        explain.saliency(two_inputs(), [TABLE, TOKENS], target=lambda y: y["once"])
