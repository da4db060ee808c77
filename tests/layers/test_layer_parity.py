"""Layers against Keras and PyTorch on the same weights (tests/layer_cases, tests/data/make_layers.py): outputs, gradients of
weights and inputs, state; on each backend, recorded by the tape and compiled.

`python tests/layers/test_layer_parity.py` prints the largest differences of each family.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import FAMILIES, Case, Draw, cases

import hilevel
from hilevel import layers, ops, tree
from hilevel.engine.context import scope
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.spec import TensorSpec
from hilevel.testing import check_gradients

ALL = {(family, name): case for family in FAMILIES for name, case in cases(family).items()}
every_case = pytest.mark.parametrize(("family", "name"), ALL, ids=lambda x: x)


@functools.cache
def answers(family: str) -> dict[str, dict[str, list[Any]]]:
    """What the peers said: by case, then by kind of array."""
    table: dict[str, dict[str, list[Any]]] = {}
    with np.load(Path(__file__).parents[1] / f"data/layers/{family}.npz") as file:
        for key in file.files:
            name, kind, _ = key.split("/")
            table.setdefault(name, {}).setdefault(kind, []).append(file[key])
    return table


class Run:
    """A case with Keras's weights: the layer, its inputs, and the arguments of the call."""

    def __init__(self, family: str, name: str, **more: Any) -> None:
        self.case: Case = ALL[family, name]
        self.worst = 0.0
        self.wanted = answers(family)[name]
        self.layer = self.case.layer(layers, **more)
        self.inputs = self.wanted["inputs"]
        given = iter(self.wanted.get("call", ()))
        self.kwargs = fill(self.case.call, given)
        self.build()
        self.weights = self.layer.trainable_variables + self.layer.non_trainable_weights
        self.floats = [i for i, x in enumerate(self.inputs) if x.dtype.kind == "f"]
        self.start()

    def build(self) -> None:
        """Make the weights, by running the layer on shapes."""
        stand_in = lambda x: TensorSpec(x.shape, x.dtype) if hasattr(x, "shape") else x
        inputs, kwargs = tree.map_structure(stand_in, (self.inputs, self.kwargs))
        with scope(interpreter=SHAPES):
            self.layer(*self.case.positional(inputs), **kwargs)

    def start(self) -> None:
        """Give the layer the weights that it had in Keras before the call."""
        for v, value in zip(self.weights, self.wanted.get("weights", ()), strict=False):
            v.assign(value)

    def call(self, inputs: Any, layer: Any = None) -> Any:
        """The outputs of the layer, or of another one."""
        return (layer or self.layer)(*self.case.positional(inputs), **self.kwargs)

    def value(self, *floats: Any) -> tuple[Any, list[Any]]:
        """The sum of the outputs times fixed numbers, and the outputs."""
        inputs: list[Any] = list(self.inputs)
        for i, x in zip(self.floats, floats, strict=True):
            inputs[i] = x
        outputs = tree.flatten(self.call(inputs))
        parts = [
            ops.sum(y * w.astype(str(y.dtype))) for y, w in zip(outputs, self.wanted["weight"], strict=True)
        ]
        return functools.reduce(lambda a, b: a + b, parts), outputs

    def check(self, kind: str, got: Any) -> None:
        """The largest difference, relative to the largest number of the array, or to a tenth of that of all: what is 0 but
        for rounding has no size of its own."""
        floor = max([1e-3, *(0.1 * np.abs(b).max() for b in self.wanted.get(kind, ()) if b.size)])
        for a, b in zip(got, self.wanted.get(kind, ()), strict=kind != "after"):
            a = ops.convert_to_numpy(a)
            assert (a.shape, a.dtype) == (b.shape, b.dtype), kind
            if a.size:
                difference = np.abs(a - b).max() / max(np.abs(b).max(), floor)
                self.worst = max(self.worst, difference)
                assert difference <= self.case.exact, (kind, a, b)

    def check_all(self, outputs: Any, g_inputs: Any, g_weights: Any) -> None:
        """Against Keras, and against PyTorch where it was asked."""
        self.check("output", outputs)
        self.check("after", self.layer.non_trainable_weights)
        self.check("g_inputs", g_inputs)
        self.check("g_weights", g_weights)
        if "torch_output" in self.wanted:
            self.check("torch_output", outputs)
            self.check("torch_g_inputs", g_inputs)
            self.check("torch_g_weights", g_weights)


def fill(x: Any, arrays: Any) -> Any:
    """The arguments of a call with arrays in place of `Draw`s, which were written down in the order of their names."""
    if isinstance(x, Draw):
        return next(arrays)
    if isinstance(x, dict):
        return {k: fill(x[k], arrays) for k in sorted(x)}
    return [fill(v, arrays) for v in x] if isinstance(x, list) else x


def on_the_tape(family: str, name: str) -> Run:
    """A case with the gradients of a tape, checked."""
    run = Run(family, name)
    with hilevel.GradientTape() as tape:
        floats = [tape.watch(ops.convert_to_tensor(run.inputs[i])) for i in run.floats]
        value, outputs = run.value(*floats)
    both = [*floats, *run.layer.trainable_variables]
    gradients = tape.gradient(value, both)
    gradients = [ops.zeros_like(v) if g is None else g for g, v in zip(gradients, both, strict=True)]
    run.check_all(outputs, gradients[: len(floats)], gradients[len(floats) :])
    return run


ONE_OF_EACH = {case.cls: key for key, case in reversed(ALL.items())}
"""The first configuration of each layer."""
EAGER_ON_JAX = sorted(ONE_OF_EACH.values())[::2]


@every_case
def test_on_the_tape_it_does_what_keras_does(family: str, name: str, everywhere: Any) -> None:
    if everywhere.name == "jax" and (family, name) not in EAGER_ON_JAX:
        pytest.skip("JAX compiles every op of every shape by itself, which takes long: every other layer")
    on_the_tape(family, name)


@every_case
def test_compiled_it_does_what_keras_does(family: str, name: str, backend: Any) -> None:
    run = Run(family, name)
    floats = [hilevel.Variable(run.inputs[i]) for i in run.floats]
    both = [*floats, *run.layer.trainable_variables]
    step = hilevel.jit(
        lambda: hilevel.value_and_grad(lambda: run.value(*floats), variables=both, has_aux=True)()
    )
    (_, outputs), gradients = step()
    run.check_all(outputs, gradients[: len(floats)], gradients[len(floats) :])


@every_case
def test_gradients_in_float64(family: str, name: str) -> None:
    with hilevel.use_backend("numpy"):
        run = Run(family, name, dtype="float64")

        def value(*floats: Any) -> Any:
            run.start()
            return run.value(*floats)[0]

        if run.floats:
            check_gradients(value, *[run.inputs[i].astype("float64") for i in run.floats])


@every_case
def test_the_symbolic_shape_is_the_real_one(family: str, name: str) -> None:
    run = Run(family, name)
    stand_in = lambda x: hilevel.Input(x.shape[1:], dtype=x.dtype) if hasattr(x, "shape") else x
    inputs, run.kwargs = tree.map_structure(stand_in, (run.inputs, run.kwargs))
    found = tree.flatten(run.call(inputs))
    assert [x.shape[1:] for x in found] == [y.shape[1:] for y in run.wanted["output"]]
    if len(run.inputs) == 1 and not run.case.call:
        shape = run.layer.compute_output_shape(run.inputs[0].shape)
        assert tuple(shape) == run.wanted["output"][0].shape or len(found) > 1


@every_case
def test_config_round_trip(family: str, name: str) -> None:
    run = Run(family, name)
    config = layers.serialize(run.layer)
    assert repr(config) == repr(layers.serialize(layers.deserialize(config)))
    copy = layers.deserialize(config)
    assert (copy.name, type(copy)) == (run.layer.name, type(run.layer))
    run.call(run.inputs, copy)
    copy.set_weights(run.layer.get_weights())
    again = run.layer.get_weights()
    pairs = zip(tree.flatten(run.call(run.inputs, copy)), tree.flatten(run.call(run.inputs)), strict=True)
    run.layer.set_weights(again)
    for a, b in pairs:
        np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-6, atol=1e-6)


def report() -> None:
    """For each family: how many configurations there are, and how far the worst is from its judges."""
    print(
        "family          configurations  with PyTorch  largest difference on numpy, jax    allowed more than 1e-5"
    )
    for family in FAMILIES:
        names = cases(family)
        torch = sum("torch_output" in answers(family)[n] for n in names)
        worst = []
        for backend in ("numpy", "jax"):
            with hilevel.use_backend(backend):
                worst.append(max((on_the_tape(family, n).worst, n) for n in names))
        looser = [n for n, case in names.items() if case.exact > 1e-5]
        figures = ", ".join(f"{w:.1e} ({n})" for w, n in worst)
        print(f"{family:16}{len(names):14}{torch:14}  {figures}   {', '.join(looser)}")


if __name__ == "__main__":
    report()
