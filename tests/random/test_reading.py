"""Random values of the batches that a pipeline makes: they depend on the place of the batch only."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

import hilevel
from hilevel import random
from hilevel.random.reading import Reading


def drawn(generator: Any, *place: int) -> list[Any]:
    with Reading(*place).scope():
        return [hilevel.ops.convert_to_numpy(random.uniform((4,), seed=generator)) for _ in range(2)]


def test_values_depend_on_the_place_and_the_seed(backend: Any) -> None:
    first, second = random.SeedGenerator(1), random.SeedGenerator(2)
    one = drawn(first, 0, 2, 5)
    np.testing.assert_array_equal(one, drawn(random.SeedGenerator(1), 0, 2, 5))
    assert not np.array_equal(one[0], one[1])
    for other in (
        drawn(second, 0, 2, 5),
        drawn(first, 0, 3, 5),
        drawn(first, 0, 2, 6),
        drawn(first, 1, 2, 5),
    ):
        assert not np.array_equal(one, other)


def test_the_generator_outside_stays(backend: Any) -> None:
    generator = random.SeedGenerator(1)
    drawn(generator, 0, 0, 0)
    assert generator.state.tolist() == [1, 0]


def test_a_compiled_function_draws_from_the_generator(backend: Any) -> None:
    generator = random.SeedGenerator(1)
    draw = hilevel.jit(lambda: random.uniform((2,), seed=generator))
    with Reading(0).scope():
        first, second = draw(), draw()
    assert generator.state.tolist() == [1, 2]
    assert not np.array_equal(first, second)


def test_two_generators_of_one_seed_have_the_same_values() -> None:
    with Reading(3, 4).scope():
        a, b = (random.uniform((3,), seed=random.SeedGenerator(7)) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_a_pickled_generator_is_on_the_host_in_a_process_that_reads(backend: Any) -> None:
    generator = random.SeedGenerator(5)
    random.uniform((), seed=generator)
    with Reading().scope():
        copy = pickle.loads(pickle.dumps(generator))
    assert copy.state.backend.name == "numpy"
    assert copy.state.tolist() == [5, 1]
    assert pickle.loads(pickle.dumps(generator)).state.backend is backend


def test_a_generator_of_another_backend_counts_there() -> None:
    generator = random.SeedGenerator(5)
    with hilevel.use_backend("jax"):
        other = random.SeedGenerator(5)
    with hilevel.use_backend("numpy"):
        np.testing.assert_array_equal(random.uniform((3,), seed=generator), random.uniform((3,), seed=other))
    assert other.state.backend.name == "jax"
    assert other.state.tolist() == [5, 1]
