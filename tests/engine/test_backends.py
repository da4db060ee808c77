"""Which backend is in force, how one is found, and whether one is complete."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel.engine import backends, protocol
from hilevel.errors import BackendNotAvailableError
from hilevel.testing import check_backend

DATA = pathlib.Path(__file__).parents[1] / "data"


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The toy backend, installed as a third party's package would be."""
    monkeypatch.syspath_prepend(str(DATA))
    yield hilevel.get_backend("counting")
    backends._loaded.pop("counting")


@pytest.mark.slow
def test_conformance(backend: Any) -> None:
    check_backend(backend.name)


def test_a_third_partys_backend(counting: Any) -> None:
    assert backends.entry_points()["counting"] == "toy_backend:Backend"
    check_backend("counting")
    counting.xp.calls.clear()
    with hilevel.use_backend("counting"):
        hilevel.grad(lambda x: hilevel.ops.sum(hilevel.ops.tanh(x)))(np.ones(3))
    assert counting.xp.calls["tanh"] == counting.xp.calls["sum"] == 1


class Broken(protocol.Backend):
    """Wrong in three ways."""

    name = "broken"
    xp = np
    array_types = (np.ndarray, np.generic)

    def to_numpy(self, x: Any) -> Any:
        return x

    def scatter(self, x: Any, index: Any, updates: Any, reduction: str | None = None) -> Any:
        x[index] = updates
        return x

    def philox(self, seed: Any, draw: Any, blocks: int) -> Any:
        return np.zeros(4 * blocks, np.uint64)


def test_failures_are_listed() -> None:
    with pytest.raises(AssertionError) as failure:
        check_backend(Broken())
    message = str(failure.value)
    assert message.startswith('The backend "broken" fails ')
    for title in (
        "Return copies from copy and to_numpy",
        "scatter with add gives",
        "philox(0, 0, 1) differs",
    ):
        assert title in message
    assert "Convert arrays from NumPy" not in message


def test_switching() -> None:
    pytest.importorskip("jax")
    assert hilevel.current_backend().name == "numpy"
    with hilevel.use_backend("jax"):
        assert hilevel.current_backend().name == "jax"
        with hilevel.use_backend("numpy"):
            assert hilevel.current_backend().name == "numpy"
        assert hilevel.current_backend().name == "jax"
    hilevel.set_backend("jax")
    try:
        assert hilevel.config.backend() == "jax"
    finally:
        hilevel.set_backend("numpy")


def test_unknown_names() -> None:
    with pytest.raises(BackendNotAvailableError, match=r'no backend "jaxx".*"jax"') as error:
        hilevel.set_backend("jaxx")
    assert "numpy    installed" in str(error.value)
    assert hilevel.current_backend().name == "numpy"


def test_missing_package_says_how_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.delitem(backends._loaded, "cupy", raising=False)
    for name in ("hilevel_cupy", "hilevel_cupy.backend"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(BackendNotAvailableError, match='"cupy" is not available here'):
        hilevel.set_backend("cupy")


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_environment_variable_and_lean_import(name: str) -> None:
    pytest.importorskip(name)
    script = (
        "import sys, hilevel; assert not {'jax', 'cupy', 'torch', 'scipy'} & set(sys.modules); "
        "print(hilevel.config.backend())"
    )
    root = pathlib.Path(hilevel.__file__).parents[1]
    env = {"HILEVEL_BACKEND": name, "PYTHONPATH": f"{root}:{root / 'backends'}"}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == name, done.stderr


def test_arrays_of_two_backends_meet() -> None:
    """An op runs where its arrays are; a Variable keeps to its own backend."""
    pytest.importorskip("jax")
    with hilevel.use_backend("jax") as jax:
        there = jax.asarray(np.ones(2, "float32"))
        v = hilevel.Variable([1.0, 2.0])
    assert jax.is_array(hilevel.ops.exp(there))
    assert jax.is_array(v.value)
    v.assign(np.zeros(2, "float32"))
    assert jax.is_array(v.value)
    assert isinstance(v.to("numpy").value, np.ndarray)
    assert isinstance(hilevel.ops.convert_to_tensor(there), np.ndarray)


def test_assigned_values_are_copied(backend: Any) -> None:
    """Neither what is assigned nor what was read changes with the Variable, compiled steps included."""
    x = backend.asarray(np.ones(2, "float32"))
    v = hilevel.Variable(x)
    v.assign(x)
    read = v.value

    @hilevel.jit
    def step() -> None:
        v.assign(v + 1.0)

    step(), step()
    np.testing.assert_array_equal(v.numpy(), [3.0, 3.0])
    np.testing.assert_array_equal(np.asarray(x), [1.0, 1.0])
    np.testing.assert_array_equal(np.asarray(read), [1.0, 1.0])


def test_device(backend: Any) -> None:
    with hilevel.device("cpu"):
        assert hilevel.ops.zeros((2,)).shape == (2,)
    with pytest.raises(ValueError, match="no device 'gpu:7'; it has"):
        hilevel.device("gpu:7")


def test_name_scope() -> None:
    with hilevel.name_scope("outer"), hilevel.name_scope("inner"):
        assert hilevel.Variable(0.0, name="v").path == "outer/inner/v"
    assert hilevel.Variable(0.0, name="v").path == "v"
    with (
        pytest.raises(ValueError, match="a name without '/'; got 'a/b'"),
        hilevel.name_scope("a/b"),
    ):
        pass
