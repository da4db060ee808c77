"""Values of Variables without side effects: `StatelessScope` and the stateless methods."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")


def values(variables: Any) -> list[Any]:
    return [v.value for v in variables]


def test_assignments_stay_in_the_scope() -> None:
    v, w, z = (hilevel.Variable(np.zeros(2, "float32")) for _ in range(3))
    with hilevel.StatelessScope([(v, np.ones(2))], collect_losses=True) as scope:
        w.assign(v + 1)
        scope.add_update((z, np.full(2, 7.0)))
        scope.add_loss(3.0)
        assert np.array_equal((w + z).numpy() if hasattr(w + z, "numpy") else w + z, [9.0, 9.0])
    assert np.array_equal(scope.get_current_value(w), [2.0, 2.0])
    assert scope.losses == [3.0]
    assert not np.any(w.numpy())
    assert scope.get_current_value(hilevel.Variable(1.0)) is None


@pytest.mark.parametrize("pair", [("v", 1.0), (hilevel.Variable(np.zeros(2)), np.zeros(3))])
def test_wrong_pairs(pair: Any) -> None:
    with pytest.raises(ValueError, match="Variable"):
        hilevel.StatelessScope([pair])


def test_a_layer_without_side_effects(backend: str) -> None:
    layer = layers.BatchNormalization(gamma_regularizer="l2")
    with pytest.raises(ValueError, match="not built"):
        layer.stateless_call([], [], X)
    layer.build((None, 4))
    trainable = [v + 1 for v in layer.trainable_variables]
    y, state, losses = layer.stateless_call(
        trainable, values(layer.non_trainable_variables), X, training=True, return_losses=True
    )
    assert not np.any(layer.moving_mean.numpy())
    assert float(losses[0]) == pytest.approx(0.01 * 4 * 4)
    layer.gamma.assign(trainable[0])
    layer.beta.assign(trainable[1])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(X, training=True)), ops.convert_to_numpy(y))
    np.testing.assert_allclose(ops.convert_to_numpy(state[0]), layer.moving_mean.numpy())
    with pytest.raises(ValueError, match=r"Expected 2 values .*gamma.*; got 1"):
        layer.stateless_call(trainable[:1], state, X)


def test_an_optimizer_without_side_effects(backend: str) -> None:
    w = hilevel.Variable([1.0, 2.0])
    optimizer = hilevel.optimizers.Adam(0.1)
    with pytest.raises(ValueError, match="not built"):
        optimizer.stateless_apply([], [], [])
    optimizer.build([w])
    g = np.array([1.0, -1.0], "float32")
    weights, state = optimizer.stateless_apply(values(optimizer.variables), [g], values([w]))
    assert np.array_equal(w.numpy(), [1.0, 2.0])
    optimizer.apply([g])
    np.testing.assert_allclose(ops.convert_to_numpy(weights[0]), w.numpy())
    for a, v in zip(state, optimizer.variables, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(a), v.numpy())


def test_a_training_loop_of_jax() -> None:
    jax = pytest.importorskip("jax")
    with hilevel.use_backend("jax"):
        model = hilevel.Sequential(
            [layers.Input((4,)), layers.Dense(8, "relu"), layers.Dropout(0.1), layers.Dense(2)]
        )
        optimizer, metric = hilevel.optimizers.Adam(0.05), hilevel.metrics.SparseCategoricalAccuracy()
        loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer.build(model.trainable_variables)

        def compute(trainable: Any, others: Any, x: Any, y: Any) -> Any:
            logits, others = model.stateless_call(trainable, others, x, training=True)
            return loss(y, logits), (others, logits)

        @jax.jit
        def step(trainable: Any, others: Any, slots: Any, seen: Any, x: Any, y: Any) -> Any:
            (_, (others, logits)), g = jax.value_and_grad(compute, has_aux=True)(trainable, others, x, y)
            trainable, slots = optimizer.stateless_apply(slots, g, trainable)
            return trainable, others, slots, metric.stateless_update_state(seen, y, logits)

        groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
        state = [*map(values, groups), values(metric.variables)]
        for _ in range(30):
            state = step(*state, X, (X[:, 0] > 0).astype("int32"))
        assert float(metric.stateless_result(state[3])) > 0.8
        assert float(optimizer.iterations) == 0
