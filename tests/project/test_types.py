"""What type checkers say of a user's program: classes, and arguments that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
from typing import Any

import hilevel
from hilevel import layers

x = hilevel.Input((4,))
dense: int = layers.Dense(3)
units: str = layers.Dense(3).units
sequential: int = hilevel.Sequential([x, layers.Dense(3)])
model = hilevel.Model(x, layers.Dense(1)(x))
history: int = model.fit([[1.0]], [[1.0]])


class Own(hilevel.Model):
    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = layers.Dense(units)


own: int = Own(3).inner
Own("three")
layers.Dense("three", activashun=3)
layers.Conv2D(2, 3, stride=2)
layers.LSTM(3, recurent_dropout=0.5)
layers.Dense(3, name="mine", dtype="float32", trainable=False, input_shape=(4,))
layers.Dropout(0.5, activity_regularizer="l2")
layers.Dense()
"""
EXPECTED = [
    (8, 'Incompatible types in assignment (expression has type "Dense"'),
    (9, 'Incompatible types in assignment (expression has type "int", variable has type "str")'),
    (10, 'Incompatible types in assignment (expression has type "Sequential"'),
    (12, 'Incompatible types in assignment (expression has type "History"'),
    (21, 'Incompatible types in assignment (expression has type "Dense"'),
    (22, 'Argument 1 to "Own" has incompatible type "str"; expected "int"'),
    (23, 'Unexpected keyword argument "activashun" for "Dense"'),
    (23, 'Argument 1 to "Dense" has incompatible type "str"; expected "int"'),
    (24, 'Unexpected keyword argument "stride" for "Conv2D"'),
    (25, 'Unexpected keyword argument "recurent_dropout" for "LSTM"'),
    (28, 'Missing positional argument "units" in call to "Dense"'),
]


@pytest.mark.slow
def test_mypy_on_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = pytest.importorskip("mypy.api")
    monkeypatch.setenv("MYPYPATH", f"{ROOT}:{ROOT / 'backends'}")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    arguments = ["--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}", str(program)]
    printed, wrong, _ = api.run(arguments)
    assert wrong == ""
    errors = [line for line in printed.splitlines() if "program.py" in line and "error:" in line]
    assert len(errors) == len(EXPECTED), printed
    for error, (line, text) in zip(errors, EXPECTED, strict=True):
        assert f"program.py:{line}: error: {text}" in error
