"""What recurrent layers do beside what tests/layer_cases compares: states kept, dropout, cells of one's own, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.errors import ShapeError

X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype("float32")
KINDS = ["SimpleRNN", "LSTM", "GRU"]


def host(x: Any) -> Any:
    return ops.convert_to_numpy(x)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_a_stateful_layer_goes_on_where_it_was(kind: str, compiled: bool, backend: Any) -> None:
    stateful, plain = getattr(layers, kind)(4, stateful=True), getattr(layers, kind)(4)
    whole = host(plain(X))
    stateful(X[:, :3])
    stateful.set_weights(plain.get_weights())
    run = hilevel.jit(stateful) if compiled else stateful
    for _ in range(2):
        stateful.reset_state()
        first, second = host(run(X[:, :3])), host(run(X[:, 3:]))
        np.testing.assert_allclose(second, whole, rtol=1e-5, atol=1e-6)
        assert not np.allclose(first, whole)
    assert len(stateful.weights) == 3 and len(stateful.variables) == 3 + len(stateful.states)


def test_a_stateful_model_is_trained_and_moved(backend: Any) -> None:
    model = hilevel.Sequential(
        [layers.Input(batch_shape=(2, 6, 3)), layers.LSTM(4, stateful=True), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    model.fit(np.concatenate([X, X]), np.ones((4, 1)), batch_size=2, epochs=2, verbose=0)
    state = host(model.layers[0].states[0])
    assert np.abs(state).max() > 0
    model.to("numpy")
    np.testing.assert_allclose(host(model.layers[0].states[0]), state)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_is_the_same_at_every_step_and_on_every_backend(kind: str) -> None:
    found = {}
    for name in ("numpy", "jax"):
        with hilevel.use_backend(name):
            hilevel.set_random_seed(5)
            layer = getattr(layers, kind)(
                4, dropout=0.4, recurrent_dropout=0.3, seed=7, return_sequences=True
            )
            found[name] = [host(layer(X, training=t)) for t in (False, True, True)]
    for a, b in zip(found["numpy"], found["jax"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    plain, first, second = found["numpy"]
    assert not np.allclose(plain, first) and not np.allclose(first, second)


def test_dropout_of_inputs_is_what_it_says(backend: Any) -> None:
    """With a kernel of ones and no recurrence, every output is the sum of the inputs that were kept."""
    layer = layers.SimpleRNN(
        1, activation="linear", kernel_initializer="ones", recurrent_initializer="zeros", dropout=0.5,
        return_sequences=True, seed=1,
    )  # fmt: skip
    y = host(layer(np.ones((50, 4, 6)), training=True))[..., 0]
    assert (y == y[:, :1]).all()
    np.testing.assert_allclose(np.unique(y) % 2, 0, atol=1e-6)
    assert 4 < y.mean() < 8


@pytest.mark.parametrize("cell", ["LSTMCell", "GRUCell"])
def test_one_op_and_step_by_step_are_equal_in_training(cell: str, backend: Any) -> None:
    kwargs = {"dropout": 0.4, "recurrent_dropout": 0.3, "seed": 3}
    one = layers.RNN(getattr(layers, cell)(4, **kwargs), return_sequences=True)
    other = layers.RNN(getattr(layers, cell)(4, **kwargs), return_sequences=True)
    other.cell._fused = None
    one(X), other(X)
    other.set_weights(one.get_weights())
    np.testing.assert_allclose(
        host(one(X, training=True)), host(other(X, training=True)), rtol=1e-5, atol=1e-6
    )


class Minimal(layers.Layer):
    """A cell as a user would write it, that also counts its calls."""

    def __init__(self, units: int, counting: bool = False) -> None:
        super().__init__()
        self.units, self.state_size, self.counting = units, units, counting

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")
        if self.counting:
            self.count = self.add_weight(initializer="zeros", trainable=False, name="count")

    def call(self, inputs: Any, states: Any) -> Any:
        if self.counting:
            self.count.assign_add(1.0)
        h = ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent))
        return h, [h]


@pytest.mark.parametrize("counting", [False, True], ids=["pure", "counting"])
def test_a_cell_of_ones_own_is_trained(counting: bool, backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((6, 3)), layers.RNN(Minimal(4, counting)), layers.Dense(1)])
    model.compile("adam", "mse")
    losses = model.fit(X, np.ones((2, 1)), epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    cell = model.layers[0].cell
    kernel, recurrent = cell.get_weights()[:2]
    h = np.zeros((2, 4), "float32")
    for t in range(6):
        h = np.tanh(X[:, t] @ kernel + h @ recurrent)
    np.testing.assert_allclose(host(model.layers[0](X)), h, rtol=1e-4, atol=1e-6)
    if counting:
        assert float(cell.count) == 5 * 6 + 6


@pytest.mark.parametrize("kind", KINDS)
def test_a_subclass_overrides_the_loop_over_the_steps(kind: str, backend: Any) -> None:
    class Doubled(getattr(layers, kind)):  # type: ignore[misc]
        def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
            last, outputs, states = super().inner_loop(sequences, initial_state, mask, training)
            assert outputs.shape == (2, 6 if self.return_sequences else 1, 4)
            np.testing.assert_array_equal(host(outputs)[:, -1], host(last))
            return 2 * last, 2 * outputs, states

    plain = getattr(layers, kind)(4, go_backwards=True, return_sequences=True)
    whole = host(plain(X))
    for options, expected in (({}, whole[:, -1]), ({"return_sequences": True}, whole)):
        layer = Doubled(4, go_backwards=True, **options)
        layer.build(X.shape)
        layer.set_weights(plain.get_weights())
        np.testing.assert_allclose(host(layer(X)), 2 * expected, rtol=1e-5, atol=1e-6)


def test_symbolic_initial_states_and_an_encoder_decoder(backend: Any) -> None:
    source, target = layers.Input((6, 3)), layers.Input((4, 2))
    _, h, c = layers.LSTM(5, return_state=True)(source)
    decoded = layers.LSTM(5, return_sequences=True)(target, initial_state=[h, c])
    model = hilevel.Model([source, target], layers.Dense(2)(decoded))
    model.compile("adam", "mse")
    z = np.ones((2, 4, 2), "float32")
    losses = model.fit([X, z], z, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and model.predict([X, z], verbose=0).shape == (2, 4, 2)


@pytest.mark.parametrize(
    ("make", "x", "message"),
    [
        (lambda: layers.LSTM(0), X, "units must be a positive integer"),
        (lambda: layers.LSTM(3), X[0], "expects inputs with 3 axes"),
        (lambda: layers.RNN(layers.Dense(3)), X, "RNN: cell must be a layer with a method call"),
        (lambda: layers.Bidirectional(layers.Dense(3)), X, "Bidirectional: layer must be a recurrent layer"),
        (lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="max"), X, "merge_mode must be one of"),
        (lambda: layers.GRU(3, dropout=1.5), X, "dropout must be a number from 0"),
    ],
)
def test_errors(make: Any, x: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError, ShapeError), match=message):
        make()(x)


def test_states_and_masks_of_a_wrong_shape() -> None:
    layer = layers.GRU(3)
    with pytest.raises(ShapeError, match=r"expects initial states of shape \(2, 3\); got \(2, 4\)"):
        layer(X, initial_state=[np.zeros((2, 4))])
    with pytest.raises(ShapeError, match=r"mask must be of shape \(2, 6\)"):
        layer(X, mask=np.ones((2, 5), bool))
    with pytest.raises(ShapeError, match="at least one step"):
        layer(X[:, :0])
    with pytest.raises(ShapeError, match="needs the batch size"):
        layers.LSTM(2, stateful=True)(layers.Input((6, 3)))
    stateful = layers.LSTM(2, stateful=True)
    stateful(X)
    with pytest.raises(ShapeError, match="needs batches of equal size"):
        stateful(X[:1])


class OneStateCell(layers.Layer):
    """A cell as in Keras's guides: one state, whose size is a number, and which it returns in a list or alone."""

    def __init__(self, units: int, listed: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state_size, self.listed = units, listed

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight((input_shape[-1], self.state_size), "ones", name="kernel")
        self.recurrent = self.add_weight((self.state_size, self.state_size), "ones", name="recurrent")

    def call(self, inputs: Any, states: Any) -> Any:
        y = ops.matmul(inputs, self.kernel) + 0.1 * ops.matmul(states[0], self.recurrent)
        return y, [y] if self.listed else y


@pytest.mark.parametrize(
    "options", [{}, {"return_state": True}, {"stateful": True}, {"unroll": True}], ids=str
)
@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize("compiled", [False, True])
def test_stacks_of_cells_with_one_state(backend: Any, listed: bool, options: Any, compiled: bool) -> None:
    """NumPy, step by step, is the judge; the same with a mask of which nothing is left out."""
    layer = layers.RNN([OneStateCell(4, listed), OneStateCell(2, listed)], **options)
    layer.build(X.shape)
    call = hilevel.jit(layer) if compiled else layer
    first, second = np.zeros((2, 4)), np.zeros((2, 2))
    for x in X.swapaxes(0, 1):
        first = x @ np.ones((3, 4)) + 0.1 * first @ np.ones((4, 4))
        second = first @ np.ones((4, 2)) + 0.1 * second @ np.ones((2, 2))
    y = call(X)
    y, *states = y if options.get("return_state") else (y,)
    np.testing.assert_allclose(ops.convert_to_numpy(y), second, rtol=1e-4)
    for found, wanted in zip(states, (first, second), strict=False):
        np.testing.assert_allclose(ops.convert_to_numpy(found), wanted, rtol=1e-4)
    if not options.get("stateful"):
        masked = layer(X, mask=np.ones(X.shape[:2], bool))
        masked = masked[0] if options.get("return_state") else masked
        np.testing.assert_allclose(ops.convert_to_numpy(masked), second, rtol=1e-4)


def test_a_stack_of_simple_cells_learns(backend: Any) -> None:
    model = hilevel.Sequential(
        [layers.RNN([layers.SimpleRNNCell(4), OneStateCell(2, True)]), layers.Dense(1)]
    )
    model.compile(hilevel.optimizers.Adam(0.01), "mse")
    losses = model.fit(X, X[:, -1, :1], epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


# -- convolutional LSTMs -----------------------------------------------------------------------------

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 5, 6, 3)).astype("float32")
FORMATS = pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])


@FORMATS
def test_a_conv_lstm_ignores_masked_steps(data_format: str, backend: Any) -> None:
    layer = layers.ConvLSTM2D(2, 2, strides=(2, 1), data_format=data_format, return_state=True)
    masked = [host(y) for y in layer(IMAGES, mask=np.array([[True, False, True, False]] * 2))]
    for found, expected in zip(masked, layer(IMAGES[:, ::2]), strict=True):
        np.testing.assert_allclose(found, host(expected), rtol=1e-5, atol=1e-6)


def test_a_conv_lstm_sets_masked_outputs_to_zero() -> None:
    layer = layers.ConvLSTM2D(2, 2, return_sequences=True, zero_output_for_mask=True)
    y = layer(IMAGES, mask=np.array([[True, False, True, False]] * 2))
    assert not y[:, 1::2].any() and y[:, ::2].all()


@FORMATS
def test_a_stateful_conv_lstm_continues(data_format: str) -> None:
    plain = layers.ConvLSTM2D(2, 3, padding="same", data_format=data_format)
    stateful = layers.ConvLSTM2D(2, 3, padding="same", data_format=data_format, stateful=True)
    whole = plain(IMAGES)
    stateful.build((2, None, *IMAGES.shape[2:]))
    stateful.set_weights(plain.get_weights())
    stateful(IMAGES[:, :1])
    np.testing.assert_allclose(stateful(IMAGES[:, 1:]), whole, rtol=1e-5, atol=1e-6)


def test_dropout_of_a_conv_lstm_is_the_same_at_every_step() -> None:
    layer = layers.ConvLSTM1D(2, 1, dropout=0.5, recurrent_dropout=0.3, recurrent_initializer="zeros", seed=3)
    x = np.ones((2, 1, 8, 3), "float32")
    same = layers.ConvLSTM1D.from_config(layer.get_config() | {"return_sequences": True})
    same.build((2, 5, 8, 3))
    y = same(np.repeat(x, 5, 1), training=True)
    change = np.sign(y[:, 1:] - y[:, :-1])  # a sequence of equal inputs moves the output in one direction
    assert not np.allclose(y, same(np.repeat(x, 5, 1)))
    assert (change == change[:, :1]).all()


def test_conv_lstms_infer_shapes() -> None:
    layer = layers.ConvLSTM2D(2, 3, strides=2, return_sequences=True, return_state=True)
    y, h, c = layer(layers.Input((None, 7, 9, 1)))
    assert y.shape == (None, None, 3, 4, 2) and h.shape == c.shape == (None, 3, 4, 2)
    assert layers.ConvLSTM1D(2, 3).compute_output_shape((None, 5, 8, 1)) == (None, 6, 2)


@pytest.mark.parametrize(
    "arguments", [{"strides": 2, "dilation_rate": 2}, {"padding": "causal"}, {"kernel_size": 0}]
)
def test_conv_lstms_check_their_settings(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        layers.ConvLSTM2D(**{"filters": 2, "kernel_size": 2, **arguments})


def test_a_conv_lstm_needs_the_size_of_images() -> None:
    with pytest.raises(ShapeError, match="size of axis 1"):
        layers.ConvLSTM2D(2, 2)(layers.Input((4, None, 6, 3)))


# -- reversible embeddings ---------------------------------------------------------------------------


def test_a_reversible_embedding_masks_vectors_and_no_scores() -> None:
    layer = layers.ReversibleEmbedding(4, 3, mask_zero=True)
    vectors = layer(np.array([[1, 0]]))
    np.testing.assert_array_equal(hilevel.masks.mask_of(vectors), [[True, False]])
    scores = layer(vectors, reverse=True)
    assert hilevel.masks.mask_of(scores) is None
    np.testing.assert_allclose(scores, host(vectors) @ host(layer.embeddings).T, rtol=1e-6)


def test_the_projection_of_a_reversible_embedding_has_its_own_dtype() -> None:
    layer = layers.ReversibleEmbedding(4, 3, dtype="mixed_float16", reverse_dtype="float32")
    vectors = layer(np.array([[1, 2]]))
    assert (vectors.dtype, layer(vectors, reverse=True).dtype) == ("float16", "float32")


def test_time_distributed_merges_an_unknown_batch_with_the_steps() -> None:
    seen: list[Any] = []
    layer = layers.TimeDistributed(layers.Lambda(lambda x: seen.append(x.shape[0]) or x))
    with scope(interpreter=SHAPES):
        layer(TensorSpec((UnknownSize(240), 3, 4), "float32"))
    assert all(isinstance(n, UnknownSize) for n in seen)
