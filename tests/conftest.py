"""What all tests share: the backends they run on."""

from __future__ import annotations

import importlib.util
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from fake_cupy import stand_in

import hilevel
from hilevel.engine import backends
from hilevel.engine.settings import settings
from hilevel.errors import BackendNotAvailableError

hilevel.config.disable_traceback_filtering()  # a failed test shows the frames of hilevel


@pytest.fixture(autouse=True)
def _own_generator(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test new generators for those of its module, so that its numbers do not depend on earlier tests.

    hilevel's global generator starts anew, too, and a distribution that a page of the docs has set is over. Functions
    that the module imports from other test modules draw from theirs, which are new, too. The seed differs from the
    modules' own, whose first numbers many modules use as data.
    """
    hilevel.set_random_seed(1)
    settings.distribution = None
    own = vars(request.module)
    for space in (own, *(f.__globals__ for f in own.values() if isinstance(f, types.FunctionType))):
        for name in [name for name, value in space.items() if isinstance(value, np.random.Generator)]:
            monkeypatch.setitem(space, name, np.random.default_rng(1))


@pytest.fixture(params=["numpy", "jax"])
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The test runs once on each backend."""
    if request.param == "jax":
        pytest.importorskip("jax")
    with hilevel.use_backend(request.param) as chosen:
        yield chosen


# -- CuPy: on a stand-in, and on a GPU where there is one ----------------------------------------------

INSTALLED = importlib.util.find_spec("cupy") is not None
DEVICES = ["stand-in", *([pytest.param("gpu", marks=pytest.mark.gpu)] * INSTALLED)]


@pytest.fixture(scope="module", params=DEVICES)
def device(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The backend, on the stand-in or, where CuPy is installed, on a GPU."""
    if request.param == "stand-in":
        with stand_in():
            yield backends.get_backend("cupy")
        return
    try:
        yield backends.get_backend("cupy")
    except BackendNotAvailableError as error:
        pytest.skip(str(error))


@pytest.fixture
def cupy(device: Any) -> Iterator[Any]:
    with hilevel.use_backend(device):
        yield device


@pytest.fixture(params=["numpy", pytest.param("jax", marks=pytest.mark.slow), *DEVICES])
def everywhere(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The test runs eagerly once on each backend, CuPy's on the stand-in, and on a GPU where there is one."""
    if request.param in ("numpy", "jax"):
        if request.param == "jax":
            pytest.importorskip("jax")
        with hilevel.use_backend(request.param) as chosen:
            yield chosen
    elif request.param == "stand-in":
        with stand_in(), hilevel.use_backend("cupy") as chosen:
            yield chosen
    else:
        try:
            chosen = backends.get_backend("cupy")
        except BackendNotAvailableError as error:
            pytest.skip(str(error))
        with hilevel.use_backend(chosen):
            yield chosen
