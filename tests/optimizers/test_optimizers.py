"""Optimizers and schedules against Keras, step by step; what the base class does; updates in place."""

from __future__ import annotations

import gc
import json
import pathlib
import warnings
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops, optimizers
from hilevel.optimizers import schedules
from hilevel.optimizers.updates import update

DATA = json.loads((pathlib.Path(__file__).parents[1] / "data" / "optimizers.json").read_text())
GRADIENTS = [{n: np.array(g, "float32") for n, g in step.items()} for step in DATA["gradients"]]


def weights() -> list[hilevel.Variable]:
    return [hilevel.Variable(np.array(v, "float32"), name=n) for n, v in DATA["start"].items()]


def label(case: dict[str, Any]) -> str:
    return "-".join([case["name"], *(f"{k}={v}" for k, v in case["options"].items())])


def optimizer_of(case: dict[str, Any]) -> Any:
    options = {"learning_rate": 0.1, **case["options"]}
    if options["learning_rate"] == "schedule":
        options["learning_rate"] = schedules.ExponentialDecay(0.1, 2, 0.5)
    return getattr(optimizers, case["name"])(**options)


@pytest.mark.parametrize("case", DATA["runs"], ids=label)
@pytest.mark.parametrize("mode", ["numpy", "jax", "jax-jit"])
def test_same_steps_as_keras(case: dict[str, Any], mode: str) -> None:
    with hilevel.use_backend(mode.split("-")[0]):
        optimizer, variables = optimizer_of(case), weights()
        optimizer.build(variables)
        step = lambda grads: optimizer.apply(grads, variables)
        step = hilevel.jit(step) if mode == "jax-jit" else step
        for grads, expected in zip(GRADIENTS, case["history"], strict=True):
            step([grads[v.name] for v in variables])
            for v in variables:
                np.testing.assert_allclose(v.numpy(), expected[v.name], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("case", DATA["schedules"], ids=label)
def test_schedules(backend: Any, case: dict[str, Any]) -> None:
    schedule = getattr(schedules, case["name"])(**case["options"])
    again = schedules.deserialize(schedules.serialize(schedule))
    compiled = hilevel.jit(schedule)
    for step, expected in enumerate(case["values"]):
        for function in (schedule, again, compiled):
            value = float(ops.convert_to_numpy(function(np.int32(step))))
            assert value == pytest.approx(expected, rel=1e-4, abs=1e-7)


NAMES = [
    n.lower()
    for n in dir(optimizers)
    if n[0].isupper() and n not in ("Optimizer", "OptimizerMap", "MultiOptimizer")
]


@pytest.mark.parametrize("name", NAMES)
def test_config_round_trip(name: str) -> None:
    options = {"inner_optimizer": "x"} if name == "lossscaleoptimizer" else {"learning_rate": 0.25}
    if "inner_optimizer" in options:
        first: Any = optimizers.LossScaleOptimizer(optimizers.SGD(0.25), 8.0, 3)
    else:
        first = optimizers._registry.find(name)(**options, name="mine")
    config = json.loads(json.dumps(optimizers.serialize(first)))
    second = optimizers.deserialize(config)
    assert type(second) is type(first)
    assert second.get_config() == first.get_config()
    assert float(second.learning_rate) == 0.25


def test_a_schedule_is_in_the_config() -> None:
    first = optimizers.Adam(schedules.CosineDecay(0.5, 10))
    second = optimizers.Adam.from_config(first.get_config())
    assert float(second.learning_rate) == 0.5


def test_get() -> None:
    assert isinstance(optimizers.get("AdamW"), optimizers.AdamW)
    assert isinstance(optimizers.get("rmsprop"), optimizers.RMSprop)
    assert optimizers.get(None) is None
    with pytest.raises(ValueError, match='Did you mean "adam"'):
        optimizers.get("adan")
    with pytest.raises(TypeError, match="Expected an optimizer"):
        optimizers.get(len)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: optimizers.SGD(learing_rate=1.0), TypeError, 'Did you mean "learning_rate"'),
        (lambda: optimizers.SGD("fast"), ValueError, "must be a number"),
        (lambda: optimizers.SGD(momentum=2.0), ValueError, "from 0 to 1"),
        (lambda: optimizers.Lion(beta_1=0.0), ValueError, "above 0"),
        (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), ValueError, "only one of"),
        (lambda: optimizers.Adam(gradient_accumulation_steps=1), ValueError, "at least 2"),
        (lambda: optimizers.Adam(use_ema=True, ema_momentum=2.0), ValueError, "from 0 to 1"),
        (lambda: optimizers.AdamW(weight_decay=None), ValueError, "use Adam"),
        (lambda: schedules.CosineDecay(0.1, 0), ValueError, "above 0"),
        (lambda: schedules.PiecewiseConstantDecay([1], [1.0]), ValueError, "one boundary fewer"),
        (lambda: schedules.deserialize("CosineDecai"), ValueError, "cosine_decay"),
        (
            lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0),
            ValueError,
            "inner optimizer",
        ),
    ],
)
def test_errors(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_missing_gradients() -> None:
    optimizer, (kernel, bias) = optimizers.SGD(1.0), weights()
    before = bias.numpy()
    with pytest.warns(UserWarning, match="No gradient for bias"):
        optimizer.apply([np.ones((2, 3), "float32"), None], [kernel, bias])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.apply([np.ones((2, 3), "float32"), None])
    assert np.array_equal(bias.numpy(), before)
    with pytest.raises(ValueError, match="no gradient for any Variable"):
        optimizer.apply([None, None])


def test_apply_refuses_what_does_not_fit() -> None:
    optimizer, variables = optimizers.SGD(1.0), weights()
    with pytest.raises(ValueError, match="has no Variables yet"):
        optimizer.apply([np.ones(3)])
    optimizer.build(variables)
    with pytest.raises(ValueError, match="got 1 gradients for 2"):
        optimizer.apply([np.ones(3)])
    with pytest.raises(ValueError, match="built on other Variables"):
        optimizer.apply([np.ones(3)], weights()[1:])


def test_learning_rate_can_be_set(backend: Any) -> None:
    optimizer, w = optimizers.SGD(1.0), hilevel.Variable([1.0])
    step = hilevel.jit(lambda g: optimizer.apply([g], [w]))
    optimizer.build([w])
    g = np.ones(1, "float32")
    step(g)
    optimizer.learning_rate = 0.5
    step(g)
    assert w.numpy() == pytest.approx([-0.5])
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([2], [4.0, 2.0])
    optimizer.apply([g], [w])
    assert w.numpy() == pytest.approx([-4.5])
    with pytest.raises(TypeError, match="cannot be set"):
        optimizer.learning_rate = 0.1


def test_a_function_as_learning_rate() -> None:
    optimizer, w = optimizers.SGD(lambda: 0.25), hilevel.Variable([1.0])
    optimizer.apply([np.ones(1, "float32")], [w])
    assert w.numpy() == pytest.approx([0.75])


def test_exclude_from_weight_decay() -> None:
    optimizer, variables = optimizers.SGD(0.1, weight_decay=1.0), weights()
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.apply([np.zeros(v.shape, "float32") for v in variables], variables)
    np.testing.assert_allclose(variables[0].numpy(), 0.9 * np.array(DATA["start"]["kernel"]), 1e-6)
    np.testing.assert_allclose(variables[1].numpy(), DATA["start"]["bias"], 1e-6)
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_constraints_hold_after_the_update(backend: Any) -> None:
    w = hilevel.Variable([1.0, 1.0])
    w.constraint = hilevel.constraints.NonNeg()
    optimizers.SGD(1.0).apply([np.array([3.0, 0.5], "float32")], [w])
    assert w.numpy() == pytest.approx([0.0, 0.5])


EXTREMES = [("Adam", {}), ("Adam", {"amsgrad": True}), ("AdamW", {}), ("Adamax", {}), ("Nadam", {}), ("Lamb", {}), ("Lion", {}),
            ("ScheduleFreeAdamW", {}), ("Muon", {}), ("Adadelta", {}), ("Adagrad", {}), ("RMSprop", {}), ("RMSprop", {"momentum": 0.9}),
            ("RMSprop", {"centered": True}), ("SGD", {"clipnorm": 1.0}), ("SGD", {"clipvalue": 1.0})]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), EXTREMES, ids=str)
@pytest.mark.parametrize("mode", ["numpy", "numpy-jit", "jax", "jax-jit"])
def test_extreme_gradients_leave_numbers(name: str, options: Any, mode: str) -> None:
    """A square that overflows makes the step of its weight 0, and leaves the other weights alone."""
    with hilevel.use_backend(mode.split("-")[0]), np.errstate(over="ignore"):
        results = {}
        for first in (1e30, 1e-30, 0.0):
            w, optimizer = hilevel.Variable([2.0, 2.0]), getattr(optimizers, name)(0.1, **options)
            optimizer.build([w])
            step = lambda g, w=w, optimizer=optimizer: optimizer.apply([g], [w])
            step = hilevel.jit(step) if "jit" in mode else step
            for large, small in ((first, 1.0), (first, 1.0), (1.0, 1.0), (-first, -1.0)):
                step(np.array([large, small], "float32"))
            results[first] = w.numpy()
            assert np.isfinite(results[first]).all()
        if name not in ("Lamb", "SGD"):  # whose steps depend on all gradients
            assert results[1e30][1] == pytest.approx(results[0.0][1], rel=1e-6)
        if name != "Lion":  # whose steps depend on the sign alone
            assert results[1e-30] == pytest.approx(results[0.0], rel=1e-3)


def test_the_variance_of_equal_gradients_is_not_negative(backend: Any) -> None:
    """The mean square less the squared mean is 0 up to rounding, which exceeds epsilon."""
    w, optimizer = hilevel.Variable(np.ones(50)), optimizers.RMSprop(1e-6, rho=0.5, centered=True)
    gradient = np.linspace(1e3, 1e4, 50).astype("float32")
    for _ in range(40):
        optimizer.apply([gradient], [w])
    assert np.isfinite(w.numpy()).all()


@pytest.mark.parametrize("compiled", [False, True])
def test_values_given_by_accumulated_gradients(backend: Any, compiled: bool) -> None:
    """The greatest of them, as in Keras 3.15; until it is due the Variable stays as it is."""
    v, w = hilevel.Variable([5.0, 6.0]), hilevel.Variable([1.0, 2.0])
    v.overwrite_with_gradient = True
    optimizer = optimizers.SGD(1.0, gradient_accumulation_steps=3)
    optimizer.build([v, w])
    step = lambda a, b: optimizer.apply([a, b], [v, w])
    step = hilevel.jit(step) if compiled else step
    seen = []
    for a in ([1.0, 9.0], [3.0, 7.0], [2.0, 8.0], [0.5, 0.25], [0.25, 0.5], [0.125, 0.125]):
        step(np.array(a, "float32"), np.ones(2, "float32"))
        seen.append(v.numpy().tolist())
    assert seen == [[5, 6]] * 2 + [[3, 9]] * 3 + [[0.5, 0.5]]
    assert w.numpy().tolist() == [-1, 0]


@pytest.mark.parametrize("compiled", [False, True])
def test_averages_put_in_place(backend: Any, compiled: bool) -> None:
    """Keras's numbers: the average starts as the first weights, and replaces them every third step."""
    w = hilevel.Variable([3.0, 4.0])
    optimizer = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=3)
    optimizer.build([w])
    step = lambda g: optimizer.apply([g], [w])
    step = hilevel.jit(step) if compiled else step
    seen = []
    for _ in range(6):
        step(np.ones(2, "float32"))
        seen.append(float(w.numpy()[0]))
    assert seen == pytest.approx([2, 1, 1.71, 0.71, -0.29, 1.149], rel=1e-5)


def test_averages_of_other_variables_are_refused(backend: Any) -> None:
    optimizer, w = optimizers.SGD(1.0, use_ema=True), hilevel.Variable([2.0], name="mine")
    with pytest.raises(
        ValueError, match=r'keeps no average of "mine". Expected Variables that it was built on'
    ):
        optimizer.finalize_variable_values([w])
    optimizers.SGD(1.0).finalize_variable_values([w])
    assert w.numpy() == [2]


def test_averages_at_the_end() -> None:
    optimizer, w = optimizers.SGD(1.0, use_ema=True, ema_momentum=0.5), hilevel.Variable([2.0])
    for _ in range(2):
        optimizer.apply([np.ones(1, "float32")], [w])
    optimizer.finalize_variable_values([w])
    assert w.numpy() == pytest.approx([0.5])  # of 1 and 0


@pytest.mark.parametrize("compiled", [False, True])
def test_loss_scale(backend: Any, compiled: bool) -> None:
    inner = optimizers.SGD(1.0, momentum=0.5)
    optimizer, w = optimizers.LossScaleOptimizer(inner, 8.0, 2), hilevel.Variable([1.0])
    optimizer.build([w])
    assert float(ops.convert_to_numpy(optimizer.scale_loss(2.0))) == 16.0
    step = lambda g: optimizer.apply([g], [w])
    step = hilevel.jit(step) if compiled else step
    seen = []
    for g in (8.0, np.inf, 4.0, 4.0, 8.0):
        step(np.array([g], "float32"))
        seen.append((float(w.numpy()[0]), float(optimizer.dynamic_scale)))
    # 1 - 1; left out; steps of 1.5, 1.75 and, with the factor doubled to 8, 1.875
    assert seen == [(0.0, 8.0), (0.0, 4.0), (-1.5, 4.0), (-3.25, 8.0), (-5.125, 8.0)]
    assert int(optimizer.iterations) == 4


def test_state_can_be_kept_and_moved() -> None:
    def run(steps: range, optimizer: Any, variables: Any) -> None:
        for i in steps:
            optimizer.apply([GRADIENTS[i][v.name] for v in variables], variables)

    whole, all_at_once = optimizers.Adam(0.1), weights()
    run(range(4), whole, all_at_once)
    first, variables = optimizers.Adam(0.1), weights()
    run(range(2), first, variables)
    store: dict[str, Any] = {}
    first.save_own_variables(store)
    with hilevel.use_backend("jax"):
        second = optimizers.Adam(0.5)
        for v in variables:
            v.to("jax")
        with pytest.raises(ValueError, match="Build it first"):
            second.load_own_variables(store)
        second.build(variables)
        second.load_own_variables(store)
        run(range(2, 4), second, variables)
    for v, w in zip(variables, all_at_once, strict=True):
        np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-5)


def test_build_belongs_to_the_variables_backend() -> None:
    with hilevel.use_backend("jax"):
        w = hilevel.Variable([1.0])
    optimizer = optimizers.Adam(0.1)
    optimizer.apply([np.ones(1, "float32")], [w])
    assert {v.backend.name for v in optimizer.variables} == {"jax"}


def test_a_step_inside_a_tape() -> None:
    w, optimizer = hilevel.Variable([3.0]), optimizers.SGD(0.5)
    with hilevel.GradientTape() as tape:
        loss = ops.sum(w * w)
        optimizer.apply([np.ones(1, "float32")], [w])
    assert w.numpy() == pytest.approx([2.5])
    assert tape.gradient(loss, w) == pytest.approx([6.0])


# -- updates in place -------------------------------------------------------------------------------


def _arrays(shape: tuple[int, ...], dtype: str = "float32") -> list[Any]:
    numbers = np.random.default_rng(0)
    return [np.abs(numbers.normal(size=shape)).astype(dtype) for _ in range(4)]


UPDATES = {
    "sgd": (optimizers.SGD.formula, 2, {"momentum": 0.0, "nesterov": False}),
    "momentum": (optimizers.SGD.formula, 3, {"momentum": 0.9, "nesterov": False}),
    "nesterov": (optimizers.SGD.formula, 3, {"momentum": 0.9, "nesterov": True}),
    "adam": (optimizers.Adam.formula, 4, {"beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}),
    "rmsprop": (
        optimizers.RMSprop.formula,
        3,
        {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    ),
}


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("shape", [(3,), (5, 7), (300, 251)])
def test_in_place_equals_plain(name: str, shape: tuple[int, ...]) -> None:
    formula, width, settings = UPDATES[name]
    args = _arrays(shape)[:width]
    before = [a.copy() for a in args]
    rate = np.float32(0.01)
    expected = formula(np, *args, rate=rate, **settings)
    with hilevel.use_backend("numpy"):
        results = update(*args, formula=formula, width=width, rate=rate, **settings)
    assert all(map(np.array_equal, args, before))
    for x, y in zip(results, expected, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, y, rtol=2e-6, atol=2e-7)


def test_gradients_of_any_layout() -> None:
    p, g, m, v = _arrays((300, 200))
    options = {"rate": 0.01, "beta_1": 0.9, "beta_2": 0.99, "epsilon": 1e-7}
    expected = optimizers.Adam.formula(np, p, g, m, v, **options)
    results = update(p, np.asfortranarray(g), m, v, formula=optimizers.Adam.formula, width=4, **options)
    np.testing.assert_allclose(results[0], expected[0], rtol=1e-6, atol=1e-7)


def test_float16_and_fortran_order() -> None:
    options = {"formula": optimizers.SGD.formula, "width": 2, "momentum": 0.0, "nesterov": False}
    for p in (_arrays((4, 3), "float16")[0], np.asfortranarray(_arrays((4, 3))[0])):
        before = p.copy()
        (result,) = update(p, np.ones_like(p), rate=1.0, **options)
        assert result.dtype == p.dtype and np.array_equal(p, before)
        np.testing.assert_allclose(result, before - 1, rtol=1e-3, atol=1e-3)


HOLDERS = {
    "value": lambda v: v.value,
    "reshape": lambda v: ops.reshape(v, (-1,)),
    "slice": lambda v: ops.getitem(v, slice(0, 1)),
    "read": lambda v: v.read(),
    "numpy": lambda v: v.numpy(),
    "memoryview": lambda v: memoryview(v.read()),
}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(
    "make",
    [
        optimizers.Adam,
        optimizers.SGD,
        optimizers.RMSprop,
        lambda: optimizers.SGD(0.1, 0.9),
        optimizers.AdamW,
    ],
)
def test_an_array_that_somebody_holds_does_not_change(holder: str, make: Any) -> None:
    with hilevel.use_backend("numpy"):
        optimizer, w = make(), hilevel.Variable(np.arange(6, dtype="float32").reshape(2, 3))
        slots = []
        for _ in range(3):
            seen = HOLDERS[holder](w)
            slots = [HOLDERS[holder](s) for s in optimizer.variables if s.shape]
            before = [np.array(x) for x in (seen, *slots)]
            weight = w.numpy()
            optimizer.apply([np.ones((2, 3), "float32")], [w])
            assert all(np.array_equal(a, b) for a, b in zip(before, (seen, *slots), strict=True))
            assert not np.array_equal(w.numpy(), weight)
            del seen


def test_a_traced_value_and_a_persistent_tape_keep_their_numbers() -> None:
    with hilevel.use_backend("numpy"):
        optimizer, w = optimizers.Adam(0.5), hilevel.Variable(np.full(3, 2.0, "float32"))
        with hilevel.GradientTape(persistent=True) as tape:
            seen = w.value
            loss = ops.sum(w * w * w)
        first = tape.gradient(loss, w).copy()
        optimizer.apply([first], [w])
        assert np.array_equal(tape.gradient(loss, w), first)
        assert np.array_equal(seen.numpy(), [2.0, 2.0, 2.0])
        gc.collect()


@pytest.mark.parametrize("name", NAMES)
def test_float64_stays_float64(name: str, backend: Any) -> None:
    cls = optimizers._registry.find(name)
    optimizer = cls(optimizers.SGD()) if name == "lossscaleoptimizer" else cls()
    w = hilevel.Variable(np.ones((2, 2)), dtype="float64")
    optimizer.apply([np.ones((2, 2))], [w])
    assert w.numpy().dtype == np.float64 and np.all(w.numpy() != 1)
    slots = [v for v in optimizer.variables if v.shape]
    assert all(s.numpy().dtype == np.float64 for s in slots)


def test_a_subclass_with_a_formula_of_its_own(backend: Any) -> None:
    class Adam(optimizers.Adam):
        @staticmethod
        def formula(xp: Any, p: Any, g: Any, m: Any, v: Any, *, rate: Any, epsilon: float) -> Any:
            return p - g, m + g, v + epsilon

    optimizer, w = Adam(epsilon=0.5), hilevel.Variable(np.ones(2, "float32"))
    step = hilevel.jit(lambda g: optimizer.apply([g], [w]))
    optimizer.build([w])
    for _ in range(4):
        step(np.full(2, 2.0, "float32"))
    assert w.numpy().tolist() == [-7.0, -7.0]
    assert [v.numpy().tolist() for v in optimizer.variables[2:]] == [[8.0, 8.0], [2.0, 2.0]]


def test_a_subclass_with_an_update_step_of_its_own() -> None:
    class Doubled(optimizers.SGD):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(2 * gradient, variable, learning_rate)

    w = hilevel.Variable(np.ones(2, "float32"))
    Doubled(0.5).apply([np.full(2, 0.5, "float32")], [w])
    assert w.numpy().tolist() == [0.5, 0.5]


def test_a_subclass_written_for_keras() -> None:
    class Momentum(optimizers.Optimizer):
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.momentums = self.add_optimizer_variables(variables, "momentum")

        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            m = self.momentums[self._get_variable_index(variable)]
            m.assign(0.9 * m - gradient * learning_rate)
            variable.assign_add(m)

    ours, theirs = weights(), weights()
    first, second = optimizers.SGD(0.1, momentum=0.9), Momentum(0.1)
    for grads in GRADIENTS:
        first.apply([grads[v.name] for v in ours], ours)
        second.apply_gradients([(grads[v.name], v) for v in theirs])
    for v, w in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(v.numpy(), w.numpy(), rtol=1e-5)
    assert [v.path for v in second.variables][2:] == [
        "momentum/kernel_momentum",
        "momentum/bias_momentum",
    ]
