"""Several optimizers for one model: which Variable is whose, the steps, the config, the callbacks."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import callbacks, layers, ops, optimizers, saving

G = [np.array([1.0, -2.0], "float32"), np.array([0.5], "float32"), np.array([3.0], "float32")]


def weights() -> list[hilevel.Variable]:
    return [
        hilevel.Variable(v, name=n) for v, n in (([1.0, 2.0], "encoder"), ([3.0], "head"), ([4.0], "other"))
    ]


def mapping(**more: Any) -> Any:
    parts = {"enc.*": optimizers.Adam(0.1, **more), "head": optimizers.SGD(0.5, **more)}
    return optimizers.OptimizerMap(optimizers.RMSprop(0.2, **more), parts)


def steps(optimizer: Any, variables: list[Any], run: Any = lambda f: f) -> list[Any]:
    optimizer.build(variables)
    step = run(lambda grads: optimizer.apply(grads, variables))
    for i in range(10):
        step([np.float32(i + 1) * g for g in G[-len(variables) :]])
    return [v.numpy() for v in variables]


@pytest.mark.parametrize("mode", ["numpy", "jax-jit"])
def test_each_optimizer_does_its_own_steps(mode: str) -> None:
    with hilevel.use_backend(mode.split("-")[0]):
        optimizer = optimizers.MultiOptimizer(mapping())
        found = steps(optimizer, weights(), hilevel.jit if "jit" in mode else lambda f: f)
        for i, alone in enumerate((optimizers.Adam(0.1), optimizers.SGD(0.5), optimizers.RMSprop(0.2))):
            w = weights()[i]
            alone.build([w])
            for n in range(10):
                alone.apply([np.float32(n + 1) * G[i]], [w])
            np.testing.assert_allclose(found[i], w.numpy(), rtol=1e-5)
        assert [int(o.iterations) for o in (optimizer, *optimizer.optimizers)] == [10] * 4


def test_a_function_chooses_the_optimizer() -> None:
    slow, fast = optimizers.SGD(0.1), optimizers.SGD(1.0)
    optimizer = optimizers.MultiOptimizer(lambda v: fast if v.path == "head" else slow)
    variables = weights()
    optimizer.apply(G, variables)
    assert [float(v.numpy()[0]) for v in variables] == pytest.approx([0.9, 2.5, 3.7])
    assert optimizer.optimizers == [slow, fast]


def test_variables_without_gradients_stay() -> None:
    variables = weights()
    optimizer = optimizers.MultiOptimizer(mapping())
    optimizer.apply([G[0], None, None], variables)
    assert [float(v.numpy()[0]) for v in variables[1:]] == [3.0, 4.0]
    assert [int(o.iterations) for o in optimizer.optimizers] == [1, 0, 0]


def test_the_loss_scale_replaces_those_of_the_parts() -> None:
    optimizer = optimizers.MultiOptimizer(mapping(loss_scale_factor=3.0), loss_scale_factor=4.0)
    variables = weights()
    optimizer.apply([4 * g for g in G], variables)
    assert variables[1].numpy() == pytest.approx([2.75])
    assert float(optimizer.scale_loss(np.float32(2.0))) == 8.0
    optimizer.loss_scale_factor = None
    assert [o.loss_scale_factor for o in optimizer.optimizers] == [None] * 3


def test_stateless_steps_and_saved_states(backend: Any) -> None:
    optimizer, variables = optimizers.MultiOptimizer(mapping()), weights()
    optimizer.build(variables)
    state = [v.numpy() for v in optimizer.variables]
    values, after = optimizer.stateless_apply(
        state, [ops.convert_to_tensor(g) for g in G], [v.numpy() for v in variables]
    )
    assert [float(v.numpy()[0]) for v in variables] == [1.0, 3.0, 4.0]
    optimizer.apply(G, variables)
    for v, value in zip([*variables, *optimizer.variables], [*values, *after], strict=True):
        np.testing.assert_allclose(v.numpy(), ops.convert_to_numpy(value), rtol=1e-6)
    again = optimizers.MultiOptimizer(mapping())
    again.build(variables)
    again.set_weights([v.numpy() for v in optimizer.variables])
    assert int(again.optimizers[0].iterations) == 1


def test_the_averages_replace_the_weights() -> None:
    optimizer, variables = optimizers.MultiOptimizer(mapping(use_ema=True, ema_momentum=0.0)), weights()
    optimizer.apply(G, variables)
    before = [v.numpy() for v in variables]
    for v in variables:
        v.assign(v * 0)
    optimizer.finalize_variable_values(variables)
    for v, value in zip(variables, before, strict=True):
        np.testing.assert_allclose(v.numpy(), value)


def test_config_round_trip() -> None:
    first = optimizers.MultiOptimizer(mapping(), loss_scale_factor=2.0, name="mine")
    second: Any = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(first))))
    assert second.get_config() == first.get_config()
    assert [type(o).__name__ for o in second.optimizers] == ["Adam", "SGD", "RMSprop"]
    table = optimizers.OptimizerMap.from_config(mapping().get_config())
    assert isinstance(table["encoder/x"], optimizers.Adam) and list(table) == ["enc.*", "head"]


def model(optimizer: Any) -> Any:
    made = hilevel.Sequential([layers.Input((1,)), layers.Dense(2, name="one"), layers.Dense(1, name="two")])
    made.compile(optimizer, "mse")
    return made


def test_a_model_is_trained_and_saved(tmp_path: Any, backend: Any) -> None:
    table = optimizers.OptimizerMap(optimizers.SGD(0.1), {".*two/.*": optimizers.Adam(0.1)})
    made = model(optimizers.MultiOptimizer(table))
    x, y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
    losses = made.fit(x, y, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    made.save(tmp_path / "m.keras")
    again: Any = saving.load_model(tmp_path / "m.keras")
    for a, b in zip(made.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy())


def test_callbacks_change_all_learning_rates() -> None:
    table = optimizers.OptimizerMap(
        optimizers.SGD(0.1, name="a"), {".*two/.*": optimizers.SGD(0.01, name="b")}
    )
    made = model(optimizers.MultiOptimizer(table))
    halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    history = made.fit(np.ones((4, 1)), np.ones((4, 1)), epochs=2, verbose=0, callbacks=[halve]).history
    assert history["learning_rate_a"] == pytest.approx([0.05, 0.025])
    assert history["learning_rate_b"] == pytest.approx([0.005, 0.0025])
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_lr=0.01)
    reduce.set_model(made)
    reduce.on_train_begin()
    for _ in range(3):
        reduce.on_epoch_end(0, {"loss": 1.0})
    assert [float(o.learning_rate) for o in made.optimizer.optimizers] == pytest.approx([0.0025, 0.01])


def test_errors() -> None:
    table = mapping()
    table[".*d"] = optimizers.SGD()
    for act in (
        lambda: table["head2d"] and table["encod"],
        lambda: table.__setitem__("head", optimizers.SGD()),
        lambda: table.__setitem__(3, optimizers.SGD()),
        lambda: table.__setitem__("x", "sgd"),
        lambda: table.__setitem__("x", optimizers.LossScaleOptimizer(optimizers.SGD())),
        lambda: optimizers.MultiOptimizer(lambda v: "sgd").build(weights()),
    ):
        with pytest.raises(ValueError):
            act()
    with pytest.raises(TypeError, match="default_optimizer"):
        optimizers.OptimizerMap("sgd")  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="of its own"):
        optimizers.MultiOptimizer(mapping()).learning_rate  # noqa: B018
