"""The backend protocol: what hilevel asks of an array library.

A backend is an array module (`xp`) with the few functions in which array modules differ. This class is
written once against `xp` and is complete for any eager module that follows NumPy; a backend overrides what
its module does differently or better. Nothing above this file asks which backend it runs on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from hilevel.engine.philox import philox_words
from hilevel.engine.types import Array, DTypeLike, Function


def module_with(module: ModuleType, **functions: Callable[..., Any]) -> ModuleType:
    """An array module with other functions in place of some.

    >>> from hilevel.engine.protocol import module_with
    >>> module_with(np, tanh=abs).tanh(-2), np.tanh(0.0)
    (2, np.float64(0.0))
    """
    changed = ModuleType(module.__name__, module.__doc__)
    vars(changed).update(vars(module) | functions)
    return changed


class Override:
    """A backend's own form of one op: its `value`, and its `gradient` where the shared one does not fit.

    `value(xp, *tensors, **attributes)` replaces the op's value. `gradient`, called like the op's own rule,
    is used when a tape records the op; without it the shared rule is. `saving` is a form of the value that returns
    `(y, residuals)`, arrays that the `gradient` is handed by that name.
    """

    __slots__ = ("gradient", "saving", "value")

    def __init__(
        self, value: Function, gradient: Function | None = None, saving: Function | None = None
    ) -> None:
        self.value = value
        self.gradient = gradient
        self.saving = saving


class Overrides(dict[Any, "Override | None"]):
    """A backend's own forms of ops, by `Op`: `overrides[ops.erf] = Override(value)`; None for an op that has none.

    Args:
        families: the module with the forms of the ops in a module of `hilevel.ops`, in its `OVERRIDES`. It is
            imported when the first of these ops is called.
    """

    def __init__(self, families: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.families = dict(families or {})

    def __missing__(self, op: Any) -> Override | None:
        family = self.families.get(op.__module__)
        if family is not None:
            for key, override in import_module(family).OVERRIDES.items():
                self.setdefault(key, override)
        return self.setdefault(op, None)


class Backend:
    """An array module, and what hilevel needs to know about it. Subclass it to add a backend.

    A subclass sets `name`, `xp` and `array_types`. Everything else has a working default for an eager array
    module; `hilevel.testing.check_backend` says what is wrong.
    """

    name: str = ""
    xp: Any = None
    array_types: tuple[type, ...] = ()
    requires: str = ""
    """The name of the distribution that it needs, such as `jax`, for messages."""
    emulated: frozenset[str] = frozenset({"bfloat16"})
    """Names of dtypes that the module stores only. Ops compute in float32 and round the result.
    NumPy has bfloat16 from `ml_dtypes`: a matrix product, or a product with a Python float, is float32 there."""
    takes_host_arrays: bool = True
    """Whether the module's functions take NumPy arrays beside its own. If not, ops bring them over first."""
    block_bytes: int = 1 << 28
    """Upper limit of the temporary memory for one block of a batch. A processor's cache suggests a smaller one."""

    def __init__(self) -> None:
        self.overrides = Overrides()

    # -- arrays ------------------------------------------------------------------------------------

    def is_array(self, x: object) -> bool:
        """Whether `x` is an array of this backend, a traced one of a compiler included."""
        return isinstance(x, self.array_types)

    def convert_operands(self, args: Any) -> tuple[Any, ...]:
        """The operands, with those on the host as arrays of this backend."""
        return tuple(self.asarray(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in args)

    def asarray(self, x: Any, dtype: DTypeLike = None) -> Array:
        """The data of the host, or of this backend, as an array of this backend."""
        return self.xp.asarray(x, dtype=dtype)

    def to_numpy(self, x: Array) -> np.ndarray[Any, Any]:
        """A copy of the array on the host."""
        return np.array(x)

    def copy(self, x: Array) -> Array:
        """The array as it is now, whatever is later done to `x` in place."""
        return self.xp.array(x, copy=True)

    def is_concrete(self, x: Array) -> bool:
        """Whether the numbers can be looked at (not inside a compiler's trace)."""
        return True

    def is_host(self, x: Array) -> bool:
        """Whether looking at the numbers costs nothing: they are in the host's memory."""
        return isinstance(x, (np.ndarray, np.generic))

    def synchronize(self) -> None:
        """Wait until everything that was asked of the device is done."""

    def scatter(self, x: Array, index: Any, updates: Array, reduction: str | None = None) -> Array:
        """A copy of `x` with `updates` put, or combined (`add`, `max`, `min`, `mul`), at `index`."""
        out = self.xp.array(x, copy=True)
        if reduction is None:
            out[index] = updates
        else:
            ufunc = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}[reduction]
            getattr(self.xp, ufunc).at(out, index, updates)
        return out

    def argsort(self, x: Array, axis: int) -> Array:
        """The indices that sort an axis, equal elements in their order."""
        return self.xp.argsort(x, axis=axis, kind="stable")

    # -- information -------------------------------------------------------------------------------

    def version(self) -> str:
        """The version of the array library."""
        return str(getattr(self.xp, "__version__", "?"))

    def devices(self) -> list[str]:
        """Names of the devices that can be computed on."""
        return ["cpu:0"]

    def device_index(self, name: str) -> int:
        """The place in `devices` of a name: `"gpu:1"`, or `"gpu"` for the first; "gpu" and "cuda" are one.

        Raises:
            ValueError: there is no such device.
        """
        wanted = name.lower().replace("gpu", "cuda")
        known = [known.lower().replace("gpu", "cuda") for known in self.devices()]
        for i, device in enumerate(known):
            if device == (wanted if ":" in wanted else f"{wanted}:0"):
                return i
        raise ValueError(
            f'The backend "{self.name}" has no device {name!r}; it has {", ".join(self.devices())}.'
        )

    def device(self, name: str) -> AbstractContextManager[None]:
        """A block in which arrays are made on that device."""
        self.device_index(name)
        return nullcontext()

    # -- running -----------------------------------------------------------------------------------

    def map_parts(self, work: Callable[[slice], Any], parts: Sequence[slice]) -> list[Any]:
        """Return `work(part)` for each part, in order. A backend with threads of its own may use them."""
        return [work(part) for part in parts]

    def compile(self, function: Function, donate: bool = True) -> Function:
        """A faster form of `function`, which may read and write Variables. Eager backends: itself.

        A backend that can run several calls as one program returns an object with two methods more.
        `max_steps_per_call(*args)` returns the largest number of calls that pays. `call_many(count, *args)` calls the
        function on the first `count` slices of its arguments, and returns the last result and all results, stacked.
        """
        return function

    def pack(self, updates: Any) -> tuple[dict[int, Array], list[Function]]:
        """Arrays for what a replayed step writes to, in the form that suits the functions that write.

        Args:
            updates: a tuple for each update: a function, its keyword arguments, and the arrays that it may write its
                results to. The function has an attribute `writes`, a function of the same arguments, which returns
                the positions of these arrays; those of none, where it has no form that runs in place.

        Returns:
            The new arrays, by the `id` of the one that each stands for; and for each update a function of the arguments
            that are not written to, and of the keyword arguments.
        """
        assert not updates, f'The backend "{self.name}" has functions that write, but no pack().'
        return {}, []

    vjp: Callable[..., Any] | None = None
    """`vjp(pure, arrays)` -> `(value, pullback, aux)` of a function `pure(arrays)` -> `(value, aux)`,
    for a backend that has an engine of its own. None: the tape."""

    custom_gradient: Callable[[Function], Function] | None = None
    """Make `f(*arrays)` -> `(y, gradient function)` a function whose gradient that engine takes from it."""

    def translate(self, error: Exception) -> Exception | None:
        """hilevel's own error for one that the array library raised, where there is one."""
        return None

    vmap: Callable[[Function], Function] | None = None
    """Map a function over the leading axis of its arguments (`ops.vectorized_map`). None: a loop."""

    # -- control flow: a Python loop, unless a compiler has to see it ------------------------------

    def cond(self, predicate: Any, true_fn: Function, false_fn: Function) -> Any:
        """`true_fn()` if `predicate` else `false_fn()`."""
        return true_fn() if bool(predicate) else false_fn()

    def while_loop(
        self, cond: Function, body: Function, loop_vars: tuple[Any, ...], maximum: int | None
    ) -> tuple[Any, ...]:
        """Apply `body` to the loop variables while `cond` of them holds."""
        count = 0
        while bool(cond(*loop_vars)) and (maximum is None or count < maximum):
            loop_vars = body(*loop_vars)
            count += 1
        return loop_vars

    scan: Callable[..., Any] | None = None
    """`scan(f, init, xs, length, reverse)` for a backend that compiles loops. None: a loop."""

    # -- random numbers ----------------------------------------------------------------------------

    def philox(self, seed: Any, draw: Any, blocks: int) -> Array:
        """Philox-4x64-10 of the counters `(0..blocks-1, draw, 0, 0)` with the key `(seed, 0)`.

        Returns `4 * blocks` words, uint64, the words of a block together.
        """
        return philox_words(self.xp, seed, draw, blocks)

    def split_words(self, words: Array, width: int) -> Array:
        """Words of 64 bits as twice or four times as many of 32 or 16, the lowest bits first."""
        if width == 64:
            return words
        target = self.xp.uint32 if width == 32 else self.xp.uint16
        return words.view(target)


def axes_tuple(axis: int | Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """The axes as non-negative integers; None is all of them."""
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"axis {a} is out of range for a tensor with {rank} axes.")
    return tuple(a % rank for a in axes)


__all__ = ["Backend", "Override", "Overrides", "module_with"]
