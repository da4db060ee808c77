"""Initializers: statistics, fans, equal bits on every backend, look-up, configs, errors."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import initializers
from hilevel.engine.interpreter import SHAPES
from hilevel.initializers.random import compute_fans
from hilevel.random import SeedGenerator
from hilevel.random.seed import set_random_seed

DATA = json.loads((pathlib.Path(__file__).parents[1] / "data" / "functions.json").read_text())
SHAPE = (200, 300)
# For each: how the values are distributed, and their standard deviation in theory.
RANDOM: dict[str, tuple[str, float]] = {
    "RandomNormal": ("normal", 0.05),
    "RandomUniform": ("uniform", 0.1 / 12**0.5),
    "TruncatedNormal": ("truncated", 0.05 * 0.87962566103423978),
    "VarianceScaling": ("truncated", (1 / 200) ** 0.5),
    "GlorotNormal": ("truncated", (2 / 500) ** 0.5),
    "GlorotUniform": ("uniform", (2 / 500) ** 0.5),
    "HeNormal": ("truncated", (2 / 200) ** 0.5),
    "HeUniform": ("uniform", (2 / 200) ** 0.5),
    "LecunNormal": ("truncated", (1 / 200) ** 0.5),
    "LecunUniform": ("uniform", (1 / 200) ** 0.5),
}
# The greatest value over the standard deviation.
LIMITS = {"uniform": 3**0.5, "truncated": 2 / 0.87962566103423978, "normal": 6.0}


@pytest.mark.parametrize("name", RANDOM)
def test_statistics(name: str) -> None:
    kind, stddev = RANDOM[name]
    values = getattr(initializers, name)(seed=3)(SHAPE)
    assert values.dtype == np.float32 and values.shape == SHAPE
    assert abs(values.mean()) < 0.02 * stddev
    assert values.std() == pytest.approx(stddev, rel=0.01)
    assert 0.9 * min(LIMITS[kind], 4) < abs(values).max() / stddev <= LIMITS[kind] * (1 + 1e-6)


@pytest.mark.parametrize(
    ("options", "stddev"),
    [
        ({"scale": 2.0, "mode": "fan_out"}, (2 / 300) ** 0.5),
        ({"scale": 2.0, "mode": "fan_avg", "distribution": "uniform"}, (2 / 250) ** 0.5),
        ({"distribution": "untruncated_normal"}, (1 / 200) ** 0.5),
        ({"distribution": "normal"}, (1 / 200) ** 0.5),
        ({"input_axes": [1], "output_axes": [0]}, (1 / 300) ** 0.5),
    ],
)
def test_variance_scaling(options: dict[str, Any], stddev: float) -> None:
    values = initializers.VarianceScaling(seed=1, **options)(SHAPE)
    assert values.std() == pytest.approx(stddev, rel=0.01)


@pytest.mark.parametrize("case", DATA["fans"], ids=str)
def test_fans(case: Any) -> None:
    shape, expected, *axes = case
    assert compute_fans(shape, *axes) == tuple(expected)


@pytest.mark.parametrize("name", [*RANDOM, "Orthogonal"])
def test_equal_bits_on_every_backend(name: str) -> None:
    pytest.importorskip("jax")
    values = []
    for backend in ("numpy", "jax"):
        with hilevel.use_backend(backend):
            initializer = getattr(initializers, name)(seed=7)
            v = hilevel.Variable(initializer, shape=(5, 4))
            assert v.backend.name == backend
            values.append(v.numpy())
    assert values[0].tobytes() == values[1].tobytes()


@pytest.mark.parametrize("name", [*RANDOM, "Orthogonal"])
def test_seeds(name: str) -> None:
    make = getattr(initializers, name)
    fixed, free, generator = make(seed=7), make(), make(seed=SeedGenerator(5))
    assert np.array_equal(fixed((3, 4)), fixed((3, 4)))
    assert not np.array_equal(free((3, 4)), free((3, 4)))
    assert not np.array_equal(generator((3, 4)), generator((3, 4)))
    set_random_seed(11)
    first = free((3, 4))
    set_random_seed(11)
    assert np.array_equal(first, free((3, 4)))


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3), (2, 2, 3)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    q = initializers.Orthogonal(gain=2.0, seed=1)(shape).reshape(-1, shape[-1])
    gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-5)


def test_constants() -> None:
    assert np.array_equal(initializers.Zeros()((2, 2)), np.zeros((2, 2)))
    assert np.array_equal(initializers.Ones()((2,)), np.ones(2))
    assert np.array_equal(initializers.Constant([1, 2])((2, 2)), [[1, 2], [1, 2]])
    assert np.array_equal(initializers.Identity(3.0)((2, 3)), [[3, 0, 0], [0, 3, 0]])


@pytest.mark.parametrize("name", [*RANDOM, "Orthogonal", "Zeros", "Ones", "Constant", "Identity"])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtypes_and_config(name: str, dtype: str) -> None:
    cls = getattr(initializers, name)
    first = cls(seed=4) if name in RANDOM or name == "Orthogonal" else cls()
    config = json.loads(json.dumps(initializers.serialize(first)))
    for second in (initializers.deserialize(config), initializers.get(config), first.clone()):
        assert type(second) is cls
        assert second((3, 4), dtype).dtype == dtype
        assert np.array_equal(first((3, 4), dtype), second((3, 4), dtype))


def test_get() -> None:
    for name in initializers.__all__:
        if name not in ("Initializer", "get", "serialize", "deserialize"):
            assert type(initializers.get(name)) is getattr(initializers, name)
    assert isinstance(initializers.get("normal"), initializers.RandomNormal)
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert initializers.get(None) is None
    fill = lambda shape, dtype=None: np.full(shape, 3, dtype)
    assert initializers.get(fill) is fill
    assert np.array_equal(initializers.get(np.arange(3.0))((3,)), [0, 1, 2])
    with pytest.raises(ValueError, match='Did you mean "glorot_uniform"'):
        initializers.get("glorot_unifrom")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: initializers.VarianceScaling(scale=0.0), "`scale` must be above 0"),
        (lambda: initializers.VarianceScaling(mode="fan_inn"), 'Did you mean "fan_in"'),
        (lambda: initializers.VarianceScaling(distribution="unifrom"), 'Did you mean "uniform"'),
        (lambda: initializers.RandomNormal(seed="a"), "must be an integer"),
        (lambda: initializers.Identity()((3,)), "makes matrices"),
        (lambda: initializers.Orthogonal()((3,)), "at least two axes"),
        (lambda: initializers.Constant([1, 2])((3,)), "cannot fill"),
        (lambda: initializers.RandomNormal()((3,), "int32"), "float dtype"),
    ],
)
def test_errors(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_while_only_shapes_are_found() -> None:
    from hilevel.engine.context import scope

    with scope(interpreter=SHAPES):
        assert isinstance(initializers.GlorotUniform()((2, 3)), np.ndarray)
