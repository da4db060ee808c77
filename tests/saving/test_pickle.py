"""Compiled models as pickles, for processes: they predict and train on as the original."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pytest
from exchange_cases import WHOLE, data

import hilevel
from hilevel import layers, tree

NAMES = [
    name for name in WHOLE if name not in ("custom_layers", "subclassed")
]  # whose classes are in a function


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_trains_on_in_the_same_way(name: str, copied: Any, backend: Any) -> None:
    if backend.name == "jax" and name not in ("transformer", "nested"):
        pytest.skip("the copy is made by the same code; two models check the Variables of JAX")
    model, x, y = WHOLE[name](hilevel)
    if y is not None:
        model.fit(x, y, epochs=1, batch_size=8, verbose=0)
    other = copied(model)
    for a, b in zip(*(tree.flatten(m.predict(x, verbose=0)) for m in (model, other)), strict=True):
        np.testing.assert_array_equal(a, b)
    if y is not None:
        first, second = (m.fit(x, y, epochs=1, batch_size=8, verbose=0).history for m in (model, other))
        assert first == second


def predicted(model: Any) -> Any:
    return model.predict(data(8, 5), verbose=0)


def test_a_model_goes_to_another_process() -> None:
    model = hilevel.Sequential(
        [hilevel.Input((5,)), layers.Dense(4, "relu"), layers.Dropout(0.5), layers.Dense(1)]
    )
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(data(8, 5), data(8, 1), verbose=0)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        np.testing.assert_array_equal(pool.submit(predicted, model).result(120), predicted(model))
