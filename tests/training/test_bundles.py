"""Several steps as one program give what the steps give one by one, and nothing is compiled twice."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.training.state import step_of

pytest.importorskip("jax")

rng = np.random.default_rng(0)
X = rng.normal(size=(86, 5)).astype("float32")  # ten batches of 8 and one of 6
Y = rng.integers(0, 3, 86).astype("int32")


@pytest.fixture(autouse=True)
def on_jax() -> Any:
    with hilevel.use_backend("jax"):
        yield


class EachBatch(hilevel.callbacks.Callback):
    """Has to be told of each batch, so that steps are run one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: list[int] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ends.append(batch)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ends.append(batch)

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        self.ends.append(batch)


def model(**options: Any) -> hilevel.Sequential:
    hilevel.set_random_seed(1)
    stack = [
        layers.Dense(6, activation="relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.2),
        layers.Dense(3),
    ]
    made = hilevel.Sequential(stack)
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    made.compile("adam", loss, metrics=["accuracy"], **options)
    return made


def test_bundles_give_what_single_steps_give() -> None:
    told = EachBatch()
    options: dict[str, Any] = {"batch_size": 8, "epochs": 4, "verbose": 0, "validation_data": (X, Y)}
    bundled = model()
    history = bundled.fit(X, Y, **options).history
    single = model()
    wanted = single.fit(X, Y, callbacks=[told], **options).history
    assert history == wanted and len(told.ends) == 4 * 2 * 11
    assert step_of(bundled, "train").programs.compiled["jax"].bundles, "no step was bundled"
    for a, b in zip(bundled.variables, single.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    one_by_one = single.predict(X, batch_size=8, verbose=0, callbacks=[EachBatch()])
    np.testing.assert_array_equal(bundled.predict(X, batch_size=8, verbose=0), one_by_one)
    assert bundled.evaluate(X, Y, verbose=0) == single.evaluate(X, Y, verbose=0, callbacks=[EachBatch()])


def max_steps_per_call(stack: list[Any], shape: tuple[int, ...]) -> int:
    made = hilevel.Sequential([hilevel.Input(shape[1:]), *stack])
    made.compile("sgd", "mse")
    batch = np.ones(shape, "float32")
    targets = np.ones((shape[0], *made.output_shape[1:]), "float32")
    made.train_on_batch(batch, targets)
    return int(step_of(made, "train").programs.max_steps_per_call((batch, targets)))


class Doubling(layers.Layer):
    def call(self, x: Any) -> Any:
        start = hilevel.ops.stop_gradient(hilevel.ops.sum(hilevel.ops.abs(x)))
        return x * hilevel.ops.while_loop(lambda y: y < 9.0, lambda y: (2.0 * y + 1.0,), (start,))[0]


@pytest.mark.parametrize(
    "stack, shape, least, most",
    [
        ([layers.Dense(8)], (4, 8), 64, 64),
        ([layers.Dense(2048)], (256, 2048), 2, 8),
        ([layers.Dense(2048), layers.Dense(2048)], (2048, 2048), 1, 1),
        ([layers.LSTM(64)], (32, 10, 8), 64, 64),
        ([layers.LSTM(64)], (32, 300, 8), 2, 16),
        ([layers.Conv1D(2, 3)], (4, 8, 2), 1, 1),
        ([layers.Dense(8), Doubling()], (4, 8), 1, 1),
    ],
)
def test_the_number_of_steps_follows_from_what_a_step_computes(
    stack: list[Any], shape: tuple[int, ...], least: int, most: int
) -> None:
    assert least <= max_steps_per_call(stack, shape) <= most


def test_large_results_are_not_bundled() -> None:
    made = hilevel.Sequential([hilevel.Input((8,)), layers.Dense(2**16)])
    made.predict(np.ones((4, 8), "float32"), verbose=0)
    step = step_of(made, "predict").programs
    assert [step.max_steps_per_call(np.ones((n, 8), "float32")) for n in (1, 4)] == [4, 1]


ONCE = """
import numpy as np, hilevel
from hilevel import layers
from hilevel.training.state import step_of
rng = np.random.default_rng(0)
x, y = rng.normal(size=(85, 4)).astype("float32"), rng.normal(size=(85, 1)).astype("float32")
model = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(8, "tanh"), layers.Dropout(0.5), layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
for epochs in (2, 3):
    model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)
    model.evaluate(x, y, batch_size=8, verbose=0)
    model.predict(x, batch_size=8, verbose=0)
    print([step_of(model, kind).programs.compiled["jax"].compilations for kind in ("train", "test", "predict")])
"""


def test_nothing_is_compiled_twice() -> None:
    """Each step has one program for bundles and one for the last batch. In a process of its own: JAX drops programs
    from its caches in a process that has compiled thousands."""
    run = subprocess.run(
        [sys.executable, "-c", ONCE], env=os.environ | {"HILEVEL_BACKEND": "jax"}, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert run.stdout.splitlines() == ["[2, 2, 2]"] * 2


def test_callbacks_see_the_last_step_of_an_explicit_bundle() -> None:
    told = EachBatch()
    made = model(steps_per_execution=4)
    made.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[told])
    assert told.ends == [3, 7, 11] * 2


def test_auto_bundles_although_a_callback_acts_on_batches() -> None:
    told = EachBatch()
    made = model(steps_per_execution="auto")
    history = made.fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[told]).history
    assert len(told.ends) < 4 * 11
    assert history == model().fit(X, Y, batch_size=8, epochs=4, verbose=0, callbacks=[EachBatch()]).history


def test_the_step_that_became_infinite_is_named() -> None:
    x = X.copy()
    made = model()
    made.fit(x, Y, batch_size=8, epochs=3, verbose=0)
    x[0] = np.inf
    x[[0, 44]] = x[[44, 0]]
    with pytest.warns(RuntimeWarning, match="epoch 1, step 6"):
        made.fit(x, Y, batch_size=8, epochs=1, verbose=0, shuffle=False)


def test_inputs_by_name_and_weights_are_bundled() -> None:
    def trained(callbacks: Any) -> Any:
        hilevel.set_random_seed(2)
        a, b = hilevel.Input((5,), name="a"), hilevel.Input((5,), name="b")
        made = hilevel.Model({"a": a, "b": b}, {"sum": layers.Dense(1, name="sum")(layers.Add()([a, b]))})
        made.compile("sgd", {"sum": "mse"})
        x, w = {"a": X, "b": X * 2}, np.linspace(0.1, 1, len(X))
        history = made.fit(
            x, {"sum": X[:, :1]}, sample_weight=w, batch_size=8, epochs=3, verbose=0, callbacks=callbacks
        )
        return history.history, made.predict(x, batch_size=8, verbose=0, callbacks=callbacks)["sum"]

    (history, outputs), (wanted, expected) = trained(None), trained([EachBatch()])
    assert history == wanted
    np.testing.assert_array_equal(outputs, expected)


def test_what_a_bundle_is_made_of_is_ready_for_the_device() -> None:
    batches = hilevel.training.data.arrays.ArrayBatches(X, Y, batch_size=8, shuffle=True)
    ((x, y), n), *_, ((last, _), zero) = batches.bundles(0, 4)
    assert (x.shape, y.shape, n) == ((4, 8, 5), (4, 8), 4) and x.ctypes.data % 64 == 0
    assert (last.shape, zero) == ((6, 5), 0)
    first = next(iter(batches.epoch(0)))[0]
    np.testing.assert_array_equal(x[0], first)


KEPT = """
import sys, numpy as np, hilevel
from hilevel import layers
model = hilevel.Sequential([layers.Dense(40, activation="gelu"), layers.Dense(40), layers.Dense(1)])
model.compile("adam", "mse")
hilevel.set_random_seed(0)
print(model.fit(np.ones((64, 9)), np.ones((64, 1)), verbose=0).history["loss"][0])
"""


def test_compiled_programs_can_be_kept_for_the_next_process(tmp_path: Any) -> None:
    keys = ("JAX_DISABLE_MOST_OPTIMIZATIONS",)
    env = {k: v for k, v in os.environ.items() if k not in keys} | {
        "HILEVEL_BACKEND": "jax", "HILEVEL_COMPILATION_CACHE": str(tmp_path / "kept"),
    }  # fmt: skip
    losses, files = [], []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", KEPT], env=env, capture_output=True, text=True, check=True
        )
        losses.append(run.stdout)
        files.append(sorted(p.name for p in (tmp_path / "kept").glob("jit_program-*-cache")))
    assert losses[0] == losses[1] and files[0] and files[0] == files[1]
