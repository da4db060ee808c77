"""One thing measured in a fresh process, beside the training step: `python benchmarks/once.py WHAT CONTENDER`.

Writes a line of JSON when it is done: the result of the function of that name.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from contenders import CONTENDERS
from workloads import WORKLOADS

MLP = WORKLOADS["mlp"]


def trained(contender: str) -> bool:
    """Run twenty steps of the mlp. The caller measures the time from the start of the process."""
    CONTENDERS[contender].program("mlp")(*MLP.data(20))
    return True


def memory(contender: str) -> float:
    """Return the largest memory in MB, in a process that trains the mlp for an epoch of a hundred steps."""
    import resource

    CONTENDERS[contender].program("mlp")(*MLP.data(100))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)


def predict(contender: str) -> dict[str, float]:
    """Return the milliseconds of a prediction of the mlp, for one row and for 1024."""
    call = CONTENDERS[contender].predictor()
    x = np.random.default_rng(0).standard_normal((1024, 784), np.float32)
    return {"1": milliseconds(lambda: call(x[:1])), "1024": milliseconds(lambda: call(x))}


def milliseconds(call: Callable[[], Any], seconds: float = 1.0) -> float:
    """Return the median of the calls that fit into so many seconds, the first of them left out."""
    times, end = [], time.perf_counter() + seconds
    while (begin := time.perf_counter()) < end or len(times) < 20:
        call()
        times.append((time.perf_counter() - begin) * 1e3)
    return median(times[10:])


def loop(contender: str, rounds: int = 15) -> float:
    """Return the time of `fit` over the time of a loop by hand with the same step: the median of rounds in turn."""
    import hilevel
    from hilevel.training.state import step_of

    x, y = MLP.data(200)
    model = MLP.model(hilevel)
    fit = lambda: model.fit(x, y, batch_size=MLP.batch, verbose=0)
    fit()
    step = step_of(model, "train").run

    def by_hand() -> None:
        model.reset_metrics()
        order = np.random.permutation(len(x))
        for start in range(0, len(x), MLP.batch):
            rows = order[start : start + MLP.batch]
            logs = step((x[rows], y[rows], None))
        float(logs["loss"])

    by_hand()
    return median(ratio_of_times(fit, by_hand) for _ in range(rounds))


def ratio_of_times(one: Callable[[], Any], other: Callable[[], Any]) -> float:
    """Return the ratio of two times."""
    begin = time.perf_counter()
    one()
    middle = time.perf_counter()
    other()
    return (middle - begin) / (time.perf_counter() - middle)


if __name__ == "__main__":
    what = {"trained": trained, "memory": memory, "predict": predict, "loop": loop}
    print(json.dumps(what[sys.argv[1]](sys.argv[2])), flush=True)
