"""`trainable`: what it sets in layers and in their weights, as in Keras 3.15.1, and what training leaves alone."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops

X = np.random.default_rng(0).normal(size=(8, 2)).astype("float32")


class Nested(layers.Layer):
    """A layer with a layer in it, and with weights of its own that are made early and late."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = layers.Dense(2)
        self.early = self.add_weight((2,))
        self.fixed = self.add_weight((2,), trainable=False)

    def build(self, shape: Any) -> None:
        self.inner.build(shape)
        self.late = self.add_weight((2,))

    def call(self, x: Any) -> Any:
        return self.inner(x) * self.early + self.late + self.fixed

    def flags(self) -> list[bool]:
        """Of early, late and fixed weight, kernel and bias, in the order of `weights`."""
        return [v.trainable for v in self.weights]


def made(**kwargs: Any) -> Nested:
    layer = Nested(**kwargs)
    layer.build((None, 2))
    return layer


def test_in_the_constructor(backend: Any) -> None:
    layer = made(trainable=False)
    assert layer.flags() == [False, False, False, True, True]
    assert layer.inner.trainable and len(layer.inner.trainable_weights) == 2
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 5
    layer.trainable = True
    assert layer.flags() == [True, True, False, True, True] and len(layer.trainable_weights) == 4


@pytest.mark.parametrize("when", ["before build", "after build"])
def test_set_to_false(when: str, backend: Any) -> None:
    layer = Nested() if when == "before build" else made()
    layer.trainable = False
    if when == "before build":
        layer.build((None, 2))
    assert layer.flags() == [False] * 5
    assert not layer.inner.trainable and layer.inner.trainable_weights == []
    layer.trainable = True
    assert layer.flags() == [True, True, False, True, True]


def test_a_layer_inside_is_set_by_itself(backend: Any) -> None:
    layer = made()
    layer.trainable = False
    layer.inner.trainable = True
    assert layer.flags() == [False, False, False, True, True]
    assert layer.trainable_weights == [] and len(layer.inner.trainable_weights) == 2


def test_of_a_single_weight(backend: Any) -> None:
    layer = made()
    assert len(layer.trainable_weights) == 4
    layer.early.trainable = False
    assert len(layer.trainable_weights) == 3
    layer.trainable = False
    layer.trainable = True
    assert len(layer.trainable_weights) == 4


def test_the_order_of_the_weights_stays(backend: Any) -> None:
    layer = layers.BatchNormalization()
    layer.build((None, 2))
    nested = made()
    names = [[v.path for v in each.weights] for each in (layer, nested)]
    for each in (layer, nested):
        each.trainable = False
    assert names == [[v.path for v in each.weights] for each in (layer, nested)]
    assert [v.trainable for v in layer.weights] == [False] * 4
    layer.trainable = True
    assert [v.trainable for v in layer.weights] == [True, True, False, False]


def test_a_layer_added_to_a_frozen_model(backend: Any) -> None:
    model = hilevel.Sequential([hilevel.Input((2,)), layers.Dense(2)])
    model.trainable = False
    model.add(layers.Dense(3))
    assert [layer.trainable for layer in model.layers] == [False, True]
    assert [v.trainable for v in model.weights] == [False, False, True, True]
    assert model.trainable_weights == []


@pytest.mark.parametrize("kind", ["sequential", "functional"])
def test_copies_are_frozen_as_the_model(kind: str, backend: Any) -> None:
    x = hilevel.Input((2,))
    start = [x, Nested()]
    model = hilevel.Sequential(start) if kind == "sequential" else hilevel.Model(x, Nested()(x))
    model.trainable = False
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    for one in (*copies, hilevel.models.clone_model(model)):
        assert not one.trainable and one.trainable_weights == []
        assert [v.trainable for v in one.weights][:3] == [False] * 3
    for one in copies:
        one.trainable = True
        assert [v.trainable for v in one.weights] == [True, True, False, True, True]


@pytest.mark.parametrize("eager", [False, True])
def test_a_step_that_goes_by_the_weights(eager: bool, backend: Any) -> None:
    class OwnStep(hilevel.Sequential):
        def train_step(self, data: Any) -> Any:
            x, y = data
            with hilevel.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x, training=True) - y))
            trained = [v for v in self.weights if v.trainable]
            self.optimizer.apply(tape.gradient(loss, trained), trained)
            return {"loss": loss}

    model = OwnStep([hilevel.Input((2,)), Nested(), layers.Dense(1)])
    model.layers[0].trainable = False
    model.compile(hilevel.optimizers.SGD(0.1), run_eagerly=eager)
    before = [model.layers[i].get_weights() for i in range(2)]
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    after = [model.layers[i].get_weights() for i in range(2)]
    for old, new in zip(before[0], after[0], strict=True):
        np.testing.assert_array_equal(old, new)
    assert not np.array_equal(before[1][0], after[1][0])
