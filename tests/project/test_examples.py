"""The programs of examples/, in a short form, on NumPy and JAX; each checks its own result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORT = {
    "linear_regression": "--epochs 600",
    "logistic_regression": "--epochs 300",
    "house_prices": "--epochs 1500",
    "sigmoid_network": "--epochs 4",
    "mnist_one_hot": "--epochs 4",
    "mnist_integer": "--epochs 2",
    "mnist_cnn": "--epochs 2",
    "sequences": "--epochs 5",
    "attention": "--epochs 2",
    "gan": "--epochs 2",
    "text_classifier": "--epochs 1",
    "gradient_checking": "",
    "quickstart": "--epochs 2",
}


def test_every_example_is_run() -> None:
    assert {p.stem for p in EXAMPLES.glob("*.py")} == set(SHORT) | {"options"}


ON_JAX = ["gan", "gradient_checking", "mnist_cnn", "sequences", "text_classifier"]
"""The examples that run on JAX, too. Compilation takes seconds."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "backend"), [*((name, "numpy") for name in SHORT), *((name, "jax") for name in ON_JAX)]
)
def test_an_example_does_what_it_says(name: str, backend: str, tmp_path: Path) -> None:
    environment = {
        **os.environ, "HILEVEL_BACKEND": backend, "HILEVEL_HOME": str(tmp_path), "KERAS_HOME": str(tmp_path),
        "MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "JAX_DISABLE_MOST_OPTIMIZATIONS": "0",
        "XLA_FLAGS": "",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), *SHORT[name].split()],
        capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and ("As it should be" in done.stdout or name == "quickstart")
