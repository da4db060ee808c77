"""Cases of statistics, windows, segments, complex numbers and rearrangements that are less common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.signal
import scipy.spatial.distance
import scipy.special

Make = Callable[..., np.ndarray[Any, Any]]


def add_cases(case: Callable[..., None], normal: Make, apart: Make, holes: np.ndarray[Any, Any]) -> None:
    """Add the cases by `case`; `holes` is a matrix with NaN."""
    for name in ("nanquantile", "nanpercentile"):
        factor = 1 if name == "nanquantile" else 100
        for method in ("linear", "lower", "higher", "midpoint", "nearest"):
            case(name, apart(5, 2), 0.3 * factor, axis=0, method=method)
        case(name, holes, [0.1 * factor, 0.7 * factor], axis=(0, 1), keepdims=True, order=0)
        case(name, holes, 0.4 * factor, axis=1, order=0)
    case("nanmedian", apart(2, 4), axis=1)
    case("nanmedian", holes, order=0)
    for name in ("nanargmax", "nanargmin"):
        case(name, holes, axis=1, order=0)
        case(name, np.array([[np.nan, np.nan], [0.0, np.nan]]), axis=1, keepdims=True, order=0,
             expected=lambda x, axis, keepdims: np.array([[-1], [0]]))  # fmt: skip
    for name in ("nancumsum", "nancumprod"):
        case(name, apart(2, 3), axis=1)
        case(name, holes, order=0)
    case("copysign", apart(2, 3), apart(3))
    case("copysign", np.array([2.0, -2.0]), np.array([-0.0, 0.0]), order=0)
    case("float_power", np.array([2, 3], np.int32), np.array([-1, 2], np.int32), order=0)
    case("float_power", np.abs(apart(2, 3)), apart(3) / 2)
    case("float_power", 2.0, apart(3))
    case("column_stack", [normal(3), normal(3, 2)])
    case("lgamma", np.array([-2.3, -0.2, 0.3, 1.0, 2.5, 40.0]), expected=scipy.special.gammaln)
    case(
        "lgamma", np.array([0.0, -1.0, np.inf, np.nan, 1e-30, 1e35]), order=0, expected=scipy.special.gammaln
    )
    shapes, limits = np.array([[0.3, 1.0, 2.5, 30.0]]), np.array([[0.1], [2.0], [28.0]])
    case("gammainc", shapes, limits, order=1, expected=scipy.special.gammainc)
    case("gammainc", 2.5, limits, expected=scipy.special.gammainc)
    case("gammainc", np.array([0.0, 1.0, 0.0, 1.0, -1.0, 1.0]), np.array([1.0, 0.0, 0.0, np.inf, 1.0, -1.0]), order=0,
         expected=scipy.special.gammainc)  # fmt: skip
    case("cov", normal(3, 5))
    case("cov", normal(4))
    case("corrcoef", normal(3, 5))
    for mode in ("valid", "same", "full"):
        for n, m in ((5, 3), (5, 4), (3, 5), (4, 4)):
            case("correlate", normal(n), normal(m), mode=mode)
    for name in ("hanning", "hamming", "bartlett", "blackman"):
        case(name, 5, order=0, abstract=False)
        case(name, 1, order=0, abstract=False)
    case("kaiser", 6, 3.5, order=0, abstract=False)
    case("i0", np.array([-3.0, 0.5, 20.0]) / 4)
    case("nextafter", np.array([1.0, -1.0]), np.array([2.0, 0.0]), order=0, expected=lambda x, y: x)
    case("vander", apart(3) / 2)
    case("vander", apart(3) / 2, N=5, increasing=True)
    case("unravel_index", np.array([0, 7, 11], np.int32), (3, 4), order=0)
    case("unravel_index", np.array([-1, 12, -20], np.int32), (3, 4), order=0,
         expected=lambda i, s: (np.array([2, 2, 0]), np.array([3, 3, 0])))  # fmt: skip
    case("view", np.array([[1, -1], [2, 3]], np.int32), "int16", order=0, expected=lambda x, d: x.view(d))
    case("view", np.array([1, -1], np.int16), "int32", order=0, expected=lambda x, d: x.view(d))
    case("view_as_complex", normal(2, 3, 2), order=0, expected=lambda x: x[..., 0] + 1j * x[..., 1])
    case("view_as_real", normal(2, 3), expected=lambda x: np.stack([x, 0 * x], -1))
    case("polar", np.abs(normal(3)), normal(2, 3), order=0, expected=lambda r, a: r * np.exp(1j * a))
    case("cdist", normal(2, 3, 4), normal(5, 4),
         expected=lambda x, y: np.stack([scipy.spatial.distance.cdist(m, y) for m in x]))  # fmt: skip
    case("psnr", normal(2, 3), normal(2, 3), 2.0,
         expected=lambda a, b, m: 10 * np.log10(m * m / np.mean((a - b) ** 2)))  # fmt: skip
    _add_blocks(case, normal)
    _add_transforms(case, normal)


def _add_blocks(case: Callable[..., None], normal: Make) -> None:
    def to_space(x: Any, b: int, data_format: str = "channels_last") -> Any:
        """By loops over the pixels of a block."""
        first = data_format == "channels_first"
        n, h, w, c = (x.shape[i] for i in ((0, 2, 3, 1) if first else (0, 1, 2, 3)))
        c //= b * b
        y = np.zeros((n, c, h * b, w * b) if first else (n, h * b, w * b, c))
        for i in range(b):
            for j in range(b):
                if first:
                    y[:, :, i::b, j::b] = x[:, i * b + j :: b * b]
                else:
                    y[:, i::b, j::b] = x[..., (i * b + j) * c : (i * b + j + 1) * c]
        return y

    case("depth_to_space", normal(1, 2, 1, 8), 2, expected=to_space)
    case("depth_to_space", normal(1, 8, 2, 1), 2, data_format="channels_first", expected=to_space)
    blocks, planes = normal(1, 1, 2, 8), normal(2, 9, 1, 1)
    case("space_to_depth", to_space(blocks, 2), 2, expected=lambda x, b: blocks)
    case("space_to_depth", to_space(planes, 3, "channels_first"), 3, data_format="channels_first",
         expected=lambda x, b, data_format: planes)  # fmt: skip

    def folded(x: Any, size: Any, kernel: Any, dilation: int = 1, padding: int = 0, stride: int = 1) -> Any:
        y = np.zeros((x.shape[0], 2, size[0] + 2 * padding, size[1] + 2 * padding))
        rows, columns = (
            (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1
            for n, k in zip(size, kernel, strict=True)
        )
        parts = x.reshape(x.shape[0], 2, *kernel, rows, columns)
        for i, j, r, c in np.ndindex(*kernel, rows, columns):
            y[:, :, r * stride + i * dilation, c * stride + j * dilation] += parts[:, :, i, j, r, c]
        return y[:, :, padding : padding + size[0], padding : padding + size[1]]

    case("fold", normal(2, 8, 6), (3, 4), (2, 2), expected=folded)
    case("fold", normal(1, 12, 10), (4, 5), (3, 2), dilation=2, padding=1, stride=1, expected=folded)
    case("fold", normal(1, 8, 4), (5, 4), (2, 2), stride=2, expected=folded)


def _add_transforms(case: Callable[..., None], normal: Make) -> None:
    def parts(y: Any) -> tuple[Any, Any]:
        return y.real, y.imag

    for name in ("fft", "fft2", "ifft2"):
        function = getattr(np.fft, name)
        case(name, [normal(2, 3, 4), normal(2, 3, 4)],
             expected=lambda x, function=function: parts(function(x[0] + 1j * x[1])))  # fmt: skip
    for n in (None, 5, 4, 8):
        for size in (6, 5):
            case(
                "rfft",
                normal(2, size),
                fft_length=n,
                expected=lambda x, fft_length: parts(np.fft.rfft(x, fft_length)),
            )
            case("irfft", [normal(2, size), normal(2, size)], fft_length=n,
                 expected=lambda x, fft_length: np.fft.irfft(x[0] + 1j * x[1], fft_length))  # fmt: skip

    def short_time(
        x: Any, length: int, stride: int, fft_length: int, window: Any = "hann", center: bool = True
    ) -> Any:
        border = fft_length // 2 if center else 0
        x = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(border, border)], mode="reflect")
        before = (fft_length - length) // 2
        values = np.zeros(fft_length)
        values[before : before + length] = (
            scipy.signal.get_window(window, length) if isinstance(window, str) else window
        )
        pieces = [x[..., i : i + fft_length] * values for i in range(0, x.shape[-1] - fft_length + 1, stride)]
        return parts(np.fft.rfft(np.stack(pieces, -2)))

    case("stft", normal(2, 12), 3, 2, 5, expected=short_time)
    case(
        "stft", normal(12), 4, 3, 4, window=np.array([1.0, 2.0, 3.0, 1.0]), center=False, expected=short_time
    )
    case("stft", normal(12), 4, 2, 6, window="hamming", expected=short_time)
    signal = normal(2, 12)
    for center in (True, False):
        case("istft", list(short_time(signal, 4, 2, 6, "hamming", center)), 4, 2, 6, window="hamming", center=center,
             length=9, expected=lambda *_, center, **__: signal[..., :9] if center else inner(signal))  # fmt: skip

    def inner(x: Any) -> Any:
        """The window does not reach the first element."""
        return np.where(np.arange(9) == 0, 0.0, x[..., :9])
