"""The NumPy backend's fast forms give the results of the ops' plain ones; its threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hilevel_numpy import threads

# -- threads -------------------------------------------------------------------------------------------


@pytest.fixture(params=[1, 2, 4])
def many(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The test runs with so many threads."""
    monkeypatch.setattr(threads, "count", lambda: request.param)
    return request.param


def blas_threads() -> int | None:
    return threads._blas.get_threads() if threads._blas.get_threads else None


def test_parts_give_their_results_in_order(many: int) -> None:
    before = blas_threads()

    def part(i: int) -> tuple[int, str, int | None]:
        time.sleep(0.002 * (i % 3))
        return i, threading.current_thread().name, blas_threads()

    found = threads.parallel(part, range(12))
    assert [i for i, _, _ in found] == list(range(12))
    assert 1 <= len({name for _, name, _ in found}) <= many
    assert {n for _, _, n in found} <= {1, None}
    assert blas_threads() == before
    assert threads.parallel(part, []) == []


def test_several_threads_do_work_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "count", lambda: 3)
    meet = threading.Barrier(3, timeout=30)
    assert sorted(threads.parallel(lambda i: meet.wait(), range(3))) == [0, 1, 2]


def test_inside_a_part_everything_runs_in_its_thread(many: int) -> None:
    def part(i: int) -> bool:
        inner = threads.parallel(lambda j: threading.get_ident(), range(5))
        return set(inner) == {threading.get_ident()}

    assert all(threads.parallel(part, range(8)))


def test_threads_of_the_users_own(many: int) -> None:
    found: dict[int, list[int]] = {}

    def run(k: int) -> None:
        for _ in range(20):
            found[k] = threads.parallel(lambda i: i * k, range(10))

    own = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in own:
        thread.start()
    for thread in own:
        thread.join()
    assert found == {k: [i * k for i in range(10)] for k in range(4)}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_error_of_the_earliest_part_is_raised(many: int, error: type[BaseException]) -> None:
    before = blas_threads()

    def part(i: int) -> int:
        time.sleep(0.001)
        if i in (1, 2):
            raise error(i)
        return i

    with pytest.raises(error) as caught:
        threads.parallel(part, range(20))
    assert caught.value.args[0] in ((1, 2) if many > 1 else (1,))
    assert blas_threads() == before
    assert threads.parallel(lambda i: i, range(3)) == [0, 1, 2]


def test_parts_have_the_callers_settings(many: int) -> None:
    with np.errstate(divide="ignore"):
        found = threads.parallel(lambda i: np.ones(1) / np.zeros(1), range(8))
    assert np.isinf(found).all()
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        threads.parallel(lambda i: np.ones(1) / np.zeros(1), range(8))


def test_scratch_belongs_to_a_thread(many: int) -> None:
    def part(i: int) -> bool:
        mine = threads.scratch("test", (3, i + 1), np.dtype("float32"))
        mine[...] = i
        time.sleep(0.001)
        return mine.shape == (3, i + 1) and bool((mine == i).all())

    assert all(threads.parallel(part, range(8)))


def run_python(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_how_many_threads() -> None:
    ask = "from hilevel_numpy import threads; print(threads.count())"
    assert run_python(ask, HILEVEL_NUM_THREADS="3") == "3\n"
    assert 1 <= int(run_python(ask, HILEVEL_NUM_THREADS="")) <= threads.MOST
    with pytest.raises(AssertionError, match="must be a positive integer; got 'many'"):
        run_python(ask, HILEVEL_NUM_THREADS="many")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_process_has_threads_of_its_own() -> None:
    code = """
import os, threading, warnings
from hilevel_numpy import threads
warnings.simplefilter("ignore")
meet = lambda: threads.parallel(lambda i, barrier=threading.Barrier(2, timeout=20): barrier.wait(), range(2))
meet()
child = os.fork()
if not child:
    meet()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run_python(code, HILEVEL_NUM_THREADS="2") == "7\n"


def test_imports_cost_no_threads() -> None:
    assert (
        run_python("import threading, hilevel.layers, hilevel_numpy.threads; print(threading.active_count())")
        == "1\n"
    )


def test_an_exit_does_not_wait_for_threads(many: Any) -> None:
    code = "from hilevel_numpy import threads; print(threads.parallel(lambda i: i, range(4)))"
    assert run_python(code, HILEVEL_NUM_THREADS=str(many)) == "[0, 1, 2, 3]\n"
