"""`Config` and `get_source_inputs`."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.utils import Config, get_source_inputs


def test_values_are_attributes_and_items() -> None:
    config = Config(b=1)
    config.a = [2]
    config["c"] = "x"
    assert (config["a"], config.b, config.get("d", 4), config.get("d")) == ([2], 1, 4, None)
    assert (list(config), len(config), "a" in config, "d" in config) == (["a", "b", "c"], 3, True, False)
    assert list(config.keys()) == ["b", "a", "c"]
    assert (
        dict(config.items())
        == config.as_dict()
        == json.loads(config.to_json())
        == {"b": 1, "a": [2], "c": "x"}
    )
    assert list(config.values()) == [1, [2], "x"]
    config.update({"b": 3}, d=5)
    assert (config.pop("b"), config.pop("b", 0)) == (3, 0)
    del config["a"], config.d
    assert repr(config) == "<Config {'c': 'x'}>"
    config.as_dict()["c"] = 7
    assert config.c == "x"


def test_frozen_values_stay() -> None:
    config = Config(rate=0.1)
    config.freeze()
    changes: list[Any] = [
        lambda: setattr(config, "rate", 1), lambda: setattr(config, "new", 1), lambda: config.update(rate=1),
        lambda: config.pop("rate"), lambda: config.__setitem__("rate", 1), lambda: delattr(config, "rate"),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(ValueError, match="is frozen"):
            change()
    assert config.frozen
    assert config.as_dict() == {"rate": 0.1}
    config.unfreeze()
    config.rate = 1
    assert config.rate == 1


def test_copies_of_a_config() -> None:
    config = Config(rate=0.1)
    config.freeze()
    for made in (copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert (made.as_dict(), made.frozen) == ({"rate": 0.1}, True)


def test_names_that_are_missing_or_taken() -> None:
    config = Config(learning_rate=0.1)
    with pytest.raises(AttributeError, match=r'no value "learning_rat"\. Did you mean "learning_rate"'):
        config.learning_rat  # noqa: B018
    with pytest.raises(KeyError):
        config["other"]
    with pytest.raises(AttributeError, match="is a method"):
        config.items = 3
    config["items"] = 3
    assert config["items"] == 3


def test_inputs_of_a_tensor() -> None:
    a, b, c = (hilevel.Input((2,), name=n) for n in "abc")
    shared = layers.Dense(2)
    y = layers.Add()([shared(b), shared(a)]) * hilevel.ops.sum(b)
    assert get_source_inputs(y) == [b, a]
    assert get_source_inputs(layers.Concatenate()([c, y])) == [c, b, a]
    assert get_source_inputs(a) == [a]
    x = np.ones(2)
    assert get_source_inputs(x) is x
