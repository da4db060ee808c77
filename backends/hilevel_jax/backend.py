"""JAX as a backend of hilevel."""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hilevel.engine import protocol
from hilevel.engine.autodiff.tape import expired_message
from hilevel.engine.memory import MB, MemoryInfo, host_memory, keep_freed_memory
from hilevel.engine.philox import ROUNDS, philox_round, philox_rounds, philox_words
from hilevel.engine.protocol import Overrides
from hilevel.engine.types import Array, DTypeLike, Function, Index, Namespace, Structure, TensorLike
from hilevel.errors import TracedValueError
from hilevel_jax.compiled import Compiled, as_data, plain_errors
from hilevel_jax.cores import prepare_devices
from hilevel_jax.placement import Placement, to_numpy

FAMILIES = {
    "hilevel.ops.image.resizing": "hilevel_jax.images",
    "hilevel.ops.linalg.factors": "hilevel_jax.factors",
    "hilevel.ops.linalg.solving": "hilevel_jax.solving",
    "hilevel.ops.math.error_functions": "hilevel_jax.error_functions",
    "hilevel.ops.math.gamma_functions": "hilevel_jax.gamma_functions",
    "hilevel.ops.nn.activations": "hilevel_jax.activations",
    "hilevel.ops.nn.attention": "hilevel_jax.attention",
    "hilevel.ops.nn.convolution": "hilevel_jax.convolution",
    "hilevel.ops.nn.crossentropy": "hilevel_jax.crossentropy",
    "hilevel.ops.nn.normalization": "hilevel_jax.normalization",
    "hilevel.ops.nn.pooling": "hilevel_jax.pooling",
    "hilevel.ops.nn.recurrence": "hilevel_jax.recurrence",
    "hilevel.ops.numpy.derived": "hilevel_jax.derived",
    "hilevel.ops.numpy.elementwise": "hilevel_jax.elementwise",
    "hilevel.ops.numpy.indexing": "hilevel_jax.indexing",
    "hilevel.ops.numpy.reduction": "hilevel_jax.reduction",
    "hilevel.ops.numpy.shaping": "hilevel_jax.shaping",
}
"""The module with the backend's own forms of ops, by the module of the ops."""


class Backend(protocol.Backend):
    """`jax.numpy`, with JAX's own differentiation, compilation and loops.

    Arrays of 64 bits are enabled, so that float64 data keep their dtype; other data do not become float64. The
    environment variable `JAX_ENABLE_X64=0` disables them.
    """

    name = "jax"
    xp = jnp
    array_types = (jax.Array,)
    requires = "jax"
    emulated = frozenset()

    def __init__(self) -> None:
        super().__init__()
        prepare_devices()
        self.placement = Placement(self)
        if os.environ.get("JAX_ENABLE_X64", "1").lower() not in ("0", "false"):
            jax.config.update("jax_enable_x64", True)
        _keep_programs(os.environ.get("HILEVEL_COMPILATION_CACHE"))
        self.overrides = Overrides(FAMILIES)
        # On a CPU each run of a program allocates its scratch memory in one piece. The page faults took a third of the
        # time of a step of cnn, lstm, resnet_small and transformer. With synchronous dispatch this thread allocates,
        # and glibc keeps the memory. Small programs also run in three quarters of the time without another thread.
        jax.config.update("jax_cpu_enable_async_dispatch", False)
        keep_freed_memory(kept=1024 * MB, largest=1024 * MB)

    def asarray(self, x: TensorLike, dtype: DTypeLike = None) -> Array:
        """Return a JAX array. `device_put` copies NumPy arrays without compiling a program for each shape."""
        if isinstance(x, np.ndarray) and dtype in (None, x.dtype):
            return jax.device_put(np.array(x))
        return jnp.asarray(x, dtype=dtype)

    def copy(self, x: Array) -> Array:
        """Return a copy, as compiled functions reuse the memory of Variables."""
        return jax.device_put(x, may_alias=False)

    def to_numpy(self, x: Array) -> np.ndarray[Any, Any]:
        """Return a copy of the array on the host, gathered from several devices and processes."""
        return to_numpy(x)

    def is_concrete(self, x: Array) -> bool:
        """Return False for a tracer."""
        return not isinstance(x, jax.core.Tracer)

    def is_host(self, x: Array) -> bool:
        """Return True for NumPy arrays only, as reading a JAX array waits for the device."""
        return isinstance(x, (np.ndarray, np.generic))

    def synchronize(self) -> None:
        """Wait for all computations on all devices."""
        jax.effects_barrier()
        for device in jax.local_devices():
            jax.device_put(0.0, device).block_until_ready()

    def scatter(self, x: Array, index: Index, updates: Array, reduction: str | None = None) -> Array:
        """Return a copy of `x` with updates, by `x.at[...]`."""
        if x.dtype == bool:
            reduction = {"add": "max", "mul": "min"}.get(reduction or "", reduction)
        at = jnp.asarray(x).at[index]
        method = {None: "set", "add": "add", "max": "max", "min": "min", "mul": "multiply"}[reduction]
        return getattr(at, method)(updates)

    def argsort(self, x: Array, axis: int) -> Array:
        """Return the indices that sort an axis. JAX's sort is stable."""
        return jnp.argsort(x, axis=axis)

    def version(self) -> str:
        """Return the version of JAX."""
        return str(jax.__version__)

    def devices(self) -> list[str]:
        """Return the names of JAX's devices, the CPU last."""
        return [f"{d.platform}:{d.id}" for d in _devices()]

    def device(self, name: str) -> AbstractContextManager[None]:
        """Return a block with another `jax.default_device`."""
        return jax.default_device(_devices()[self.device_index(name)])

    def memory_info(self, device: str = "") -> MemoryInfo:
        """Return the memory of JAX on a device, or of the process on a CPU."""
        stats = _devices()[self.device_index(device) if device else 0].memory_stats()
        if not stats:
            return host_memory()
        return MemoryInfo(*(stats.get(name) for name in ("bytes_in_use", "peak_bytes_in_use", "bytes_limit")))

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether XLA could not allocate memory."""
        return isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error)

    def compile(self, function: Function, donate: bool = True) -> Function:
        """Compile by `jax.jit`, with the used Variables as arguments and results."""
        return Compiled(function, donate)

    def vjp(self, pure: Function, arrays: Sequence[Array]) -> tuple[Any, Function, Any]:
        """Differentiate by `jax.vjp`."""
        with plain_errors():
            value, pullback, aux = jax.vjp(pure, list(arrays), has_aux=True)
        return value, lambda seed: pullback(seed)[0], aux

    def custom_gradient(self, f: Function) -> Function:
        """Set a custom gradient by `jax.custom_gradient`."""

        def with_tuple(*args: Any) -> Any:
            y, gradient = f(*args)

            def back(*g: Any) -> Any:
                result = gradient(*g)
                return tuple(result) if isinstance(result, (list, tuple)) else (result,)

            return y, back

        return jax.custom_gradient(with_tuple)

    def remat(self, f: Function) -> Function:
        """Compute intermediate results again by `jax.checkpoint`."""
        return jax.checkpoint(f)

    def vmap(self, function: Function) -> Function:
        """Map over the leading axis by `jax.vmap`."""
        return jax.vmap(function)

    def translate(self, error: Exception) -> Exception | None:
        """Return a TracedValueError for JAX's error about an escaped tracer."""
        if isinstance(error, jax.errors.UnexpectedTracerError):
            return TracedValueError(expired_message())
        return None

    def philox(self, seed: int | Array, draw: int | Array, blocks: int) -> Array:
        """Generate words by one compiled program, also eagerly."""
        return _philox(seed, draw, blocks)

    def split_words(self, words: Array, width: int) -> Array:
        """Split words by a bit cast."""
        if width == 64:
            return words
        target = jnp.uint32 if width == 32 else jnp.uint16
        return jax.lax.bitcast_convert_type(words, target).reshape(-1)

    # -- control flow ------------------------------------------------------------------------------

    def cond(self, predicate: TensorLike, true_fn: Function, false_fn: Function) -> Any:
        """Call one function, or `jax.lax.cond` if the predicate is a tracer."""
        if not isinstance(predicate, jax.core.Tracer):
            return true_fn() if bool(predicate) else false_fn()
        return jax.lax.cond(predicate, true_fn, false_fn)

    def while_loop(
        self, cond: Function, body: Function, loop_vars: tuple[Any, ...], maximum: int | None
    ) -> tuple[Any, ...]:
        """Iterate in Python, or by `jax.lax.while_loop` if a loop variable is a tracer."""
        start = (0, *_arrays(loop_vars))
        limit = np.iinfo(np.int32).max if maximum is None else maximum
        if not any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(loop_vars)):
            return super().while_loop(cond, body, loop_vars, maximum)
        end = jax.lax.while_loop(
            lambda s: (s[0] < limit) & jnp.asarray(cond(*s[1:])),
            lambda s: (s[0] + 1, *body(*s[1:])),
            start,
        )
        return tuple(end[1:])

    def scan(
        self, f: Function, init: Structure, xs: Structure, length: int | None, reverse: bool
    ) -> tuple[Any, Any]:
        """Scan by `jax.lax.scan`."""
        return jax.lax.scan(f, _arrays(init), xs, length=length, reverse=reverse)


@functools.partial(jax.jit, static_argnums=2)
def _philox(seed: int | Array, draw: int | Array, blocks: int) -> Array:
    return philox_words(jnp, seed, draw, blocks, _rounds if jax.default_backend() == "cpu" else philox_rounds)


def _rounds(xp: Namespace, counter: tuple[Array, ...], key: tuple[Array, Array]) -> Any:
    """Compute the rounds in a loop. From one expression, XLA on a CPU repeats all rounds for each use of a word."""
    return jax.lax.fori_loop(0, ROUNDS, lambda _, state: philox_round(xp, *state), (counter, key))[0]


def _keep_programs(folder: str | None) -> None:
    """Cache compiled programs in a folder, for later processes."""
    if folder:
        jax.config.update("jax_compilation_cache_dir", os.path.expanduser(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)


def _devices() -> list[Any]:
    return list(dict.fromkeys([*jax.devices(), *jax.devices("cpu")]))


def _arrays(structure: object) -> Any:
    """Convert the leaves of a structure to JAX arrays."""
    return jax.tree.map(lambda x: jnp.asarray(as_data(x)), structure)
