"""The CuPy backend, on a stand-in for CuPy (fake_cupy.py); with `-m gpu` on a real device."""

from __future__ import annotations

import ast
import importlib
import pathlib
import sys
from typing import Any

import fake_cupy
import numpy as np
import pytest
from test_ops_cases import Case, arrays_of, cases, check_values

import hilevel
from hilevel import layers, ops, random, tree
from hilevel.engine import backends, protocol
from hilevel.errors import BackendNotAvailableError
from hilevel.testing import check_backend, check_gradients
from hilevel.training.state import step_of

ROOT = pathlib.Path(hilevel.__file__).parents[1]


@cases()
def test_op(cupy: Any, c: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of arrays on the device and on the host, results on the device, and gradients.

    Compiled gradients are not fused: on the stand-in a C compiler takes longer for the kernels than the tests.
    """
    monkeypatch.setattr(cupy, "fuse", protocol.Backend.fuse.__get__(cupy))
    result = c.run(arrays_of(c, cupy))
    if c.name != "convert_to_numpy":
        assert not any(isinstance(y, (np.ndarray, np.generic)) for y in tree.flatten(result))
    check_values(result, c.reference(), rtol=2e-5)
    if c.name != "is_tensor":
        check_values(c.run(c.arrays), c.reference(), rtol=1e-6)
    if c.order and c.floats:
        check_gradients(lambda *arrays: c.run(arrays), *c.arrays, order=c.order)


def test_conformance(cupy: Any) -> None:
    check_backend(cupy)


@pytest.mark.parametrize("reduction", ["add", "max", "min"])
def test_scatter_by_functions_that_cupy_keeps(cupy: Any, reduction: str) -> None:
    """CuPy 14 deprecates `cupyx.scatter_add` and its like, and so does the stand-in; warnings are errors here."""
    x, key, updates = np.zeros(4, "float32"), np.array([1, 1, 3]), np.array([2, 3, -1], "float32")
    found = cupy.scatter(cupy.asarray(x), cupy.asarray(key), cupy.asarray(updates), reduction)
    wanted = {"add": [0, 5, 0, -1], "max": [0, 3, 0, 0], "min": [0, 0, 0, -1]}[reduction]
    assert cupy.to_numpy(found).tolist() == wanted


def test_the_stand_in_warns_as_cupy_does() -> None:
    with fake_cupy.stand_in():
        cupy, cupyx = importlib.import_module("cupy"), importlib.import_module("cupyx")
        x = cupy.asarray(np.zeros(2))
        with pytest.warns(DeprecationWarning, match=r"cupyx\.scatter_add is deprecated"):
            cupyx.scatter_add(x, cupy.asarray(np.array([1, 1])), cupy.asarray(np.ones(2)))
        assert x.get().tolist() == [0, 2]
        with pytest.raises(NotImplementedError):
            cupy.multiply.at(x, cupy.asarray(np.array([0])), cupy.asarray(np.ones(1)))


@pytest.mark.parametrize("dtype", ["int64", "int8", "float16", "bool"])
@pytest.mark.parametrize("reduction", ["add", "max", "min", "mul"])
def test_scatter_where_the_gpu_has_no_atomics(cupy: Any, dtype: str, reduction: str) -> None:
    x, key, updates = (
        np.ones(3).astype(dtype),
        np.array([0, 0, 2]),
        np.array([2, 0, 1]).astype(dtype),
    )
    found = cupy.scatter(cupy.asarray(x), cupy.asarray(key), cupy.asarray(updates), reduction)
    with hilevel.use_backend("numpy") as host:
        np.testing.assert_array_equal(cupy.to_numpy(found), host.scatter(x, key, updates, reduction))


def test_training_step(cupy: Any) -> None:
    """A step with dropout and a fused loss, and the same with NumPy."""

    def steps() -> list[float]:
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(8, 4)).astype("float32"), rng.integers(0, 3, 8)
        w, b = (
            hilevel.Variable(rng.normal(size=(4, 3)), dtype="float32"),
            hilevel.Variable(np.zeros(3, "float32")),
        )
        seed = random.SeedGenerator(3)

        def loss() -> Any:
            h = ops.dense(random.dropout(x, 0.2, seed=seed), w, b, activation="tanh")
            return ops.mean(ops.sparse_categorical_crossentropy(y, h, from_logits=True))

        losses = []
        for _ in range(3):
            value, grads = hilevel.value_and_grad(loss, variables=[w, b])()
            for v, g in zip((w, b), grads, strict=True):
                v.assign_sub(0.5 * g)
            losses.append(float(ops.convert_to_numpy(value)))
        return losses

    there = steps()
    with hilevel.use_backend("numpy"):
        np.testing.assert_allclose(there, steps(), rtol=1e-5)


def test_moving_between_backends(cupy: Any) -> None:
    v = hilevel.Variable([1.0, 2.0])
    assert cupy.is_array(v.value)
    assert isinstance(v.to("numpy").value, np.ndarray)
    pytest.importorskip("jax")
    np.testing.assert_array_equal(v.to("jax").to(cupy).numpy(), [1.0, 2.0])


def test_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_driver() -> int:
        raise fake_cupy.CUDARuntimeError("cudaErrorNoDevice")

    with fake_cupy.stand_in():
        monkeypatch.setattr(sys.modules["cupy"].cuda.runtime, "getDeviceCount", no_driver)
        with pytest.raises(BackendNotAvailableError, match="finds no CUDA device: cudaErrorNoDevice"):
            backends.get_backend("cupy")


# -- does CuPy have what is asked of it -------------------------------------------------------------


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def attributes(folder: str, roots: tuple[str, ...]) -> set[str]:
    """All `root.name` in the Python files of a folder."""
    trees = [ast.parse(p.read_text()) for p in (ROOT / folder).rglob("*.py")]
    names = {dotted(n) for t in trees for n in ast.walk(t) if isinstance(n, ast.Attribute)}
    return {n for n in names if n.split(".")[0] in roots}


def test_cupy_has_every_name_that_is_used() -> None:
    api = fake_cupy.API
    used = {n.split(".")[1] for n in attributes("backends/hilevel_cupy", ("cupy",))}
    used |= {
        n.split(".")[1] for folder in ("hilevel/ops", "hilevel/random") for n in attributes(folder, ("xp",))
    }
    assert len(used) > 60
    assert used <= {*api["cupy"], "__version__"}
    assert {n.split(".")[1] for n in attributes("backends/hilevel_cupy", ("cupyx",))} <= set(api["cupyx"])


def test_stand_in_is_as_strict() -> None:
    x = fake_cupy.asarray(np.ones(2))
    for refused in (
        lambda: x + np.ones(2), lambda: np.ones(2) + x, lambda: np.exp(x) + np.ones(2), lambda: np.asarray(x),
        lambda: np.concatenate([x, x]), lambda: fake_cupy._attribute("add")(x, np.ones(2)),
        lambda: fake_cupy._attribute("zeros_like")(1.0), lambda: fake_cupy._attribute("sort")(x, stable=True),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            refused()
    with pytest.raises(AttributeError):
        fake_cupy._attribute("unstack")
    assert (x * np.float32(2) + 1).get().tolist() == [3.0, 3.0]


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_training_step_is_replayed(cupy: Any, optimizer: str) -> None:
    x, y = np.random.default_rng(0).normal(size=(24, 6)).astype("float32"), np.arange(24) % 3

    def trained(jit: Any) -> Any:
        hilevel.set_random_seed(0)
        stack = [
            layers.Dense(5, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3),
        ]
        model = hilevel.Sequential(stack)
        loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss, metrics=["accuracy"], jit_compile=jit)
        return model, model.fit(x, y, batch_size=8, epochs=3, verbose=0).history

    (model, history), (_, wanted) = trained("auto"), trained(False)
    (form,) = step_of(model, "train").programs.compiled["cupy"].forms.values()
    assert form.program is not None, form.refused
    for name, values in wanted.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-6)
