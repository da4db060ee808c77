"""The update of weights by an optimizer's formula, as one op for all weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hilevel.engine.dtypes import FLOAT32
from hilevel.engine.op import op
from hilevel.engine.spec import like
from hilevel.engine.types import Function, Namespace, Tensor, TensorLike


def rows(arrays: Sequence[Any], width: int) -> Iterator[Sequence[Any]]:
    """Yield the `width` arrays of each weight."""
    return (arrays[i : i + width] for i in range(0, len(arrays), width))


def without_gradients(arrays: Sequence[Any], width: int) -> list[Any]:
    """Return the arrays that an update changes: all of each row but the gradient, which is second.

    >>> from hilevel.optimizers.updates import without_gradients
    >>> without_gradients(["p", "g", "m", "p", "g", "m"], 3)
    ['p', 'm', 'p', 'm']
    """
    return [x for i, x in enumerate(arrays) if i % width != 1]


@op(shape=lambda *arrays, width, **_: tuple(map(like, without_gradients(arrays, width))))
def update(
    xp: Namespace, /, *arrays: Tensor, formula: Function, width: int, rate: TensorLike, **settings: Any
) -> tuple[Tensor, ...]:
    """Apply the formula of an optimizer to the arrays of all weights.

    It has no gradient. Arrays in bfloat16 are updated in float32 and rounded. A backend may have another form of a
    formula, which a replayed program runs in place.

    Args:
        arrays: the rows of the weights, concatenated. A row is the weight, its gradient, and its slots; or the weight
            alone.
        formula: a function `(xp, p, g, *slots, rate, **settings)` of the arrays of one weight. It returns the new
            arrays `(p, *slots)`.
        width: the number of arrays in a row.
        rate: the step size, a scalar. It is passed to the formula in the dtype of the weight.
        settings: the other keyword arguments of the formula.

    Returns:
        The new arrays, in the order of the rows.

    >>> from hilevel.optimizers.updates import update
    >>> p, g = np.array([2.0, 4.0]), np.array([1.0, 1.0])
    >>> update(p, g, formula=hilevel.optimizers.SGD.formula, width=2, rate=0.5, momentum=0.0, nesterov=False)
    (array([1.5, 3.5]),)
    """
    results: list[Tensor] = []
    for row in rows(arrays, width):
        wide = [a.astype(FLOAT32) if a.dtype.kind == "V" else a for a in row]
        results += formula(xp, *wide, rate=xp.asarray(rate, dtype=wide[0].dtype), **settings)
    old = without_gradients(arrays, width)
    return tuple(y if y.dtype == x.dtype else y.astype(x.dtype) for y, x in zip(results, old, strict=True))
