"""Functions of elements as functions of tensors."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from hilevel import tree
from hilevel.engine.op import composite, to_array
from hilevel.engine.spec import broadcast
from hilevel.engine.types import Tensor
from hilevel.errors import ShapeError
from hilevel.ops.core.control_flow import vectorized_map
from hilevel.ops.numpy.shaping import broadcast_to, reshape

Core = tuple[str, ...]


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Collection[int | str] | None = None, signature: str | None = None
) -> Callable[..., Any]:
    """Return a function of tensors that applies `pyfunc` to each of their elements, with broadcasting.

    Args:
        pyfunc: a function of scalars, or of tensors with the last axes that the signature names.
        excluded: the positions and names of arguments that are passed unchanged.
        signature: the last axes of the arguments and of the results, as in `"(n),(n)->()"`; scalars by default.

    >>> distance = ops.vectorize(lambda x, y: ops.sum(ops.abs(x - y)), signature="(n),(n)->()")
    >>> distance(np.ones((2, 3)), np.zeros(3))
    array([3., 3.])

    Raises:
        ValueError: `pyfunc` is no function, or the signature is not valid. The returned function raises it if the sizes
            of its arguments do not agree with the signature.
    """
    if not callable(pyfunc):
        raise ValueError(f"vectorize: pyfunc must be a function; got {pyfunc!r}.")
    cores = None if signature is None else _parse(signature)
    kept = frozenset(excluded or ())

    @functools.wraps(pyfunc, assigned=("__doc__",), updated=())
    def vectorized(*args: Any, **kwargs: Any) -> Any:
        keys = [k for k in (*range(len(args)), *kwargs) if k not in kept]
        given = dict(enumerate(args)) | kwargs

        def call(*values: Any) -> Any:
            now = given | dict(zip(keys, values, strict=True))
            return pyfunc(*(now[i] for i in range(len(args))), **{k: now[k] for k in kwargs})

        inputs, outputs = cores or ([()] * len(keys), None)
        if len(inputs) != len(keys):
            raise TypeError(f"vectorize: expected {len(inputs)} arguments, by {signature}; got {len(keys)}.")
        return _mapped(call, [to_array(given[k]) for k in keys], inputs, outputs)

    vectorized.__name__ = getattr(pyfunc, "__name__", "vectorized")
    return composite(vectorized)


def _parse(signature: str) -> tuple[list[Core], list[Core]]:
    """Return the names of the last axes of each argument and of each result."""
    compact = signature.replace(" ", "")
    core = r"\((?:\w+(?:,\w+)*)?\)"
    if not re.fullmatch(f"{core}(?:,{core})*->{core}(?:,{core})*", compact):
        raise ValueError(f"vectorize: {signature!r} is no signature, such as '(n),(n)->()'.")
    sides = compact.split("->")
    inputs, outputs = ([tuple(re.findall(r"\w+", c)) for c in re.findall(core, side)] for side in sides)
    return inputs, outputs


def _mapped(
    call: Callable[..., Any], arrays: Sequence[Tensor], inputs: Sequence[Core], outputs: Sequence[Core] | None
) -> Any:
    """Return the results of the calls for all indices of the first axes, which broadcast."""
    sizes: dict[str, int] = {}
    for x, core in zip(arrays, inputs, strict=True):
        _check(x, core, sizes)
    lead = broadcast(
        *(tuple(x.shape[: len(x.shape) - len(core)]) for x, core in zip(arrays, inputs, strict=True))
    )
    rows = []
    for x, core in zip(arrays, inputs, strict=True):
        own = tuple(x.shape[len(x.shape) - len(core) :])
        rows.append(reshape(broadcast_to(x, (*lead, *own)), (math.prod(lead), *own)))
    found = call(*arrays) if not lead else vectorized_map(lambda values: call(*values), rows)
    parts = [to_array(y) for y in tree.flatten(found)]
    for y, core in zip(parts, outputs or [], strict=bool(outputs)):
        _check(y, core, sizes, exact=1 if lead else 0)
    shaped = [reshape(y, (*lead, *y.shape[1:])) if lead else y for y in parts]
    return tree.pack_sequence_as(found, shaped)


def _check(x: Tensor, core: Core, sizes: dict[str, int], exact: int | None = None) -> None:
    """Compare the last axes of a tensor with the sizes so far, and add new ones; `exact` is the number of others."""
    first = len(x.shape) - len(core)
    own = tuple(x.shape[max(first, 0) :])
    fits = first >= 0 if exact is None else first == exact
    if not fits or any(sizes.setdefault(name, n) != n for name, n in zip(core, own, strict=True)):
        raise ShapeError(
            f"vectorize: shape {tuple(x.shape)} does not agree with the axes {core} of sizes {sizes}."
        )
