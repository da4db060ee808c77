"""`Function` and `Operation`: graphs as functions, and ops with settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops

X = np.ones((2, 3), "float32")


class Scale(hilevel.Operation):
    def __init__(self, factor: float, *, shift: float = 0.0, name: str | None = None) -> None:
        super().__init__(name=name)
        self.factor, self.shift = factor, shift

    def call(self, x: Any) -> Any:
        return self.factor * x + self.shift


class Both(hilevel.Operation):
    def call(self, x: Any, y: Any = None) -> Any:
        return x + y, x - y

    def compute_output_spec(self, x: Any, y: Any = None) -> Any:
        return hilevel.KerasTensor(x.shape, x.dtype), hilevel.KerasTensor(x.shape, "int32")


def test_an_operation(backend: Any) -> None:
    scale = Scale(2.0, name="s")
    np.testing.assert_array_equal(ops.convert_to_numpy(scale(X)), 2 * X)
    with pytest.raises(AttributeError, match="not called"):
        _ = scale.output
    x = layers.Input((3,))
    y = scale(x)
    assert (y.shape, scale.input, scale.output) == ((None, 3), x, y) or (
        scale.input is x and scale.output is y
    )
    both = Both()
    a, b = both(x, y=y)
    assert (a.dtype, b.dtype) == ("float32", "int32")
    assert [t is u for t, u in zip([*both.input, *both.output], [x, y, a, b], strict=True)] == [True] * 4
    assert isinstance(layers.Dense(1), hilevel.Operation)
    with pytest.raises(ValueError, match="'/'"):
        Both(name="a/b")


def test_configs_of_operations() -> None:
    config = Scale(2.0, name="s").get_config()
    assert config == {"factor": 2.0, "shift": 0.0, "name": "s"}
    assert Scale.from_config(config).get_config() == config

    class Star(hilevel.Operation):
        def __init__(self, *args: Any, name: str | None = None) -> None:
            super().__init__(name=name)

    class Own(Scale):
        def get_config(self) -> Any:
            return super().get_config() | {"factor": self.factor}

    assert Own(3.0, name="o").get_config() == {"name": "o", "factor": 3.0}
    for wrong in (Star(1), Scale(object())):  # type: ignore[arg-type]
        with pytest.raises(NotImplementedError, match="get_config"):
            wrong.get_config()


def test_a_model_with_an_operation_is_saved(tmp_path: Path, backend: Any) -> None:
    x = layers.Input((3,))
    model = hilevel.Model(x, layers.Dense(1)(Scale(2.0, shift=1.0)(x)))
    model.save(tmp_path / "model.hilevel")
    with hilevel.saving.custom_object_scope({"Scale": Scale}):
        again = hilevel.models.load_model(tmp_path / "model.hilevel")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_function(backend: Any) -> None:
    x, y = hilevel.KerasTensor((2, 3)), hilevel.KerasTensor((2, 3))
    total = ops.add(x, y)
    function = hilevel.Function({"x": x, "y": y}, {"a": total * 3, "b": total**2}, name="f")
    found = function({"x": X, "y": X})
    assert {k: float(v[0, 0]) for k, v in found.items()} == {"a": 6.0, "b": 4.0}
    again = function({"x": hilevel.KerasTensor((2, 3)), "y": hilevel.KerasTensor((2, 3))})
    assert isinstance(again["a"], hilevel.KerasTensor)
    assert function.name == "f"
    assert function.compute_output_shape({"x": (2, 3), "y": (2, 3)}) == {"a": (2, 3), "b": (2, 3)}
    for wrong in (X, {"x": X}, {"x": X[:1], "y": X}, {"x": X[0], "y": X}):
        with pytest.raises(ValueError, match=r"function|inputs"):
            function(wrong)


def test_a_function_of_results_in_the_middle(backend: Any) -> None:
    x = layers.Input((3,))
    b = x * 2 + 1
    function = hilevel.Function(b, b**2)
    assert [operation.name for operation in function.operations] == ["power"]
    assert float(function(3 * X)[0, 0]) == 9.0
    for inputs, outputs in (([], x), (x, [])):
        with pytest.raises(ValueError, match="must not be empty"):
            hilevel.Function(inputs, outputs)
