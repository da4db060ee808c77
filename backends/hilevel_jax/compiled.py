"""A function over Variables as a pure function for `jax.jit`.

A first trace finds the Variables that the function reads and writes, unless a run on shapes has found them before
(`Usage`). Their arrays are arguments of the program: those that are written are donated, come back changed, and are
bound again. A Variable handed to the function is found
in the same way: which one it is belongs to the program, what it holds does not. Results travel as a flat list:
JAX would sort the keys of dicts.
"""

from __future__ import annotations

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
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import native, of_scalar
from hilevel.engine.interpreter import EVALUATE
from hilevel.engine.overlay import Overlay, Usage, arrays_of, disposable_arrays, replace_arrays
from hilevel.engine.types import Function
from hilevel.engine.variables import Variable
from hilevel.errors import TracedValueError

_STATIC = (str, bool, bytes, Variable)

MOST_STEPS = 64
"""The number of calls of a program of several, at most."""
RESULT_BYTES = 2**20
"""The size of their results. Larger ones take more time to be collected than the program saves."""
WORK, WORK_OF_A_GPU = 2**28, 2**36
"""The number of elements they compute, see `_work`: about a fifth of a second on two cores."""


class _NewState(Exception):
    """A later trace touched Variables that the first one did not."""


class plain_errors:
    """A block whose errors leave without JAX's note that it has hidden its own frames."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, where: Any) -> None:
        notes = getattr(error, "__notes__", [])
        notes[:] = [note for note in notes if "JAX has removed its internal frames" not in note]


class Compiled:
    """The compiled form of a function; one entry for each structure of its arguments."""

    def __init__(self, function: Function, donate: bool) -> None:
        self.function = function
        self.donate = donate
        self.usage: Usage | None = None
        """The Variables that a run on shapes used, with which the first trace can do."""
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
        """Return how many calls with such arguments are worth one program: at most `MOST_STEPS`, as many as have
        results of `RESULT_BYTES`, and as many as compute `WORK` elements.

        A loop whose length is unknown, and on a CPU a convolution, are not worth it: a step of a residual network takes
        five times as long in a loop of XLA's.
        """
        args = jax.tree.map(as_data, args)
        with plain_errors():
            bundle = self._bundle(args)
        on_cpu = jax.default_backend() == "cpu"
        if "while" in bundle.primitives or (on_cpu and "conv_general_dilated" in bundle.primitives):
            return 1
        size = sum(math.prod(shape.shape) * shape.dtype.itemsize for shape in bundle.shapes)
        work = WORK if on_cpu else WORK_OF_A_GPU
        return max(1, min(MOST_STEPS, RESULT_BYTES // max(size, 1), work // max(bundle.work, 1)))

    def call_many(self, count: int, *args: Any) -> tuple[Any, Any]:
        """Call the function on the first `count` of several arguments that lie one behind the other, as one program.

        Every array has one axis more, in front, as long as a bundle may be: the program is the same for each count.

        Returns:
            What the last call returned; and all results, with the new axis in front.
        """
        args = jax.tree.map(as_data, args)
        stacked = jax.tree.leaves(args)
        one = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), args)
        with plain_errors():
            return self._bundle(one).run(count, stacked)

    def _bundle(self, args: Any) -> _Bundle:
        """The program of several calls with such arguments."""
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
        """How many programs have been compiled."""
        states = [entry.state for entry in (*self.entries.values(), *self.bundles.values())]
        return sum(state.program._cache_size() for state in states if state)


class _Dynamic:
    """The place of an argument that is data."""


def _is_static(x: Any) -> bool:
    return isinstance(x, _STATIC) or callable(x)


def as_data(x: Any) -> Any:
    """Python numbers in the dtypes they have everywhere in hilevel; JAX would make them 64 bits wide. NumPy arrays in
    the byte order of this machine.

    Raises:
        TypeError: an array does not hold numbers or booleans.
    """
    if isinstance(x, (int, float)):
        return np.asarray(x, of_scalar(x))
    return x.value if isinstance(x, TapeTensor) else native(x)


class _State(NamedTuple):
    """The Variables of a function, and its program over their arrays."""

    written: list[Variable]
    read: list[Variable]
    program: Any


class _Entry:
    """The program of a function for one structure of its arguments, found at the first call."""

    def __init__(
        self, function: Function, structure: Any, static: Any, donate: bool, usage: Usage | None
    ) -> None:
        self.function, self.structure, self.static, self.donate = function, structure, static, donate
        self.usage = usage
        self.state: _State | None = None
        self.template: Any = None
        self.keys: list[Any] | None = None
        self.lock = threading.RLock()

    def __call__(self, dynamic: list[Any]) -> Any:
        dynamic = [as_data(x) for x in dynamic]
        return self._packed(self._run_program(dynamic, dynamic))

    def _run_program(self, example: list[Any], *arguments: Any) -> Any:
        """Run the program, and give the Variables their new arrays. A program that writes to Variables runs in one
        thread at a time: it uses up the arrays that it is given."""
        state = self.state or self._discover(example, None)
        with self.lock if state.written else nullcontext():
            try:
                out, new = state.program(self._used_up(state.written), arrays_of(state.read), *arguments)
            except _NewState:
                self._discover(example, state)
                return self._run_program(example, *arguments)
            except jax.errors.UnexpectedTracerError as error:
                raise TracedValueError(expired_message()) from error
            replace_arrays(state.written, new)
        return out

    def _used_up(self, variables: list[Variable]) -> list[Any]:
        """Return the arrays that the program writes to."""
        if not self.donate:
            return arrays_of(variables)
        return disposable_arrays(variables, lambda x: jax.device_put(x, may_alias=False))

    def _packed(self, out: list[Any]) -> Any:
        """Results as the function returned them."""
        if self.keys is not None:
            return dict(zip(self.keys, out, strict=True))
        return tree.pack_sequence_as(self.template, out)

    def _run(self, dynamic: list[Any]) -> Any:
        """Call the function, on tracers."""
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
        """Make the program over the Variables that are used, unless another thread has done it meanwhile."""
        with self.lock:
            if self.state is not None and self.state is not old:
                return self.state
            if old is None and self.usage is not None:
                with suppress(_NewState):
                    return self._compile(*self.usage.variables())
            return self._compile(*self._used(dynamic))

    def _used(self, dynamic: list[Any]) -> tuple[list[Variable], list[Variable]]:
        """Return the Variables that are written, and those that are only read, by a trace that serves nothing else."""
        overlay = Overlay()

        def trace(values: list[Any]) -> Any:
            with overlay:
                return self._run(values)

        jax.make_jaxpr(trace)(dynamic)
        written = list(overlay.written.values())
        return written, [v for key, v in overlay.seen.items() if key not in overlay.written]

    def _compile(self, written: list[Variable], read: list[Variable]) -> _State:
        program = jax.jit(self._program(written, read), donate_argnums=(0,) if self.donate else ())
        self.state = _State(written, read, program)
        return self.state

    def _program(self, changing: list[Variable], fixed: list[Variable]) -> Function:
        """Return the function of the Variables' arrays and the data that is compiled."""
        cells = changing + fixed
        known = set(map(id, cells))

        def pure(state: list[Any], constants: list[Any], dynamic: list[Any]) -> tuple[Any, list[Any]]:
            with Overlay(zip(cells, state + constants, strict=True)) as overlay:
                out = self._run(dynamic)
            if not overlay.seen.keys() <= known or any(id(v) in overlay.written for v in fixed):
                raise _NewState
            return out, [overlay.values[id(v)] for v in changing]

        return pure


def _equations(jaxpr: Any, times: int = 1) -> Iterator[tuple[Any, int]]:
    """Yield the equations of a jaxpr, and of those in it, with the number of times that they run."""
    for equation in jaxpr.eqns:
        yield equation, times
        length = equation.params["length"] if equation.primitive.name == "scan" else 1
        for parameter in tree.flatten(list(equation.params.values())):
            if hasattr(parameter, "eqns"):
                yield from _equations(parameter, times * length)


def _work(equation: Any) -> int:
    """Return the number of elements that an equation computes; 32 products of a matrix product count as one."""
    elements = sum(math.prod(getattr(x.aval, "shape", ())) for x in equation.outvars)
    if equation.primitive.name != "dot_general":
        return elements
    (contracted, _), _ = equation.params["dimension_numbers"]
    shape = equation.invars[0].aval.shape
    return elements * (1 + math.prod(shape[axis] for axis in contracted) // 32)


class _Bundle(_Entry):
    """Several calls as one program: a loop over arguments that lie one behind the other."""

    def __init__(
        self,
        function: Function,
        structure: Any,
        static: Any,
        donate: bool,
        usage: Usage | None,
        one: list[Any],
    ) -> None:
        super().__init__(function, structure, static, donate, usage)
        self.one = one
        self._discover(one, None)

    def run(self, count: int, stacked: list[Any]) -> tuple[Any, Any]:
        """The last result, and all."""
        last, every = self._run_program(self.one, stacked, count)
        return self._packed(last), self._packed(every)

    def _program(self, changing: list[Variable], fixed: list[Variable]) -> Function:
        pure, state_shapes = super()._program(changing, fixed), arrays_of(changing)
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
