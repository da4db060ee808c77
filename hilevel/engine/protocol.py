"""The backend protocol: the functions of an array library that hilevel requires.

A backend is an array module, `xp`, with the few functions in which array modules differ. The base class is complete
for any eager module that follows NumPy. A backend overrides the methods that its module does differently or faster.
No code above this file depends on the name of a backend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from hilevel.engine.memory import MemoryInfo, host_memory
from hilevel.engine.philox import philox_words
from hilevel.engine.placement import Placement
from hilevel.engine.types import Array, Axis, DTypeLike, Function, Index, TensorLike

if TYPE_CHECKING:
    from hilevel.engine.compile.capture import Call, ValueId
    from hilevel.engine.op import Op


Update: TypeAlias = tuple[Function, Mapping[str, Any], Sequence[Array]]
"""A function that writes in place, its keyword arguments, and the arrays that it may overwrite."""


def module_with(module: ModuleType, **functions: Callable[..., Any]) -> ModuleType:
    """Return a copy of an array module in which some functions are replaced.

    Args:
        module: the array module, which is not changed.
        functions: the new functions, by name.

    >>> from hilevel.engine.protocol import module_with
    >>> module_with(np, tanh=abs).tanh(-2), np.tanh(0.0)
    (2, np.float64(0.0))
    """
    changed = ModuleType(module.__name__, module.__doc__)
    vars(changed).update(vars(module) | functions)
    return changed


class Override:
    """A backend's own form of one op.

    Args:
        value: `value(xp, *tensors, **attributes)`, in place of the op's value.
        gradient: a gradient rule with the parameters of the op's own, for recorded calls; by default the op's own.
        saving: a form of the value that returns `(y, residuals)`. The gradient rule gets the residuals as a keyword
            argument.

    >>> from hilevel.engine.protocol import Override
    >>> form = Override(lambda xp, x: xp.tanh(x))
    >>> form.value(np, 0.0), form.gradient
    (np.float64(0.0), None)
    """

    __slots__ = ("gradient", "saving", "value")

    def __init__(
        self, value: Function, gradient: Function | None = None, saving: Function | None = None
    ) -> None:
        self.value = value
        self.gradient = gradient
        self.saving = saving


class Overrides(dict["Op[Any]", "Override | None"]):
    """A backend's own forms of ops, by `Op`; None for an op without one.

    Args:
        families: for the name of a module of ops the name of a module with a dict `OVERRIDES` of forms. It is imported
            when one of these ops is called for the first time.

    >>> from hilevel.engine.protocol import Override, Overrides
    >>> overrides = Overrides()
    >>> overrides[hilevel.ops.erf] = Override(lambda xp, x: x)
    >>> overrides[hilevel.ops.erf].value(np, 2.0), overrides[hilevel.ops.tanh]
    (2.0, None)
    """

    def __init__(self, families: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.families = dict(families or {})

    def __missing__(self, op: Op[Any]) -> Override | None:
        family = self.families.get(op.__module__)
        if family is not None:
            for key, override in import_module(family).OVERRIDES.items():
                self.setdefault(key, override)
        return self.setdefault(op, None)


class Backend:
    """Base class of backends: an array module and the functions that hilevel requires of it.

    A subclass sets `name`, `xp` and `array_types`. All other members have a working default for an eager array
    module. `hilevel.testing.check_backend` tests a backend.

    >>> from hilevel.engine.protocol import Backend
    >>> class Plain(Backend):
    ...     name, xp, array_types = "plain", np, (np.ndarray, np.generic)
    >>> Plain().device_index("cpu"), Plain().copy(np.ones(2))
    (0, array([1., 1.]))
    """

    name: str = ""
    xp: Any = None
    array_types: tuple[type, ...] = ()
    requires: str = ""
    """The name of the package that the backend requires, such as `jax`, for messages."""
    emulated: frozenset[str] = frozenset({"bfloat16"})
    """Names of the dtypes that the module stores only. Ops compute in float32 and round the result.
    NumPy has bfloat16 from `ml_dtypes`: there a matrix product, or a product with a Python float, is float32."""
    takes_host_arrays: bool = True
    """True if the module's functions accept NumPy arrays beside its own. If not, ops convert NumPy arrays first."""
    block_bytes: int = 1 << 28
    """The maximum temporary memory in bytes for one block of a batch. A smaller value keeps blocks in a CPU's cache."""

    def __init__(self) -> None:
        self.overrides = Overrides()
        self.placement = Placement(self)

    # -- arrays ------------------------------------------------------------------------------------

    def is_array(self, x: object) -> bool:
        """Return whether `x` is an array of this backend, including a compiler's tracer."""
        return isinstance(x, self.array_types)

    def convert_operands(self, args: Sequence[Any]) -> tuple[Any, ...]:
        """Return the operands with NumPy arrays converted to arrays of this backend."""
        return tuple(self.asarray(a) if isinstance(a, (np.ndarray, np.generic)) else a for a in args)

    def asarray(self, x: TensorLike, dtype: DTypeLike = None) -> Array:
        """Return host data, or an array of this backend, as an array of this backend."""
        return self.xp.asarray(x, dtype=dtype)

    def to_numpy(self, x: Array) -> np.ndarray[Any, Any]:
        """Return a copy of the array in the host's memory."""
        return np.array(x)

    def copy(self, x: Array) -> Array:
        """Return a copy, which later changes of `x` in place do not reach."""
        return self.xp.array(x, copy=True)

    def is_concrete(self, x: Array) -> bool:
        """Return whether the array has values, in contrast to a compiler's tracer."""
        return True

    def is_host(self, x: Array) -> bool:
        """Return whether the values are in the host's memory, so that reading them needs no synchronization."""
        return isinstance(x, (np.ndarray, np.generic))

    def synchronize(self) -> None:
        """Wait until the device has completed all of its work."""

    def scatter(self, x: Array, index: Index, updates: Array, reduction: str | None = None) -> Array:
        """Return a copy of `x` in which `updates` replace the elements at `index`, or are combined with them.

        Args:
            x: an array.
            index: an index as in `x[index]`.
            updates: an array that broadcasts to the shape of `x[index]`.
            reduction: None to replace, or `"add"`, `"max"`, `"min"` or `"mul"`.
        """
        out = self.xp.array(x, copy=True)
        if reduction is None:
            out[index] = updates
        else:
            ufunc = {"add": "add", "max": "maximum", "min": "minimum", "mul": "multiply"}[reduction]
            getattr(self.xp, ufunc).at(out, index, updates)
        return out

    def argsort(self, x: Array, axis: int) -> Array:
        """Return the indices that sort an axis. The sort is stable."""
        return self.xp.argsort(x, axis=axis, kind="stable")

    # -- information -------------------------------------------------------------------------------

    def version(self) -> str:
        """Return the version of the array library."""
        return str(getattr(self.xp, "__version__", "?"))

    def devices(self) -> list[str]:
        """Return the names of the devices."""
        return ["cpu:0"]

    def device_index(self, name: str) -> int:
        """Return the position of a name in `devices`.

        Args:
            name: a name such as `"gpu:1"`, or `"gpu"` for the first GPU. "gpu" and "cuda" are synonyms.

        Raises:
            ValueError: the backend has no device of this name.
        """
        if not isinstance(name, str):
            raise ValueError(f'Expected the name of a device, such as "gpu:0"; got {name!r}.')
        wanted = name.lower().replace("gpu", "cuda")
        known = [known.lower().replace("gpu", "cuda") for known in self.devices()]
        for i, device in enumerate(known):
            if device == (wanted if ":" in wanted else f"{wanted}:0"):
                return i
        raise ValueError(
            f'The backend "{self.name}" has no device {name!r}; it has {", ".join(self.devices())}.'
        )

    def device(self, name: str) -> AbstractContextManager[None]:
        """Return a block in which arrays are created on a device."""
        self.device_index(name)
        return nullcontext()

    def memory_info(self, device: str = "") -> MemoryInfo:
        """Return the memory that this process uses and has used, and the memory of the device, in bytes.

        Args:
            device: a name of `devices`; the first by default.

        Raises:
            ValueError: the backend has no device of this name.

        >>> hilevel.get_backend("numpy").memory_info().used > 0
        True
        """
        if device:
            self.device_index(device)
        return host_memory()

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error says that the memory of the device is exhausted."""
        return isinstance(error, MemoryError)

    # -- running -----------------------------------------------------------------------------------

    def map_parts(self, work: Callable[[slice], Any], parts: Sequence[slice]) -> list[Any]:
        """Return `work(part)` for each part, in order. A backend may run parts in threads."""
        return [work(part) for part in parts]

    def compile(self, function: Function, donate: bool = True) -> Function:
        """Return a faster form of a function that may read and write Variables. By default, the function itself.

        A backend that can run several calls as one program returns an object with two more methods.
        `max_steps_per_call(*args)` returns the largest number of calls that pays off. `call_many(count, *args)` calls
        the function on the first `count` slices of its arguments. It returns the last result, and all results, stacked.

        Args:
            function: the function to compile.
            donate: whether the program may reuse the memory of the Variables that it writes.
        """
        return function

    def pack(self, updates: Sequence[Update]) -> tuple[dict[int, Array], list[Function]]:
        """Allocate the arrays that a replayed step writes in place, in a layout that suits its updates.

        Args:
            updates: a tuple for each update: a function, its keyword arguments, and the arrays that it may overwrite
                with its results. The function has an attribute `writes`, a function of the same arguments. It returns
                the positions of these arrays, or an empty list if no form runs in place.

        Returns:
            The new arrays, by the `id` of the array that each replaces. For each update, a function of the arguments
            that are not overwritten and of the keyword arguments.
        """
        assert not updates, f'The backend "{self.name}" has functions that write, but no pack().'
        return {}, []

    def fuse(self, calls: Sequence[Call], specs: Sequence[Any], outputs: Iterable[ValueId]) -> list[Call]:
        """Return the calls of a captured step, in fewer or faster calls with the same results.

        Args:
            calls: the calls, in order.
            specs: the shape and dtype of each value, by its slot.
            outputs: the slots of the values that are used after the calls.
        """
        return list(calls)

    launcher: Callable[[str, Mapping[str, Any]], Function] | None = None
    """`launcher(source, names)` -> a faster form of the function `step(variables, data)` of a replayed step, whose
    Variables have the same arrays in all calls. `names` has the constants in its source. None: Python runs the step."""

    vjp: Callable[..., Any] | None = None
    """`vjp(pure, arrays)` -> `(value, pullback, aux)` of a function `pure(arrays)` -> `(value, aux)`, for a backend
    with automatic differentiation of its own. None: the tape differentiates."""

    custom_gradient: Callable[[Function], Function] | None = None
    """`custom_gradient(f)` of a function `f(*arrays)` -> `(y, gradient function)` -> a function that the backend's own
    automatic differentiation differentiates by that gradient function."""

    remat: Callable[[Function], Function] | None = None
    """`remat(f)` -> `f`, whose intermediate results the backend's own automatic differentiation computes again for the
    backward pass."""

    def translate(self, error: Exception) -> Exception | None:
        """Return hilevel's own error for an error of the array library, or None."""
        return None

    vmap: Callable[[Function], Function] | None = None
    """`vmap(f)` -> `f` mapped over the leading axis of its arguments, for `ops.vectorized_map`. None: a loop."""

    # -- control flow: by Python, unless a compiler traces it ------------------------------

    def cond(self, predicate: TensorLike, true_fn: Function, false_fn: Function) -> Any:
        """Return `true_fn()` if `predicate` else `false_fn()`."""
        return true_fn() if bool(predicate) else false_fn()

    def while_loop(
        self, cond: Function, body: Function, loop_vars: tuple[Any, ...], maximum: int | None
    ) -> tuple[Any, ...]:
        """Apply `body` to the loop variables while `cond(*loop_vars)` is true, at most `maximum` times."""
        count = 0
        while bool(cond(*loop_vars)) and (maximum is None or count < maximum):
            loop_vars = body(*loop_vars)
            count += 1
        return loop_vars

    scan: Callable[..., Any] | None = None
    """`scan(f, init, xs, length, reverse)` -> `(carry, ys)`, for a backend that compiles loops. None: a Python loop."""

    # -- random numbers ----------------------------------------------------------------------------

    def philox(self, seed: int | Array, draw: int | Array, blocks: int) -> Array:
        """Generate `4 * blocks` words, uint64, by Philox-4x64-10.

        The counters are `(0..blocks-1, draw, 0, 0)`, the key is `(seed, 0)`. The words of a block are adjacent.
        """
        return philox_words(self.xp, seed, draw, blocks)

    def split_words(self, words: Array, width: int) -> Array:
        """Split words of 64 bits into words of 32 or 16, the lowest bits first."""
        if width == 64:
            return words
        target = self.xp.uint32 if width == 32 else self.xp.uint16
        return words.view(target)


def axes_tuple(axis: Axis, rank: int) -> tuple[int, ...]:
    """Return the axes as non-negative integers; None stands for all.

    Raises:
        ValueError: an axis is out of range.
    """
    if axis is None:
        return tuple(range(rank))
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"axis {a} is out of range for a tensor with {rank} axes.")
    return tuple(a % rank for a in axes)


__all__ = ["Backend", "Override", "Overrides", "module_with"]
