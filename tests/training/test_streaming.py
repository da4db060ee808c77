"""Arrays in files: their memory, the order of `shuffle="batch"`, chunked stores, and reading ahead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.errors import HilevelWarning
from hilevel.training.data import ArrayBatches, adapt, read_ahead
from hilevel.training.data.order import Blocks
from hilevel.training.data.read_ahead import ReadAhead
from hilevel.training.data.rows import Rows

X = np.arange(1000.0).reshape(250, 4)


class Store:
    """A store of rows in chunks, which counts the bytes that are read, and refuses keys other than slices."""

    def __init__(self, array: np.ndarray[Any, Any], chunk: int) -> None:
        self.array, self.shape, self.dtype = array, array.shape, array.dtype
        self.chunks = (chunk, *array.shape[1:])
        self.reads: list[tuple[int, int]] = []

    def __getitem__(self, key: slice) -> Any:
        assert isinstance(key, slice) and 0 <= key.start < key.stop <= len(self.array)
        self.reads.append((key.start, key.stop))
        return self.array[key]


def mapped(array: np.ndarray[Any, Any], folder: Path) -> Any:
    np.save(folder / "x.npy", array)
    return np.load(folder / "x.npy", mmap_mode="r")


def h5py_dataset(array: np.ndarray[Any, Any], folder: Path) -> Any:
    h5py = pytest.importorskip("h5py")
    with h5py.File(folder / "x.h5", "w") as file:
        file.create_dataset("x", data=array, chunks=(30, *array.shape[1:]))
    return h5py.File(folder / "x.h5", "r")["x"]


def zarr_array(array: np.ndarray[Any, Any], folder: Path) -> Any:
    zarr = pytest.importorskip("zarr")
    made = zarr.create_array(
        str(folder / "x.zarr"), shape=array.shape, dtype=array.dtype, chunks=(30, *array.shape[1:])
    )
    made[:] = array
    return zarr.open_array(str(folder / "x.zarr"), mode="r")


SOURCES: dict[str, Any] = {
    "memmap": mapped, "h5py": h5py_dataset, "zarr": zarr_array, "store": lambda array, folder: Store(array, 30),
}  # fmt: skip


@pytest.fixture(params=SOURCES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return lambda array: SOURCES[request.param](array, tmp_path)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 20 rows, or of a chunk, and windows of 4 blocks at most."""
    monkeypatch.setattr("hilevel.training.data.order.BLOCK_BYTES", 20 * 16)
    monkeypatch.setattr("hilevel.training.data.order.WINDOW_BYTES", 80 * 16)


def rows(batches: Any, number: int = 0, start: int = 0) -> list[float]:
    return [float(v) for x in batches.epoch(number, start) for v in x[:, 0]]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "uint8"])
@pytest.mark.parametrize("shuffle", [False, True, "batch"])
def test_rows_of_a_source_are_those_of_an_array(
    source: Any, dtype: str, shuffle: Any, small_blocks: None
) -> None:
    x = (X % 200).astype(dtype)
    batches = ArrayBatches(source(x), np.arange(250), batch_size=16, shuffle=shuffle)
    assert isinstance(batches.data[0], Rows)
    seen = []
    for got, y in batches.epoch(1):
        assert got.dtype == ("uint8" if dtype == "uint8" else "float32") and type(got) is np.ndarray
        np.testing.assert_array_equal(got, x[y])
        seen += y.tolist()
    assert sorted(seen) == list(range(250)) and (seen == list(range(250))) == (shuffle is False)
    batches.close()


def test_models_take_sources_as_they_take_arrays(source: Any, backend: Any) -> None:
    x = np.random.default_rng(0).normal(size=(90, 3))
    found = []
    for data in (x, source(x)):
        hilevel.set_random_seed(0)
        model = hilevel.Sequential([layers.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        history = model.fit(data, x[:, :1], batch_size=8, epochs=2, verbose=0, validation_split=0.2)
        found.append(
            [
                *history.history["val_loss"],
                model.evaluate(data, x[:, :1], verbose=0),
                *model.predict(data, verbose=0)[:, 0],
            ]
        )
    np.testing.assert_array_equal(*found)


# -- the order of shuffle="batch" ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["array", "store"])
def test_an_order_in_blocks_is_a_function_of_seed_and_epoch(kind: str, small_blocks: None) -> None:
    def made(seed: int = 3) -> ArrayBatches:
        x = X.astype("float32")
        return ArrayBatches(Store(x, 20) if kind == "store" else x, batch_size=16, shuffle="batch", seed=seed)

    whole = made()
    orders = [rows(whole, number) for number in (0, 1, 0)]
    assert orders[0] == orders[2] == rows(made()) != orders[1] and rows(made(4)) not in orders
    assert all(sorted(order) == X[:, 0].tolist() for order in orders)
    for start in range(17):
        assert rows(made(), 1, start) == orders[1][start * 16 :]
    other = ArrayBatches(X.astype("float32"), batch_size=16, shuffle="batch", seed=3)
    assert rows(other) == orders[0], "arrays and stores of chunks of the size of a block have one order"


def test_bundles_have_the_order_of_batches(small_blocks: None) -> None:
    batches = ArrayBatches(Store(X.astype("float32"), 20), batch_size=16, shuffle="batch", seed=3)
    found = []
    for bundle, count in batches.bundles(1, 4):
        found += bundle[:count].reshape(-1, 4)[:, 0].tolist() if count else bundle[:, 0].tolist()
    assert found == rows(batches, 1)


def test_each_chunk_is_read_once_in_an_epoch(small_blocks: None) -> None:
    for shuffle in (False, "batch"):
        store = Store(X, 30)
        rows(ArrayBatches(store, batch_size=16, shuffle=shuffle))
        assert all(start % 30 == 0 for start, _ in store.reads)
        assert sum(stop - start for start, stop in store.reads) == 250
    store = Store(X, 30)
    batches = ArrayBatches(store, batch_size=16, shuffle=True)
    next(batches.epoch(0))
    assert len(store.reads) <= 9, "the rows of a batch in one chunk are read together"


def test_blocks_are_mixed_in_a_window() -> None:
    blocks = Blocks(1000, 10, 20)
    windows = blocks.windows(5, 0, True)
    assert [w.start for w in windows] == [0, 200, 400, 600, 800] and sum(w.size for w in windows) == 1000
    first = windows[0].rows()
    assert len({row // 10 for row in first.tolist()}) == 20 and first.max() > 800
    assert np.mean(np.diff(first) == 1) < 0.05
    assert Blocks.of([np.zeros((10, 2)), None]) == Blocks(10, 65536, 32)
    assert Blocks.of([Rows(Store(np.zeros((99, 2**20)), 30), "float32")]) == Blocks(99, 30, 2)


@pytest.mark.parametrize("n", [1, 2, 19, 20, 21, 81])
def test_few_samples_are_shuffled_in_blocks(n: int, small_blocks: None) -> None:
    assert sorted(rows(ArrayBatches(X[:n], batch_size=3, shuffle="batch"))) == X[:n, 0].tolist()


def test_fit_says_where_blocks_would_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hilevel.training.data.arrays.WINDOW_BYTES", 500)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = mapped(X.astype("float32") / 1000, tmp_path)
    with pytest.warns(HilevelWarning, match='shuffle="batch"'):
        model.fit(x, X[:, 0], verbose=0)
    for shuffle in (False, "batch"):
        model.fit(x, X[:, 0], verbose=0, shuffle=shuffle)
    model.fit(np.array(x), X[:, 0], verbose=0)


# -- memory --------------------------------------------------------------------------------------------

LARGE = """
    import json, resource, sys
    from pathlib import Path
    import numpy as np
    import hilevel
    from hilevel import layers

    kind, dtype, path, rows = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    row = 2**20 // np.dtype(dtype).itemsize
    if kind == "memmap":
        x = np.memmap(path, dtype, "r", shape=(rows, row))
    elif kind == "h5py":
        import h5py
        x = h5py.File(path, "r")["x"]
    else:
        import zarr
        x = zarr.open_array(path, mode="r")
    hilevel.set_backend(sys.argv[5])
    inputs = layers.Input((row,))
    model = hilevel.Model(inputs, layers.Dense(1)(inputs[:, :8]))
    model.compile("sgd", "mse")
    model.fit(np.zeros((8, row), dtype), np.ones(8), verbose=0, batch_size=8)
    status = Path("/proc/self/status").read_text().splitlines()
    start = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (start + 600 * 2**20,) * 2)
    losses = []
    for shuffle in (False, "batch"):
        history = model.fit(x, np.ones(rows), batch_size=8, verbose=0, validation_split=0.1, shuffle=shuffle)
        losses += history.history["val_loss"]
    model.evaluate(x, np.ones(rows), batch_size=8, verbose=0)
    print(json.dumps([losses, model.predict(x, batch_size=8, verbose=0).shape]))
"""


def sparse(kind: str, dtype: str, n: int, folder: Path) -> Path:
    """Make a file of `n` rows of 1 MB, all zeros, which takes little room on the disk."""
    row = 2**20 // np.dtype(dtype).itemsize
    if kind == "memmap":
        with open(folder / "large", "wb") as file:
            file.truncate(n * 2**20)
    elif kind == "h5py":
        h5py = pytest.importorskip("h5py")
        with h5py.File(folder / "large", "w") as file:
            file.create_dataset("x", (n, row), dtype, chunks=(4, row))
    else:
        zarr = pytest.importorskip("zarr")
        zarr.create_array(str(folder / "large"), shape=(n, row), dtype=dtype, chunks=(4, row), fill_value=0)
    return folder / "large"


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by RLIMIT_DATA")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "dtype", "name"),
    [
        ("h5py", "float64", "numpy"),
        ("memmap", "float64", "jax"),
    ],
)
def test_data_larger_than_memory(kind: str, dtype: str, name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    path = sparse(kind, dtype, 1500, tmp_path)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(LARGE), kind, dtype, str(path), "1500", name],
        capture_output=True, text=True, timeout=500,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    losses, shape = json.loads(result.stdout)
    assert 0 <= losses[1] < losses[0] < 1 and shape == [1500, 1]


# -- reading ahead -------------------------------------------------------------------------------------


@pytest.fixture
def reading_threads() -> Any:
    """The threads that read ahead, and that the test has started."""
    before = threading.enumerate()
    return lambda: [t for t in threading.enumerate() if t.name == "hilevel-data" and t not in before]


class Slow:
    """An iterable of slow batches, which counts those that it has yielded."""

    def __init__(self, batches: int, seconds: float = 0.03) -> None:
        self.batches, self.seconds, self.read = batches, seconds, 0

    def __iter__(self) -> Any:
        for i in range(self.batches):
            time.sleep(self.seconds)
            self.read += 1
            yield np.full((2, 4), i, "float32"), np.zeros((2, 1), "float32")


def test_the_next_batch_is_read_while_a_step_runs(reading_threads: Any) -> None:
    source = Slow(10)
    batches = adapt(source)
    for i, (x, _) in enumerate(batches.epoch(0)):
        assert x[0, 0] == i
        deadline = time.monotonic() + 30
        while source.read < min(i + 2, 10) and time.monotonic() < deadline:
            time.sleep(0.001)  # the step; without a thread the next batch is never read in it
        assert source.read >= min(i + 2, 10)
    batches.close()
    assert not reading_threads()


def test_quick_batches_are_read_without_a_thread(
    monkeypatch: pytest.MonkeyPatch, reading_threads: Any
) -> None:
    monkeypatch.setattr(read_ahead, "SLOW", 60.0)  # seconds: a busy machine is quick enough
    batches = adapt(Slow(5, 0))
    assert len(list(batches.epoch(0))) == 5
    assert not reading_threads()


def test_reading_ahead_can_be_turned_off(monkeypatch: pytest.MonkeyPatch, reading_threads: Any) -> None:
    monkeypatch.setenv("HILEVEL_READ_AHEAD", "0")
    batches = adapt(Slow(4, 0.003))
    for _ in batches.epoch(0):
        assert not reading_threads()


def test_nothing_is_read_beyond_the_steps() -> None:
    source = Slow(9, 0.003)
    batches = adapt(source, steps=3)
    for number in range(2):
        list(batches.epoch(number))
        time.sleep(0.02)
        assert source.read == 3 * (number + 1)
    batches.close()


def test_a_batch_that_was_read_ahead_is_not_lost(reading_threads: Any) -> None:
    batches = adapt(iter(Slow(6, 0.003)))
    for x, _ in batches.epoch(0):
        batches.mark_used()
        if x[0, 0] == 2:
            break
    batches.close()
    assert not reading_threads()
    assert batches.get_state()["index"] == 3
    assert [x[0, 0] for x, _ in batches.epoch(1)] == [3, 4, 5]


def test_an_error_of_a_batch_that_is_read_ahead_says_so() -> None:
    def items() -> Any:
        yield 1
        time.sleep(0.003)
        yield 2
        raise OSError("gone")

    ahead = ReadAhead(items())
    got = []
    with pytest.raises(OSError, match="gone") as caught:
        for item in ahead:
            got.append(item)
    assert got == [1, 2] and "in a thread" in caught.value.__notes__[0]
    ahead.close()


def test_a_thread_reads_on_the_backend_of_fit(backend: Any, reading_threads: Any) -> None:
    seen = []

    def data() -> Any:
        for _ in range(3):
            time.sleep(0.003)
            seen.append((hilevel.backend.backend(), threading.current_thread().name))
            yield X[:4], X[:4, :1]

    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data(), verbose=0)
    assert {name for name, _ in seen} == {backend.name} and seen[-1][1] == "hilevel-data"
    assert not reading_threads()


BLOCKED = """
import os, signal, threading, time
import numpy as np
import hilevel
from hilevel import layers

def blocking():
    for _ in range(5):
        time.sleep(0.005)
        yield np.ones((2, 4)), np.ones((2, 1))
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    print(threading.current_thread().name, flush=True)
    time.sleep(60)

signal.signal(signal.SIGINT, signal.default_int_handler)
model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
model.compile("sgd", "mse")
try:
    model.fit(blocking(), verbose=0)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_ctrl_c_does_not_wait_for_a_thread_that_is_blocked() -> None:
    run = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, timeout=40,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert run.stdout.split() == ["hilevel-data", "interrupted"] and run.stderr == ""


def test_fit_ends_its_threads_after_an_error(tmp_path: Path, reading_threads: Any) -> None:
    class Stop(hilevel.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            raise RuntimeError("stop")

    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    for data in (Slow(9, 0.003), iter(Slow(9, 0.003))):
        with pytest.raises(RuntimeError, match="stop"):
            model.fit(data, verbose=0, callbacks=[Stop()])
        assert not reading_threads()
