"""What all tests share: the backends they run on, and the names that examples may use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops


@pytest.fixture(params=["numpy", "jax"])
def backend(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The test runs once on each backend."""
    if request.param == "jax":
        pytest.importorskip("jax")
    with hilevel.use_backend(request.param) as chosen:
        yield chosen


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(np=np, hilevel=hilevel, ops=ops)
