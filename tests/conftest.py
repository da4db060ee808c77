"""What all tests share: the backends they run on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import hilevel


@pytest.fixture(params=["numpy", "jax"])
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The test runs once on each backend."""
    if request.param == "jax":
        pytest.importorskip("jax")
    with hilevel.use_backend(request.param) as chosen:
        yield chosen
