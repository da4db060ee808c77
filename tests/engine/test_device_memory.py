"""The memory of a device, and errors about it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops


def test_memory_of_the_device(backend: Any) -> None:
    before = backend.memory_info()
    assert 0 < before.used <= before.peak <= before.total
    kept = np.ones(2**25)
    after = backend.memory_info(backend.devices()[0])
    assert after.used >= before.used + kept.nbytes // 2 and after.peak >= after.used
    with pytest.raises(ValueError, match="has no device 'gpu:7'"):
        backend.memory_info("gpu:7")


class Huge(layers.Layer):
    """A layer that needs more memory than there is."""

    def call(self, x: Any) -> Any:
        return x + ops.sum(ops.cumsum(ops.repeat(x, 2**38, axis=0), axis=0), axis=0)


@pytest.mark.parametrize("eagerly", [True, False])
def test_an_error_about_memory_says_where_and_what_helps(eagerly: bool, backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((3,)), Huge(name="huge"), layers.Dense(2)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with pytest.raises(Exception) as caught:
        model.fit(np.ones((4, 3), "float32"), np.ones((4, 2), "float32"), verbose=0)
    assert backend.is_out_of_memory(caught.value)
    notes = " ".join(caught.value.__notes__)
    assert (
        "a batch of the shapes (4, 3), (4, 2)" in notes and "A smaller batch_size needs less memory" in notes
    )
    if eagerly or backend.name == "numpy":
        assert "huge" in notes


def test_other_errors_get_no_note_about_memory(backend: Any) -> None:
    model = hilevel.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", lambda y, p: 1 / 0, run_eagerly=True)
    with pytest.raises(ZeroDivisionError) as caught:
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert "memory" not in " ".join(getattr(caught.value, "__notes__", []))
