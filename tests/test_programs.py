"""Programs as users type them: tutorials for Keras with another import, on every backend."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel

FOLDER = Path(__file__).parent / "data" / "programs"


def digits() -> Any:
    """Return 600 images of 28 x 28 pixels in the format of MNIST. The class is the place of a bright column."""
    labels = np.random.default_rng(0).integers(0, 10, 600).astype("uint8")
    images = np.zeros((600, 28, 28), "uint8")
    for image, label in zip(images, labels, strict=True):
        image[2 * label : 2 * label + 3] = 200
    return (images[:500], labels[:500]), (images[500:], labels[500:])


def run(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a program, and return its global names."""
    hilevel.utils.set_random_seed(0)
    monkeypatch.setattr(hilevel.datasets.mnist, "load_data", digits)
    return runpy.run_path(str(FOLDER / f"{name}.py"))


def test_linear_regression(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("linear_regression", monkeypatch)
    assert float(found["predictions"][0, 0]) == pytest.approx(4.0, abs=0.3)


@pytest.mark.parametrize("name", ["mnist_convolution", "mnist_unscaled"])
def test_digits(name: str, backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(name, monkeypatch)
    x, y = found.get("X_test", found.get("x_test")), found.get("Y_test", found.get("y_test"))
    assert found["model"].evaluate(x, y, verbose=0)[1] > 0.9


def test_recurrent_regression(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run("recurrent_regression", monkeypatch)
    assert found["predictions"].shape == (1, 1) and np.isfinite(found["predictions"]).all()
