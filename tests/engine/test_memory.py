"""Memory: of `predict`, and of the conversion of data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.training.data import ArrayBatches, adapt
from hilevel.training.data.columns import Rows

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/self/status")


def run(program: str, *arguments: str) -> Any:
    """Run a program in a process of its own. Returns the JSON that it prints."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program), *arguments],
        capture_output=True, text=True, timeout=500,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    return json.loads(result.stdout)


PREDICT = """
    import json, sys
    import numpy as np
    import hilevel
    from hilevel import layers

    def peak():
        lines = open("/proc/self/status").read().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

    hilevel.set_backend(sys.argv[1])
    width = 240 * 2**20 // 4 // (24 * 32)
    model = hilevel.Sequential([layers.Input((8,)), layers.Dense(width)])
    x = np.ones((24 * 32, 8), "float32")
    model.predict(x[:64], verbose=0)
    open("/proc/self/clear_refs", "w").write("5")
    base = peak()
    data = x if sys.argv[2] == "arrays" else (x[i:i + 32] for i in range(0, len(x), 32))
    outputs = model.predict(data, verbose=0)
    print(json.dumps({"above": peak() - base, "outputs": outputs.nbytes / 2**20}))
"""


@LINUX
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrays", "generator"])
@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_predict_needs_twice_its_outputs_at_most(name: str, kind: str) -> None:
    pytest.importorskip(name)
    memory = run(PREDICT, name, kind)
    batch = memory["outputs"] / 24
    assert memory["above"] < (2 if kind == "generator" else 1.5) * memory["outputs"] + 2 * batch


@pytest.mark.parametrize("dtype", ["float64", "float16", ">f4"])
def test_memory_mapped_floats_are_converted_batch_by_batch(dtype: str, tmp_path: Path) -> None:
    wanted = np.random.default_rng(0).normal(size=(20, 3)).astype(dtype)
    np.save(tmp_path / "x.npy", wanted)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for x in (mapped, mapped[:], np.asarray(mapped)):
        batches = ArrayBatches(x, batch_size=6)
        assert isinstance(batches.data, Rows)
        got = np.concatenate(list(batches.epoch(0)))
        assert got.dtype == "float32" and got.dtype.isnative
        np.testing.assert_array_equal(got, wanted.astype("float32"))
    model = hilevel.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    for options in ({"shuffle": True}, {"validation_split": 0.5}, {"shuffle": False, "steps_per_epoch": 2}):
        assert np.isfinite(
            model.fit(mapped, wanted[:, 0], batch_size=6, verbose=0, **options).history["loss"]
        ).all()


def test_memory_mapped_data_give_the_same_training(tmp_path: Path, backend: Any) -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    np.save(tmp_path / "x.npy", x)
    losses = []
    for data in (x, np.load(tmp_path / "x.npy", mmap_mode="r")):
        hilevel.set_random_seed(0)
        model = hilevel.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        losses.append(model.fit(data, x[:, :1], batch_size=8, epochs=3, verbose=0).history["loss"])
    assert losses[0] == losses[1]


def test_what_is_not_finite_is_counted_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.zeros((1000, 4))
    x[3, 1], x[999, 0], x[500, 2] = np.nan, np.nan, np.inf
    np.save(tmp_path / "x.npy", x)
    sizes: list[int] = []
    isnan = np.isnan
    monkeypatch.setattr("hilevel.training.data.columns.BLOCK_BYTES", 1600)
    monkeypatch.setattr("hilevel.training.data.arrays.np.isnan", lambda a: sizes.append(a.nbytes) or isnan(a))
    for data in (x, np.load(tmp_path / "x.npy", mmap_mode="r")):
        assert ArrayBatches(data, np.zeros(1000)).not_finite() == ["x holds 2 NaN and 1 infinite values"]
    assert max(sizes) <= 1600


# -- sparse matrices, tables, masked arrays ------------------------------------------------------------


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "coo_matrix", "csr_array"])
def test_sparse_matrices_are_made_dense_batch_by_batch(form: str, backend: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.random.default_rng(0).normal(size=(20, 6)) * (
        np.random.default_rng(1).uniform(size=(20, 6)) < 0.3
    )
    x = getattr(sparse, form)(dense)
    losses = []
    for data in (dense, x):
        hilevel.set_random_seed(0)
        model = hilevel.Sequential([layers.Input((6,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(data, dense[:, :1], batch_size=8, epochs=2, verbose=0, validation_split=0.2)
        losses.append(history.history["val_loss"])
        np.testing.assert_allclose(model.predict(data, verbose=0), model.predict(dense, verbose=0))
    assert losses[0] == losses[1]
    batch = next(iter(adapt(iter([(x, dense[:, 0])])).epoch(0)))
    np.testing.assert_allclose(batch[0], dense.astype("float32"))


def test_columns_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(
        {
            "whole": pandas.array([1, 2, 3], dtype="Int64"),
            "real": [0.5, 1.5, 2.5],
            "truth": [True, False, True],
            "kind": pandas.Series([3, 4, 3], dtype="category"),
        }
    )
    np.testing.assert_array_equal(adapt(table).first(), [[1, 0.5, 1, 3], [2, 1.5, 0, 4], [3, 2.5, 1, 3]])
    np.testing.assert_array_equal(adapt(table["whole"]).first(), [1, 2, 3])
    first = adapt(dict(table)).first()
    assert list(first) == list(table) and first["kind"].tolist() == [3, 4, 3]


@pytest.mark.parametrize(
    ("values", "dtype", "error", "words"),
    [
        ([1, None, 3], "Int64", ValueError, 'column "a" of dtype Int64 has 1 missing values. Use fillna'),
        ([True, None, None], "boolean", ValueError, 'column "a" of dtype boolean has 2 missing values'),
        (
            ["x", "y", "x"],
            "category",
            TypeError,
            'column "a" of dtype category is not numeric. Use its codes',
        ),
        (["x", "y", "x"], None, TypeError, "is not numeric"),
        ([None, 1, "x"], object, TypeError, "is not numeric"),
    ],
    ids=str,
)
def test_columns_that_hold_no_numbers_are_named(values: Any, dtype: Any, error: Any, words: str) -> None:
    pandas = pytest.importorskip("pandas")
    column = pandas.Series(values, dtype=dtype, name="a")
    for data in (column, pandas.DataFrame({"a": column, "b": [1.0, 2.0, 3.0]})):
        with pytest.raises(error, match=words):
            adapt(data)


def test_masked_arrays() -> None:
    x = np.ma.masked_array(np.arange(6.0).reshape(3, 2), mask=[[0, 0], [1, 0], [0, 0]])
    with pytest.raises(ValueError, match="x is a masked array in which 1 of 6 elements are masked"):
        adapt(x)
    with pytest.raises(ValueError, match="y is a masked array"):
        adapt(np.ones((3, 2)), x)
    np.testing.assert_array_equal(adapt(np.ma.masked_array(np.arange(3.0))).first(), [0, 1, 2])


@pytest.mark.parametrize("dtype", [">f4", ">i4", ">u2", ">f8"])
def test_numbers_of_another_byte_order(dtype: str, backend: Any) -> None:
    x = np.arange(6).reshape(3, 2).astype(dtype)
    got = adapt(x).first()
    assert got.dtype.isnative
    np.testing.assert_array_equal(got, x)
    hilevel.Sequential([layers.Input((2,)), layers.Dense(1)]).predict(x, verbose=0)


def test_structured_arrays_are_refused(backend: Any) -> None:
    x = np.zeros(3, [("a", "f4"), ("b", "i4")])
    with pytest.raises(TypeError, match="expected numeric values"):
        adapt(x)


def test_data_of_bfloat16(backend: Any) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    x = np.arange(6.0).reshape(3, 2).astype(ml_dtypes.bfloat16)
    np.testing.assert_array_equal(adapt(x).first(), x.astype("float32"))
    assert adapt(x).first().dtype == "float32"
    x[1, 1] = np.nan
    assert ArrayBatches(x).not_finite() == ["x holds 1 NaN and 0 infinite values"]
