"""`check_gradients`: the comparison of gradients with finite differences, and with JAX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine import tensor
from hilevel.engine.autodiff.functional import grad
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import current_backend, get_backend
from hilevel.engine.compile.jit import jit
from hilevel.engine.context import scope
from hilevel.engine.dtypes import is_float
from hilevel.engine.overlay import Overlay
from hilevel.engine.types import Function, Tensor
from hilevel.engine.variables import Variable

Host = np.ndarray[Any, Any]


def check_gradients(
    fn: Function,
    *args: Any,
    variables: Sequence[Variable] | None = None,
    order: int = 1,
    against_jax: bool = False,
    compiled: bool = True,
    step: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-7,
) -> None:
    """Compare the gradient of hilevel, on the current backend, with central finite differences in float64.

    Every element is changed by `step` in both directions, so the tensors should be small, and away from kinks. If `fn`
    returns more than one value, their sum with fixed, uneven weights is differentiated.

    Args:
        fn: a function of tensors, which calls ops.
        args: the arguments of the function, in any structure. The gradient is with respect to the floating-point arrays
            in it, as float64; other arguments are passed unchanged.
        variables: Variables to differentiate with respect to instead. They are float64 during the check.
        order: 2 to check the gradient of the gradient, too.
        against_jax: whether to compare with the gradient of the same function on JAX, too.
        compiled: whether the differences are computed with `hilevel.jit`, which is faster on JAX.
        step: the change of an element.
        rtol, atol: the tolerance, `atol + rtol * |expected|`.

    Raises:
        AssertionError: a gradient is wrong; names the argument, the element, and both values.
        ValueError: no argument is a floating-point array.

    >>> from hilevel.testing import check_gradients
    >>> check_gradients(lambda x: ops.tanh(x) * 2.0, np.array([0.5, -1.0]), order=2)
    >>> w = hilevel.Variable([1.0, 2.0], name="w")
    >>> check_gradients(lambda x: x * w, np.array([3.0, 4.0]), variables=[w])
    >>> check_gradients(lambda x: ops.stop_gradient(x) * x, np.array([3.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: gradient of <lambda>() with respect to argument 0, element [0]: hilevel says 4.5...
    """
    name = getattr(fn, "__name__", type(fn).__name__)
    with _sources(args, variables) as (values, names):
        if not values:
            raise ValueError("check_gradients: no argument is a floating-point array.")
        loss = _Loss(fn, args, variables, compiled)
        found = loss.gradient(values)
        _compare(
            found,
            _differences(loss.value, values, step),
            names,
            f"gradient of {name}()",
            rtol=rtol,
            atol=atol,
        )
        if against_jax:
            _compare(
                found,
                loss.on_jax(values),
                names,
                f"gradient of {name}()",
                "JAX",
                rtol=rtol,
                atol=atol,
            )
        if order > 1:
            second = loss.contracted()
            _compare(
                second.gradient(values), _differences(second.value, values, step), names,
                f"gradient of the gradient of {name}()", rtol=rtol, atol=atol,
            )  # fmt: skip


class _Loss:
    """A scalar function of float64 arrays, made from a function."""

    def __init__(
        self, fn: Function, args: Sequence[Any], variables: Sequence[Variable] | None, compiled: bool
    ) -> None:
        self.fn, self.args, self.variables, self.compiled = fn, args, variables, compiled
        self.fast = jit(self.__call__) if compiled else self

    def __call__(self, *sources: Tensor) -> Any:
        rest = iter(sources)
        args = self.args
        if self.variables is None:
            args = tree.map_structure(lambda x: next(rest) if _is_source(x) else _here(x), list(args))
        return _weighted_sum(self.fn(*args))

    def value(self, values: list[Host]) -> float:
        """Return the value for sources with these values."""
        with self._placed(values) as sources:
            return float(to_host(self.fast(*sources)))

    def gradient(self, values: list[Host]) -> list[Host]:
        """Return the gradient of hilevel on the current backend."""
        with self._placed(values) as sources:
            return [to_host(g) for g in self._gradient(sources)]

    def _gradient(self, sources: Sequence[Tensor]) -> Any:
        if self.variables is not None:
            return grad(self, variables=self.variables)()
        return grad(self, argnums=tuple(range(len(sources))))(*sources)

    def contracted(self) -> _Loss:
        """Return the gradient as a scalar function, to be differentiated for the second order."""
        return _Loss(lambda *args: self._gradient_of(args), self.args, self.variables, self.compiled)

    def _gradient_of(self, args: Sequence[Any]) -> Any:
        inner = _Loss(self.fn, args, self.variables, False)
        return inner._gradient([x for x in tree.flatten(list(args)) if _is_source(x)])

    def on_jax(self, values: list[Host]) -> list[Host]:
        """Return the gradient on JAX."""
        with scope(backend=get_backend("jax")):
            return self.gradient(values)

    @contextmanager
    def _placed(self, values: list[Host]) -> Iterator[list[Any]]:
        """Yield the values as arrays of the current backend; for Variables, assign them instead."""
        backend = current_backend()
        arrays = [backend.asarray(v.copy()) for v in values]
        if self.variables is None:
            yield arrays
            return
        homes = [v.backend for v in self.variables]
        for v, array in zip(self.variables, arrays, strict=True):
            v.backend = backend
            v.replace(array)
        try:
            yield []
        finally:
            for v, home in zip(self.variables, homes, strict=True):
                v.backend = home


def _is_source(x: Any) -> bool:
    return hasattr(x, "dtype") and hasattr(x, "shape") and is_float(np.dtype(x.dtype))


def _here(x: Any) -> Any:
    return current_backend().asarray(x) if isinstance(x, np.ndarray) else x


@contextmanager
def _sources(
    args: Sequence[Any], variables: Sequence[Variable] | None
) -> Iterator[tuple[list[Host], list[str]]]:
    """Yield the values to differentiate with respect to, in float64, and their names."""
    if variables is None:
        leaves = [(i, x) for i, arg in enumerate(args) for x in tree.flatten(arg) if _is_source(x)]
        yield (
            [to_host(x).astype(np.float64) for _, x in leaves],
            [f"argument {i}" for i, _ in leaves],
        )
        return
    before = [v.dtype for v in variables]
    try:
        for v in variables:
            v.dtype = np.dtype("float64")
        with Overlay():
            yield (
                [v.numpy().astype(np.float64) for v in variables],
                [f"Variable {v.path}" for v in variables],
            )
    finally:
        for v, dtype in zip(variables, before, strict=True):
            v.dtype = dtype


def _weighted_sum(result: Any) -> Any:
    """Return the sum of all floating-point values of a result, with weights that no symmetry cancels."""
    ops = tensor.ops
    total: Any = 0.0
    for i, y in enumerate(tree.flatten(result)):
        if hasattr(y, "dtype") and is_float(np.dtype(y.dtype)):
            n = int(np.prod(y.shape, dtype=np.int64))
            weights = 1.1 + np.sin(np.arange(1, n + 1) + i).reshape(tuple(y.shape)) / 2
            total = total + ops.sum(y * current_backend().asarray(weights.astype(np.dtype(y.dtype))))
    return total


def _differences(value: Callable[[list[Host]], float], values: list[Host], step: float) -> list[Host]:
    """Return the gradient by central differences, one element at a time."""
    gradients = []
    for i, x in enumerate(values):
        g = np.zeros_like(x)
        for place in np.ndindex(x.shape):
            ends = []
            for shift in (step, -step):
                moved = x.copy()
                moved[place] += shift
                ends.append(value([*values[:i], moved, *values[i + 1 :]]))
            g[place] = (ends[0] - ends[1]) / (2 * step)
        gradients.append(g)
    return gradients


def _compare(
    found: list[Host], expected: list[Host], names: list[str], what: str,
    reference: str = "finite differences say", *, rtol: float, atol: float,
) -> None:  # fmt: skip
    reference = f"{reference} says" if reference == "JAX" else reference
    for mine, right, name in zip(found, expected, names, strict=True):
        wrong = ~(np.abs(mine - right) <= atol + rtol * np.abs(right))
        wrong &= ~(np.isnan(mine) & np.isnan(right))
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            raise AssertionError(
                f"{what} with respect to {name}, element {list(place)}: hilevel says {mine[place]:.10g}, "
                f"{reference} {right[place]:.10g} ({wrong.sum()} of {wrong.size} elements differ; on the "
                f"backend {current_backend().name})."
            )
