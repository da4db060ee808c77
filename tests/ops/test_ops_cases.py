"""Every op, on every backend: its value, its gradient, the gradient of that, its shape and dtype."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np
import pytest
from op_cases import CASES, IDS, Case

import hilevel
from hilevel import ops, tree
from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.spec import TensorSpec
from hilevel.testing import check_gradients

BY_ID = dict(zip(IDS, CASES, strict=True))


def cases(wanted: Callable[[Case], bool] = lambda c: True) -> Any:
    return pytest.mark.parametrize("c", [pytest.param(c, id=i) for i, c in BY_ID.items() if wanted(c)])


def among_first(n: int, c: Case) -> bool:
    """Whether it is one of the first cases of its op. Compiling takes time: JAX gets a choice of the cases."""
    same = [other for other in CASES if other.name == c.name]
    return any(other is c for other in same[:n])


def eager_on_jax(c: Case) -> bool:
    """A case of each primitive, and of what cannot be compiled; all else is made of primitives."""
    return among_first(1, c) and (isinstance(attrgetter(c.name)(ops), ops.Op) or not c.traceable)


def arrays_of(c: Case, backend: Any, floats: str = "float32") -> list[Any]:
    return [backend.asarray(a.astype(floats) if a.dtype.kind == "f" else a) for a in c.arrays]


def check_values(found: Any, expected: Any, rtol: float) -> None:
    found, expected = tree.flatten(found), tree.flatten(expected)
    assert len(found) == len(expected)
    for mine, right in zip(found, expected, strict=True):
        if isinstance(right, str) or right is None:
            assert mine == right or callable(mine)
            continue
        mine = ops.convert_to_numpy(mine)
        assert mine.shape == np.shape(right)
        np.testing.assert_allclose(mine, right, rtol=rtol, atol=rtol / 10)


def test_every_op_has_a_case() -> None:
    public = set(ops.__all__) - {"Op", "Composite", "op", "composite", "numpy", "nn", "linalg", "image"}
    public |= {f"image.{name}" for name in ops.image.__all__}
    assert public == {c.name for c in CASES}


@cases()
def test_value_on_numpy(c: Case) -> None:
    with hilevel.use_backend("numpy") as backend:
        check_values(c.run(arrays_of(c, backend)), c.reference(), rtol=2e-5)


@cases(eager_on_jax)
def test_value_on_jax(c: Case) -> None:
    pytest.importorskip("jax")
    with hilevel.use_backend("jax") as backend:
        check_values(c.run(arrays_of(c, backend)), c.reference(), rtol=2e-5)


@cases(lambda c: bool(c.order and c.floats))
def test_gradient_by_finite_differences(c: Case) -> None:
    with hilevel.use_backend("numpy"):
        check_gradients(lambda *arrays: c.run(arrays), *c.arrays, order=c.order)


def weighted_sum(result: Any) -> Any:
    """One number that depends on every float of a result, unevenly."""
    floats = [y for y in tree.flatten(result) if np.dtype(y.dtype).kind == "f"]
    total = 0.0
    for y in floats:
        weights = np.cos(np.arange(1, y.size + 1)).reshape(tuple(y.shape))
        total += ops.sum(y * ops.convert_to_tensor(weights))
    return total


def loss_of(c: Case, arrays: Any) -> Callable[..., Any]:
    """The case as a function of its floats to one number."""

    def loss(*floats: Any) -> Any:
        own = iter(floats)
        return weighted_sum(c.run([next(own) if i in c.floats else a for i, a in enumerate(arrays)]))

    return loss


def by_engine(c: Case, arrays: Any) -> list[Any]:
    sources = [arrays[i] for i in c.floats]
    return list(hilevel.grad(loss_of(c, arrays), argnums=tuple(range(len(sources))))(*sources))


def by_tape(c: Case, arrays: Any) -> list[Any]:
    with hilevel.GradientTape() as tape:
        sources = tape.watch([arrays[i] for i in c.floats])
        loss = loss_of(c, arrays)(*sources)
    return tape.gradient(loss, sources, unconnected_gradients="zero")


@cases(lambda c: c.traceable and c.name != "dtype" and among_first(2, c))
def test_compiled_on_jax(c: Case) -> None:
    """Compiled once: the value, JAX's own gradient, and the shared rules' gradient, all in float64."""
    pytest.importorskip("jax")
    smooth = bool(c.order and c.floats)

    def step(*arrays: Any) -> Any:
        if not smooth:
            return c.run(arrays), [], []
        return c.run(arrays), by_engine(c, arrays), by_tape(c, arrays)

    with hilevel.use_backend("jax") as backend:
        value, engine, tape = hilevel.jit(step)(*arrays_of(c, backend, "float64"))
        check_values(value, c.reference(), rtol=1e-6)
        check_values(tape, [np.asarray(g) for g in engine], rtol=1e-9)
    if smooth:
        with hilevel.use_backend("numpy"):
            check_values(by_tape(c, c.arrays), [np.asarray(g) for g in engine], rtol=1e-9)


@cases(lambda c: c.traceable and c.name not in ("cond", "while_loop"))
def test_compiled_on_numpy(c: Case) -> None:
    with hilevel.use_backend("numpy") as backend:
        arrays = arrays_of(c, backend)
        compiled = hilevel.jit(lambda *a: c.run(a))(*arrays)
        check_values(
            compiled,
            [np.asarray(y) if hasattr(y, "dtype") else y for y in tree.flatten(c.run(arrays))],
            0,
        )


def signature(result: Any) -> list[Any]:
    return [(tuple(y.shape), np.dtype(y.dtype).name) for y in tree.flatten(result) if hasattr(y, "dtype")]


def abstract_run(c: Case, dtypes: dict[str, str]) -> Any:
    with scope(interpreter=SHAPES):
        return c.run([TensorSpec(a.shape, dtypes.get(a.dtype.kind, a.dtype)) for a in c.arrays])


@cases(lambda c: c.abstract)
def test_shape_rule(c: Case) -> None:
    with hilevel.use_backend("numpy") as backend:
        assert signature(abstract_run(c, {"f": "float32"})) == signature(c.run(arrays_of(c, backend)))


CASTS = ["float64", "float16", "int32", "bool"]
NO_BOOLEANS = {"negative", "subtract", "sign"}


@pytest.mark.parametrize("dtype", CASTS)
@cases(lambda c: c.abstract and bool(c.floats) and c.traceable and among_first(1, c))
def test_dtype_rule(c: Case, dtype: str) -> None:
    """Whatever dtype goes in, NumPy, JAX and the shape rule say the same dtype comes out, or all refuse."""
    jax = pytest.importorskip("jax")
    with np.errstate(all="ignore"):
        outcomes = {"abstract": outcome(lambda: abstract_run(c, {"f": dtype}))}
        for name in ("numpy", "jax"):
            with hilevel.use_backend(name):
                arrays = [a.astype(dtype) if a.dtype.kind == "f" else a for a in c.arrays]
                run = c.run if name == "numpy" else lambda a: jax.eval_shape(lambda *x: c.run(x), *a)
                outcomes[name] = outcome(lambda run=run, arrays=arrays: run(arrays))
    assert outcomes["numpy"] == outcomes["jax"]
    if outcomes["numpy"] != "refused":
        assert outcomes["abstract"] == outcomes["numpy"]


def outcome(run: Callable[[], Any]) -> Any:
    try:
        return signature(run())
    except (TypeError, ValueError):
        return "refused"
