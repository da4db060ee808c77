"""Seeds, and generators that count their draws."""

from __future__ import annotations

import random as python_random
import threading
from collections.abc import Mapping, MutableMapping
from copy import deepcopy
from typing import Any, TypeAlias

import numpy as np

from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.compile.jit import before_compiling
from hilevel.engine.context import context, scope
from hilevel.engine.names import name_scope, unique_name
from hilevel.engine.types import Config
from hilevel.engine.variables import Variable
from hilevel.ops.numpy.elementwise import add
from hilevel.ops.numpy.joining import stack


class _Global:
    """The stream of seeds for layers and initializers without a seed of their own.

    Before the first `reset` the seeds are drawn from Python's `random`, as in Keras.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.seed: int | None = None
        self.draws = 0

    def reset(self, seed: int) -> None:
        with self.lock:
            self.seed, self.draws = seed, 0

    def next(self) -> tuple[int, int]:
        """Return the seed and the index of a draw that no other call gets."""
        if self.seed is None:
            return python_random.getrandbits(32), 0
        with self.lock:
            self.draws += 1
            return self.seed, self.draws - 1


_global = _Global()


def set_random_seed(seed: int) -> None:
    """Make all following random values reproducible: weights, shuffling, dropout, and the modules `numpy.random` and
    `random`.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    >>> import hilevel
    >>> hilevel.utils.set_random_seed(42)

    Raises:
        ValueError: the seed is not an integer of this range.
    """
    if not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"The seed must be an integer from 0 to 2**32 - 1; got {seed!r}.")
    python_random.seed(int(seed))
    np.random.seed(int(seed))
    _global.reset(int(seed))
    default_generator.reset(int(seed))


def make_seed() -> int:
    """Return the next seed of the global stream, an integer of 32 bits.

    Before `set_random_seed` the seeds are drawn from Python's module `random`, as in Keras.

    >>> import hilevel
    >>> hilevel.utils.set_random_seed(1)
    >>> a = hilevel.random.make_seed()
    >>> hilevel.utils.set_random_seed(1)
    >>> a == hilevel.random.make_seed()
    True
    """
    seed, draw = _global.next()
    word = get_backend("numpy").philox(seed, 2**63 + draw, 1)[0]
    return int(word) & 0xFFFFFFFF


class SeedGenerator:
    """A source of random draws. Its `state`, a Variable, has the seed and the number of draws so far.

    Args:
        seed: an integer from 0 to 2**32 - 1; by default the next of the global stream.
        name: the name of the generator; `seed_generator` with a unique number by default.

    >>> import hilevel
    >>> g = hilevel.random.SeedGenerator(7)
    >>> g.next(), g.next()
    (array([7, 0], dtype=uint32), array([7, 1], dtype=uint32))

    Raises:
        ValueError: the seed is neither an integer nor None, or there is another argument.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        if kwargs:
            raise ValueError(
                f"SeedGenerator has no arguments {', '.join(kwargs)}. It takes `seed` and `name`."
            )
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer))):
            raise ValueError(f"A seed must be an integer or None; got {seed!r}.")
        self.name = name or unique_name("seed_generator")
        self.initial_seed = seed
        first = np.array([make_seed() if seed is None else int(seed) & 0xFFFFFFFF, 0], np.uint32)
        with name_scope(self.name):
            self.state = Variable(first, dtype="uint32", trainable=False, name="seed_generator_state")

    def next(self, ordered: bool = True) -> Any:
        """Return the state of this draw, `[seed, draw]`. The next call returns another.

        While a data pipeline makes a batch, the states depend on the place of the batch, and this one stays.
        """
        if not context.compiling and not context.interpreter.infers_shapes:
            if context.reading is not None:
                return context.reading.next(self, int(self.state.numpy()[0]))
            if self.state.backend is not current_backend():
                with scope(backend=self.state.backend):
                    return to_host(self.next(ordered))
        with _drawing:
            state = self.state.read()
            self.state.replace_if_real(add(state, _STEP))
        return state

    def __getstate__(self) -> dict[str, Any]:
        """Return the attributes for a copy. In a process that makes batches, the state is an array of NumPy."""
        reads = context.reading is not None
        return vars(self) | ({"state": deepcopy(self.state).to("numpy")} if reads else {})

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Write the seed and the number of draws into a dict, under `"0"`."""
        store["0"] = self.state.numpy()

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Read the array of `save_own_variables`. A file of Keras has none, and changes nothing."""
        if "0" in store:
            self.state.assign(store["0"])

    def get_config(self) -> Config:
        """Return the config, from which `from_config` makes an equal generator."""
        return {"seed": self.initial_seed, "name": self.name}

    @classmethod
    def from_config(cls, config: Config) -> SeedGenerator:
        """Return a generator from the result of `get_config`."""
        return cls(**config)


class Draws:
    """A source of random draws from one key, an unsigned integer of 32 bits, such as a random one.

    Unlike a SeedGenerator it has no Variable, so that a branch of `ops.switch` can draw from it.

    >>> from hilevel.random.seed import Draws
    >>> draws = Draws(np.uint32(7))
    >>> draws.next(), draws.next()
    (array([7, 1], dtype=uint32), array([7, 2], dtype=uint32))
    """

    def __init__(self, key: Any) -> None:
        self.key, self.number = key, 0

    def next(self) -> Any:
        """Return the state of the next draw."""
        self.number += 1
        return stack([self.key, np.uint32(self.number)])


SeedLike: TypeAlias = int | SeedGenerator | Draws | None
"""The `seed` of a random function: an integer, a generator, or None for the global generator."""

_STEP = np.array([0, 1], np.uint32)
_drawing = threading.RLock()
"""Held while a generator counts a draw, so that two threads do not get the same one."""


class _DefaultGenerator:
    """The generators for `hilevel.random` functions without a seed: a SeedGenerator for each backend, all equal."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.seed: int | None = None
        self.generators: dict[str, SeedGenerator] = {}

    def reset(self, seed: int) -> None:
        self.seed = seed
        for generator in self.generators.values():
            generator.state.assign(np.array([seed ^ 0x5EED, 0], np.uint32))

    def get(self) -> SeedGenerator:
        name = current_backend().name
        if name not in self.generators:
            with self.lock:
                if self.seed is None:
                    self.seed = make_seed()
                if name not in self.generators:
                    self.generators[name] = SeedGenerator(self.seed ^ 0x5EED, name="default")
        return self.generators[name]


default_generator = _DefaultGenerator()
before_compiling.append(default_generator.get)


def get_seed_stream() -> tuple[int | None, int]:
    """Return the seed of the global stream, None before `set_random_seed`, and the number of its draws."""
    with _global.lock:
        return _global.seed, _global.draws


def set_seed_stream(seed: int | None, draws: int) -> None:
    """Set the global stream of seeds to a result of `get_seed_stream`."""
    with _global.lock:
        _global.seed, _global.draws = seed, draws


def get_random_state() -> dict[str, Any]:
    """Return the state of the global random generators: of hilevel, of `numpy.random` and of the module `random`."""
    return {
        "stream": get_seed_stream(),
        "default": None if default_generator.seed is None else default_generator.get().state.numpy(),
        "numpy": np.random.get_state(),
        "python": python_random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Set the global random generators to a state of `get_random_state`, on the active backend."""
    set_seed_stream(*state["stream"])
    if state["default"] is not None:
        default_generator.get().state.assign(state["default"])
    np.random.set_state(state["numpy"])
    python_random.setstate(state["python"])
