"""A replayed step gives what the step itself gives, to the bit; what cannot be replayed is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.engine.compile.capture import Capture
from hilevel.optimizers.state import run_if
from hilevel.training.state import step_of

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6)).astype("float32")
Y = rng.integers(0, 3, 24).astype("int32")
SEQUENCES = rng.normal(size=(24, 5, 6)).astype("float32")
IMAGES = rng.normal(size=(24, 6, 6, 2)).astype("float32")
TOKENS = rng.integers(0, 9, (24, 5)).astype("int32")


@pytest.fixture(autouse=True)
def on_numpy() -> Any:
    with hilevel.use_backend("numpy"):
        yield


def form_of(function: Any) -> Any:
    """The only compiled form of a function."""
    (form,) = function.programs.compiled["numpy"].forms.values()
    return form


def trained(stack: Callable[[], list[Any]], x: Any, optimizer: Any, jit: Any, **options: Any) -> Any:
    hilevel.set_random_seed(3)
    model = hilevel.Sequential(stack())
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(), loss, metrics=["accuracy"], jit_compile=jit, **options)
    history = model.fit(x, Y, batch_size=8, epochs=3, verbose=0)
    return model, history.history


STACKS: dict[str, tuple[Any, Callable[[], list[Any]]]] = {
    "dense": (X, lambda: [layers.Dense(8, activation="relu"), layers.Dense(3)]),
    "dropout": (X, lambda: [layers.Dense(8, activation="gelu"), layers.Dropout(0.3), layers.Dense(3)]),
    "noise": (X, lambda: [layers.GaussianNoise(0.3), layers.GaussianDropout(0.2), layers.Dense(3)]),
    "batch_normalization": (X, lambda: [layers.Dense(8), layers.BatchNormalization(), layers.Dense(3)]),
    "regularized": (X, lambda: [layers.Dense(8, kernel_regularizer="l2"), layers.Dense(3)]),
    "constrained": (X, lambda: [layers.Dense(8, kernel_constraint="max_norm"), layers.Dense(3)]),
    "convolution": (
        IMAGES,
        lambda: [layers.Conv2D(4, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)],
    ),
    "recurrent": (
        TOKENS,
        lambda: [layers.Embedding(9, 6, mask_zero=True), layers.LSTM(5, return_sequences=True), layers.GRU(4),
                 layers.Dense(3)],
    ),
    "recurrent_dropout": (SEQUENCES, lambda: [layers.LSTM(5, dropout=0.2, recurrent_dropout=0.2), layers.Dense(3)]),
}  # fmt: skip


@pytest.mark.parametrize("name", STACKS)
def test_fit_is_replayed_to_the_bit(name: str) -> None:
    x, stack = STACKS[name]
    fast, history = trained(stack, x, hilevel.optimizers.Adam, "auto")
    plain, wanted = trained(stack, x, hilevel.optimizers.Adam, False)
    assert form_of(step_of(fast, "train")).program is not None, form_of(step_of(fast, "train")).refused
    assert history == wanted
    for a, b in zip(fast.variables, plain.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: hilevel.optimizers.SGD(0.05),
    "momentum": lambda: hilevel.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": hilevel.optimizers.RMSprop,
    "adamw": lambda: hilevel.optimizers.AdamW(0.01, weight_decay=0.1),
    "amsgrad": lambda: hilevel.optimizers.Adam(0.01, amsgrad=True),
    "clipped": lambda: hilevel.optimizers.Adam(0.01, global_clipnorm=0.1),
    "averaged": lambda: hilevel.optimizers.Adam(0.01, use_ema=True),
    "schedule": lambda: hilevel.optimizers.Adam(hilevel.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)),
    "nadam": hilevel.optimizers.Nadam,
    "lamb": hilevel.optimizers.Lamb,
    "ftrl": hilevel.optimizers.Ftrl,
    "accumulating": lambda: hilevel.optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "accumulating momentum": lambda: hilevel.optimizers.SGD(
        0.01, momentum=0.9, gradient_accumulation_steps=4
    ),
    "averages at times": lambda: hilevel.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=2),
    "both": lambda: hilevel.optimizers.AdamW(
        0.01, gradient_accumulation_steps=3, use_ema=True, ema_overwrite_frequency=2, clipnorm=1.0
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_takes_the_same_steps(name: str) -> None:
    _, stack = STACKS["dense"]
    fast, history = trained(stack, X, OPTIMIZERS[name], "auto")
    plain, wanted = trained(stack, X, OPTIMIZERS[name], False)
    assert form_of(step_of(fast, "train")).program is not None, form_of(step_of(fast, "train")).refused
    assert history == wanted
    for a, b in zip(fast.optimizer.variables, plain.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def test_actions_under_conditions_are_replayed() -> None:
    count, total = hilevel.Variable(0, dtype="int32"), hilevel.Variable(np.zeros(2, "float32"))

    @hilevel.jit
    def step(x: Any) -> Any:
        def inner() -> None:
            total.assign(total * 10.0)

        def outer() -> None:
            total.assign(total + x)
            run_if(ops.equal(ops.mod(count, 4), 0), inner, [total])

        count.assign_add(1)
        run_if(ops.equal(ops.mod(count, 2), 0), outer, [total])
        return total * 1.0

    expected = np.zeros(2, "float32")
    for n in range(1, 13):
        result = step(np.ones(2, "float32"))
        if n % 2 == 0:
            expected = (expected + 1) * (10 if n % 4 == 0 else 1)
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(total.numpy(), expected)
    assert "    if t" in form_of(step).program.source


def test_a_step_whose_gradients_overflow_is_replayed() -> None:
    """The first steps overflow, so that the captured runs do not update the weights."""
    optimizer = lambda: hilevel.optimizers.LossScaleOptimizer(
        hilevel.optimizers.SGD(0.01), initial_scale=2.0**17, dynamic_growth_steps=2
    )
    stack = lambda: [layers.Dense(8, dtype="mixed_float16"), layers.Dense(3)]
    fast, history = trained(stack, X, optimizer, "auto")
    plain, wanted = trained(stack, X, optimizer, False)
    assert form_of(step_of(fast, "train")).program is not None, form_of(step_of(fast, "train")).refused
    assert history == wanted
    for a, b in zip(fast.optimizer.variables, plain.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def test_mixed_precision_and_large_weights_are_replayed() -> None:
    stack = lambda: [layers.Dense(200, dtype="mixed_float16"), layers.Dense(200), layers.Dense(3)]
    fast, history = trained(stack, X, hilevel.optimizers.Adam, "auto")
    _, wanted = trained(stack, X, hilevel.optimizers.Adam, False)
    assert form_of(step_of(fast, "train")).program is not None
    assert history == wanted


def test_the_program_can_be_read() -> None:
    v = hilevel.Variable(np.ones(3, "float32"))

    @hilevel.jit
    def step(x: Any) -> Any:
        v.assign_add(x)
        return {"y": ops.tanh(v), "x": x}

    for n in range(1, 5):
        result = step(np.ones(3, "float32"))
        np.testing.assert_array_equal(v.numpy(), np.full(3, 1.0 + n))
        np.testing.assert_allclose(result["y"], np.tanh(1.0 + n), rtol=1e-6)
    source = form_of(step).program.source
    assert source.startswith("def step(variables, data):") and "tanh" in source


def replays(function: Any, *args: Any, runs: int = 5) -> list[Any]:
    """What the runs return; the function must be left as it is."""
    results = [function(*args) for _ in range(runs)]
    assert form_of(function).program is None
    return results


def test_a_step_that_reads_values_is_not_replayed() -> None:
    count = hilevel.Variable(0.0)

    @hilevel.jit
    def step(x: Any) -> Any:
        count.assign_add(1.0)
        return x * 2 if float(count) % 2 else x

    assert [float(y[0]) for y in replays(step, np.ones(1, "float32"))] == [2, 1, 2, 1, 2]
    assert "reads the values" in form_of(step).refused


def test_random_numbers_of_numpy_are_not_frozen() -> None:
    generator = np.random.default_rng(0)

    @hilevel.jit
    def step(x: Any) -> Any:
        return x + generator.normal(size=3).astype("float32")

    results = replays(step, np.zeros(3, "float32"))
    assert len({float(y[0]) for y in results}) == 5
    assert "same" in form_of(step).refused


def test_what_is_kept_is_not_stale() -> None:
    kept: list[Any] = []

    @hilevel.jit
    def step(x: Any) -> Any:
        kept.append(ops.sum(x))
        return x

    for n in range(5):
        step(np.full(2, n, "float32"))
    assert [float(k) for k in kept] == [0, 2, 4, 6, 8]
    assert float(kept[0] + 1) == 1.0 and ops.tanh(kept[1]).shape == ()


def test_an_attribute_that_counts_goes_on_counting() -> None:
    class Counting(hilevel.Sequential):
        steps = 0

        def train_step(self, data: Any) -> Any:
            self.steps += 1
            return super().train_step(data)

    model = Counting([layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
    assert model.steps >= 12
    assert "steps" in form_of(step_of(model, "train")).refused


def test_weights_that_are_assigned_between_steps_are_used() -> None:
    def run(jit: Any) -> Any:
        hilevel.set_random_seed(0)
        model = hilevel.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1)])
        model.compile("adam", "mse", jit_compile=jit)
        for n in range(8):
            model.train_on_batch(X, X[:, :1])
            if n == 4:
                model.set_weights([w * 0.5 for w in model.get_weights()])
            if n == 6:
                model.optimizer.learning_rate = 0.1
        return model

    for a, b in zip(run("auto").get_weights(), run(False).get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_array_that_somebody_holds_is_not_written_to() -> None:
    model = hilevel.Sequential([layers.Dense(4), layers.Dense(1)])
    model.compile("adam", "mse")
    for _ in range(4):
        model.train_on_batch(X, X[:, :1])
    kernel, bias = model.layers[0].kernel, model.layers[0].bias
    held, part = ops.convert_to_tensor(kernel), bias.read()[1:]
    before, before_part = held.copy(), part.copy()
    for _ in range(3):
        model.train_on_batch(X, X[:, :1])
    np.testing.assert_array_equal(held, before)
    np.testing.assert_array_equal(part, before_part)
    assert (kernel.numpy() != before).any() and form_of(step_of(model, "train")).program is not None


def test_shapes_and_plain_arguments_have_forms_of_their_own() -> None:
    @hilevel.jit
    def scaled(x: Any, factor: float, name: str = "a") -> Any:
        return ops.multiply(x, factor) + (1.0 if name == "a" else 2.0)

    for _ in range(3):
        for n in (1, 2):
            for factor in (2.0, 3.0):
                for name in ("a", "b"):
                    x = np.arange(n, dtype="float32")
                    wanted = x * factor + (1.0 if name == "a" else 2.0)
                    np.testing.assert_array_equal(scaled(x, factor, name=name), wanted)
    forms = scaled.programs.compiled["numpy"].forms  # type: ignore[attr-defined]
    assert len(forms) == 8 and all(form.program is not None for form in forms.values())


def test_a_step_on_one_device_of_a_distribution_is_replayed() -> None:
    hilevel.distribution.set_distribution(hilevel.distribution.DataParallel())
    fast, history = trained(STACKS["dense"][1], X, hilevel.optimizers.Adam, "auto")
    hilevel.distribution.set_distribution(None)
    _, wanted = trained(STACKS["dense"][1], X, hilevel.optimizers.Adam, False)
    form = form_of(step_of(fast, "train"))
    assert form.program is not None, form.refused
    assert history == wanted


def test_an_old_value_that_is_used_after_the_update_is_not_replayed() -> None:
    w = hilevel.Variable(np.ones(3, "float32"))
    optimizer = hilevel.optimizers.SGD(0.5)
    optimizer.build([w])

    @hilevel.jit
    def step(g: Any) -> Any:
        before = ops.reshape(w, (3, 1))
        optimizer.apply([g], [w])
        return ops.sum(before)

    results = replays(step, np.ones(3, "float32"))
    assert [float(y) for y in results] == [3.0, 1.5, 0.0, -1.5, -3.0]


def test_a_tape_and_a_gradient_of_ones_own_are_replayed() -> None:
    v = hilevel.Variable(np.full(3, 2.0, "float32"))

    @hilevel.custom_gradient
    def halved(x: Any) -> Any:
        return x * 1.0, lambda g: ops.multiply(g, 0.5)

    @hilevel.jit
    def step(x: Any) -> Any:
        with hilevel.GradientTape() as tape:
            y = ops.sum(halved(v * v) * x)
        g = tape.gradient(y, v)
        v.assign_sub(0.1 * g)
        return g

    gradients = [step(np.ones(3, "float32"))[0] for _ in range(5)]
    np.testing.assert_allclose(gradients, 2.0 * 0.9 ** np.arange(5), rtol=1e-5)
    assert form_of(step).program is not None


def test_an_error_in_a_replayed_step_is_an_error() -> None:
    @hilevel.jit
    def pick(x: Any, index: Any) -> Any:
        return ops.take(x, index, axis=0)

    for _ in range(4):
        pick(np.arange(3.0), np.array([0, 1]))
    with pytest.raises(IndexError):
        pick(np.arange(3.0), np.array([0, 7]))
    np.testing.assert_array_equal(pick(np.arange(3.0), np.array([2, 1])), [2.0, 1.0])


def test_a_model_that_moves_is_captured_anew() -> None:
    model = hilevel.Sequential([layers.Dense(1)])
    model.compile("adam", "mse")
    for name in ("numpy", "jax", "numpy"):
        model.to(name)
        for _ in range(3):
            loss = model.train_on_batch(X, X[:, :1])
    assert np.isfinite(loss) and model.layers[0].kernel.backend.name == "numpy"


def test_an_attribute_that_a_callback_changes_is_seen() -> None:
    class Scaled(layers.Layer):
        factor = 1.0

        def call(self, x: Any) -> Any:
            return x * self.factor

    class Anneal(hilevel.callbacks.Callback):
        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.model.layers[-1].factor = epoch + 1.0

    def trained(jit: Any) -> Any:
        hilevel.set_random_seed(0)
        model = hilevel.Sequential([layers.Dense(1), Scaled()])
        model.compile("sgd", "mse", jit_compile=jit)
        return model.fit(X, X[:, :1], batch_size=4, epochs=3, verbose=0, callbacks=[Anneal()]).history

    assert trained("auto") == trained(False)


def test_what_an_array_can_do_it_can_do_in_a_captured_step() -> None:
    @hilevel.jit
    def step(x: Any) -> Any:
        total = ops.sum(x)
        return f"{total:.2f}", ops.tanh(x).tolist(), total.round()

    for _ in range(4):
        text, numbers, total = step(np.zeros(2, "float32"))
        assert (text, numbers, float(total)) == ("0.00", [0.0, 0.0], 0.0)
    assert "reads the values" in form_of(step).refused


def test_an_attribute_of_another_model_leaves_the_captures() -> None:
    """Only the steps that may depend on a changed attribute are captured again."""
    captured = []
    with hilevel.use_backend("numpy"), pytest.MonkeyPatch.context() as patch:
        record = Capture.record
        patch.setattr(Capture, "record", lambda self, *args: captured.append(1) or record(self, *args))
        other = hilevel.layers.Dropout(0.5)

        class Sets(hilevel.callbacks.Callback):
            def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
                self.target.rate = 0.1 + epoch / 100

        x = np.ones((8, 3), "float32")
        for own, expected in ((False, 2), (True, 10)):
            captured.clear()
            dropout = hilevel.layers.Dropout(0.5)
            model = hilevel.Sequential([hilevel.Input((3,)), dropout, hilevel.layers.Dense(1)])
            model.compile("sgd", "mse")
            sets = Sets()
            sets.target = dropout if own else other
            model.fit(x, x[:, :1], batch_size=2, epochs=5, verbose=0, callbacks=[sets])
            assert len(captured) == expected


def test_layers_that_a_function_reaches_are_found() -> None:
    with hilevel.use_backend("numpy"):
        inner = hilevel.layers.Dropout(0.5)

        class Trainer:
            def __init__(self) -> None:
                self.model = hilevel.Sequential([inner])

            def step(self, x: Any) -> Any:
                return x * self.model.layers[0].rate

        def helper(x: Any) -> Any:
            return x * inner.rate

        for function in (Trainer().step, helper, lambda x: helper(x)):
            step, x = hilevel.jit(function), np.ones(2, "float32")
            for rate in (0.5, 0.25, 0.125):
                inner.rate = rate
                for _ in range(4):
                    np.testing.assert_array_equal(step(x), x * np.float32(rate))
