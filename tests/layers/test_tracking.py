"""What belongs to a layer: attributes, structures of them, and what becomes of both when they change."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, metrics, random

Pair = namedtuple("Pair", "a b")


class StateContainer(layers.Layer):
    """Holds what it is given; attributes that are set before the last count from then on."""

    def __init__(self, thing: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.thing = thing

    def call(self, inputs: Any) -> Any:
        return inputs


def dense() -> Any:
    return layers.Dense(1)


def names(layer: Any) -> list[str]:
    return [inner.name for inner in layer._flatten_layers()[1:]]


@pytest.mark.parametrize(
    "structure",
    [
        lambda d: d, lambda d: [d], lambda d: (d,), lambda d: {"a": d}, lambda d: {d}, lambda d: OrderedDict(a=d),
        lambda d: Pair(1, d), lambda d: [[d]], lambda d: ([d],), lambda d: {"a": (1, [d])}, lambda d: Pair([d], None),
        lambda d: [{"a": Pair({d}, 0)}],
    ],
)  # fmt: skip
def test_structures(structure: Callable[[Any], Any]) -> None:
    d = dense()
    layer = StateContainer(structure(d))
    assert names(layer) == [d.name]
    assert not isinstance(layer.thing, tuple) or type(layer.thing) is type(structure(d))


CHANGES: dict[str, tuple[Any, Callable[[Any, Any], Any], int]] = {
    "append": ([], lambda x, d: x.append(d), 1),
    "append a list": ([], lambda x, d: (x.append([]), x[0].append(d)), 1),
    "extend": ([], lambda x, d: x.extend([d, dense()]), 2),
    "item": ([dense()], lambda x, d: x.__setitem__(0, d), 1),
    "remove": ([dense()], lambda x, d: x.pop(), 0),
    "in a tuple": (([],), lambda x, d: x[0].append(d), 1),
    "in a named tuple": (Pair({}, 0), lambda x, d: x.a.update(a=d), 1),
    "in a list": ([[]], lambda x, d: x[0].append(d), 1),
    "dict": ({}, lambda x, d: x.__setitem__("a", d), 1),
    "dict in a dict": ({"a": {}}, lambda x, d: x["a"].setdefault("b", d), 1),
    "ordered": (OrderedDict(), lambda x, d: x.__setitem__("a", d), 1),
    "set": (set(), lambda x, d: x.add(d), 1),
}


@pytest.mark.parametrize("name", CHANGES)
def test_changes_of_structures(name: str) -> None:
    """Also after the layers were asked for, which are remembered until something changes."""
    start, change, expected = CHANGES[name]
    layer = StateContainer(copy.deepcopy(start))
    _ = layer.weights, names(layer), layer.metrics
    change(layer.thing, dense())
    assert len(names(layer)) == expected


def test_replacing_and_deleting() -> None:
    layer = StateContainer(dense())
    layer.other = dense()
    assert len(names(layer)) == 2
    layer.thing = new = dense()
    assert names(layer) == [new.name, layer.other.name]
    del layer.other
    assert names(layer) == [new.name]
    layer.thing = None
    assert names(layer) == []


def test_metrics_and_seed_generators_that_are_set_later() -> None:
    layer = StateContainer()
    assert layer.metrics == [] and layer.variables == []
    layer.mean = metrics.Mean()
    assert layer.metrics == [layer.mean]
    layer.seeds = random.SeedGenerator(1)
    assert layer.seeds.state in layer.variables


def test_a_layer_twice_counts_once() -> None:
    d = dense()
    layer = StateContainer([d, {"a": d}])
    layer.d = d
    d.build((None, 2))
    assert names(layer) == [d.name] and len(layer.weights) == 2


def test_layers_in_sets_are_in_the_order_of_their_names() -> None:
    layer = StateContainer({layers.Dense(1, name=name) for name in "cab"})
    assert names(layer) == ["a", "b", "c"]


@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_are_tracked(again: Any) -> None:
    layer = again(StateContainer([{"a": {1}}, OrderedDict(b=(dense(), []))]))
    assert len(names(layer)) == 1
    layer.thing[1]["b"][1].append(dense())
    assert len(names(layer)) == 2


class Model(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = layers.Dense(4), layers.Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.head(self.body(inputs))


def test_a_built_model_takes_a_new_head() -> None:
    """Keras refuses that."""
    model, x = Model(), np.ones((3, 4), "float32")
    model.compile("sgd", "mse")
    model.fit(x, np.ones((3, 2)), verbose=0)
    body = model.body.get_weights()
    model.body.trainable = False
    model.head = layers.Dense(5)
    assert model(x).shape == (3, 5) and [v.shape for v in model.weights] == [(4, 4), (4,), (4, 5), (5,)]
    model.compile("sgd", "mse")
    model.fit(x, np.ones((3, 5)), verbose=0)
    np.testing.assert_array_equal(model.body.get_weights()[0], body[0])


def test_weights_of_a_new_layer_need_a_new_compile() -> None:
    model, x = Model(), np.ones((3, 4), "float32")
    model.compile("sgd", "mse")
    model.fit(x, np.ones((3, 2)), verbose=0)
    model.head = layers.Dense(2)
    model(x)
    with pytest.raises(ValueError, match="was built on other Variables"):
        model.fit(x, np.ones((3, 2)), verbose=0)
