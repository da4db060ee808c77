"""Programs of packages around Keras, run by `nox -s clients`. The report has the numbers of each package."""

from __future__ import annotations

import collections
import importlib.metadata
from typing import Any

import pytest

PACKAGES = {
    "check_keras_tuner": "keras-tuner", "check_scikeras": "scikeras", "check_keras_hub": "keras-hub",
    "check_keras_tcn": "keras-tcn", "check_quantizers": "quantizers", "check_trackers": "mlflow-skinny",
}  # fmt: skip
"""The distributions by the file of their tests."""


@pytest.fixture(scope="session", autouse=True)
def _hilevel_is_keras() -> None:
    """Check that the hook gives `keras`, also if Keras itself is installed."""
    import keras

    import hilevel

    assert keras.__version__.endswith("+hilevel") and keras.layers.Dense is hilevel.layers.Dense
    assert importlib.metadata.version("keras").startswith("3.")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print a table: tests that passed, and all tests, of each package."""
    passed: collections.Counter[str] = collections.Counter()
    total: collections.Counter[str] = collections.Counter()
    for outcome in ("passed", "failed", "error", "xfailed"):
        for report in terminalreporter.stats.get(outcome, []):
            file = report.nodeid.partition(".py")[0].rpartition("/")[2]
            passed[file] += outcome == "passed"
            total[file] += 1
    import hilevel

    for file, number in total.items():
        name = PACKAGES.get(file, file)
        version = importlib.metadata.version(name) if file in PACKAGES else ""
        terminalreporter.write_line(
            f"| {name} {version} | {hilevel.current_backend().name} | {passed[file]} of {number} |"
        )
