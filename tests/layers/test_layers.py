"""What all layers have in common, and what is particular to some."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops

# -- randomness -------------------------------------------------------------------------------------


# The noise, the shape of ones that it is put on, and what their mean is then.
NOISE: dict[str, tuple[tuple[int, ...], float]] = {
    "Dropout": ((50, 20), 1.0),
    "GaussianDropout": ((50, 20), 1.0),
    "GaussianNoise": ((50, 20), 1.0),
    "SpatialDropout1D": ((50, 2, 40), 1.0),
    "SpatialDropout2D": ((50, 2, 2, 40), 1.0),
    "SpatialDropout3D": ((50, 2, 1, 2, 40), 1.0),
    "AlphaDropout": ((50, 20), 0.6027),
}


@pytest.mark.parametrize("kind", NOISE)
def test_noise_is_the_same_on_every_backend_and_new_at_each_call(kind: str) -> None:
    shape, mean = NOISE[kind]
    x = np.ones(shape, "float32")
    drawn = {}
    for name in ("numpy", "jax"):
        with hilevel.use_backend(name):
            layer = getattr(layers, kind)(0.3, seed=3)
            eager = [ops.convert_to_numpy(layer(x, training=True)) for _ in range(2)]
            compiled = ops.convert_to_numpy(hilevel.jit(lambda x, layer=layer: layer(x, training=True))(x))
            drawn[name] = [*eager, compiled]
    for a, b in zip(drawn["numpy"], drawn["jax"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    assert not np.array_equal(drawn["numpy"][0], drawn["numpy"][1])
    assert not np.array_equal(drawn["numpy"][1], drawn["numpy"][2])
    assert abs(drawn["numpy"][0].mean() - mean) < 0.05


@pytest.mark.parametrize("kind", ["SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_spatial_dropout_keeps_or_drops_whole_channels(kind: str, data_format: str, backend: Any) -> None:
    first = data_format == "channels_first" and kind != "SpatialDropout1D"
    options = {} if kind == "SpatialDropout1D" else {"data_format": data_format}
    layer = getattr(layers, kind)(0.5, seed=1, **options)
    places = (3, 2, 2)[: int(kind[-2])]
    x = np.ones((20, 10, *places) if first else (20, *places, 10), "float32")
    y = ops.convert_to_numpy(layer(x, training=True))
    y = y if first else np.moveaxis(y, -1, 1)
    channels = y.reshape(20, 10, -1)
    assert (channels == channels[..., :1]).all() and set(channels.ravel()) == {0.0, 2.0}
    assert 0.3 < (channels[..., 0] == 0).mean() < 0.7


def test_alpha_dropout_keeps_mean_and_variance_and_shares_its_mask(backend: Any) -> None:
    x = np.random.default_rng(0).normal(size=(300, 300)).astype("float32")
    y = ops.convert_to_numpy(layers.AlphaDropout(0.3, seed=1)(x, training=True))
    assert abs(y.mean()) < 0.02 and abs(y.std() - 1) < 0.02
    y = ops.convert_to_numpy(layers.AlphaDropout(0.3, noise_shape=(None, 1), seed=1)(x, training=True))
    dropped = (y == y[:, :1]).all(axis=1)
    assert abs(dropped.mean() - 0.3) < 0.1


def test_softmax_takes_masks_of_numbers_and_gives_nothing_where_all_is_masked(backend: Any) -> None:
    y = layers.Softmax()(np.zeros((2, 3), "float32"), mask=np.array([[1.0, 0.6, 0.5], [0, 0, 0]], "float32"))
    np.testing.assert_allclose(ops.convert_to_numpy(y), [[0.5, 0.5, 0], [0, 0, 0]], rtol=1e-6)


def test_dropout_drops_its_share_and_scales_the_rest(backend: Any) -> None:
    y = ops.convert_to_numpy(layers.Dropout(0.25, seed=1)(np.ones((200, 200)), training=True))
    assert abs((y == 0).mean() - 0.25) < 0.01
    np.testing.assert_allclose(y[y != 0], 1 / 0.75, rtol=1e-6)


def test_a_noise_shape_shares_the_mask(backend: Any) -> None:
    y = layers.Dropout(0.5, noise_shape=(None, 1, None), seed=1)(np.ones((4, 6, 5)), training=True)
    y = ops.convert_to_numpy(y)
    assert (y == y[:, :1]).all() and 0 < (y == 0).mean() < 1


def test_the_gradient_of_dropout_is_its_mask(backend: Any) -> None:
    layer = layers.Dropout(0.5, seed=1)
    x = np.ones((10, 10), "float32")
    value, g = hilevel.value_and_grad(lambda x: ops.sum(layer(x, training=True)))(x)
    assert float(value) == pytest.approx(float(ops.sum(g)))


# -- particular layers ------------------------------------------------------------------------------


def test_category_encoding(backend: Any) -> None:
    x = np.array([[0, 2, 2], [1, 1, 0]])
    encode = lambda mode, x=x, **k: ops.convert_to_numpy(layers.CategoryEncoding(3, mode)(x, **k))
    np.testing.assert_array_equal(encode("multi_hot"), [[1, 0, 1], [1, 1, 0]])
    np.testing.assert_array_equal(encode("count"), [[1, 0, 2], [1, 2, 0]])
    np.testing.assert_array_equal(
        encode("count", count_weights=np.array([[0.5, 1, 2], [1, 1, 1]])), [[0.5, 0, 3], [1, 2, 0]]
    )
    np.testing.assert_array_equal(encode("one_hot", np.array([[2], [0]])), [[0, 0, 1], [1, 0, 0]])


def test_normalization_adapts_to_arrays_and_to_batches(backend: Any) -> None:
    x = np.random.default_rng(0).normal(3, 2, (90, 4))
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(x)
    parts.adapt([x[:30], x[30:80], x[80:]])
    y = ops.convert_to_numpy(whole(x))
    np.testing.assert_allclose(y.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(y.std(0), 1, atol=1e-4)
    np.testing.assert_allclose(parts.get_weights()[0], whole.get_weights()[0], rtol=1e-5)
    np.testing.assert_allclose(parts.get_weights()[1], whole.get_weights()[1], rtol=1e-5)


def test_a_frozen_batch_normalization_uses_its_averages(backend: Any) -> None:
    layer = layers.BatchNormalization()
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer(x)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer(x, training=True)), ops.convert_to_numpy(layer(x, training=False))
    )
    assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))


def test_a_masked_batch_normalization_leaves_samples_out(backend: Any) -> None:
    layer, plain = layers.BatchNormalization(momentum=0.0), layers.BatchNormalization(momentum=0.0)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer(x, training=True, mask=np.arange(8) < 5)
    plain(x[:5], training=True)
    for a, b in zip(layer.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_rms_normalization_of_halves_is_computed_in_float32() -> None:
    x = np.full((2, 4), 300.0, "float16")  # its square is infinite in float16
    y = layers.RMSNormalization(dtype="float16")(x)
    assert y.dtype == np.float16 and (y == 1).all()


def test_spectral_normalization_brings_the_largest_singular_value_to_1_in_fit(backend: Any) -> None:
    start = hilevel.initializers.RandomNormal(seed=1)
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer=start), power_iterations=20)
    model = hilevel.Sequential([layer, layers.Dense(1)])
    model.compile(hilevel.optimizers.SGD(1e-6), "mse")
    x = np.random.default_rng(0).normal(size=(16, 5)).astype("float32")
    layer(x)
    before = layer.layer.kernel.numpy()
    model.fit(x, x[:, :1], epochs=2, batch_size=8, verbose=0)
    np.testing.assert_allclose(layer.layer.kernel.numpy(), before / np.linalg.norm(before, 2), atol=1e-4)
    assert [v.name for v in layer.non_trainable_variables] == ["vector_u"]


def test_spectral_normalization_leaves_a_kernel_of_zeros(backend: Any) -> None:
    layer = layers.SpectralNormalization(layers.Dense(3, kernel_initializer="zeros"))
    layer(np.ones((1, 2)))
    u = layer.vector_u.numpy()
    assert not ops.convert_to_numpy(layer(np.ones((1, 2)), training=True)).any()
    np.testing.assert_array_equal(layer.vector_u.numpy(), u)


def test_lambda_gets_its_arguments_and_training(backend: Any) -> None:
    layer = layers.Lambda(
        lambda x, by, training=None: x * by + (1.0 if training else 0.0), arguments={"by": 3.0}
    )
    assert float(layer(np.ones(1), training=True)[0]) == 4.0
    assert float(layer(np.ones(1))[0]) == 3.0


def test_activity_regularization_adds_to_the_losses(backend: Any) -> None:
    layer = layers.Dense(2, activity_regularizer="l2", kernel_regularizer=hilevel.regularizers.L1(0.5))
    y = layer(np.ones((3, 4)))
    activity, kernel = (float(v) for v in layer.losses)
    assert activity == pytest.approx(0.01 * float(ops.sum(y * y)) / 3, rel=1e-5)
    assert kernel == pytest.approx(0.5 * float(ops.sum(ops.abs(layer.kernel))), rel=1e-5)


# -- what layers hold -------------------------------------------------------------------------------


class Block(layers.Layer):
    def __init__(self) -> None:
        super().__init__()
        self.parts = [layers.Dense(2)]
        self.named = {"norm": layers.BatchNormalization()}
        self.gain = hilevel.Variable(1.0, name="gain")

    def call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return self.named["norm"](x) * self.gain


def test_nested_layers_and_variables_are_found_also_those_added_later(backend: Any) -> None:
    block = Block()
    block(np.ones((1, 3)))
    assert [v.name for v in block.weights] == [
        "gain", "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance",
    ]  # fmt: skip
    assert len(block.trainable_variables) == 5
    block.parts.append(layers.Dense(2))
    block(np.ones((1, 3)))
    assert len(block.trainable_variables) == 7
    block.named["norm"].trainable = False
    assert len(block.trainable_variables) == 5
    block.trainable = False
    assert block.trainable_variables == [] and len(block.weights) == 9


def test_names_are_numbered() -> None:
    hilevel.utils.clear_session()
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert layers.BatchNormalization().name == "batch_normalization"
    assert layers.Dense(1, name="mine").name == "mine"


def test_a_mixed_policy_computes_in_half_and_keeps_weights_whole() -> None:
    with hilevel.use_backend("jax"):
        layer = layers.Dense(3, dtype="mixed_bfloat16")
        y = layer(np.ones((2, 4), "float32"))
        assert (str(y.dtype), layer.kernel.dtype.name) == ("bfloat16", "float32")
    with hilevel.use_backend("numpy"):
        layer = layers.Dense(3, dtype="mixed_float16")
        y = layer(np.ones((2, 4), "float32"))
        assert (str(y.dtype), layer.kernel.dtype.name) == ("float16", "float32")


def test_float64_layers_stay_float64(backend: Any) -> None:
    layer = layers.Dense(3, dtype="float64")
    assert str(layer(np.ones((2, 4))).dtype) == "float64"


def test_a_layer_stays_on_its_backend_and_moves_when_told() -> None:
    with hilevel.use_backend("jax"):
        layer = layers.Dense(3)
        layer(np.ones((2, 4)))
    with hilevel.use_backend("numpy"):
        assert layer.backend == "jax"
        y = layer(np.ones((2, 4)))
        assert hilevel.get_backend("jax").is_array(y)
        layer.to("numpy")
        np.testing.assert_allclose(layer(np.ones((2, 4))), np.asarray(y), rtol=1e-6)


def test_a_layer_built_by_hand_is_built_once(backend: Any) -> None:
    for layer in (layers.Dense(2), Block().parts[0], layers.LSTM(2), layers.MultiHeadAttention(2, 2)):
        shapes = [(None, 4, 3)] * (2 if isinstance(layer, layers.MultiHeadAttention) else 1)
        layer.build(*shapes)
        kernels = layer.get_weights()
        assert layer.built and kernels
        x = np.ones((2, 4, 3), "float32")
        layer(*[x] * len(shapes))
        assert all(np.array_equal(a, b) for a, b in zip(kernels, layer.get_weights(), strict=True))


def test_an_input_of_a_wrong_rank_is_refused_before_anything_is_built() -> None:
    layer = layers.LSTM(2)
    with pytest.raises(hilevel.errors.ShapeError, match="3 axes"):
        layer(np.ones((2, 3)))
    assert not layer.weights
