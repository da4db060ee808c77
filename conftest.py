"""The names that every docstring's example may use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(np=np, hilevel=hilevel, ops=hilevel.ops)
