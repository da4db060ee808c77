"""Ops that a user defines: what is a tensor, and whose forms a backend takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops
from hilevel.engine.protocol import Override
from hilevel.engine.types import Tensor


@ops.op(dtype="float")
def leaky_relu(xp: Any, x: Any) -> Any:
    return x * 0 + 42


@ops.op(dtype="float")
def softmax(xp: Any, x: Any) -> Any:
    return x * 0 + 7


@ops.op(dtype="float")
def softplus(xp: Any, x: Any) -> Any:
    return x * 0 + 9


@pytest.mark.parametrize(("op", "expected"), [(leaky_relu, 42), (softmax, 7), (softplus, 9)])
def test_an_op_with_the_name_of_another_is_not_replaced(backend: Any, op: Any, expected: float) -> None:
    for function in (op, hilevel.jit(op)):
        assert float(ops.convert_to_numpy(function(np.ones(1)))[0]) == expected


def _define(annotation: Any) -> Any:
    def scaled(xp: Any, x: Any, *, factor: float = 2.0) -> Any:
        return x * factor

    scaled.__annotations__["x"] = annotation
    op = ops.op(scaled, dtype="float")
    op.gradient(lambda xp, g, y, x, factor=2.0: g * 100)
    op.shape(lambda x, factor=2.0: x)
    return op


@pytest.mark.parametrize("annotation", [Any, Tensor, "Tensor", np.ndarray, None])
def test_a_gradient_is_used_whatever_the_annotation_is(backend: Any, annotation: Any) -> None:
    op = _define(annotation)
    assert float(op(3.0)) == 6.0
    assert float(op(3.0, 4.0)) == float(op(x=3.0, factor=4.0)) == 12.0
    with hilevel.GradientTape() as tape:
        x = tape.watch(ops.convert_to_tensor(3.0))
        y = op(x, factor=4.0)
    assert (float(y.numpy()), float(tape.gradient(y, x))) == (12.0, 100.0)
    assert op(hilevel.Input((2,)), factor=3.0).shape == (None, 2)


def test_parameters_without_a_mark_are_tensors() -> None:
    @ops.op
    def added(xp: Any, x: Any, y: Any = None) -> Any:
        return x if y is None else x + y

    @ops.op
    def powered(xp: Any, x: Any, /, exponent: int = 2) -> Any:
        assert isinstance(exponent, int)
        return x**exponent

    assert (added.arity, powered.arity, ops.matmul.arity, ops.sum.arity) == (2, 1, 2, 1)
    assert (float(added(1.0, 2.0)), float(added(1.0))) == (3.0, 1.0)
    assert (float(powered(3.0, 3)), float(powered(3.0, exponent=1))) == (27.0, 3.0)
    assert str(powered.__signature__) == "(x: 'Any', exponent: 'int' = 2) -> 'Any'"


def test_a_backend_takes_a_form_of_its_own_for_an_op(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    op = _define(Any)
    monkeypatch.setitem(backend.overrides, op, Override(lambda xp, x, factor=2.0: x - factor))
    assert float(op(3.0)) == 1.0
    with hilevel.use_backend("jax" if backend.name == "numpy" else "numpy"):
        assert float(op(3.0)) == 6.0


def test_forms_of_backends_are_of_ops() -> None:
    """Every form in a backend's modules belongs to an op of the module that is named."""
    for name in ("numpy", "jax"):
        backend = hilevel.get_backend(name)
        for module, family in backend.overrides.families.items():
            forms = __import__(family, fromlist=["OVERRIDES"]).OVERRIDES
            assert forms
            for op, form in forms.items():
                assert isinstance(op, ops.Op) and op.__module__ == module, (family, op)
                assert isinstance(form, Override)
                assert backend.overrides[op] is form
