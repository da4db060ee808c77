"""`hilevel.debug.record_nan` and `open_nan`: the step that made NaN, with everything as it was before it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.debug import open_nan, record_nan
from hilevel.debug.nan_record import variables_of
from hilevel.errors import InvalidFileError, NotFiniteError

N, BATCH = 40, 4
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 3)).astype("float32")
Y = X[:, :1] * 0.5
BAD = 6
"""The step whose batch makes NaN."""


def poisoned(kind: str) -> tuple[Any, Any]:
    """Return data without NaN, of which the samples of step BAD make NaN in the loss, or in the gradient alone."""
    x = X.copy()
    x[BAD * BATCH : (BAD + 1) * BATCH] = -np.inf if kind == "data" else 100.0
    return x, Y


class Cliff(layers.Layer):
    """A layer whose value is infinite for inputs of 100, or whose gradient alone is."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = kind

    def call(self, x: Any) -> Any:
        far = ops.cast(ops.any(ops.greater(x, 99.0), axis=-1, keepdims=True), x.dtype)
        if self.kind == "value":
            return x + ops.log(1.0 - far)
        return x * (1.0 + 0.0 * ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True) * (1.0 - far)))


def made(kind: str, **options: Any) -> Any:
    hilevel.set_random_seed(3)
    model = hilevel.Sequential(
        [
            layers.Input((3,)),
            layers.EinsumDense("ab,bc->ac", 3, kernel_initializer="identity", name="first"),
            Cliff(kind, name="cliff"),
            layers.Dropout(0.3, seed=5),
            layers.Dense(1, name="last"),
        ],
        name="net",
    )
    model.compile(hilevel.optimizers.Adam(1e-4), "mse", **options)
    return model


def train(model: Any, path: Path, kind: str, **options: Any) -> Any:
    x, y = poisoned(kind)
    settings = {"batch_size": BATCH, "epochs": 2, "shuffle": False, "verbose": 0} | options
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError) as caught:
        model.fit(x, y, callbacks=[record_nan(path, raise_error=True)], **settings)
    return caught.value


def state_after(steps: int, kind: str, **options: Any) -> list[Any]:
    """Return the Variables after a number of steps of the same training."""
    model = made(kind, **options)
    x, y = poisoned(kind)
    model.fit(x[: steps * BATCH], y[: steps * BATCH], batch_size=BATCH, shuffle=False, verbose=0)
    return [v.numpy() for v in variables_of(model)]


WAYS = {
    "one by one": {},
    "steps in one call": {"steps_per_execution": 4},
    "bundles": {"steps_per_execution": "auto"},
    "eager": {"run_eagerly": True},
}


@pytest.mark.parametrize(("kind", "way"), [("value", "bundles"), *(("gradient", way) for way in WAYS)])
def test_the_state_is_that_before_the_step(kind: str, way: str, backend: Any, tmp_path: Path) -> None:
    options = WAYS[way]
    error = train(made(kind, **options), tmp_path / "nan.zip", kind)
    assert f"at epoch 1, step {BAD + 1}:" in str(error)
    record = open_nan(tmp_path / "nan.zip")
    assert (record.epoch, record.step) == (0, BAD)
    x, y = poisoned(kind)
    rows = slice(BAD * BATCH, (BAD + 1) * BATCH)
    assert (record.batch[0] == x[rows]).all() and (record.batch[1] == y[rows]).all()
    for (name, got), wanted in zip(record.state.items(), state_after(BAD, kind, **options), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7, err_msg=name)
    assert np.isfinite(record.loss) == (kind == "gradient")


@pytest.mark.parametrize(
    ("kind", "op"), [("value", "The op log made"), ("gradient", "The gradient of the op sqrt")]
)
def test_the_step_runs_again_and_the_op_is_named(kind: str, op: str, backend: Any, tmp_path: Path) -> None:
    train(made(kind), tmp_path / "nan.zip", kind)
    record, fresh = open_nan(tmp_path / "nan.zip"), made(kind)
    with pytest.raises(NotFiniteError) as caught:
        record.rerun(fresh)
    message = str(caught.value)
    assert op in message and f'Cliff "net/cliff", at epoch 1, step {BAD + 1}.' in message
    record.batch = (X[:BATCH], Y[:BATCH])
    assert np.isfinite(record.rerun(fresh))


def one_by_one(kind: str) -> Any:
    """Yield the batches, which no backend bundles then."""
    x, y = poisoned(kind)
    for i in range(0, N, BATCH):
        yield x[i : i + BATCH], y[i : i + BATCH]


def test_the_search_changes_no_weight_and_no_seed(backend: Any, tmp_path: Path) -> None:
    recorded, plain = made("value"), made("value")
    stop = record_nan(tmp_path / "nan.zip")
    for model, callback in ((recorded, stop), (plain, hilevel.callbacks.TerminateOnNaN())):
        with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="loss became"):
            model.fit(one_by_one("value"), verbose=0, callbacks=[callback])
    for v, w in zip(variables_of(recorded), variables_of(plain), strict=True):
        np.testing.assert_array_equal(v.numpy(), w.numpy())
    assert len(stop._moments) == 0


def test_steps_are_bundled_as_without_the_callback(backend: Any, tmp_path: Path) -> None:
    model, begun = made("value"), []
    see = hilevel.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: begun.append(batch))
    see.every_batch = False
    model.fit(X, Y, batch_size=BATCH, verbose=0, callbacks=[record_nan(tmp_path / "nan.zip"), see])
    assert (len(begun) < N // BATCH) == (backend.name == "jax")


def test_a_step_that_makes_nan_only_once_is_kept_as_the_last(tmp_path: Path) -> None:
    class Once(hilevel.Sequential):
        steps = 0

        def train_step(self, data: Any) -> Any:
            self.steps += 1
            logs = super().train_step(data)
            return logs | ({"loss": np.float32("nan")} if self.steps == 5 else {})  # the first runs on shapes

    model = Once([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True, steps_per_execution=2)
    with pytest.raises(NotFiniteError, match="step 4:"):
        model.fit(X, Y, batch_size=BATCH, verbose=0, callbacks=[record_nan(tmp_path / "nan.zip", True)])
    record = open_nan(tmp_path / "nan.zip")
    assert record.step == 3 and np.isnan(record.loss)


def test_slots_of_an_optimizer_of_the_model_itself_are_kept(tmp_path: Path) -> None:
    class Own(hilevel.Sequential):
        def train_step(self, data: Any) -> Any:
            x, y = data
            weights = self.trainable_variables
            loss, gradients = hilevel.value_and_grad(
                lambda: ops.mean(ops.square(self(x) - y)), variables=weights
            )()
            self.own.apply(gradients, weights)
            return {"loss": loss}

    model = Own(made("gradient").layers)
    model.own = hilevel.optimizers.Adam(1e-4, name="own")
    model.compile(None, None)
    train(model, tmp_path / "nan.zip", "gradient")
    record = open_nan(tmp_path / "nan.zip")
    assert record.step == int(record.state["own/iteration"]) == BAD


def test_nan_in_the_next_epoch_is_found_in_the_step_before(backend: Any, tmp_path: Path) -> None:
    """The last step of an epoch makes NaN in the weights; the first loss of the next is NaN."""
    x, y = poisoned("gradient")
    model = made("gradient")
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError):
        model.fit(
            x[: (BAD + 1) * BATCH], y[: (BAD + 1) * BATCH], batch_size=BATCH, epochs=3, shuffle=False, verbose=0,
            callbacks=[record_nan(tmp_path / "nan.zip", raise_error=True)],
        )  # fmt: skip
    record = open_nan(tmp_path / "nan.zip")
    assert (record.epoch, record.step) == (0, BAD)


def test_batches_of_a_generator_are_kept(tmp_path: Path, monkeypatch: Any) -> None:
    """A generator may write its next batch into the same memory."""
    monkeypatch.setenv("HILEVEL_READ_AHEAD", "0")

    def batches() -> Any:
        x, y = poisoned("gradient")
        memory = {"x": np.empty((BATCH, 3), "float32")}
        for i in range(N // BATCH):
            memory["x"][:] = x[i * BATCH : (i + 1) * BATCH]
            yield memory["x"], y[i * BATCH : (i + 1) * BATCH], np.ones(BATCH, "float32")

    model = made("gradient")
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError):
        model.fit(batches(), verbose=0, callbacks=[record_nan(tmp_path / "nan.zip", raise_error=True)])
    record = open_nan(tmp_path / "nan.zip")
    assert record.step == BAD and (record.batch[0] == 100.0).all() and len(record.batch) == 3
    with pytest.raises(NotFiniteError, match="sqrt"):
        record.rerun(made("gradient"))


def test_structures_and_dtypes_come_back(tmp_path: Path) -> None:
    inputs = {"a": hilevel.Input((2,)), "b": hilevel.Input((1,), dtype="int32")}
    embedded = layers.Flatten()(layers.Embedding(4, 2)(inputs["b"]))
    y = layers.Dense(1, dtype="bfloat16")(layers.Concatenate()([inputs["a"], embedded]))
    model = hilevel.Model(inputs, [y, inputs["a"]])
    model.compile("adam", ["mse", "mse"])
    x = {"b": np.ones((4, 1), "int32"), "a": np.full((4, 2), np.nan, "float32")}
    with pytest.raises(NotFiniteError):
        model.fit(
            x, [np.ones((4, 1)), np.ones((4, 2))], verbose=0,
            callbacks=[record_nan(tmp_path / "nan.zip", raise_error=True)],
        )  # fmt: skip
    record = open_nan(tmp_path / "nan.zip")
    got, targets = record.batch
    assert list(got) == ["b", "a"] and got["b"].dtype == "int32" and isinstance(targets, list)
    record.restore(model)
    for v, value in zip(variables_of(model), record.state.values(), strict=True):
        np.testing.assert_array_equal(v.numpy().astype("float64"), value.astype("float64"))
    with pytest.raises(NotFiniteError, match="NaN in the data"):
        record.rerun(model)


def test_the_file_tells_versions_and_seed(tmp_path: Path) -> None:
    model = made("value")
    train(model, tmp_path / "folder/nan.zip", "value")
    record = open_nan(tmp_path / "folder/nan.zip")
    assert record.versions["hilevel"] == hilevel.version() and "numpy" in record.versions
    assert record.seed == model._training.seed
    with zipfile.ZipFile(tmp_path / "folder/nan.zip") as archive:
        assert json.loads(archive.read("nan.json"))["step"] == BAD
    assert (
        repr(record)
        == f"<NaNRecord of epoch 1, step {BAD + 1}: loss={record.loss:.4g}, batch (4, 3), (4, 1)>"
    )


def test_another_model_or_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nan.zip"
    train(made("value"), path, "value")
    other = hilevel.Sequential([layers.Input((3,)), layers.Dense(1)])
    other.compile("adam", "mse")
    with pytest.raises(InvalidFileError, match="does not fit the record"):
        open_nan(path).restore(other)
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(InvalidFileError, match=r"text\.zip"):
        open_nan(tmp_path / "text.zip")
    cut = path.read_bytes()[:-40]
    path.write_bytes(cut)
    with pytest.raises(InvalidFileError):
        open_nan(path)


def test_a_training_without_nan_writes_nothing(tmp_path: Path) -> None:
    model = made("value")
    model.fit(X, Y, batch_size=BATCH, epochs=2, verbose=0, callbacks=[record_nan(tmp_path / "nan.zip")])
    assert list(tmp_path.iterdir()) == []
