"""Windows that slide over the spatial axes of a tensor: what convolutions and poolings are made of.

Tensors are `(batch, *spatial, channels)` here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hilevel.engine.interpreter import backend_of
from hilevel.engine.settings import settings
from hilevel.engine.types import Namespace, Tensor
from hilevel.errors import ShapeError

Place = tuple[slice, ...]


@dataclass(frozen=True)
class Windows:
    """For each spatial axis: the size of the windows, the step from one to the next, the step between the elements of
    one, and what is added to the axis before and after (taken away, where that is negative)."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def reach(self) -> tuple[int, ...]:
        """How many elements a window covers, those that it steps over included."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    @property
    def is_pointwise(self) -> bool:
        """Whether each element is a window."""
        one = all(n == 1 for n in (*self.size, *self.strides))
        return one and not any(map(any, self.padding))

    def counts(self, spatial: Sequence[int], name: str = "") -> tuple[int, ...]:
        """How many windows there are along each axis.

        Raises:
            ShapeError: a window is longer than its axis.
        """
        found = []
        for axis, (n, r, s, (low, high)) in enumerate(
            zip(spatial, self.reach, self.strides, self.padding, strict=True), start=1
        ):
            if n + low + high < r:
                raise ShapeError(
                    f"{name}: a window of {r} elements does not fit into spatial axis {axis} of {n}"
                    f"{f', padded to {n + low + high}' if low + high else ''}. Expected a smaller window, a larger "
                    'input, or padding="same".'
                )
            found.append((n + low + high - r) // s + 1)
        return tuple(found)

    def extent(self, counts: Sequence[int]) -> tuple[int, ...]:
        """The lengths of the padded axes, as far as windows reach."""
        return tuple((n - 1) * s + r for n, s, r in zip(counts, self.strides, self.reach, strict=True))

    def places(self, counts: Sequence[int]) -> Iterator[Place]:
        """For each element of a window, in their order: where it lies, for all windows, in the padded tensor."""
        for offset in itertools.product(*map(range, self.size)):
            starts = [o * d for o, d in zip(offset, self.dilation, strict=True)]
            steps = zip(starts, counts, self.strides, strict=True)
            yield (slice(None), *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in steps))

    def padded(self, xp: Namespace, x: Tensor, value: Any = 0) -> Tensor:
        """The tensor with `value` around it, cut off where no window reaches; itself where that changes nothing."""
        counts = self.counts(x.shape[1:-1])
        for axis, (length, (low, _)) in enumerate(
            zip(self.extent(counts), self.padding, strict=True), start=1
        ):
            if low < 0:
                x = x[(slice(None),) * axis + (slice(-low, None),)]
            x = x[(slice(None),) * axis + (slice(0, length - max(low, 0)),)]
        before = [max(low, 0) for low, _ in self.padding]
        after = [e - n - b for e, n, b in zip(self.extent(counts), x.shape[1:-1], before, strict=True)]
        if not any(before) and not any(after):
            return x
        around = ((0, 0), *zip(before, after, strict=True), (0, 0))
        return xp.pad(x, around, mode="constant", constant_values=value)

    def unpadded(self, xp: Namespace, x: Tensor, spatial: Sequence[int]) -> Tensor:
        """The other way round: of a padded tensor what lay in one of these spatial lengths, zeros where it was cut."""
        key = [slice(None)]
        missing = [(0, 0)]
        for length, n, (low, _) in zip(x.shape[1:-1], spatial, self.padding, strict=True):
            start, end = max(low, 0), min(length, low + n)
            key.append(slice(start, end))
            missing.append((start - low, low + n - end))
        x = x[tuple(key)]
        return xp.pad(x, (*missing, (0, 0))) if any(map(any, missing)) else x


# -- arguments as users write them ---------------------------------------------------------------------


def windows_of(
    name: str, shape: Sequence[int], size: Any, strides: Any, padding: Any, dilation: Any = 1
) -> Windows:
    """The windows for an input of a shape, channels last, from an op's arguments. `padding` is `"valid"`, `"same"` or
    `"causal"`, or says how much for each side.

    Raises:
        ValueError: an argument is none of what is expected.
        ShapeError: the input has no spatial axes.
    """
    rank = len(shape) - 2
    if rank < 1:
        raise ShapeError(
            f"{name} expects an input with the axes (batch, spatial axes, channels), in the order of "
            f"data_format; got shape {tuple(shape)}."
        )
    size, strides, dilation = (
        per_axis(name, label, value, rank)
        for label, value in (("window", size), ("strides", strides), ("dilation_rate", dilation))
    )
    free = Windows(size, strides, dilation, ((0, 0),) * rank)
    return Windows(size, strides, dilation, _amounts(name, padding, free, shape[1:-1]))


def per_axis(name: str, label: str, value: Any, rank: int, smallest: int = 1) -> tuple[int, ...]:
    """A setting for each spatial axis: one number for all of them, or as many as there are.

    Raises:
        ValueError: it is neither, or a number is too small.
    """
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values)
    if len(values) != rank or not whole or min(values) < smallest:
        kind = "positive integer" if smallest else "integer that is not negative"
        raise ValueError(f"{name}: {label} must be a {kind}, or {rank} of them; got {value!r}.")
    return tuple(int(v) for v in values)


def _amounts(
    name: str, padding: Any, windows: Windows, spatial: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """How much is added to each spatial axis before and after."""
    if not isinstance(padding, str):
        return tuple((int(low), int(high)) for low, high in padding)
    kind = padding.lower()
    if kind == "valid":
        return windows.padding
    if kind == "causal":
        return tuple((r - 1, 0) for r in windows.reach)
    if kind != "same":
        raise ValueError(f'{name}: padding must be "valid" or "same"; got {padding!r}.')
    missing = [
        max((-(-n // s) - 1) * s + r - n, 0)
        for n, s, r in zip(spatial, windows.strides, windows.reach, strict=True)
    ]
    return tuple((m // 2, m - m // 2) for m in missing)


def channels_come_first(name: str, data_format: str | None) -> bool:
    """Whether the channels are axis 1, rather than the last one.

    Raises:
        ValueError: it is no known order.
    """
    order = settings.image_data_format if data_format is None else data_format
    if order not in ("channels_first", "channels_last"):
        raise ValueError(
            f'{name}: data_format must be "channels_last" or "channels_first"; got {data_format!r}.'
        )
    return order == "channels_first"


def to_last(rank: int) -> tuple[int, ...]:
    """The order of axes that puts channels last."""
    return (0, *range(2, rank), 1)


def to_first(rank: int) -> tuple[int, ...]:
    """The order of axes that puts channels first."""
    return (0, rank - 1, *range(1, rank - 1))


# -- memory --------------------------------------------------------------------------------------------


def blocks(x: Tensor, bytes_each: int) -> list[slice]:
    """Divide the batch into blocks that keep within the `block_bytes` of the backend, at `bytes_each` a sample."""
    step = max(1, backend_of(x).block_bytes // max(bytes_each, 1))
    return [slice(start, start + step) for start in range(0, x.shape[0], step)]


def map_blocks(work: Callable[[slice], Any], x: Tensor, bytes_each: int) -> list[Any]:
    """Return what `work` returns for each block of the batch `x`, in order; the backend may use several threads."""
    return backend_of(x).map_parts(work, blocks(x, bytes_each))
