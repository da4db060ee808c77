"""`hilevel.debug.trace_nan`: which op made the first NaN or infinity, and where."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.debug import trace_nan
from hilevel.engine.context import context
from hilevel.errors import NotFiniteError

X = np.random.default_rng(0).normal(size=(96, 3)).astype("float32")
Y = X[:, :1]


@pytest.fixture(params=["numpy", "jax"], autouse=True)
def backend(request: Any) -> Iterator[str]:
    with hilevel.use_backend(request.param):
        yield request.param
    assert context.interpreter.is_plain
    assert context.overlay is None


def message(function: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(NotFiniteError) as caught:
        function(*args, **kwargs)
    assert isinstance(caught.value, FloatingPointError)
    return str(caught.value)


def traced(function: Any) -> Any:
    def call(*args: Any) -> Any:
        with trace_nan():
            return function(*args)

    return call


def model_of(*middle: Any, **options: Any) -> Any:
    hilevel.set_random_seed(0)
    rest = [layers.Dense(4, activation="relu", name="first"), *middle, layers.Dense(1, name="last")]
    model = hilevel.Sequential([layers.Input((3,)), *rest], name="net")
    model.compile(options.pop("optimizer", "adam"), "mse", **options)
    return model


# -- the forward pass -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (ops.log, [1.0, 0.0, 0.0], "The op log made 2 infinite of 3 elements out of finite operands"),
        (ops.log, [-1.0, 0.0], "The op log made 1 NaN and 1 infinite of 2 elements"),
        (lambda x: ops.divide(1.0, x), [1.0, 0.0], "The op divide made 1 infinite of 2 elements"),
        (
            lambda x: ops.subtract(x, x),
            [np.inf],
            "The op subtract made 1 NaN of 1 elements out of infinite operands",
        ),
        (lambda x: ops.norm(ops.divide(x, 0.0)), [1.0], "The op divide made"),
        (ops.logsumexp, [np.nan, 1.0], "reached the op max (called by ops.logsumexp)"),
    ],
)
def test_the_op_is_named(function: Any, x: Any, expected: str) -> None:
    text = message(traced(function), np.array(x, "float32"))
    assert expected in text
    assert "outside of a layer" in text
    assert f"float32({len(x)},)" in text


def test_the_layer_is_named_and_advice_given() -> None:
    model = model_of(layers.Lambda(lambda x: ops.log(x), name="logarithm"))
    text = message(traced(model), X)
    assert "The op log made" in text and 'in the layer Lambda "net/logarithm"' in text
    assert "float32(96, 4) from 0 to" in text and "ops.log(x + 1e-7)" in text
    assert message(traced(lambda: ops.log(model.layers[0](X) * 0.0))).count("outside of a layer") == 1


def test_infinity_of_a_mask_is_allowed() -> None:
    mask = np.array([True, False])
    with trace_nan():
        scores = ops.where(mask, np.ones(2, "float32"), -np.inf)
        assert np.allclose(ops.softmax(scores), [1.0, 0.0])
        padded = ops.pad(np.ones(2, "float32"), ((1, 0),), constant_values=-np.inf)
        assert float(ops.max(padded)) == 1.0
        assert list(np.asarray(ops.isnan(np.array([np.nan, 1.0])))) == [True, False]
        assert list(np.asarray(ops.nan_to_num(np.array([np.nan, 1.0])))) == [0.0, 1.0]


def test_nan_that_is_there_already_is_told_from_nan_that_an_op_makes() -> None:
    v = hilevel.Variable([1.0, np.nan], name="scale")
    assert 'NaN in the Variable "scale" reached the op multiply' in message(traced(lambda: v * 2.0))
    assert "NaN in the data reached the op sum" in message(traced(ops.sum), np.array([np.nan]))
    assert message(traced(ops.sum), np.array([np.nan])).endswith("as by ops.nan_to_num.")
    model = model_of()
    model.layers[1].kernel.assign(np.full((4, 1), np.nan))
    text = message(traced(model), X)
    assert 'NaN in the Variable "net/last/kernel"' in text and 'the layer Dense "net/last"' in text


# -- the backward pass ----------------------------------------------------------------------------------


def root(x: Any) -> Any:
    return ops.sum(ops.sqrt(x))


GRADIENT = "The gradient of the op sqrt made 1 infinite of 2 elements out of finite operands"
ZERO_ONE = np.array([0.0, 1.0], "float32")


def test_the_gradient_of_an_op_is_named() -> None:
    assert GRADIENT in message(traced(hilevel.grad(root)), ZERO_ONE)
    assert GRADIENT in message(traced(lambda x: hilevel.vjp(root, x)[1](np.float32(1.0))), ZERO_ONE)


def test_tapes_inside_around_and_before() -> None:
    def inside(x: Any) -> Any:
        with trace_nan(), hilevel.GradientTape() as tape:
            x = tape.watch(x)
            y = root(x)
            return tape.gradient(y, x)

    def around(x: Any) -> Any:
        with hilevel.GradientTape() as tape, trace_nan():
            return root(tape.watch(x)), ops.log(tape.watch(x))

    def before(x: Any) -> Any:
        with hilevel.GradientTape() as tape:
            x = tape.watch(x)
            y = root(x)
        with trace_nan():
            return tape.gradient(y, x)

    assert GRADIENT in message(inside, ZERO_ONE)
    assert GRADIENT in message(before, ZERO_ONE)
    assert "The op log made" in message(around, ZERO_ONE)


def test_what_is_asked_after_the_block_is_not_checked() -> None:
    with hilevel.GradientTape() as tape:
        x = tape.watch(ZERO_ONE)
        with trace_nan():
            y = root(x)
        below = context.interpreter.untaped
        assert below.is_plain
    with np.errstate(divide="ignore"):
        assert np.isinf(np.asarray(tape.gradient(y, x))[0])


def test_gradients_of_gradients() -> None:
    second = hilevel.grad(lambda x: ops.sum(hilevel.grad(lambda z: ops.sum(z**1.5))(x)))
    assert "made 1 infinite" in message(traced(second), ZERO_ONE)
    cube = hilevel.grad(lambda x: ops.sum(hilevel.grad(lambda z: ops.sum(z * z * z))(x)))
    assert np.allclose(traced(cube)(ZERO_ONE), 6 * ZERO_ONE)


# -- fit ------------------------------------------------------------------------------------------------


def test_fit_names_layer_epoch_and_step() -> None:
    x = X.copy()
    model = model_of(layers.Lambda(lambda x: ops.sqrt(x), name="root"))
    text = message(model.fit, x, Y, verbose=0, callbacks=[trace_nan()])
    assert "The gradient of the op sqrt made" in text
    assert 'in the layer Lambda "net/root", at epoch 1, step 1' in text
    assert "the layer" in message(traced(lambda: model.fit(x, Y, verbose=0)))


@pytest.mark.parametrize("steps", [1, 2, "auto"])
def test_the_step_at_which_data_have_nan(steps: Any) -> None:
    x = X.copy()
    x[70] = np.nan
    model = model_of(steps_per_execution=steps)
    text = message(model.fit, x, Y, batch_size=32, shuffle=False, verbose=0, callbacks=[trace_nan()])
    assert 'NaN in the data reached the op dense, in the layer Dense "net/first", at epoch 1' in text


def test_evaluation_prediction_and_validation_are_checked() -> None:
    x = X.copy()
    x[40] = np.nan
    model = model_of()
    options: Any = {"batch_size": 32, "verbose": 0, "callbacks": [trace_nan()]}
    assert "at step 2 of the prediction" in message(model.predict, x, **options)
    assert "at step 2 of the evaluation" in message(model.evaluate, x, Y, **options)
    assert "at step 2 of the evaluation" in message(model.fit, X, Y, validation_data=(x, Y), **options)


def test_updates_of_optimizers_are_checked() -> None:
    weight = hilevel.Variable(np.full(2, 1e20, "float32"))
    optimizer = hilevel.optimizers.SGD(1e30)
    optimizer.build([weight])
    text = message(
        traced(lambda: optimizer.apply([ops.convert_to_tensor(np.full(2, 1e20, "float32"))], [weight]))
    )
    assert "The op update of SGD made 2 infinite of 2 elements out of finite operands" in text
    adam = hilevel.optimizers.Adam(1.0, epsilon=0.0)
    adam.build([weight])
    text = message(traced(lambda: adam.apply([ops.convert_to_tensor(np.zeros(2, "float32"))], [weight])))
    assert "The op update of Adam made 2 NaN of 2 elements out of finite operands" in text


class Counting(layers.Layer):
    def build(self, shape: Any) -> None:
        self.calls = self.add_weight((), "zeros", trainable=False)

    def call(self, x: Any) -> Any:
        self.calls.assign_add(1.0)
        return x


@pytest.mark.parametrize("as_callback", [True, False])
@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_results_are_those_of_an_eager_fit(optimizer: str, as_callback: bool, backend: str) -> None:
    def fit(trace: bool) -> Any:
        hilevel.set_random_seed(0)
        middle = [layers.BatchNormalization(), layers.Dropout(0.3), Counting()]
        model = model_of(*middle, optimizer=optimizer, run_eagerly=True, metrics=["mae"])
        options: Any = {"epochs": 2, "verbose": 0, "validation_data": (X, Y)}
        if as_callback or not trace:
            history = model.fit(X, Y, callbacks=[trace_nan()] * trace, **options)
        else:
            with trace_nan():
                history = model.fit(X, Y, **options)
        return history.history, model.get_weights()

    (found, weights), (expected, others) = fit(True), fit(False)
    if backend == "numpy":
        assert found == expected
        assert all(np.array_equal(a, b) for a, b in zip(weights, others, strict=True))
    else:  # there an eager step is differentiated by JAX, which adds up in another order
        assert all(np.allclose(found[k], expected[k], rtol=1e-5, atol=1e-7) for k in expected)
        assert all(np.allclose(a, b, rtol=1e-4, atol=1e-6) for a, b in zip(weights, others, strict=True))


def test_sequences_and_attention_are_checked_without_false_alarms() -> None:
    tokens = np.array([[1, 2, 0, 0], [3, 1, 2, 0]])
    inputs = layers.Input((4,), dtype="int32")
    h = layers.Embedding(5, 4, mask_zero=True)(inputs)
    h = layers.MultiHeadAttention(2, 2)(h, h)
    h = layers.LSTM(3)(layers.GRU(3, return_sequences=True)(h))
    model = hilevel.Model(inputs, layers.Dense(2, activation="softmax")(h))
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(tokens, np.array([0, 1]), epochs=2, verbose=0, callbacks=[trace_nan()])
    assert np.isfinite(history.history["loss"]).all()


# -- where it is in force -------------------------------------------------------------------------------


def test_compiled_functions_run_as_python() -> None:
    step = hilevel.jit(lambda x: ops.log(x) * 2.0)
    for _ in range(3):
        step(np.ones(2, "float32"))
    assert "The op log made 1 infinite" in message(traced(step), ZERO_ONE)


def test_the_block_is_refused_in_a_compiled_function() -> None:
    with pytest.raises(RuntimeError, match="around the call of the function"):
        hilevel.jit(traced(ops.log))(np.ones(2, "float32"))


def test_a_step_of_ones_own_is_built_on_shapes_under_it() -> None:
    class Own(hilevel.Sequential):
        def train_step(self, data: Any) -> Any:
            with trace_nan():
                return super().train_step(data)

    model = Own([layers.Input((3,)), layers.Dense(1, name="only")])
    model.compile("adam", "mse", run_eagerly=True)
    x = X.copy()
    x[0] = np.nan
    assert "the op dense" in message(model.fit, x, Y, verbose=0)


def test_other_threads_are_left_alone(backend: str) -> None:
    found: list[Any] = []

    def other() -> None:
        with hilevel.use_backend(backend), np.errstate(all="ignore"):
            found.append(ops.log(ZERO_ONE))

    with trace_nan():
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert np.isinf(np.asarray(found[0])[0])


def test_variables_are_written_and_blocks_nest() -> None:
    v = hilevel.Variable([1.0, 2.0])
    with trace_nan() as outer:
        with trace_nan():
            v.assign(v * 2.0)
        with outer:
            v.assign(v + 1.0)
        assert not context.interpreter.is_plain
    assert v.numpy().tolist() == [3.0, 5.0]


def test_an_error_in_another_callback_ends_it() -> None:
    def fail(*_: Any) -> None:
        raise KeyError("elsewhere")

    other = hilevel.callbacks.LambdaCallback(on_train_batch_begin=fail)
    with pytest.raises(KeyError, match="elsewhere"):
        model_of().fit(X, Y, verbose=0, callbacks=[trace_nan(), other])
    assert context.interpreter.is_plain


def test_lower_precision() -> None:
    x = ops.cast(np.array([1e5, 1.0], "float32"), "bfloat16")
    with trace_nan():
        assert np.isfinite(np.asarray(ops.cast(x * x, "float32"))).all()
    assert "op cast made 1 infinite" in message(
        traced(lambda a: ops.cast(a, "float16")), np.array([1e5, 1.0])
    )
