"""Replayed steps on CuPy: fused kernels and CUDA graphs, on the stand-in, or on a GPU where there is one."""

from __future__ import annotations

import glob
import importlib
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fake_cupy import stand_in
from test_layer_parity import ONE_OF_EACH, Run

import hilevel
from hilevel import layers, ops, optimizers
from hilevel.optimizers.state import run_if
from hilevel.training.state import step_of

rng = np.random.default_rng(0)
X = rng.normal(size=(24, 6)).astype("float32")
SEQUENCES = rng.normal(size=(24, 5, 3)).astype("float32")
IMAGES = rng.normal(size=(24, 8, 8, 2)).astype("float32")
TOKENS = rng.integers(0, 10, (24, 5))
Y = np.arange(24) % 3


def transformer() -> Any:
    x = inputs = layers.Input((5, 3))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 3, dropout=0.1)(x, x))
    x = x + layers.Dense(3, activation="gelu")(layers.Dense(8, activation="relu")(x))
    return hilevel.Model(inputs, layers.Dense(3)(layers.GlobalAveragePooling1D()(x)))


def stacked(*made: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: hilevel.Sequential([make() for make in made])


DENSE = stacked(
    lambda: layers.Dense(5, activation="gelu"),
    layers.LayerNormalization,
    lambda: layers.Dropout(0.2),
    lambda: layers.Dense(3),
)
MODELS: dict[str, tuple[Any, Callable[[], Any]]] = {
    "dense": (X, DENSE),
    "convolutions": (
        IMAGES,
        stacked(
            lambda: layers.Conv2D(4, 3, activation="relu"), layers.BatchNormalization, layers.MaxPooling2D,
            layers.Flatten, lambda: layers.Dense(3),
        ),
    ),
    "sequences": (
        TOKENS,
        stacked(
            lambda: layers.Embedding(10, 4, mask_zero=True), lambda: layers.LSTM(4, return_sequences=True),
            lambda: layers.GRU(3), lambda: layers.Dense(3),
        ),
    ),
    "transformer": (SEQUENCES, transformer),
}  # fmt: skip


def trained(x: Any, make: Callable[[], Any], optimizer: Any, jit: Any) -> Any:
    """A model trained for nine steps, its history, and predictions."""
    hilevel.set_random_seed(3)
    model = make()
    loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer(), loss, metrics=["accuracy"], jit_compile=jit)
    history = model.fit(x, Y, batch_size=8, epochs=3, verbose=0, validation_data=(x, Y)).history
    return model, history, model.predict(x, verbose=0)


def form_of(function: Any) -> Any:
    """The only compiled form of a function."""
    (form,) = function.programs.compiled["cupy"].forms.values()
    return form


def check_same(x: Any, make: Callable[[], Any], optimizer: Any, tolerance: float = 1e-5) -> Any:
    """Compare the compiled and the eager training. Return the program."""
    model, history, predictions = trained(x, make, optimizer, "auto")
    _, wanted, expected = trained(x, make, optimizer, False)
    for name in wanted:
        np.testing.assert_allclose(history[name], wanted[name], rtol=tolerance, atol=tolerance / 10)
    np.testing.assert_allclose(predictions, expected, rtol=tolerance, atol=tolerance / 10)
    form = form_of(step_of(model, "train"))
    assert not form.refused
    return checked(form.program)


def checked(program: Any) -> Any:
    """A program that runs by graphs, which gave the same as the step."""
    assert not program._step.refused
    graphs = [part.__self__ for part in program._step.parts if hasattr(part, "__self__")]
    assert graphs and all(graph.launches > 2 for graph in graphs)
    return program


@pytest.mark.parametrize("name", MODELS)
def test_a_step_runs_by_graphs(name: str, cupy: Any) -> None:
    program = check_same(*MODELS[name], lambda: optimizers.Adam(0.01))
    assert program.source.count("update_") == 1


@pytest.mark.parametrize(("family", "name"), sorted(ONE_OF_EACH.values())[::5])
def test_a_layer_in_a_graph_does_what_keras_does(family: str, name: str, cupy: Any) -> None:
    run, count = Run(family, name), hilevel.Variable(0)
    floats = [hilevel.Variable(run.inputs[i]) for i in run.floats]
    both = [*floats, *run.layer.trainable_variables]

    @hilevel.jit
    def step() -> Any:
        count.assign_add(1)  # a program that changes no Variable is no graph
        return hilevel.value_and_grad(lambda: run.value(*floats), variables=both, has_aux=True)()

    for _ in range(5):
        run.start()
        (_, outputs), gradients = step()
    run.check_all(outputs, gradients[: len(floats)], gradients[len(floats) :])
    checked(form_of(step).program)


OPTIMIZERS = {
    "condition, by accumulated gradients": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=2),
    "condition, by averages": lambda: optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=3),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), amsgrad=True),
    "clipped": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, global_clipnorm=0.1),
    "decayed": lambda: optimizers.AdamW(0.01, weight_decay=0.1),
    "no formula of elements": lambda: optimizers.Lamb(0.01),
    "no formula": lambda: optimizers.Nadam(0.01),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_kind_of_update(name: str, cupy: Any) -> None:
    check_same(*MODELS["dense"], OPTIMIZERS[name])


WITH_UPDATES = sorted(
    {name for name in optimizers.__all__ if name[0].isupper()}
    - {"Optimizer", "MultiOptimizer", "OptimizerMap", "LossScaleOptimizer"}
)


@pytest.mark.parametrize("name", WITH_UPDATES)
def test_a_formula_is_a_kernel(name: str, cupy: Any) -> None:
    """The first steps with each optimizer, from one weight with many elements and one with one."""

    def steps(compiled: bool) -> list[Any]:
        weights = [hilevel.Variable(np.full(n, 0.5, "float32")) for n in (5, 1)]
        optimizer = getattr(optimizers, name)(0.1)
        optimizer.build(weights)
        step = lambda g: optimizer.apply([g, g[:1]], weights)
        step = hilevel.jit(step) if compiled else step
        for _ in range(4):
            step(ops.convert_to_tensor(np.linspace(-1, 2, 5, dtype="float32")))
        return [w.numpy() for w in weights]

    for found, wanted in zip(steps(True), steps(False), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_mixed_precision_runs_by_graphs(cupy: Any) -> None:
    before = hilevel.mixed_precision.dtype_policy()
    hilevel.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        check_same(*MODELS["dense"], lambda: optimizers.Adam(0.01), tolerance=2e-3)
    finally:
        hilevel.mixed_precision.set_dtype_policy(before)


def test_what_happens_between_two_steps_counts(cupy: Any) -> None:
    """Assigned weights, another learning rate, kept arrays, batches of two sizes, and a moved model."""

    def run(jit: Any) -> list[Any]:
        hilevel.set_random_seed(0)
        model = DENSE()
        loss = hilevel.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizers.Adam(0.01), loss, jit_compile=jit)
        found: list[Any] = [model.fit(X, Y, batch_size=10, epochs=3, verbose=0).history["loss"]]
        kernel = model.weights[0]
        kept, copied = kernel.value, kernel.numpy()
        kernel.assign(kernel * 0.5)
        model.optimizer.learning_rate = 0.1
        found.append(model.fit(X, Y, batch_size=10, epochs=2, verbose=0).history["loss"])
        np.testing.assert_array_equal(cupy.to_numpy(kept), copied)
        held = kernel._array
        before = cupy.to_numpy(held)
        found.append(model.train_on_batch(X[:10], Y[:10]))
        np.testing.assert_array_equal(cupy.to_numpy(held), before)
        model.to("numpy")
        found.append(model.fit(X, Y, batch_size=10, verbose=0).history["loss"])
        model.to(cupy)
        found.append(model.fit(X, Y, batch_size=10, epochs=2, verbose=0).history["loss"])
        return [*found, model.predict(X, verbose=0)]

    for found, wanted in zip(run("auto"), run(False), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)


def test_a_condition_within_a_condition(cupy: Any) -> None:
    count, total = (hilevel.Variable(np.zeros((), "float32")) for _ in range(2))

    @hilevel.jit
    def step(x: Any) -> Any:
        count.assign_add(1)
        inner = lambda: run_if(ops.sum(x) > 0, lambda: total.assign_add(count), [total])
        run_if(count % 2 == 0, inner, [total])
        return count * 10

    results = [float(step(np.full(1, v, "float32"))) for v in (1, 1, 1, -1, 1, 1, 1, 1)]
    assert results == [10.0 * n for n in range(1, 9)] and float(total.numpy()) == 2 + 6 + 8
    checked(form_of(step).program)


@ops.op(shape=lambda x: x)
def from_the_host(xp: Any, x: Any) -> Any:
    """An op that copies an array from the host in each call, and returns twice its operand."""
    return x * xp.asarray(np.array([2.0, 2.0], "float32"))


@ops.op(shape=lambda x: x)
def read(xp: Any, x: Any) -> Any:
    """An op that waits for a value."""
    return x * float(x[0] != 7)


@pytest.mark.parametrize("op", [from_the_host, read], ids=lambda op: op.name)
def test_an_op_that_cannot_be_captured(op: Any, cupy: Any) -> None:
    """A copy from the host runs between two graphs. A value that is read ends the capture, and a warning says so."""
    total = hilevel.Variable(np.zeros(2, "float32"))

    @hilevel.jit
    def step(x: Any) -> Any:
        total.assign_add(op(ops.tanh(x)) - ops.tanh(x))
        return ops.sum(total)

    found = [float(step(np.full(2, i, "float32"))) for i in range(2)]
    if op is read:
        with pytest.warns(RuntimeWarning, match="without CUDA graphs, and more slowly: the call t2 = read"):
            found.append(float(step(np.full(2, 2, "float32"))))
    found += [float(step(np.full(2, i, "float32"))) for i in range(len(found), 6)]
    wanted = np.cumsum(2 * np.tanh(np.arange(6)) * (op is from_the_host))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert bool(form_of(step).program._step.refused) == (op is read)


def test_graphs_that_differ_from_the_step_are_not_used(cupy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = importlib.import_module("hilevel_cupy.graphs")
    monkeypatch.setattr(
        graphs.GraphStep, "_replay", lambda self: [y * 0 for y in graphs.tree.flatten(self.result)]
    )
    total = hilevel.Variable(np.zeros(2, "float32"))

    @hilevel.jit
    def step(x: Any) -> Any:
        total.assign_add(x)
        return total * 2

    found = [cupy.to_numpy(step(np.ones(2, "float32")))[0] for _ in range(2)]
    with pytest.warns(RuntimeWarning, match="results differ from the results of the step"):
        found.append(cupy.to_numpy(step(np.ones(2, "float32")))[0])
    found += [cupy.to_numpy(step(np.ones(2, "float32")))[0] for _ in range(2)]
    assert found == [2.0, 4.0, 6.0, 8.0, 10.0] and total.numpy()[0] == 5.0


@ops.op(shape=lambda x: x)
def limited(xp: Any, x: Any) -> Any:
    """An op with a limit by name, a change in place, and a sum, which is no function of elements."""
    y = x * 2
    z = y
    y += xp.sum(x)
    return xp.clip(z, a_min=None, a_max=5.0) - xp.full_like(x, 1, dtype="float32")


def test_the_parts_of_an_op_are_those_of_its_function(cupy: Any) -> None:
    total = hilevel.Variable(np.zeros(3, "float32"))

    @hilevel.jit
    def step(x: Any) -> Any:
        total.assign_add(limited(x))
        return total * 1

    for count in range(1, 5):
        found = cupy.to_numpy(step(np.array([-1.0, 0.0, 2.0], "float32")))
        np.testing.assert_allclose(found, count * np.array([-2.0, 0.0, 4.0]))
    assert "limited" not in checked(form_of(step).program).source


@pytest.mark.parametrize("count", [1, 3, 9, 100])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_many_arrays_are_joined(axis: int, count: int, cupy: Any) -> None:
    joining = importlib.import_module("hilevel_cupy.joining")
    parts = [np.arange(i, i + 6, dtype="float32").reshape(2, 3) for i in range(count)]
    uneven = [np.moveaxis(np.full((1 + i % 3, 2), i, "float32"), 0, axis) for i in range(count)]
    for function, wanted, arrays in (
        (joining.stack, np.stack(parts, axis), parts),
        (joining.concatenate, np.concatenate(uneven, axis), uneven),
    ):
        found = function([cupy.asarray(part) for part in arrays], axis)
        np.testing.assert_array_equal(cupy.to_numpy(found), wanted)


# -- the source of kernels --------------------------------------------------------------------------


def every_function(forms: Any, xp: Any, x: Any, y: Any) -> dict[str, Any]:
    """The results of all functions of elements."""
    one = [n for n in forms if "bitwise" not in n and n not in ("arccosh", "invert", "erf", "astype", "copy", "clip", "asarray", "broadcast_to",
                                         "full_like", "where") and not _takes_two(xp, n)]  # fmt: skip
    found = {name: getattr(xp, name)(x) for name in one}
    found |= {
        name: getattr(xp, name)(x, y) for name in forms if "bitwise" not in name and _takes_two(xp, name)
    }
    found |= {"where": xp.where(x > y, x, 0), "clip": xp.clip(x, 0.2, 0.7), "arccosh": xp.arccosh(1 + x)}
    found |= {"cast": x.astype("int32"), "and": (x > 0.3) & ~(y > 0.3), "full": xp.full_like(x, 3)}
    found |= {"bits": (x.astype("int32") ^ 5 & 3) | ~y.astype("int32")}
    found |= {"operators": (2 - x) / (y + 1) ** 2 * -abs(x - y) + x**0.5 + 2**y, "sum": x + y > 1}
    return found


def _takes_two(xp: Any, name: str) -> bool:
    return name in ("add", "subtract", "multiply", "divide", "true_divide", "maximum", "minimum", "power", "arctan2",
                    "logical_and", "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "less", "less_equal", "greater", "greater_equal",
                    "equal", "not_equal")  # fmt: skip


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_functions_of_elements(dtype: str, cupy: Any) -> None:
    expressions = importlib.import_module("hilevel_cupy.expressions")
    forms = expressions.ELEMENTWISE
    x, y = (np.array(v).astype(dtype) for v in ([0.1, 0.5, 0.9, 0.5], [0.25, 0.5, 0.75, 0.125]))
    wanted = every_function(forms, np, x, y)
    trace = expressions.Trace()
    elements = [expressions.Expression(trace, name, np.dtype(dtype), (4,)) for name in ("x", "y")]
    found = every_function(forms, expressions.Functions(), *elements)
    assert found.keys() == wanted.keys() and len(found) > 50
    for part in [list(found)[i : i + 25] for i in range(0, len(found), 25)]:
        kernel = expressions.kernel(
            f"{dtype} x, {dtype} y",
            ", ".join(f"{found[n].dtype.name} out{i}" for i, n in enumerate(part)),
            [*trace.statements, *(f"out{i} = {found[n].name};" for i, n in enumerate(part))],
            "every_function",
        )
        for name, value in zip(part, kernel(cupy.asarray(x), cupy.asarray(y)), strict=True):
            assert value.dtype == wanted[name].dtype, name
            rtol = {"float16": 4e-3, "float32": 1e-6, "float64": 1e-14}[dtype]
            np.testing.assert_allclose(cupy.to_numpy(value), wanted[name], rtol=rtol, err_msg=name)


def test_kernels_compile_for_a_gpu() -> None:
    """By NVRTC, where CuPy and the headers of CUDA are installed; this needs no GPU."""
    nvrtc = pytest.importorskip("cupy_backends.cuda.libs.nvrtc")
    packages = os.path.dirname(os.path.dirname(np.__file__))
    headers = glob.glob(f"{packages}/nvidia/*/include/cuda_fp16.h")
    if not headers:
        pytest.skip("the headers of CUDA are missing")
    fake_cuda = importlib.import_module("fake_cuda")
    include = f"{packages}/cupy/_core/include"
    folders = [include, os.path.dirname(headers[0]), *glob.glob(f"{include}/cupy/_cccl/*")]
    fake_cuda.kernels.clear()
    with stand_in(), hilevel.use_backend("cupy"):
        for x, make in MODELS.values():
            trained(x, make, lambda: optimizers.Adam(0.01), "auto")
    for kernel in fake_cuda.kernels.values():
        program = nvrtc.createProgram(kernel.cuda_source(), "kernel.cu", [], [])
        nvrtc.compileProgram(
            program, ["--std=c++17", "--gpu-architecture=compute_90", *(f"-I{f}" for f in folders)]
        )
