"""One contender on a GPU: `python benchmarks/gpu_worker.py CONTENDER WORKLOAD DEVICE`, served as by `worker.py`."""

from __future__ import annotations

import sys

from cards import timer
from gpu import contenders, sized
from worker import serve
from workloads import WORKLOADS

if __name__ == "__main__":
    contender, workload, device = sys.argv[1:]
    WORKLOADS |= sized(device)  # the programs look their sizes up there
    chosen = contenders(device)[contender]
    serve(chosen, workload, timer(chosen.needs[-1], device))
