"""Random numbers that are the same on every backend, eagerly and compiled.

The generator is Philox-4x64-10 (`hilevel._philox`). What is drawn depends on the seed, on how many draws the
`SeedGenerator` has made, and on nothing else. Bits, integers, uniform floats and choices are equal bit for bit on every
backend; normal numbers up to the last digits of a logarithm.
"""

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.random.functions import (
    binomial,
    categorical,
    dropout,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from hilevel.random.seed import SeedGenerator, make_seed, set_random_seed

_install_getattr(__name__)
__all__ = [
    "SeedGenerator",
    "binomial",
    "categorical",
    "dropout",
    "make_seed",
    "normal",
    "randint",
    "set_random_seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]
