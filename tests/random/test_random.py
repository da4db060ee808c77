"""Random numbers: the published bits, the same on every backend, in the right distributions."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np
import pytest
import scipy.stats

import hilevel
from hilevel import random
from hilevel.engine.philox import philox_rounds
from hilevel.random import seed as seeds

ONES = 2**64 - 1
# Random123, kat_vectors: philox4x64, 10 rounds: counter, key, result.
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x16554D9ECA36314C, 0xDB20FE9D672D0FDC, 0xD7E772CEE186176B, 0x7E68B68AEC7BA23B)),
    ((ONES,) * 4, (ONES,) * 2, (0x87B092C3013FE90B, 0x438C3C67BE8D0224, 0x9CC7D7C69CD777B6, 0xA09CAEBF594F0BA0)),
    (
        (0x243F6A8885A308D3, 0x13198A2E03707344, 0xA4093822299F31D0, 0x082EFA98EC4E6C89),
        (0x452821E638D01377, 0xBE5466CF34E90C6C),
        (0xA528F45403E61D95, 0x38C72DBD566E9788, 0xA5A1610E72FD18B5, 0x57BD43B5E52B7FE6),
    ),
]  # fmt: skip


@pytest.mark.parametrize("counter, key, words", KNOWN, ids=["zeros", "ones", "pi"])
def test_known_answers(backend: Any, counter: Any, key: Any, words: Any) -> None:
    def arrays(numbers: Any) -> Any:
        return tuple(backend.asarray(np.array([n], np.uint64)) for n in numbers)

    with np.errstate(over="ignore"):
        found = philox_rounds(backend.xp, arrays(counter), arrays(key))
    assert tuple(int(np.asarray(w)[0]) for w in found) == words


DRAWS = {
    "uniform": lambda seed: random.uniform((7,), seed=seed),
    "uniform, float64": lambda seed: random.uniform((7,), dtype="float64", seed=seed),
    "uniform, float16": lambda seed: random.uniform((7,), dtype="float16", seed=seed),
    "randint": lambda seed: random.randint((7,), -3, 1000, seed=seed),
    "dropout": lambda seed: random.dropout(np.ones((3, 5), "float32"), 0.4, seed=seed),
    "dropout, noise_shape": lambda seed: random.dropout(
        np.ones((3, 5)), 0.4, noise_shape=(None, 1), seed=seed
    ),
    "shuffle": lambda seed: random.shuffle(np.arange(9), seed=seed),
    "categorical": lambda seed: random.categorical(np.zeros((2, 4), "float32"), 6, seed=seed),
    "binomial": lambda seed: random.binomial((5,), 4, 0.3, seed=seed),
}
NEARLY = {
    "gamma": lambda seed: random.gamma((2, 3), [0.2, 1.0, 5.0], seed=seed),
    "beta": lambda seed: random.beta((7,), 0.5, 2.0, dtype="float64", seed=seed),
    "binomial of many": lambda seed: random.binomial((5,), 10000, 0.3, seed=seed),
    "normal": lambda seed: random.normal((7,), seed=seed),
    "truncated_normal": lambda seed: random.truncated_normal((7,), seed=seed),
}


def draw(name: str, function: Any, compiled: bool) -> np.ndarray[Any, Any]:
    """The second draw of a generator with seed 5."""
    with hilevel.use_backend(name):
        generator = random.SeedGenerator(5)
        run = hilevel.jit(lambda: function(generator)) if compiled else lambda: function(generator)
        run()
        return np.asarray(hilevel.ops.convert_to_numpy(run()))


@pytest.mark.parametrize("name", [*DRAWS, *NEARLY])
def test_same_numbers_everywhere(name: str) -> None:
    pytest.importorskip("jax")
    function = (DRAWS | NEARLY)[name]
    expected = draw("numpy", function, compiled=False)
    for compiled in (False, True):
        found = draw("jax", function, compiled)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=0 if name in DRAWS else 3e-6)


@pytest.mark.parametrize("width", [16, 32, 64])
@pytest.mark.parametrize("count", [1, 4, 7, 33])
def test_bits_do_not_depend_on_the_count(backend: Any, width: int, count: int) -> None:
    few, many = (np.asarray(random.functions.bits(3, (n,), width)) for n in (count, 64))
    assert few.dtype == f"uint{width}"
    np.testing.assert_array_equal(few, many[:count])


def test_numpys_own_philox_is_the_judge() -> None:
    bits = np.random.Philox(key=[99, 0], counter=np.array([ONES, 6, 0, 0], np.uint64)).random_raw(12)
    with hilevel.use_backend("numpy") as backend:
        np.testing.assert_array_equal(backend.philox(99, 7, 3), bits)


N = 20000
DISTRIBUTIONS = {
    "uniform": (lambda: random.uniform((N,), -1.0, 3.0, seed=1), scipy.stats.uniform(-1, 4)),
    "normal": (lambda: random.normal((N,), 2.0, 3.0, seed=1), scipy.stats.norm(2, 3)),
    "truncated": (
        lambda: random.truncated_normal((N,), 2.0, 3.0, seed=1), scipy.stats.truncnorm(-2, 2, 2, 3)
    ),
    "gamma": (lambda: random.gamma((N,), 3.0, seed=1), scipy.stats.gamma(3)),
    "gamma of a small shape": (lambda: random.gamma((N,), 0.3, seed=1), scipy.stats.gamma(0.3)),
    "beta": (lambda: random.beta((N,), 2.0, 0.5, seed=1), scipy.stats.beta(2, 0.5)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DISTRIBUTIONS))
@pytest.mark.parametrize("dtype", ["float32"])
def test_distribution(name: str, dtype: str) -> None:
    sample, law = DISTRIBUTIONS[name]
    values = np.asarray(sample(), "float64")
    assert scipy.stats.kstest(values, law.cdf).pvalue > 0.01
    np.testing.assert_allclose([values.mean(), values.std()], [law.mean(), law.std()], atol=0.05)


def test_quantiles_of_the_normal_distribution() -> None:
    p = np.array([1e-12, 1e-5, 0.02, 0.3, 0.5, 0.7, 0.999, 1 - 1e-9])
    np.testing.assert_allclose(
        random.functions.normal_quantile(np, p), scipy.stats.norm.ppf(p), rtol=1e-12, atol=1e-15
    )


def test_discrete_distributions() -> None:
    whole = np.asarray(random.randint((N,), 2, 7, seed=1))
    assert scipy.stats.chisquare(np.bincount(whole, minlength=7)[2:]).pvalue > 0.01
    p = np.array([0.1, 0.2, 0.7])
    drawn = np.asarray(random.categorical(np.log(p)[None], N, seed=1))[0]
    assert scipy.stats.chisquare(np.bincount(drawn, minlength=3), p * N).pvalue > 0.01
    kept = np.asarray(random.dropout(np.ones(N, "float32"), 0.3, seed=1))
    assert set(np.unique(kept)) == {0.0, np.float32(1 / 0.7)}
    assert abs((kept > 0).mean() - 0.7) < 0.01
    trials = np.asarray(random.binomial((N,), 5, 0.3, seed=1))
    assert abs(trials.mean() - 1.5) < 0.03
    many = np.asarray(random.binomial((N,), 1000, 0.4, seed=1))
    bins = np.arange(370, 430)
    counts, law = np.bincount(many.astype(int), minlength=1001)[bins], scipy.stats.binom.pmf(bins, 1000, 0.4)
    assert scipy.stats.chisquare(counts, law * counts.sum() / law.sum()).pvalue > 0.01


def test_parameters_of_distributions(backend: Any) -> None:
    found = np.asarray(random.gamma((4,), [0.0, -1.0, 1e-6, 2.0], seed=1))
    assert found[0] == 0 and np.isnan(found[1]) and found[3] > 0
    assert np.isfinite(np.asarray(random.beta((99,), 1e-4, 1e-4, seed=1))).all()
    several = random.binomial((2, 4), [[200.0], [3.0]], [0.0, 1.0, 0.5, 1.0], seed=1)
    np.testing.assert_array_equal(np.asarray(several)[:, [0, 1, 3]], [[0, 200, 200], [0, 3, 3]])
    compiled = hilevel.jit(lambda n: random.binomial((3,), n, 1.0, seed=1))
    np.testing.assert_array_equal(compiled(backend.asarray(np.float32([5, 500, 0]))), [5, 500, 0])
    for draw in (random.gamma, random.binomial, random.beta):
        with pytest.raises(ValueError, match="float"):
            draw((2,), *[1.0] * (1 if draw is random.gamma else 2), dtype="int32")
    for dtype in ("float32", "bool"):
        with pytest.raises(ValueError, match="integer"):
            random.randint((2,), 0, 3, dtype=dtype)


def test_permutations_are_uniform() -> None:
    orders = [tuple(random.functions.permutation(3, 1, i)) for i in range(1200)]
    assert scipy.stats.chisquare([orders.count(o) for o in set(orders)]).pvalue > 0.01
    assert len(set(orders)) == 6


def test_seeds(backend: Any) -> None:
    first, second = (np.asarray(random.uniform((3,), seed=g)) for g in [random.SeedGenerator(1)] * 2)
    assert (first != second).all()
    np.testing.assert_array_equal(first, random.uniform((3,), seed=random.SeedGenerator(1)))
    np.testing.assert_array_equal(first, random.uniform((3,), seed=1))
    random.set_random_seed(4)
    a = np.asarray(random.normal((3,)))
    random.set_random_seed(4)
    np.testing.assert_array_equal(a, random.normal((3,)))
    assert (np.asarray(random.normal((3,))) != a).all()
    with pytest.raises(ValueError, match="2\\*\\*32"):
        random.set_random_seed(-1)
    with pytest.raises(ValueError, match="seed"):
        random.SeedGenerator(True)


def test_the_first_draw_may_be_in_a_compiled_function_and_seeds_reach_it() -> None:
    found = {}
    for name in ("numpy", "jax"):
        with hilevel.use_backend(name):
            draw = hilevel.jit(lambda: hilevel.random.normal((3,)))
            random.seed.default_generator.generators.pop(name, None)
            hilevel.set_random_seed(3)
            first, second = (np.asarray(draw()) for _ in range(2))
            hilevel.set_random_seed(3)
            np.testing.assert_array_equal(np.asarray(draw()), first)
            assert not np.array_equal(first, second)
            found[name] = first
    np.testing.assert_allclose(found["numpy"], found["jax"], rtol=1e-6)


def test_a_seed_generator_refuses_other_arguments() -> None:
    with pytest.raises(ValueError, match="no arguments sed"):
        random.SeedGenerator(sed=1)


def test_without_a_seed_the_module_random_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "_global", seeds._Global())

    def weights(seed: int) -> Any:
        python_random.seed(seed)
        return hilevel.initializers.GlorotUniform()((3, 2))

    first, other, again = weights(1), weights(2), weights(1)
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    state = seeds.get_random_state()
    before = random.make_seed()
    seeds.set_random_state(state)
    assert random.make_seed() == before
    hilevel.set_random_seed(1)
    assert not np.array_equal(weights(1), weights(1))  # the stream goes on
