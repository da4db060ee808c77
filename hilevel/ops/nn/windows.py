"""Windows that slide over the spatial axes of a tensor, for convolutions and pooling.

Tensors are `(batch, *spatial, channels)` here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hilevel.engine.interpreter import backend_of
from hilevel.engine.settings import settings
from hilevel.engine.spec import is_unknown, size_from
from hilevel.engine.types import Namespace, Sizes, Tensor
from hilevel.errors import ShapeError

Slices: TypeAlias = tuple[slice, ...]
Padding: TypeAlias = str | Sequence[tuple[int, int]]
"""`"valid"`, `"same"`, `"causal"`, or a pair `(before, after)` for each spatial axis."""


@dataclass(frozen=True)
class Windows:
    """The geometry of windows, for each spatial axis.

    `size` is the number of a window's elements, `strides` the step from one window to the next, `dilation` the step
    between the elements. `padding` is added before and after the axis; where it is negative, elements are removed.
    """

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]

    @property
    def effective_size(self) -> tuple[int, ...]:
        """The number of elements that a window spans, with the gaps of the dilation."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True))

    @property
    def is_pointwise(self) -> bool:
        """Whether each element is a window."""
        one = all(n == 1 for n in (*self.size, *self.strides))
        return one and not any(map(any, self.padding))

    def output_size(self, spatial: Sequence[int], name: str = "") -> tuple[int, ...]:
        """Return the number of windows along each axis.

        Raises:
            ShapeError: a window is longer than its axis.
        """
        found = []
        for axis, (n, r, s, (low, high)) in enumerate(
            zip(spatial, self.effective_size, self.strides, self.padding, strict=True), start=1
        ):
            if n + low + high < r and not is_unknown(n) and not is_unknown(r):
                raise ShapeError(
                    f"{name}: a window of {r} elements does not fit into spatial axis {axis} of {n}"
                    f"{f', padded to {n + low + high}' if low + high else ''}. Expected a smaller window, a larger "
                    'input, or padding="same".'
                )
            found.append(size_from((n + low + high - r) // s + 1, n, r))
        return tuple(found)

    def padded_size(self, counts: Sequence[int]) -> tuple[int, ...]:
        """Return the lengths of the padded axes, up to the end of the last window."""
        return tuple(
            (n - 1) * s + r for n, s, r in zip(counts, self.strides, self.effective_size, strict=True)
        )

    def slices(self, counts: Sequence[int]) -> Iterator[Slices]:
        """Yield for each element of a window, in order, its slices in the padded tensor, for all windows at once."""
        for offset in itertools.product(*map(range, self.size)):
            starts = [o * d for o, d in zip(offset, self.dilation, strict=True)]
            steps = zip(starts, counts, self.strides, strict=True)
            yield (slice(None), *(slice(a, a + (n - 1) * s + 1, s) for a, n, s in steps))

    def padded(self, xp: Namespace, x: Tensor, value: complex = 0) -> Tensor:
        """Pad a tensor with `value`, and cut elements that no window covers. Return it unchanged if there is nothing
        to do."""
        counts = self.output_size(x.shape[1:-1])
        for axis, (length, (low, _)) in enumerate(
            zip(self.padded_size(counts), self.padding, strict=True), start=1
        ):
            if low < 0:
                x = x[(slice(None),) * axis + (slice(-low, None),)]
            x = x[(slice(None),) * axis + (slice(0, length - max(low, 0)),)]
        before = [max(low, 0) for low, _ in self.padding]
        after = [e - n - b for e, n, b in zip(self.padded_size(counts), x.shape[1:-1], before, strict=True)]
        if not any(before) and not any(after):
            return x
        pad_width = ((0, 0), *zip(before, after, strict=True), (0, 0))
        return xp.pad(x, pad_width, mode="constant", constant_values=value)

    def unpadded(self, xp: Namespace, x: Tensor, spatial: Sequence[int]) -> Tensor:
        """Invert `padded`: return the elements of the tensor before padding, and zeros for elements that were cut."""
        key = [slice(None)]
        missing = [(0, 0)]
        for length, n, (low, _) in zip(x.shape[1:-1], spatial, self.padding, strict=True):
            start, end = max(low, 0), min(length, low + n)
            key.append(slice(start, end))
            missing.append((start - low, low + n - end))
        x = x[tuple(key)]
        return xp.pad(x, (*missing, (0, 0))) if any(map(any, missing)) else x


# -- arguments of the public functions ---------------------------------------------------------------------


def windows_of(
    name: str, shape: Sequence[int], size: Sizes, strides: Sizes, padding: Padding, dilation: Sizes = 1
) -> Windows:
    """Return the windows for an input of a shape, channels last, from an op's arguments.

    `padding` is `"valid"`, `"same"`, `"causal"`, or a pair `(before, after)` for each axis.

    Raises:
        ValueError: an argument has an invalid value.
        ShapeError: the input has no spatial axes.
    """
    rank = len(shape) - 2
    if rank < 1:
        raise ShapeError(
            f"{name} expects an input (batch, spatial axes, channels), in the order of "
            f"data_format; got shape {tuple(shape)}."
        )
    size, strides, dilation = (
        per_axis(name, label, value, rank)
        for label, value in (("window", size), ("strides", strides), ("dilation_rate", dilation))
    )
    free = Windows(size, strides, dilation, ((0, 0),) * rank)
    return Windows(size, strides, dilation, _amounts(name, padding, free, shape[1:-1]))


def per_axis(name: str, label: str, value: object, rank: int, smallest: int = 1) -> tuple[int, ...]:
    """Return a setting for each spatial axis, from one integer for all or one for each.

    Raises:
        ValueError: the setting is neither, or an integer is too small.
    """
    values: tuple[Any, ...] = tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank
    whole = all(isinstance(v, (int, np.integer)) and not isinstance(v, bool) for v in values)
    if len(values) != rank or not whole or min(values) < smallest:
        kind = "positive integer" if smallest else "integer that is not negative"
        raise ValueError(f"{name}: {label} must be a {kind}, or {rank} of them; got {value!r}.")
    return tuple(v if isinstance(v, int) else int(v) for v in values)


def _amounts(
    name: str, padding: Padding, windows: Windows, spatial: Sequence[int]
) -> tuple[tuple[int, int], ...]:
    """Return the padding before and after each spatial axis."""
    if not isinstance(padding, str):
        return tuple((int(low), int(high)) for low, high in padding)
    kind = padding.lower()
    if kind == "valid":
        return windows.padding
    if kind == "causal":
        return tuple((r - 1, 0) for r in windows.effective_size)
    if kind != "same":
        raise ValueError(f'{name}: padding must be "valid" or "same"; got {padding!r}.')
    missing = [
        max((-(-n // s) - 1) * s + r - n, 0)
        for n, s, r in zip(spatial, windows.strides, windows.effective_size, strict=True)
    ]
    return tuple((m // 2, m - m // 2) for m in missing)


def channels_come_first(name: str, data_format: str | None) -> bool:
    """Return whether the channels are axis 1, instead of the last axis.

    Raises:
        ValueError: the data format is unknown.
    """
    order = settings.image_data_format if data_format is None else data_format
    if order not in ("channels_first", "channels_last"):
        raise ValueError(
            f'{name}: data_format must be "channels_last" or "channels_first"; got {data_format!r}.'
        )
    return order == "channels_first"


def to_last(rank: int) -> tuple[int, ...]:
    """Return the order of axes that puts channels last."""
    return (0, *range(2, rank), 1)


def to_first(rank: int) -> tuple[int, ...]:
    """Return the order of axes that puts channels first."""
    return (0, rank - 1, *range(1, rank - 1))


# -- memory --------------------------------------------------------------------------------------------


def blocks(x: Tensor, bytes_each: int) -> list[slice]:
    """Divide the batch into blocks that keep within the `block_bytes` of the backend, at `bytes_each` a sample."""
    step = max(1, backend_of(x).block_bytes // max(bytes_each, 1))
    return [slice(start, start + step) for start in range(0, x.shape[0], step)]


def map_blocks(work: Callable[[slice], Any], x: Tensor, bytes_each: int) -> list[Any]:
    """Return the results of `work` for each block of the batch `x`, in order. The backend may use several threads."""
    return backend_of(x).map_parts(work, blocks(x, bytes_each))
