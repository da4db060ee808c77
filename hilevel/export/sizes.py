"""Unknown sizes whose origin is known: the axis of a value, or arithmetic on other sizes."""

from __future__ import annotations

from typing import Any, NoReturn

from hilevel.engine.interpreter import HOST_TYPES, NUMBERS
from hilevel.engine.spec import UnknownSize
from hilevel.errors import ExportError

_PRIMES = (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)


class Size(UnknownSize):
    """An unknown size, with its values under two assignments of the sizes of the inputs.

    Arithmetic gives a plain integer if both values of the result are equal.

    Args:
        value: the value under the first assignment.
        other: the value under the second assignment.
        origin: `("dim", value, axis)`, or the name of an operation and two sizes.

    >>> from hilevel.export.sizes import Size
    >>> n = Size(240, 997, ("dim", "x", 0))
    >>> 2 * n, n * 12 // n
    (None, 12)
    """

    other: int
    origin: tuple[Any, ...]
    key: tuple[Any, ...]
    """The whole expression. Sizes of one key are equal under each assignment."""

    def __new__(cls, value: int, other: int, origin: tuple[Any, ...]) -> Size:
        size = super().__new__(cls, value)
        size.other, size.origin = other, origin
        size.key = tuple(x.key if isinstance(x, Size) else x for x in origin)
        return size

    def __neg__(self) -> Any:
        return 0 - self

    def _no_float(self, *_: object) -> NoReturn:
        raise ExportError(
            "The model computes a float from the size of an axis that is unknown in the exported file. Give "
            "input_signature with this size as an integer."
        )

    __float__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = _no_float


def _arithmetic(name: str, is_reflected: bool) -> Any:
    method = getattr(int, f"__{name}__")

    def compute(self: Size, other: Any) -> Any:
        a, b = (other, self) if is_reflected else (self, other)
        if not isinstance(other, int):
            return NotImplemented
        value, second = method(int(a), int(b)), method(_second(a), _second(b))
        return value if value == second else Size(value, second, (name, a, b))

    return compute


def _second(n: int) -> int:
    return n.other if isinstance(n, Size) else int(n)


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    setattr(Size, f"__{_name}__", _arithmetic(_name, False))
    setattr(Size, f"__r{_name}__", _arithmetic(_name, True))
NUMBERS.add(Size)
HOST_TYPES.add(Size)


def new_size(number: int, name: str, axis: int, swapped: bool = False) -> Size:
    """Return the size of an axis of an input.

    In one assignment all integers up to 8 divide the size. In the other each of them leaves a rest, so that a rounded
    quotient or the padding "same" counts as unknown.

    Args:
        number: the number of the size among all unknown sizes of the inputs.
        name, axis: the input and its axis.
        swapped: whether the first assignment gets the values of the second one.
    """
    whole = 840 * (_PRIMES[number % len(_PRIMES)] + 60 * (number // len(_PRIMES)))
    values = whole, whole + 839
    first, second = values[::-1] if swapped else values
    return Size(first, second, ("dim", name, axis))
