"""Rearrangement by a pattern of names."""

from __future__ import annotations

import math
import re

from hilevel.engine.op import composite, to_array
from hilevel.engine.types import Tensor, TensorLike
from hilevel.errors import ShapeError
from hilevel.ops.numpy.shaping import reshape, transpose

Group = list[str]


@composite
def rearrange(tensor: TensorLike, pattern: str, **axes_lengths: int) -> Tensor:
    """Reorder, split and merge axes by a pattern of their names.

    A. Rogozhnikov, Einops: clear and reliable tensor manipulations with Einstein-like notation, 2022.

    Args:
        tensor: a tensor of any shape.
        pattern: the names of the axes before and after `->`. Names in parentheses are one axis, `...` stands for any
            further axes, `1` for an axis of length 1.
        axes_lengths: the lengths of axes in parentheses, by name. One of each parenthesis may be missing.

    >>> ops.rearrange(np.zeros((2, 6, 3)), "b (h w) c -> b c h w", h=2).shape
    (2, 3, 2, 3)

    Raises:
        ValueError: the pattern is not valid, or the shape does not agree with it.
    """
    x = to_array(tensor)
    before, after = _sides(pattern, len(x.shape))
    if len(before) != len(x.shape):
        raise ShapeError(f"rearrange {pattern!r}: expected {len(before)} axes; got shape {tuple(x.shape)}.")
    sizes: dict[str, int] = {}
    for group, n in zip(before, x.shape, strict=True):
        sizes |= _split(pattern, group, n, axes_lengths)
    names = [name for group in before for name in group]
    order = [names.index(name) for group in after for name in group]
    x = transpose(reshape(x, [sizes[name] for name in names]), order)
    return reshape(x, [math.prod(sizes[name] for name in group) for group in after])


def _sides(pattern: str, rank: int) -> tuple[list[Group], list[Group]]:
    """Return the names of each axis before and after the rearrangement."""
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(f"rearrange: the pattern must have one '->'; got {pattern!r}.")
    before, after = (_groups(pattern, side) for side in sides)
    further = [f"...{i}" for i in range(rank - len(before) + 1)]
    before, after = (_without_dots(groups, further) for groups in (before, after))
    names = [[name for group in groups for name in group] for groups in (before, after)]
    if sorted(names[0]) != sorted(names[1]) or len(set(names[0])) < len(names[0]):
        raise ValueError(f"rearrange: both sides of {pattern!r} must have the same names, each of them once.")
    return before, after


def _groups(pattern: str, side: str) -> list[Group]:
    """Return the names of each axis of one side; none for `1`, and `*` for dots without parentheses."""
    if not re.fullmatch(r"(\s*(\(\s*(([^\W\d]\w*|1|\.\.\.)\s*)*\)|[^\W\d]\w*|1|\.\.\.)\s*)*", side):
        raise ValueError(
            f"rearrange: {side.strip()!r} in {pattern!r} is not a list of names and parentheses."
        )
    parts = re.findall(r"\([^)]*\)|\.\.\.|\w+", side)
    return [
        ["*"] if part == "..." else [name for name in re.findall(r"\.\.\.|\w+", part) if name != "1"]
        for part in parts
    ]


def _without_dots(groups: list[Group], further: Group) -> list[Group]:
    """Return the groups with names in place of `...`: one axis for each, or in parentheses one for all."""
    result: list[Group] = []
    for group in groups:
        if group == ["*"]:
            result += [[name] for name in further]
        else:
            result.append([n for name in group for n in (further if name == "..." else [name])])
    return result


def _split(pattern: str, group: Group, n: int, given: dict[str, int]) -> dict[str, int]:
    """Return the length of each name of an axis of length `n`."""
    unknown = [name for name in group if name not in given]
    rest = math.prod(given[name] for name in group if name in given)
    if len(unknown) > 1 or (unknown and (rest == 0 or n % rest)) or (not unknown and rest != n):
        raise ShapeError(
            f"rearrange {pattern!r}: an axis of length {n} cannot be split into ({' '.join(group)}) with the lengths "
            f"{given}."
        )
    if group == unknown:
        return {group[0]: n}
    return {name: given.get(name, n // rest) for name in group}
