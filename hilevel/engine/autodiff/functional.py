"""Derivatives of functions: `grad`, `value_and_grad`, `vjp`, `jvp`, `jacobian`, `hessian`, `custom_gradient`.

All use `_linearize`, which runs a function and returns its value and its pullback (vjp). The tape computes them, or
the backend's own automatic differentiation if there is one and no tape is open.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine import tensor
from hilevel.engine.autodiff.tape import Tape, TapeTensor, backward, ones_like, paused, untraced, zeros_like
from hilevel.engine.backends import current_backend
from hilevel.engine.context import context, scope
from hilevel.engine.dtypes import is_float
from hilevel.engine.interpreter import backend_of
from hilevel.engine.op import to_array
from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.engine.protocol import Backend
from hilevel.engine.spec import TensorSpec
from hilevel.engine.types import Array, Function, Namespace, Tensor, TensorLike
from hilevel.engine.variables import Variable
from hilevel.errors import ShapeError

Pullback = Callable[[Sequence[Any]], list[Any]]


def value_and_grad(
    fn: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    variables: Sequence[Variable] | None = None,
) -> Function:
    """Return a function that returns the value of `fn` and its gradient.

    Args:
        fn: a function that returns a scalar: a tensor of shape ().
        argnums: the position, or positions, of the arguments to differentiate with respect to. Each may be a nested
            structure of float tensors.
        has_aux: whether `fn` returns a pair `(value, aux)`, of which only the value is differentiated.
        variables: Variables to differentiate with respect to, in place of arguments. The gradient is zero if `fn`
            does not depend on a Variable.

    Returns:
        A function of the arguments of `fn` that returns `(value, gradient)`, or `((value, aux), gradient)`.

    >>> import hilevel
    >>> hilevel.value_and_grad(lambda x: x * x)(3.0)
    (np.float32(9.0), np.float32(6.0))
    >>> w = hilevel.Variable(3.0)
    >>> hilevel.value_and_grad(lambda: w * w, variables=[w])()
    (np.float32(9.0), [np.float32(6.0)])
    """

    @functools.wraps(fn)
    def with_gradient(*args: Any, **kwargs: Any) -> Any:
        call = _Call(fn, args, kwargs, argnums, variables, has_aux)
        value, aux, pullback = _linearize(call, once=True)
        _check_scalar(value, fn)
        gradients = pullback([_ones_like(value)])
        result = call.gradients(gradients)
        return ((value, aux) if has_aux else value), result

    return with_gradient


def grad(
    fn: Function,
    argnums: int | Sequence[int] = 0,
    has_aux: bool = False,
    variables: Sequence[Variable] | None = None,
) -> Function:
    """Return a function that returns the gradient of `fn`, or `(gradient, aux)`.

    Args:
        fn, argnums, has_aux, variables: as in `value_and_grad`.

    >>> import hilevel
    >>> hilevel.grad(lambda x: x * x)(3.0)
    np.float32(6.0)
    """
    both = value_and_grad(fn, argnums, has_aux, variables)

    @functools.wraps(fn)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        value, g = both(*args, **kwargs)
        return (g, value[1]) if has_aux else g

    return gradient


def vjp(fn: Function, *primals: TensorLike) -> tuple[Any, Function]:
    """Return the value of `fn` and its pullback, which maps a gradient of the value to gradients of the arguments.

    Args:
        fn: a function of tensors that returns a tensor or a structure of tensors.
        primals: the arguments: float tensors, or nested structures of them.

    >>> import hilevel
    >>> y, pullback = hilevel.vjp(lambda x: 2.0 * x, np.array([1.0, 2.0]))
    >>> pullback(np.array([1.0, 10.0]))
    (array([ 2., 20.]),)
    """
    call = _Call(fn, primals, {}, tuple(range(len(primals))), None, False)
    value, _, pullback = _linearize(call)

    def back(cotangents: TensorLike) -> tuple[Any, ...]:
        seeds = [to_array(c) for c in tree.flatten(cotangents)]
        return tuple(call.gradients(pullback(seeds)))

    return value, back


def jvp(fn: Function, primals: Sequence[Any], tangents: Sequence[Any]) -> tuple[Any, Any]:
    """Return the value of `fn` and its directional derivative, in the structure of the value.

    The pullback is linear in its argument, so that its own pullback is the directional derivative.

    Args:
        fn: a function of tensors that returns a tensor or a structure of tensors.
        primals: the arguments: float tensors, or nested structures of them.
        tangents: the direction: a tensor for each tensor of `primals`, of the same shape.

    >>> import hilevel
    >>> hilevel.jvp(lambda x: x * x, (3.0,), (1.0,))
    (np.float32(9.0), np.float32(6.0))
    """
    primals = [tree.map_structure(to_array, p) for p in primals]
    value = fn(*primals)
    if context.interpreter.infers_shapes:
        return value, value
    seed = tree.map_structure(tensor.ops.zeros_like, value)
    _, second = vjp(lambda u: list(vjp(fn, *primals)[1](u)), seed)
    directions = [
        tree.map_structure(lambda p, t: _like(t, p), p, t) for p, t in zip(primals, tangents, strict=True)
    ]
    return value, second(directions)[0]


def jacobian(fn: Function, argnums: int | Sequence[int] = 0) -> Function:
    """Return a function that returns the Jacobian of `fn`, of shape `output.shape + input.shape`.

    Args:
        fn: a function that returns one tensor.
        argnums: the position, or positions, of the arguments to differentiate with respect to.

    >>> import hilevel
    >>> hilevel.jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    @functools.wraps(fn)
    def all_derivatives(*args: Any, **kwargs: Any) -> Any:
        call = _Call(fn, args, kwargs, argnums, None, False)
        value, _, pullback = _linearize(call)
        return call.gradients(_jacobian_rows(value, pullback, len(call.leaves)))

    return all_derivatives


def _jacobian_rows(value: Tensor, pullback: Pullback, count: int) -> list[Any]:
    """Return the gradients of each element of the value, stacked."""
    ops = tensor.ops
    if isinstance(value, (list, tuple, dict)):
        raise TypeError("jacobian: the function must return one tensor, not a structure of them.")
    shape = tuple(value.shape)
    n = int(np.prod(shape, dtype=np.int64))
    seeds = np.eye(n, dtype=np.dtype(value.dtype)).reshape((n, *shape))
    backend = backend_of(untraced(value))
    rows = [pullback([backend.asarray(seed)]) for seed in seeds]
    stacked = (ops.stack([row[i] for row in rows]) for i in range(count))
    return [ops.reshape(s, shape + tuple(s.shape[1:])) for s in stacked]


def hessian(fn: Function, argnums: int = 0) -> Function:
    """Return a function that returns the Hessian of `fn`, of shape `input.shape + input.shape`.

    Args:
        fn: a function that returns a scalar: a tensor of shape ().
        argnums: the position of the argument to differentiate with respect to.

    >>> import hilevel
    >>> hilevel.hessian(lambda x: hilevel.ops.sum(x * x * x))(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(fn, argnums), argnums)


class _Call:
    """One call of a function, and the tensors to differentiate with respect to: its `leaves` or `variables`."""

    def __init__(
        self,
        fn: Function,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        argnums: int | Sequence[int],
        variables: Sequence[Variable] | None,
        has_aux: bool,
    ) -> None:
        self.fn, self.args, self.kwargs, self.has_aux = fn, args, kwargs, has_aux
        self.single = isinstance(argnums, int)
        self.variables = None if variables is None else list(variables)
        if self.variables is None:
            self.positions = (argnums,) if isinstance(argnums, int) else tuple(argnums)
            self.structures = [args[i] for i in self.positions]
            self.leaves = [_source(x) for x in tree.flatten(self.structures)]
        else:
            self.positions = ()
            self.leaves = []

    def run(self, leaves: Sequence[Any]) -> tuple[Any, Any]:
        """Call the function with other tensors in place of the leaves. Return the value and aux."""
        args = list(self.args)
        if self.positions:
            packed = tree.pack_sequence_as(self.structures, leaves)
            for i, value in zip(self.positions, packed, strict=True):
                args[i] = value
        result = self.fn(*args, **self.kwargs)
        if not self.has_aux:
            return result, None
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            raise TypeError(
                f"has_aux=True: {_name(self.fn)} must return a pair (value, aux); it returned "
                f"{type(result).__name__}."
            )
        return result[0], result[1]

    def gradients(self, flat: Sequence[Any]) -> Any:
        """Return gradients in the structure of the arguments or Variables."""
        if self.variables is not None:
            return list(flat)
        packed = tree.pack_sequence_as(self.structures, flat)
        return packed[0] if self.single else tuple(packed)


def linearize(fn: Function, primals: Sequence[Any], once: bool = False) -> tuple[Any, Any, Pullback]:
    """Return the value of a function of tensors, None, and its pullback. With `once`, the pullback runs only once."""
    return _linearize(_Call(fn, tuple(primals), {}, tuple(range(len(primals))), None, False), once)


def _linearize(call: _Call, once: bool = False) -> tuple[Any, Any, Pullback]:
    """Return `(value, aux, pullback)` of a call. With `once`, the pullback runs only once, and frees memory early."""
    if context.interpreter.infers_shapes:
        return _by_shapes(call)
    backend = _backend_of_call(call)
    if backend is not current_backend():
        with scope(backend=backend):
            return _linearize(call, once)
    if backend.vjp is not None and context.interpreter.is_plain:
        return _by_backend(call, backend.vjp)
    return _by_tape(call, once)


def _by_shapes(call: _Call) -> tuple[Any, Any, Pullback]:
    """Run a call on shapes alone. Gradients have the shapes of the tensors differentiated with respect to."""
    sources = call.leaves if call.variables is None else call.variables
    value, aux = call.run(call.leaves)
    return value, aux, lambda seeds: [TensorSpec(s.shape, s.dtype) for s in sources]


def _backend_of_call(call: _Call) -> Backend:
    if call.variables:
        return call.variables[0].backend
    for leaf in call.leaves:
        if not isinstance(leaf, TapeTensor):
            return backend_of(leaf)
    return current_backend()


def _by_tape(call: _Call, once: bool) -> tuple[Any, Any, Pullback]:
    outer = context.interpreter.tape is not None
    record = context.interpreter.tape or Tape()
    with scope(interpreter=record):
        leaves = [_leaf(x, record) for x in call.leaves]
        record.watched.update((id(v), v) for v in call.variables or ())
        value, aux = call.run(leaves)

    def pullback(seeds: Sequence[Any]) -> list[Any]:
        again = context.interpreter.tape is record
        targets = tree.flatten(value)
        with record.gradients(recorded=again):
            gradients = _gradients_of(call, record, leaves, targets, seeds, once and not outer)
        if once and not outer:
            record.leaves.clear()
        return gradients

    if outer:
        return value, aux, pullback
    return (
        tree.map_structure(untraced, value),
        tree.map_structure(_expiring(record), aux),
        pullback,
    )


def _leaf(x: Array, record: Tape) -> TapeTensor:
    return x if isinstance(x, TapeTensor) and x.tape is record else TapeTensor(untraced(x), record)


def _expiring(record: Tape) -> Function:
    """Mark the tape as expired, and return the function that makes plain arrays of its tensors."""
    record.expired = True
    return untraced


def _gradients_of(
    call: _Call,
    record: Tape,
    leaves: list[TapeTensor],
    targets: list[Any],
    seeds: Sequence[Any],
    release: bool,
) -> list[Any]:
    if call.variables is None:
        found = backward(targets, seeds, leaves, release)
        return [_zeros(leaf) if g is None else g for g, leaf in zip(found, leaves, strict=True)]
    groups = [record.leaves.get(id(v), []) for v in call.variables]
    found = backward(targets, seeds, [leaf for group in groups for leaf in group], release)
    return [
        _zeros(v) if g is None else g for v, g in zip(call.variables, sum_groups(groups, found), strict=True)
    ]


def sum_groups(groups: Sequence[Sequence[Any]], found: Sequence[Any]) -> list[Any]:
    """Return the sum of the gradients of each group of leaves; None without any."""
    rest, sums = iter(found), []
    for group in groups:
        parts = [g for g in (next(rest) for _ in group) if g is not None]
        total = parts[0] if parts else None
        for part in parts[1:]:
            total = total + part
        sums.append(total)
    return sums


def _by_backend(call: _Call, differentiate: Function) -> tuple[Any, Any, Pullback]:
    """Differentiate by the backend's own `vjp`, which needs a pure function.

    Within the function an overlay gives the Variables their traced values. Values that it assigns to Variables are
    extra results. Arguments and results are flat lists, as the backend might sort the keys of dicts.
    """
    variables = call.variables or []
    changed: list[Variable] = []
    structure: list[Any] = []  # the structures of value and aux

    def pure(arrays: Sequence[Any]) -> tuple[Any, Any]:
        with Overlay(zip(variables, arrays, strict=False)) as overlay:
            value, aux = call.run(arrays)
        changed[:] = overlay.written.values()
        structure[:] = tree.map_structure(lambda _: None, [value, aux])
        return tree.flatten(value), (tree.flatten(aux), [overlay.read(v) for v in changed])

    arrays = arrays_of(variables) if call.variables is not None else call.leaves
    values, pullback, (others, state) = differentiate(pure, list(arrays))
    for v, new in zip(changed, state, strict=True):
        v.replace(new)
    value, aux = tree.pack_sequence_as(structure, [*values, *others])
    return value, aux, lambda seeds: pullback(list(seeds))


def _source(x: TensorLike) -> Array:
    array = to_array(x)
    if not is_float(array.dtype):
        if not hasattr(x, "dtype"):
            return to_array(x, "float")
        raise TypeError(
            f"Expected a tensor of a floating-point dtype to differentiate with respect to; got {array.dtype}. "
            "Cast it first: hilevel.ops.cast(x, 'float32')."
        )
    return array


def _check_scalar(value: object, fn: Function) -> None:
    if getattr(value, "shape", None) != ():
        got = f"shape {tuple(value.shape)}" if hasattr(value, "shape") else type(value).__name__
        raise ShapeError(
            f"A gradient needs a function that returns a scalar; {_name(fn)} returned {got}. Reduce the result with "
            "hilevel.ops.mean or sum, or use hilevel.jacobian."
        )


def _name(fn: Function) -> str:
    return f"{getattr(fn, '__name__', type(fn).__name__)}()"


def _ones_like(x: TensorLike) -> Array:
    x = untraced(x)
    if isinstance(x, TensorSpec):
        return x
    return ones_like(x)


def _zeros(x: TensorLike) -> Array:
    x = x.array if isinstance(x, Variable) else untraced(x)
    return zeros_like(x)


def _like(x: TensorLike, example: TensorLike) -> Array:
    return to_array(x, getattr(to_array(example), "dtype", None))


# -- custom gradients ------------------------------------------------------------------------


class _CustomOp:
    """The op on a tape for a call of a function with a custom gradient."""

    name = "custom_gradient"
    is_composite = True

    def __init__(self, fn: Function, gradient: Function) -> None:
        self.fn, self.backward = fn, gradient

    def rule(self, xp: Namespace, g: Array, y: Array, *args: Any) -> Any:
        if context.interpreter.tape is None:
            return _as_tuple(self.backward(*_as_tuple(g)))
        return _as_tuple(self.fn(*args)[1](*_as_tuple(g)))


def _as_tuple(x: object) -> tuple[Any, ...]:
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def custom_gradient(f: Function) -> Function:
    """Give a function a custom gradient, as a decorator.

    Args:
        f: `f(*tensors)` -> `(y, grad)`. `grad(upstream)` maps the gradient of `y` to the gradient of each argument.

    >>> import hilevel
    >>> @hilevel.custom_gradient
    ... def identity_with_clipped_gradient(x):
    ...     return x, lambda upstream: hilevel.ops.clip(upstream, -1.0, 1.0)
    >>> hilevel.grad(lambda x: 5.0 * identity_with_clipped_gradient(x))(3.0)
    np.float32(1.0)
    """

    @functools.wraps(f)
    def with_own_gradient(*args: Any) -> Any:
        arrays = [to_array(a) for a in args]
        record = context.interpreter.tape
        if record is None:
            engine = current_backend().custom_gradient
            return f(*arrays)[0] if engine is None else engine(f)(*arrays)
        if not any(isinstance(a, TapeTensor) for a in arrays):
            return f(*arrays)[0]
        values = [untraced(a) for a in arrays]
        with paused():
            y, gradient = f(*values)
        parents = [a if isinstance(a, TapeTensor) and a.tape is record else None for a in arrays]
        node = TapeTensor(y, record, _CustomOp(f, gradient), values, parents)
        record.nodes.append(node)
        return node

    return with_own_gradient
