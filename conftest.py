"""The names that every docstring's example may use."""

from __future__ import annotations

import gc
import os
import threading

# Tests run side by side: more threads for each would only get in the way of the others.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Most functions are compiled to run once. The examples, which tests run as programs, are compiled as users' are.
# XLA's newer code generator takes three times as long. A version of XLA without the flag ends and names it.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false")
# Memory that is kept for the next step of one program is of no use to ten thousand different ones.
os.environ.setdefault("HILEVEL_KEEP_MEMORY", "0")

from typing import Any

import numpy as np
import pytest

import hilevel


def pytest_configure() -> None:
    """Collect garbage rarely: the tests have many objects, and Python's thresholds cost a seventh of the time."""
    gc.set_threshold(100_000, 20, 20)
    _share_contexts()


def _share_contexts() -> None:
    """Let JAX lower the next 100 functions of a thread in one MLIR context, not each function in its own.

    A context takes a fifth of the time of a small function. JAX keeps 2,048 of them, and a new context takes longer
    the more of them exist: in an old process a compilation took twice as long as in a new one.
    """
    try:
        from jax._src.interpreters import mlir
    except ImportError:
        return
    make_context = getattr(mlir, "make_ir_context", None)
    if make_context is None:  # another version of JAX: the tests take longer
        return
    own = threading.local()

    def context() -> Any:
        own.uses = getattr(own, "uses", -1) + 1
        if own.uses % 100 == 0:
            own.context = make_context()
        return own.context

    mlir.make_ir_context = context


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace.update(np=np, hilevel=hilevel, ops=hilevel.ops)
