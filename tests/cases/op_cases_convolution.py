"""Cases of convolutions and poolings, for the table in op_cases.py; loops over all windows are the judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


def several(value: Any, rank: int) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * rank


def windows(
    x: Any, size: Any, strides: Any, padding: str, dilation: Any, fill: float
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Each place of a window over `(batch, *spatial, channels)`, and what lies under it: `(batch, *size, channels)`."""
    rank = x.ndim - 2
    size, strides, dilation = (several(v, rank) for v in (size, strides, dilation))
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    if padding == "same":
        missing = [
            max((int(np.ceil(n / s)) - 1) * s + r - n, 0)
            for n, s, r in zip(x.shape[1:-1], strides, reach, strict=True)
        ]
        around = [(0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)]
        x = np.pad(x, around, constant_values=fill)
    counts = [(n - r) // s + 1 for n, r, s in zip(x.shape[1:-1], reach, strides, strict=True)]
    for place in itertools.product(*map(range, counts)):
        key = tuple(
            slice(p * s, p * s + r, d) for p, s, r, d in zip(place, strides, reach, dilation, strict=True)
        )
        yield place, x[(slice(None), *key)]


def channels_last(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of channels last, for both orders."""

    def either(x: Any, *args: Any, data_format: str = "channels_last", **kwargs: Any) -> Any:
        if data_format == "channels_last":
            return function(x, *args, **kwargs)
        return np.moveaxis(function(np.moveaxis(x, 1, -1), *args, **kwargs), -1, 1)

    return either


def gathered(found: dict[tuple[int, ...], Any]) -> Any:
    """The results by place as one array, the places between batch and channels."""
    counts = [max(axis) + 1 for axis in zip(*found, strict=True)]
    y = np.stack([found[place] for place in itertools.product(*map(range, counts))], axis=1)
    return y.reshape(y.shape[0], *counts, y.shape[-1])


@channels_last
def conv(x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", dilation_rate: Any = 1) -> Any:
    *size, channels, _ = kernel.shape
    groups = x.shape[-1] // channels

    def at(patch: Any) -> Any:
        parts = [
            np.tensordot(p, k, axes=(range(1, p.ndim), range(p.ndim - 1)))
            for p, k in zip(np.split(patch, groups, -1), np.split(kernel, groups, -1), strict=True)
        ]
        return np.concatenate(parts, -1)

    return gathered({w: at(patch) for w, patch in windows(x, size, strides, padding, dilation_rate, 0.0)})


@channels_last
def depthwise_conv(x: Any, kernel: Any, **kwargs: Any) -> Any:
    *size, channels, multiplier = kernel.shape
    return conv(x, kernel.reshape(*size, 1, channels * multiplier), **kwargs)


@channels_last
def separable_conv(x: Any, depthwise: Any, pointwise: Any, **kwargs: Any) -> Any:
    return conv(depthwise_conv(x, depthwise, **kwargs), pointwise)


@channels_last
def conv_transpose(x: Any, kernel: Any, strides: int = 1, padding: str = "valid", output_padding: Any = None,
                   dilation_rate: int = 1) -> Any:  # fmt: skip
    """Each element of the input adds the kernel to the result, which is then cut, or filled with zeros."""
    rank = x.ndim - 2
    n, s, d = np.array(x.shape[1:-1]), strides, dilation_rate
    reach = (np.array(kernel.shape[:-2]) - 1) * d + 1
    whole = np.zeros((x.shape[0], *((n - 1) * s + reach + s), kernel.shape[-2]))
    for place in np.ndindex(*x.shape[1:-1]):
        key = tuple(slice(p * s, p * s + r, d) for p, r in zip(place, reach, strict=True))
        share = np.tensordot(x[(slice(None), *place)], kernel, axes=(1, rank + 1))
        whole[(slice(None), *key)] += share
    if padding == "valid":
        length = (
            (n - 1) * s + np.maximum(reach, s)
            if output_padding is None
            else (n - 1) * s + reach + output_padding
        )
        start = 0 * n
    elif output_padding is None:
        length, start = n * s, np.maximum(reach - s, 0) // 2
    else:
        length = (n - 1) * s + reach % 2 + output_padding
        start = reach - 1 - np.minimum((reach + reach % 2 - 1 + output_padding) // 2, reach - 1)
    return whole[(slice(None), *(slice(a, a + k) for a, k in zip(start, length, strict=True)))]


@channels_last
def max_pool(x: Any, size: Any, strides: Any = None, padding: str = "valid") -> Any:
    axes = tuple(range(1, x.ndim - 1))
    steps = size if strides is None else strides
    return gathered({w: part.max(axes) for w, part in windows(x, size, steps, padding, 1, -np.inf)})


@channels_last
def average_pool(x: Any, size: Any, strides: Any = None, padding: str = "valid") -> Any:
    axes = tuple(range(1, x.ndim - 1))
    steps = size if strides is None else strides
    return gathered({w: np.nanmean(part, axes) for w, part in windows(x, size, steps, padding, 1, np.nan)})


def adaptive(reduce: Callable[..., Any]) -> Callable[..., Any]:
    @channels_last
    def pool(x: Any, output_size: Any) -> Any:
        sizes = several(output_size, x.ndim - 2)
        found = {}
        for place in np.ndindex(*sizes):
            key = tuple(
                slice(i * n // o, -(-(i + 1) * n // o))
                for i, n, o in zip(place, x.shape[1:-1], sizes, strict=True)
            )
            found[place] = reduce(x[(slice(None), *key)], axis=tuple(range(1, x.ndim - 1)))
        return gathered(found)

    return pool


def unfold(x: Any, size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    around = [(0, 0), *((p, p) for p in several(padding, 2)), (0, 0)]
    x = np.pad(np.moveaxis(x, 1, -1), around)
    parts = [
        np.moveaxis(part, -1, 1).reshape(len(x), -1)
        for _, part in windows(x, several(size, 2), stride, "valid", dilation, 0)
    ]
    return np.stack(parts, axis=-1)


def sequences(x: Any, length: int, stride: int) -> Any:
    return np.lib.stride_tricks.sliding_window_view(x, length, axis=-1)[..., ::stride, :]


def add_cases(case: Callable[..., None], normal: Callable[..., Any], apart: Callable[..., Any]) -> None:
    """Hand all cases to `case` of op_cases.py."""
    first: dict[str, Any] = {"data_format": "channels_first"}
    case("conv", normal(2, 4, 5, 2), normal(3, 2, 2, 3), padding="same", strides=(2, 1), expected=conv)
    case("conv", normal(1, 2, 5), normal(2, 2, 2), dilation_rate=2, expected=conv, **first)
    case("conv", normal(1, 5, 4), normal(2, 2, 4), expected=conv, label="groups")
    case("conv", normal(1, 5, 20), normal(2, 10, 4), strides=2, expected=conv, label="groups, many channels")
    case("conv", normal(2, 3, 2), normal(1, 2, 3), expected=conv, label="pointwise")
    case(
        "conv", normal(1, 4, 3, 18), normal(2, 2, 18, 2), padding="same", expected=conv, label="many channels"
    )
    case("conv", normal(1, 3, 3, 3, 1), normal(2, 2, 2, 1, 2), expected=conv, label="volume")
    case("conv", normal(1, 7, 1), normal(2, 1, 2), strides=3, padding="same", expected=conv, label="apart")
    case("depthwise_conv", normal(1, 4, 3, 2), normal(2, 2, 2, 2), padding="same", expected=depthwise_conv)
    case("depthwise_conv", normal(1, 3, 5), normal(2, 3, 1), strides=2, expected=depthwise_conv, **first)
    case(
        "separable_conv", normal(1, 4, 4, 2), normal(2, 2, 2, 2), normal(1, 1, 4, 3), expected=separable_conv
    )
    case("separable_conv", normal(1, 2, 5), normal(2, 2, 1), normal(1, 2, 2), dilation_rate=2,
         expected=separable_conv, **first)  # fmt: skip
    case(
        "conv_transpose",
        normal(1, 3, 2, 2),
        normal(3, 2, 3, 2),
        strides=2,
        padding="same",
        expected=conv_transpose,
    )
    case("conv_transpose", normal(1, 2, 3), normal(2, 1, 2), strides=3, expected=conv_transpose, **first)
    case(
        "conv_transpose",
        normal(1, 3, 2),
        normal(3, 20, 2),
        strides=2,
        output_padding=1,
        expected=conv_transpose,
    )
    case(
        "conv_transpose",
        normal(1, 3, 2),
        normal(3, 2, 2),
        dilation_rate=2,
        padding="same",
        expected=conv_transpose,
    )
    case("conv_transpose", normal(1, 3, 2), normal(3, 1, 2), strides=2, output_padding=1, padding="same",
         expected=conv_transpose)  # fmt: skip
    for name, judge in (("max_pool", max_pool), ("average_pool", average_pool)):
        case(name, apart(2, 5, 4, 2), (2, 3), strides=(2, 1), padding="same", expected=judge)
        case(name, apart(2, 2, 5), 2, expected=judge, **first)
        case(name, apart(1, 7, 2), 2, strides=3, padding="same", expected=judge)
        case(name, apart(1, 2, 3, 4, 1), 2, strides=1, expected=judge, label="volume")
    for name, reduce in (("adaptive_max_pool", np.max), ("adaptive_average_pool", np.mean)):
        case(name, apart(1, 5, 4, 2), (3, 2), expected=adaptive(reduce))
        case(name, apart(2, 2, 5), 2, expected=adaptive(reduce), **first)
    case("unfold", normal(2, 2, 4, 3), 2, expected=unfold)
    case(
        "unfold", normal(1, 1, 5, 4), (2, 3), dilation=(2, 1), padding=(0, 1), stride=(1, 2), expected=unfold
    )
    case("extract_sequences", normal(2, 7), 3, 2, expected=sequences)
