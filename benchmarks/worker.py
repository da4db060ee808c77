"""One contender on one workload: trains an epoch for each line that it reads, and writes how long that took.

The first answer is the time to the first step in seconds: the model is made, compiled, and trained on one batch. From
then on each answer is the milliseconds of a step, the mean of an epoch. The first epoch is there to warm up.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

from contenders import CONTENDERS
from workloads import WORKLOADS


def answer(value: Any) -> None:
    """Write a line to who asked."""
    os.write(ANSWERS, (json.dumps(value) + "\n").encode())


def main(contender: str, name: str) -> None:
    """Answer requests until there are none."""
    workload = WORKLOADS[name]
    x, y = workload.data()
    begin = time.perf_counter()
    train = CONTENDERS[contender].program(name)
    train(x[: workload.batch], None if y is None else y[: workload.batch])
    answer(time.perf_counter() - begin)
    for _ in sys.stdin:
        begin = time.perf_counter()
        train(x, y)
        answer((time.perf_counter() - begin) / workload.steps * 1e3)


if __name__ == "__main__":
    ANSWERS = os.dup(1)
    os.dup2(2, 1)  # what a framework prints is no answer
    main(*sys.argv[1:])
