"""A process that saves models again and again, until it is killed: `python savers.py FOLDER [LIMIT]`.

With a limit of the size of files in bytes, as on a full disk, it saves each once and prints the errors.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

import hilevel

NAMES = ("m.hilevel", "m.keras", "m.weights.npz", "m.weights.h5", "m.safetensors", "m.weights.json")


def model(value: float, width: int = 300) -> Any:
    """Return a model of four arrays, whose values are all equal."""
    made = hilevel.Sequential([hilevel.Input((width,)), *(hilevel.layers.Dense(width) for _ in range(2))])
    made.set_weights([np.full(w.shape, value, "float32") for w in made.weights])
    return made


def save(made: Any, path: Path) -> None:
    if path.suffix in (".hilevel", ".keras"):
        made.save(path)
    else:
        made.save_weights(path, max_shard_size=400_000 / 2**30 if path.suffix == ".json" else None)


def load(path: Path) -> set[float]:
    """Return the values of a file. A whole one has one value."""
    if path.suffix in (".hilevel", ".keras"):
        made = hilevel.saving.load_model(path)
    else:
        made = model(0.0)
        made.load_weights(path)
    return {float(v) for w in made.weights for v in np.unique(w.numpy())}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    models = [model(1.0), model(2.0)]
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
        for name in NAMES:
            try:
                save(models[1], folder / name)
            except OSError as error:
                print(name, type(error).__name__, error.errno)
    else:
        print("ready", flush=True)
        for i in range(100_000):
            for name in NAMES:
                save(models[i % 2], folder / name)
