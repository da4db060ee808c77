"""Functions that read and write Variables as pure functions for `jax.jit`.

A first trace, or a run on shapes before (`Usage`), determines the Variables that the function reads and writes. Their
arrays are arguments of the program. Written arrays are donated, and their new values are results of the program.
Variables among the arguments of the function are constants of the program, but their values are not. Results are a
flat list, as JAX would sort the keys of dicts.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun

from hilevel import tree
from hilevel.engine.autodiff.tape import TapeTensor, expired_message
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import native, of_scalar
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.layouts import place_variables
from hilevel.engine.overlay import Overlay, Usage, arrays_of, disposable_arrays, replace_arrays
from hilevel.engine.settings import settings
from hilevel.engine.types import Function
from hilevel.engine.variables import Variable
from hilevel.errors import TracedValueError
from hilevel_jax.cores import Division

_STATIC = (str, bool, bytes, Variable)

MAX_STEPS = 64
"""The maximum number of calls in one program."""
RESULT_BYTES = 2**20
"""The maximum size in bytes of the results of these calls. Collecting larger results takes longer than it saves."""
WORK, WORK_OF_A_GPU = 2**28, 2**36
"""The maximum number of elements that these calls compute, by `_work`: about a fifth of a second on two cores."""


class _NewState(Exception):
    """A later trace used Variables that the first trace did not use."""


class plain_errors:
    """A block that removes JAX's note about hidden frames from errors."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, where: object) -> None:
        notes = getattr(error, "__notes__", [])
        notes[:] = [note for note in notes if "JAX has removed its internal frames" not in note]


class Compiled:
    """The compiled form of a function, with one entry for each structure of its arguments."""

    def __init__(self, function: Function, donate: bool) -> None:
        self.function = function
        self.donate = donate
        self.usage: Usage | None = None
        """The Variables that a run on shapes used, in place of a first trace."""
        self.entries: dict[Any, _Entry] = {}
        self.bundles: dict[Any, _Bundle] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        leaves, structure = jax.tree.flatten((args, kwargs))
        dynamic = [x for x in leaves if not _is_static(x)]
        static = tuple(x if _is_static(x) else _Dynamic for x in leaves)
        key = (structure, static)
        entry = self.entries.get(key)
        if entry is None:
            entry = _Entry(self.function, structure, static, self.donate, self.usage)
            entry = self.entries.setdefault(key, entry)
        with plain_errors():
            return entry(dynamic)

    def max_steps_per_call(self, *args: Any) -> int:
        """Return the largest number of calls, with arguments of these shapes, that one program should process.

        `MAX_STEPS`, `RESULT_BYTES` and `WORK` limit it. It is 1 for a function with a loop of unknown length. It is
        also 1 for convolutions on a CPU: a step of a residual network takes five times as long in a loop of XLA.
        """
        args = jax.tree.map(as_data, args)
        with plain_errors():
            bundle = self._bundle(args)
        on_cpu = jax.default_backend() == "cpu"
        if "while" in bundle.primitives or (on_cpu and "conv_general_dilated" in bundle.primitives):
            return 1
        size = sum(math.prod(shape.shape) * shape.dtype.itemsize for shape in bundle.shapes)
        work = WORK if on_cpu else WORK_OF_A_GPU
        return max(1, min(MAX_STEPS, RESULT_BYTES // max(size, 1), work // max(bundle.work, 1)))

    def call_many(self, count: int, *args: Any) -> tuple[Any, Any]:
        """Call the function on the first `count` slices of stacked arguments, as one program.

        The first axis of each array has the maximum length of a bundle, so that the program is the same for each
        count.

        Returns:
            The last result, and all results, stacked along a new first axis.
        """
        args = jax.tree.map(as_data, args)
        stacked = jax.tree.leaves(args)
        one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), args)
        with plain_errors():
            return self._bundle(one).run(count, stacked)

    def _bundle(self, args: Any) -> _Bundle:
        """Return the program of several calls with arguments of these shapes."""
        leaves, structure = jax.tree.flatten((args, {}))
        key = (structure, *((x.shape, x.dtype) for x in leaves))
        if key not in self.bundles:
            shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in leaves]
            static = (_Dynamic,) * len(leaves)
            bundle = _Bundle(self.function, structure, static, self.donate, self.usage, shapes)
            self.bundles.setdefault(key, bundle)
        return self.bundles[key]

    @property
    def compilations(self) -> int:
        """The number of compiled programs."""
        return sum(entry.compilations for entry in (*self.entries.values(), *self.bundles.values()))


class _Dynamic:
    """The placeholder of an array among static arguments."""


def _is_static(x: object) -> bool:
    return isinstance(x, _STATIC) or callable(x)


def as_data(x: Any) -> Any:
    """Convert Python scalars to hilevel's dtypes, as JAX would use 64 bits, and arrays to native byte order.

    Raises:
        TypeError: the dtype of an array is neither numeric nor boolean.
    """
    if isinstance(x, (int, float)):
        return np.asarray(x, of_scalar(x))
    return x.value if isinstance(x, TapeTensor) else native(x)


class _State(NamedTuple):
    """The Variables that a function writes, the Variables that it only reads, and its program over their arrays."""

    written: list[Variable]
    read: list[Variable]
    program: Any


class _Entry:
    """The program of a function for one structure of its arguments. The first call creates it."""

    batch_axis = 0

    def __init__(
        self, function: Function, structure: Any, static: tuple[Any, ...], donate: bool, usage: Usage | None
    ) -> None:
        self.function, self.structure, self.static, self.donate = function, structure, static, donate
        self.usage = usage
        self.state: _State | None = None
        self.template: Any = None
        self.keys: list[Any] | None = None
        self.compilations = 0
        self.has_layouts = False
        """True if some of the Variables have layouts, which may have several devices."""
        self.agreed = False
        """True after the Variables were placed, and the processes have compared their programs."""
        self.division = Division()
        self.lock = threading.RLock()

    def __call__(self, dynamic: list[Any]) -> Any:
        dynamic = [as_data(x) for x in dynamic]
        return self._pack(self._run_program(dynamic, dynamic))

    def _run_program(self, example: list[Any], *arguments: Any) -> Any:
        """Run the program, and set the Variables to their new arrays.

        A program that writes Variables runs in one thread at a time, as it overwrites its arguments.
        """
        state = self.state or self._discover(example, None)
        with self.lock if state.written else nullcontext():
            try:
                out, new = self._on_devices(state, arguments)
            except _NewState:
                self._discover(example, state)
                return self._run_program(example, *arguments)
            except jax.errors.UnexpectedTracerError as error:
                raise TracedValueError(expired_message()) from error
            replace_arrays(state.written, new)
        return out

    def _on_devices(self, state: _State, arguments: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """Run the program; on several devices of a CPU as the only one, up to its end."""
        if settings.distribution is None and not self.has_layouts:
            return self._on_cores(state, arguments)
        placement: Any = current_backend().placement
        if not self.agreed:
            place_variables([*state.written, *state.read])
            self.has_layouts = True
        with placement.alone():
            written, read = self._disposable(state.written), arrays_of(state.read)
            if not self.agreed:
                self.agreed = True
                placement.check_program(state.program, written, read, *arguments)
            return jax.block_until_ready(state.program(written, read, *arguments))

    def _on_cores(self, state: _State, arguments: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """Run the program on one device, or in parts on all cores of a CPU."""
        arrays = self._disposable(state.written), arrays_of(state.read)
        if not self.division.stays_on_one and not _is_traced((arrays, arguments)):
            self._decide_division(state.program, arrays, arguments)
            if self.division.mesh is not None:
                with current_backend().placement.alone(), self.division:
                    return self.division.run(state.program, arrays, arguments, self.batch_axis)
        return state.program(*arrays, *arguments)

    def _decide_division(self, program: Any, arrays: Any, arguments: tuple[Any, ...]) -> None:
        """Trace the program, unless another call has done so, which decides whether it is divided."""
        with self.lock:
            if self.division.is_decided:
                return
            with self.division:
                program.trace(*arrays, *arguments)
            if self.division.mesh is not None:
                self.compilations = 0  # arrays on several devices are traced again

    def _disposable(self, variables: list[Variable]) -> list[Any]:
        """Return the arrays that the program may overwrite."""
        if not self.donate:
            return arrays_of(variables)
        return disposable_arrays(variables, lambda x: jax.device_put(x, may_alias=False))

    def _pack(self, out: list[Any]) -> Any:
        """Pack flat results into the structure that the function returned."""
        if self.keys is not None:
            return dict(zip(self.keys, out, strict=True))
        return tree.pack_sequence_as(self.template, out)

    def _run(self, dynamic: list[Any]) -> Any:
        """Call the function on tracers, and return its results as a flat list."""
        data = iter(dynamic)
        leaves = [next(data) if s is _Dynamic else s for s in self.static]
        args, kwargs = jax.tree.unflatten(self.structure, leaves)
        with scope(compiling=context.compiling + 1, interpreter=EVALUATE):
            out = self.function(*args, **kwargs)
        self.template = tree.map_structure(lambda _: None, out)
        flat = isinstance(out, dict) and not any(map(tree.is_nested, out.values()))
        self.keys = list(out) if flat else None
        return tree.flatten(out)

    def _discover(self, dynamic: list[Any], old: _State | None) -> _State:
        """Create the program over the used Variables, unless another thread has created it meanwhile."""
        with self.lock:
            if self.state is not None and self.state is not old:
                return self.state
            if old is None and self.usage is not None:
                with suppress(_NewState):
                    return self._compile(*self.usage.variables())
            return self._compile(*self._variables_of(dynamic))

    def _variables_of(self, dynamic: list[Any]) -> tuple[list[Variable], list[Variable]]:
        """Return the Variables that are written, and the Variables that are only read, by an additional trace."""
        overlay = Overlay()

        def trace(values: list[Any]) -> Any:
            with overlay:
                return self._run(values)

        jax.make_jaxpr(trace)(dynamic)
        written = list(overlay.written.values())
        return written, [v for key, v in overlay.seen.items() if key not in overlay.written]

    def _compile(self, written: list[Variable], read: list[Variable]) -> _State:
        program = self._program(written, read)

        @functools.wraps(program)
        def traced(*arguments: Any) -> Any:
            """Trace the program. JAX calls this once for each compilation."""
            result = program(*arguments)
            self.compilations += 1
            return result

        self.has_layouts = any(v.layout is not None for v in (*written, *read))
        self.agreed = False
        self.state = _State(written, read, jax.jit(traced, donate_argnums=(0,) if self.donate else ()))
        return self.state

    def _program(self, changing: list[Variable], fixed: list[Variable]) -> Function:
        """Return the pure function of the Variables' arrays and the data."""
        variables = changing + fixed
        known = set(map(id, variables))

        def pure(state: list[Any], constants: list[Any], dynamic: list[Any]) -> tuple[Any, list[Any]]:
            with Overlay(zip(variables, state + constants, strict=True)) as overlay:
                out = self._run(dynamic)
            if not overlay.seen.keys() <= known or any(id(v) in overlay.written for v in fixed):
                raise _NewState
            new = [_in_layout(v, overlay.values[id(v)]) for v in changing]
            return self.division.whole((out, new))

        return pure


def _is_traced(arrays: Any) -> bool:
    return any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(arrays))


def _in_layout(variable: Variable, value: Any) -> Any:
    """Return a new value of a Variable in its layout. In another one the next call would compile the program again."""
    if variable.layout is None:
        return value
    return variable.backend.placement.constrain(value, variable.layout)


def _equations(jaxpr: Any, times: int = 1) -> Iterator[tuple[Any, int]]:
    """Yield the equations of a jaxpr and of nested jaxprs, with the number of their executions."""
    for equation in jaxpr.eqns:
        yield equation, times
        length = equation.params["length"] if equation.primitive.name == "scan" else 1
        for parameter in tree.flatten(list(equation.params.values())):
            if hasattr(parameter, "eqns"):
                yield from _equations(parameter, times * length)


def _work(equation: Any) -> int:
    """Return the number of elements that an equation computes; 32 multiplications of a matrix product count as 1."""
    elements = sum(math.prod(getattr(x.aval, "shape", ())) for x in equation.outvars)
    if equation.primitive.name != "dot_general":
        return elements
    (contracted, _), _ = equation.params["dimension_numbers"]
    shape = equation.invars[0].aval.shape
    return elements * (1 + math.prod(shape[axis] for axis in contracted) // 32)


class _Bundle(_Entry):
    """Several calls as one program: a loop over stacked arguments."""

    batch_axis = 1

    def __init__(
        self,
        function: Function,
        structure: Any,
        static: tuple[Any, ...],
        donate: bool,
        usage: Usage | None,
        one: list[Any],
    ) -> None:
        super().__init__(function, structure, static, donate, usage)
        self.one = one
        self._discover(one, None)

    def run(self, count: int, stacked: list[Any]) -> tuple[Any, Any]:
        """Return the last result and all results."""
        last, every = self._run_program(self.one, stacked, count)
        return self._pack(last), self._pack(every)

    def _program(self, changing: list[Variable], fixed: list[Variable]) -> Function:
        pure, state_shapes = super()._program(changing, fixed), arrays_of(changing)
        with self.division:
            jaxpr, (self.shapes, _) = jax.make_jaxpr(pure, return_shape=True)(
                state_shapes, arrays_of(fixed), self.one
            )
        equations = list(_equations(jaxpr.jaxpr))
        self.primitives = {equation.primitive.name for equation, _ in equations}
        self.work = sum(times * _work(equation) for equation, times in equations)
        step, shapes, results = jaxpr_as_fun(jaxpr), self.shapes, len(self.shapes)

        def program(state: list[Any], constants: list[Any], stacked: list[Any], count: Any) -> Any:
            def body(i: Any, carry: Any) -> Any:
                state, every = carry
                flat = step(*state, *constants, *[x[i] for x in stacked])
                out, new = flat[:results], flat[results:]
                every = [kept.at[i].set(result) for kept, result in zip(every, out, strict=True)]
                return [x.astype(old.dtype) for x, old in zip(new, state, strict=True)], every

            slots = stacked[0].shape[0]
            every = [jnp.zeros((slots, *shape.shape), shape.dtype) for shape in shapes]
            state, every = jax.lax.fori_loop(0, count, body, (state, every))
            return ([kept[count - 1] for kept in every], every), state

        return program
