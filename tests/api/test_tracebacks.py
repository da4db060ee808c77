"""Tracebacks of errors show the user's frames, and those of hilevel only on request."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import config, layers, ops

X = np.ones((4, 3), "float32")


class Broken(layers.Layer):
    def call(self, inputs: Any) -> Any:
        return ops.matmul(inputs, np.ones((7, 2), "float32"))


def trained(kind: str) -> Any:
    model = hilevel.Sequential([layers.Dense(2), Broken()])
    model.compile("sgd", "mse", run_eagerly=True)
    return getattr(model, kind)(X, verbose=0)


CALLS: dict[str, Callable[[], Any]] = {
    "a layer": lambda: Broken()(X),
    "layers in a model": lambda: hilevel.Sequential([layers.Dense(2), Broken()])(X),
    "a symbolic call": lambda: Broken()(hilevel.Input((3,))),
    "the rank": lambda: layers.Conv2D(2, 2)(X),
    "fit": lambda: trained("fit"),
    "evaluate": lambda: trained("evaluate"),
    "predict": lambda: trained("predict"),
}


@pytest.fixture
def filtering() -> Iterator[None]:
    config.enable_traceback_filtering()
    yield
    config.disable_traceback_filtering()


def modules(call: Callable[[], Any]) -> list[str]:
    """The packages of the frames of the error of a call."""
    with pytest.raises(Exception) as error:
        call()
    frames = [frame for frame, _ in traceback.walk_tb(error.value.__traceback__)]
    return [frame.f_globals["__name__"].partition(".")[0] for frame in frames]


@pytest.mark.parametrize("name", CALLS)
def test_errors_show_the_frames_of_the_user(name: str, filtering: None, backend: Any) -> None:
    assert config.is_traceback_filtering_enabled()
    found = modules(CALLS[name])
    assert "hilevel" not in found and __name__.partition(".")[0] in found


@pytest.mark.parametrize("name", CALLS)
def test_all_frames_are_shown_on_request(name: str) -> None:
    assert not config.is_traceback_filtering_enabled()
    assert "hilevel" in modules(CALLS[name])


def test_the_line_of_a_layer_of_the_user_is_shown(filtering: None) -> None:
    with pytest.raises(ValueError) as error:
        Broken()(X)
    assert [entry.name for entry in traceback.extract_tb(error.value.__traceback__)][-1] == "call"
