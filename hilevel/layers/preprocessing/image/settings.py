"""Checks of the settings of image layers."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, TypeAlias, TypeGuard

from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import bad_setting, number
from hilevel.layers.base.settings import Options

Factor: TypeAlias = float | Sequence[float]
"""A number, or a pair: the limits of the values that are drawn."""


class ImageOptions(Options, total=False):
    """Keyword arguments of all image layers for type checkers, in `**kwargs: Unpack[...]`."""

    bounding_box_format: str | None


class ColorOptions(ImageOptions, total=False):
    """Keyword arguments of image layers without an argument `data_format` of their own."""

    data_format: str | None


def _is_pair(value: object) -> TypeGuard[Sequence[float]]:
    return isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(v, Real) for v in value)


def factor_limits(
    layer: str, name: str, factor: Factor, low: float = -1.0, high: float = 1.0, strict: bool = False
) -> tuple[float, float]:
    """Return the limits of a factor in increasing order. A number `f` stands for `(-f, f)`, at least `low`.

    A pair must overlap the interval from `low` to `high`; with `strict`, it must lie inside.

    >>> from hilevel.layers.preprocessing.image.settings import factor_limits
    >>> factor_limits("RandomRotation", "factor", 0.2), factor_limits("RandomHue", "factor", 0.2, 0)
    ((-0.2, 0.2), (0, 0.2))

    Raises:
        ArgumentError: the factor is neither a number of the interval nor such a pair.
    """
    if _is_pair(factor):
        first, last = sorted(factor)
        inside = low <= first and last <= high if strict else first <= high and last >= low
    else:
        first, last = _around_zero(factor, low)
        inside = isinstance(factor, Real) and not isinstance(factor, bool) and low <= float(factor) <= high
    if not inside:
        raise bad_setting(layer, name, f"a number, or a pair of them, from {low} to {high}", factor)
    return first, last


def _around_zero(factor: Any, low: float) -> tuple[float, float]:
    size: Any = abs(factor) if isinstance(factor, Real) else 0
    return max(-size, low), size


def value_range_of(layer: str, value: Any) -> tuple[float, float]:
    """Return the least and the largest value of pixels.

    >>> from hilevel.layers.preprocessing.image.settings import value_range_of
    >>> value_range_of("RandomHue", [0, 1])
    (0, 1)

    Raises:
        ArgumentError: the range is no pair of scalars.
    """
    if not _is_pair(value):
        raise bad_setting(layer, "value_range", "a pair of scalars", value)
    low, high = sorted(value)
    return low, high


class UnknownModeError(ArgumentError, NotImplementedError):
    """An unknown mode: in Keras a NotImplementedError, like other invalid settings a ValueError, too."""


FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


def known_mode(layer: str, name: str, value: str, known: Sequence[str]) -> str:
    """Return a mode.

    Raises:
        UnknownModeError: the mode is unknown.
    """
    if value not in known:
        raise UnknownModeError(
            f"{layer}: {name} must be one of {', '.join(map(repr, known))}; got {value!r:.80}."
        )
    return value


def set_filling(layer: Any, interpolation: str, fill_mode: str, fill_value: float) -> None:
    """Set the attributes of a layer that moves pixels: how it interpolates, and fills pixels from outside.

    Raises:
        UnknownModeError: a mode is unknown.
        ArgumentError: `fill_value` is no number.
    """
    cls = type(layer).__name__
    layer.interpolation = known_mode(cls, "interpolation", interpolation, INTERPOLATIONS)
    layer.fill_mode = known_mode(cls, "fill_mode", fill_mode, layer._fill_modes)
    layer.fill_value = number(cls, "fill_value", fill_value)
