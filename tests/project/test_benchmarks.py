"""The benchmarks: every workload trains, and the report says what was measured."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Imports a module of the benchmarks by its name, and forgets it after the test."""
    monkeypatch.syspath_prepend(str(FOLDER))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(FOLDER) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


NAMES = ["mlp", "cnn", "lstm_small", "lstm", "lstm_attention", "resnet_small", "transformer", "gan_step", "deep_narrow"]  # fmt: skip


SLOW = {"resnet_small", "transformer"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in NAMES])
def test_a_workload_trains(name: str, load: Any, backend: Any) -> None:
    workload = load("workloads").WORKLOADS[name]
    x, y = (a if a is None else a[:2] for a in workload.data(1))
    model = workload.model(hilevel)
    before = [np.array(v) for v in model.trainable_variables]
    loss = model.fit(x, y, batch_size=2, verbose=0).history["loss"]
    assert np.isfinite(loss).all()
    assert any((np.array(v) != old).any() for v, old in zip(model.trainable_variables, before, strict=True))


def test_all_workloads_are_here(load: Any) -> None:
    assert list(load("workloads").WORKLOADS) == NAMES


def test_numpy_by_hand_learns_as_hilevel_does(load: Any) -> None:
    """Same numbers at the beginning, same batches: one step later the same loss."""
    by_hand, workloads = load("by_hand_numpy"), load("workloads")
    x, y = workloads.WORKLOADS["mlp"].data(1)
    layers, parameters, gradients = by_hand.network([784, 128, 10], relu_at_end=False)
    adam = by_hand.Adam(parameters)
    with hilevel.use_backend("numpy"):
        model = workloads.mlp(hilevel)
        model.set_weights([a.copy() for layer in layers for a in (layer.w, layer.b)])
        expected = [model.train_on_batch(x, y, return_dict=True)["loss"]]
        model.reset_metrics()
        expected.append(model.train_on_batch(x, y, return_dict=True)["loss"])
    for loss in expected:
        found, g = by_hand.cross_entropy(by_hand.forward(layers, x), y)
        assert math.isclose(found, loss, rel_tol=1e-4)
        for layer in reversed(layers):
            g = layer.backward(g, layer is layers[0])
        adam.step(gradients)


def measured(**ms: list[float]) -> dict[str, Any]:
    return {name.replace("_", "-"): {"first": 1.0, "ms": values} for name, values in ms.items()}


TIMES = {
    "machine": {
        "cores": "2", "cpu": "a processor", "system": "Linux", "versions": "Python 3", "date": "today",
        "load": "0.0", "rounds": "2",
    },
    "missing": {"autograd": ["autograd"]},
    "workloads": {
        "mlp": measured(hilevel_numpy=[2.0, 3.0], hilevel_jax=[1.0, 4.0], torch=[4.0, 4.0]),
        "lstm": measured(hilevel_jax=[30.0, 30.0], keras_jax=[20.0, 20.0], torch=[]),
    },
    "others": {
        "import s": {"numpy": 0.1, "hilevel": 0.2}, "trained s": {"hilevel-numpy": 0.5, "torch": None},
        "memory MB": {"hilevel-numpy": 110.0, "numpy-by-hand": 100.0},
        "predict 1 ms": {"hilevel-numpy": 0.05}, "predict 1024 ms": {"hilevel-numpy": 1234.0},
        "fit / loop by hand": {"hilevel-jax": 1.1},
    },
}  # fmt: skip


def test_the_report_says_what_was_measured(load: Any) -> None:
    lines = load("report").markdown(TIMES).splitlines()
    for line in [
        "| mlp | 2.00 (2.50) | 1.00 (2.50) | 4.00 (4.00) |  |",
        "| lstm |  | 30.0 (30.0) | failed | 20.0 (20.0) |",
        "| mlp | hilevel-numpy | 0.500 | - | - |",
        "| lstm | hilevel-jax | - | 1.50 | - |",
        "| hilevel-numpy | 0.500 | 110 | 0.0500 | 1234 |",
        "| torch | - | - | - | - |",
        "| hilevel | 0.200 | 2.00 |",
        "| mlp: hilevel-jax / torch | 0.5 | 0.250 | reached |",
        "| lstm: hilevel-jax / keras-jax | 0.55 | 1.50 | not reached |",
        "| lstm: hilevel-jax / torch | 0.95 | - | not measured |",
        "| memory on the mlp: hilevel-numpy / numpy-by-hand | 1.3 | 1.10 | reached |",
        "| fit / loop by hand over the same step, hilevel-jax | 1.02 | 1.10 | not reached |",
        "autograd did not take part: autograd is not installed.",
    ]:
        assert line in lines, line


def test_the_page_has_a_place_for_every_part(load: Any) -> None:
    from string import Template

    page = Template((FOLDER / "page.md").read_text())
    given = load("report").parts(TIMES) | TIMES["machine"]
    assert set(page.get_identifiers()) <= set(given)
    assert "$" not in page.substitute(given)


def test_every_contender_has_its_module(load: Any) -> None:
    for contender in load("contenders").CONTENDERS.values():
        assert (FOLDER / f"{contender.module}.py").exists()


# -- on a GPU --------------------------------------------------------------------------------------------


def test_the_sizes_for_a_gpu_build_what_is_counted(load: Any) -> None:
    """The kernels of each model have as many numbers as the count of its arithmetic says."""
    parts, workloads = load("arithmetic").PARTS, load("gpu").sized("cuda")
    assert list(workloads) == list(parts) == NAMES
    with hilevel.use_backend("numpy"):
        for name, workload in workloads.items():
            model = workload.model(hilevel)
            kernels = [v for v in model.trainable_variables if len(v.shape) > 1 and v.name != "bias"]
            counted = sum(part.parameters for part in parts[name](workload.batch, workload.width))
            assert sum(math.prod(v.shape) for v in kernels) == counted, name


@pytest.mark.parametrize(("name", "width", "above"), [("mlp", 128, 0.01), ("transformer", 128, 0.03)])
def test_operations_are_those_of_the_cost_analysis_of_jax(
    name: str, width: int, above: float, load: Any
) -> None:
    """JAX also counts what is elementwise: a little more."""
    jax = pytest.importorskip("jax")
    x, _ = load("workloads").WORKLOADS[name].arrays(np.random.default_rng(0), 8)
    params, forward = load("jax_models").MODELS[name]()
    gradient = jax.grad(lambda p, x: (forward(p, x, {})[0] ** 2).sum())
    flops = jax.jit(gradient).lower(params, x).cost_analysis()["flops"]
    assert 0 <= flops / load("arithmetic").operations(name, 8, width) - 1 < above


def test_operations_and_bytes_by_hand(load: Any) -> None:
    arithmetic = load("arithmetic")
    inputs, states, out = 2 * 10 * (1 * 8), 3 * 10 * (2 * 8), 3 * 2
    assert arithmetic.operations("lstm_small", 1, 2) == 2 * (inputs + states + out)
    first, last = 2 * (3 * (784 + 2) + 784 * 2), 3 * (3 * (2 + 10) + 2 * 10)
    assert arithmetic.bytes_moved("mlp", 3, 2) == 4 * (first + last + 7 * (784 * 2 + 2 * 10))


GPU_TIMES = {
    "machine": {name: name for name in ("cores", "cpu", "system", "versions", "date", "load", "rounds", "card")},
    "missing": {"hilevel-cupy": "cupy"},
    "rates": {"by": "torch", "operations": 2e12, "bytes": 1e12},
    "sizes": {"mlp": [3000, 2], "deep_narrow": [1000, 64]},
    "workloads": {
        "mlp": measured(hilevel_jax=[2.0, 3.0], torch=[4.0, 4.0], torch_compiled=[]),
        "deep_narrow": measured(hilevel_jax=[1.0, 1.0], torch=[2.0, 2.0], torch_compiled=[0.5, 0.5]),
    },
}  # fmt: skip


def test_the_report_of_a_gpu_says_what_share_of_its_rates_is_reached(load: Any) -> None:
    """Of deep_narrow: 2 * 59 * 1000 * 64**2 operations take 0.242 ms at that rate."""
    lines = load("gpu_report").markdown(GPU_TIMES).splitlines()
    for line in [
        "| mlp | 2.00 (2.50) | 4.00 (4.00) | failed |",
        "| mlp | hilevel-jax | 0.500 | - |",
        "| deep_narrow | hilevel-jax | 0.500 | 2.00 |",
        "| mlp | bytes | 3000 | 2 | 0.0192 | 19.4 | 0.97% | 0.48% |  |",
        "| deep_narrow | operations | 1000 | 64 | 0.483 | 33.5 | 24% | 12% | 48% |",
        "hilevel-cupy did not take part: cupy is not installed, or sees no CUDA device.",
    ]:
        assert line in lines, line


def test_the_page_of_a_gpu_has_a_place_for_every_part(load: Any) -> None:
    from string import Template

    page = Template((FOLDER / "gpu_page.md").read_text())
    given = load("gpu_report").parts(GPU_TIMES) | GPU_TIMES["machine"]
    assert set(page.get_identifiers()) <= set(given)
    assert "$" not in page.substitute(given)


def test_without_a_gpu_nothing_is_measured(load: Any, monkeypatch: Any, capsys: Any) -> None:
    gpu, cards = load("gpu"), load("cards")
    monkeypatch.setattr(cards, "cuda_devices", lambda: 0)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 2
    assert capsys.readouterr().err.splitlines() == [gpu.NO_DEVICE]


def test_every_contender_on_a_gpu_computes_in_float32(load: Any) -> None:
    for contender in load("gpu").contenders().values():
        assert (FOLDER / f"{contender.module}.py").exists()
        assert contender.env["NVIDIA_TF32_OVERRIDE"] == contender.env["CUPY_TF32"] == "0"
        assert contender.env["JAX_DEFAULT_MATMUL_PRECISION"] == "highest"


def test_where_the_microseconds_go(load: Any) -> None:
    """Of a program with a product, which takes most of the time, run four times."""
    jax = pytest.importorskip("jax")
    x = jax.numpy.ones((500, 500))
    product = jax.jit(lambda x: x @ x + 1)
    product(x)
    first, *_ = load("profiling").instructions(
        lambda: [product(x).block_until_ready() for _ in range(4)], steps=2, top=3
    )
    took, runs, name = first.split()
    assert float(took) > 0 and float(runs) == 2 and ("dot" in name or "fusion" in name)


def test_the_command_needs_nothing_but_python() -> None:
    """On a new machine it makes the environment that all else runs in."""
    python = [sys.executable, "-S", "-E", "-c"]  # no packages
    program = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import run; print(run.environment.__name__)"
    assert subprocess.check_output([*python, program], text=True).strip() == "environment"
