"""What the examples share: their options, their check of themselves, and the digits they learn."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import hilevel


def options(about: str | None, epochs: int, **more: Any) -> argparse.Namespace:
    """`--backend`, `--epochs` and what else an example takes. The backend is set, and so is the seed."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--backend", help="numpy, jax or cupy; by default what HILEVEL_BACKEND says, else numpy"
    )
    parser.add_argument("--epochs", type=int, default=epochs, help=f"default: {epochs}")
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"default: {default}")
    chosen = parser.parse_args()
    if chosen.backend:
        hilevel.set_backend(chosen.backend)
    hilevel.set_random_seed(1)
    print(f"On {hilevel.current_backend().name}.")
    return chosen


def expect(condition: Any, what: str) -> None:
    """Say what came out, and stop with an error where it is not what it has to be."""
    print(f"{'As it should be' if condition else 'NOT AS IT SHOULD BE'}: {what}")
    if not condition:
        sys.exit(1)


def load_digits() -> Any:
    """MNIST where it has been downloaded (`hilevel.datasets.mnist.load_data()` does that), else the digits that are shipped.

    Images are floats from 0 to 1, of shape `(n, 28, 28)` or `(n, 8, 8)`; labels are integers from 0 to 9.
    """
    caches = [os.environ.get("HILEVEL_HOME") or "~/.hilevel", os.environ.get("KERAS_HOME") or "~/.keras"]
    if any((Path(cache).expanduser() / "datasets/mnist.npz").exists() for cache in caches):
        print("Data: MNIST, 28x28 pixels.")
        data, largest = hilevel.datasets.mnist.load_data(), 255
    else:
        print("Data: the 1,797 digits of 8x8 pixels that are shipped (MNIST is not downloaded).")
        data, largest = hilevel.datasets.digits.load_data(), 16
    (x_train, y_train), (x_test, y_test) = data
    return (x_train / largest, y_train), (x_test / largest, y_test)
