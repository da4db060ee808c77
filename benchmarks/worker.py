"""One contender on one workload: trains an epoch for each line that it reads, and writes how long that took.

The first answer is the time to the first step in seconds: the model is made, compiled, and trained on one batch. From
then on each answer is the milliseconds of a step, the mean of an epoch. The first epoch is there to warm up.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any

from contenders import CONTENDERS, Contender
from workloads import WORKLOADS

Timer = Callable[[Callable[[], Any]], float]


def seconds(call: Callable[[], Any]) -> float:
    """Return the seconds of a call, by the clock."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def serve(contender: Contender, name: str, timer: Timer = seconds) -> None:
    """Serve requests until there are none.

    Args:
        contender: who trains.
        name: the name of the workload.
        timer: calls a function, and returns the seconds of its work.
    """
    answers = os.dup(1)
    os.dup2(2, 1)  # the output of a framework is no answer
    workload = WORKLOADS[name]
    x, y = workload.data()
    begin = time.perf_counter()
    train = contender.program(name)
    train(x[: workload.batch], None if y is None else y[: workload.batch])
    value = time.perf_counter() - begin
    os.write(answers, f"{value}\n".encode())
    for _ in sys.stdin:
        value = timer(lambda: train(x, y)) / workload.steps * 1e3
        os.write(answers, f"{value}\n".encode())


if __name__ == "__main__":
    serve(CONTENDERS[sys.argv[1]], sys.argv[2])
