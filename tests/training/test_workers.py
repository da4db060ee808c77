"""`PyDataset` with workers: the order of one worker, errors that name the worker, and no thread or process left."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.training.data import PyDataset, adapt

KINDS = [(2, False), (3, False), (1, True), (2, True)]


class Numbered(PyDataset):
    """Batches of their index, times a factor that each epoch changes; batch `wrong` goes wrong."""

    def __init__(self, *args: Any, wrong: int = -1, how: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self.factor, self.wrong, self.how = 1, wrong, how

    def __len__(self) -> int:
        return 7

    def __getitem__(self, i: int) -> Any:
        if i == self.wrong:
            if self.how == "hang":
                time.sleep(20)
            if self.how == "die":
                os._exit(3)
            raise ValueError("no such file")
        time.sleep(0.002 * (i % 3))
        return np.full((2, 1), i * self.factor, "float32"), np.zeros((2, 1), "float32")


class Growing(Numbered):
    """Batches that `on_epoch_end` changes."""

    def on_epoch_end(self) -> None:
        self.factor += 1


class Endless(Numbered):
    """Batches without an end."""

    num_batches = None


def seen(batches: Any, number: int = 0, start: int = 0, steps: int | None = None) -> list[float]:
    return [float(x[0, 0]) for x, _ in batches.epoch(number, start, steps)]


@pytest.fixture(autouse=True)
def _none_left() -> Any:
    before = threading.enumerate()
    yield
    assert not multiprocessing.active_children()
    assert not [t for t in threading.enumerate() if t not in before and not t.name.startswith("tqdm")]


@pytest.mark.parametrize(("workers", "processes"), KINDS)
def test_workers_give_the_batches_of_one(workers: int, processes: bool) -> None:
    one = adapt(Growing(), shuffle=True, seed=3)
    several = adapt(Growing(workers, processes, 3), shuffle=True, seed=3)
    for number, start in ((0, 0), (1, 0), (2, 4)):
        assert seen(several, number, start) == seen(one, number, start)
    one.close()
    several.close()


@pytest.mark.parametrize(("workers", "processes"), [(2, False), (2, True)])
def test_training_and_evaluation_with_workers(workers: int, processes: bool, backend: Any) -> None:
    results = []
    for data in (Growing(), Growing(workers, processes)):
        hilevel.set_random_seed(1)
        model = hilevel.Sequential([layers.Input((1,)), layers.Dense(1)])
        model.compile(hilevel.optimizers.SGD(0.001), "mse")
        history = model.fit(data, epochs=2, verbose=0, validation_data=data).history
        results.append([*history["loss"], *history["val_loss"], model.evaluate(data, verbose=0)])
    assert results[0] == results[1]


@pytest.mark.parametrize("processes", [False, True])
def test_a_worker_that_fails_is_named(processes: bool) -> None:
    batches = adapt(Numbered(2, processes, wrong=3))
    with pytest.raises(
        RuntimeError, match=r"(?s)Worker 1 of 2 of the Numbered failed on batch 3.*no such file"
    ):
        seen(batches)
    batches.close()


@pytest.mark.slow
@pytest.mark.parametrize("processes", [False, True])
def test_a_worker_that_hangs_is_named_in_time(processes: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr("time.sleep", released.wait)  # the thread that hangs ends below
    monkeypatch.setenv("HILEVEL_WORKER_TIMEOUT", "3" if processes else "0.3")
    batches = adapt(Numbered(2, processes, wrong=4, how="hang"))
    began = time.monotonic()
    with pytest.raises(
        TimeoutError, match=r"Worker 0 of 2 of the Numbered has not made batch 4 in [\d.]+ seconds"
    ):
        seen(batches)
    batches.close()
    assert time.monotonic() - began < 15
    released.set()
    for thread in threading.enumerate():
        if thread.name == "hilevel-data":
            thread.join(5)


def test_a_process_that_dies_is_named() -> None:
    model = hilevel.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match="Worker 1 of 2 of the Numbered died while it made batch 5"):
        model.fit(Numbered(2, True, wrong=5, how="die"), shuffle=False, verbose=0)


def test_a_data_set_that_cannot_be_sent_is_refused() -> None:
    data = Numbered(1, True)
    data.lock = threading.Lock()  # type: ignore[attr-defined]
    batches = adapt(data)
    with pytest.raises(TypeError, match="requires that the Numbered can be pickled"):
        seen(batches)
    batches.close()


def test_a_data_set_without_an_end_needs_steps() -> None:
    batches = adapt(Endless(), steps=3)
    assert seen(batches, 0, 2, 3) == [2, 3, 4]
    batches.close()
    model = hilevel.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"num_batches is None.*steps_per_epoch"):
        model.fit(Endless(), verbose=0)
    read: list[int] = []

    class Seen(Endless):
        def __getitem__(self, i: int) -> Any:
            read.append(i)
            return super().__getitem__(i)

    model.fit(Seen(), steps_per_epoch=3, epochs=3, verbose=0)
    assert read[0] == 0 and read[-9:] == list(range(9))
    assert model.predict(Endless(), steps=2, verbose=0).shape == (4, 1)


def test_a_data_set_is_prepared_for_each_epoch_of_fit() -> None:
    events: list[Any] = []

    class Noting(Numbered):
        def on_epoch_begin(self) -> None:
            events.append("begin")

        def on_epoch_end(self) -> None:
            events.append("end")

        def __getitem__(self, i: int) -> Any:
            events.append(i)
            return super().__getitem__(i)

    batches = adapt(Noting(2), steps=2)
    assert seen(batches) == list(range(7))
    batches.close()
    assert events[0] == "begin" and events[-1] == "end" and sorted(events[1:-1]) == list(range(7))
    events.clear()
    model = hilevel.Sequential([layers.Input((1,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(hilevel.errors.HilevelWarning, match="The data ended after 3 of 4 steps"):
        model.fit(Noting(), steps_per_epoch=4, epochs=3, verbose=0, shuffle=False)
    one, other = ["begin", 0, 1, 2, 3, "end"], ["begin", 4, 5, 6, "end"]
    assert events[1:] == one + other + one


PROGRAM = """
import os, signal, sys, threading, time
import numpy as np
import hilevel
from hilevel import layers

class Slow(hilevel.utils.PyDataset):
    def __len__(self):
        return 1000
    def __getitem__(self, i):
        time.sleep(0.01)
        return np.ones((2, 4), "float32"), np.ones((2, 1), "float32")

if __name__ == "__main__":
    class Stop(hilevel.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5:
                os.killpg(0, signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    try:
        model.fit(Slow(2, sys.argv[1] == "processes"), verbose=0, callbacks=[Stop()])
    except KeyboardInterrupt:
        import multiprocessing
        left = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
        print("interrupted", multiprocessing.active_children(), left, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="no signals")
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_ctrl_c_ends_the_workers(kind: str, tmp_path: Any) -> None:
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    run = subprocess.run(
        [sys.executable, str(tmp_path / "program.py"), kind],
        capture_output=True, text=True, timeout=120, start_new_session=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
    )  # fmt: skip
    assert run.stdout == "interrupted [] []\n" and run.stderr == ""
    assert run.returncode == 0


class Augmented(PyDataset):
    """Batches that a layer changes at random."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.layer = layers.RandomTranslation(0.4, 0.4, seed=5)

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: int) -> Any:
        time.sleep(0.002 * (i % 3))
        images = self.layer(np.arange(128.0, dtype="float32").reshape(2, 8, 8, 1))
        assert isinstance(images, np.ndarray)
        return images, np.zeros((2, 1), "float32")


def pictures(data: Any, *numbers: int, start: int = 0, **options: Any) -> list[Any]:
    batches = adapt(data, **options)
    found = [x for number in numbers for x, _ in batches.epoch(number, start)]
    batches.close()
    return found


@pytest.mark.parametrize(("workers", "processes"), [(0, False), (3, False), (2, True)])
def test_random_layers_give_the_batches_of_one_worker(workers: int, processes: bool, backend: Any) -> None:
    wanted = pictures(Augmented(), 0, 1, shuffle=True, seed=2)
    found = pictures(Augmented(workers, processes), 0, 1, shuffle=True, seed=2)
    np.testing.assert_array_equal(found, wanted)
    assert len({x.tobytes() for x in found}) == 10


def test_random_layers_go_on_in_the_middle_of_an_epoch() -> None:
    np.testing.assert_array_equal(pictures(Augmented(), 1, start=3), pictures(Augmented(), 1)[3:])


def test_random_layers_in_a_generator(backend: Any) -> None:
    def generator(layer: Any) -> Any:
        for _ in range(4):
            images = layer(np.arange(128.0, dtype="float32").reshape(2, 8, 8, 1))
            assert isinstance(images, np.ndarray)
            yield images, np.zeros((2, 1), "float32")

    first, second = (pictures(generator(Augmented().layer), 0) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len({x.tobytes() for x in first}) == 4
