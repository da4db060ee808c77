"""Cases of the ops on images, for the table in op_cases.py; SciPy, colorsys and loops over pixels are the judges."""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.ndimage


def triangle(x: float) -> float:
    return max(1 - abs(x), 0.0)


def cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def lanczos(radius: int) -> Callable[[float], float]:
    return lambda x: float(np.sinc(x) * np.sinc(x / radius)) if abs(x) < radius else 0.0


KERNELS: dict[str, Callable[[float], float]] = {
    "bilinear": triangle, "linear": triangle, "bicubic": cubic, "cubic": cubic, "lanczos3": lanczos(3), "lanczos5": lanczos(5),
}  # fmt: skip


def stretch(x: Any, axis: int, out: int, scale: float, move: float, method: str, antialias: bool) -> Any:
    """Each element as a weighted mean of the elements around its center."""
    x = np.moveaxis(x, axis, 0)
    y = np.zeros((out, *x.shape[1:]))
    for i in range(out):
        center = (i + 0.5 - move) / scale - 0.5
        if method == "nearest":
            y[i] = x[int(np.floor(center + 0.5))]
        elif -0.5 <= center <= len(x) - 0.5:
            width = max(1 / scale, 1.0) if antialias else 1.0
            weights = np.array([KERNELS[method]((center - n) / width) for n in range(len(x))])
            y[i] = np.tensordot(weights / weights.sum(), x, 1)
    return np.moveaxis(y, 0, axis)


def resize(
    x: Any, size: Any, interpolation: str = "bilinear", antialias: bool = False, crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False, fill_value: float = 0.0, data_format: str = "channels_last",
) -> Any:  # fmt: skip
    axes = (-2, -1) if data_format == "channels_first" else (-3, -2)
    height, width = (x.shape[a] for a in axes)
    ratio = size[1] / size[0]
    for axis, n, other in zip(axes, (height, width), (width / ratio, height * ratio), strict=True):
        spare = int(other) - n
        if crop_to_aspect_ratio and spare < 0:
            x = np.take(x, np.arange(-spare // 2, -spare // 2 + n + spare), axis)
        if pad_to_aspect_ratio and spare > 0:
            pairs = [(0, 0)] * x.ndim
            pairs[axis] = (spare // 2,) * 2
            x = np.pad(x, pairs, constant_values=fill_value)
    for axis, n in zip(axes, size, strict=True):
        x = stretch(x, axis, n, n / x.shape[axis], 0, interpolation, antialias)
    return x


def scale_and_translate(
    x: Any, shape: Any, scale: Any, translation: Any, dims: Any, method: str, antialias: bool = True
) -> Any:
    for axis, s, t in zip(dims, scale, translation, strict=True):
        x = stretch(x, axis, shape[axis], s, t, method, antialias)
    return x


def map_coordinates(
    x: Any, places: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Any:
    mode = {"constant": "grid-constant", "wrap": "grid-wrap"}.get(fill_mode, fill_mode)
    return scipy.ndimage.map_coordinates(x, places, order=order, mode=mode, cval=fill_value)


def project(
    x: Any, matrices: Any, interpolation: str, fill_mode: str, fill_value: float, data_format: str
) -> Any:
    """Each channel of each image, at the places that a matrix gives for the pixels."""
    single, first = x.ndim == 3, data_format == "channels_first"
    x = x[None] if single else x
    x = x if first else np.moveaxis(x, -1, 1)
    _, _, height, width = x.shape
    rows, columns = np.indices((height, width))
    y = np.empty_like(x)
    for b, c in np.ndindex(x.shape[:2]):
        matrix = matrices[b if len(matrices) > 1 else 0]
        px, py, depth = np.tensordot(matrix, np.stack([columns, rows, np.ones_like(rows)]), 1)
        order = {"nearest": 0, "bilinear": 1}[interpolation]
        y[b, c] = map_coordinates(x[b, c], np.stack([py, px]) / depth, order, fill_mode, fill_value)
    y = y if first else np.moveaxis(y, 1, -1)
    return y[0] if single else y


def affine_transform(
    x: Any, transform: Any, interpolation: str = "bilinear", fill_mode: str = "constant", fill_value: float = 0,
    data_format: str = "channels_last",
) -> Any:  # fmt: skip
    rows = transform.reshape(-1, 8)
    matrices = np.append(rows, np.ones((len(rows), 1)), axis=1).reshape(-1, 3, 3)
    return project(x, matrices, interpolation, fill_mode, fill_value, data_format)


def perspective_transform(
    x: Any, start: Any, end: Any, interpolation: str = "bilinear", fill_value: float = 0,
    data_format: str = "channels_last",
) -> Any:  # fmt: skip
    matrices = []
    for old, new in zip(start.reshape(-1, 4, 2), end.reshape(-1, 4, 2), strict=True):
        equations, right = [], []
        for (u, v), (a, b) in zip(old, new, strict=True):
            equations += [[a, b, 1, 0, 0, 0, -u * a, -u * b], [0, 0, 0, a, b, 1, -v * a, -v * b]]
            right += [u, v]
        matrices.append(np.append(np.linalg.solve(equations, right), 1).reshape(3, 3))
    return project(x, matrices, interpolation, "constant", fill_value, data_format)


def gaussian(size: int, sigma: float) -> Any:
    x = np.arange(size) - (size - 1) / 2
    weights = np.exp(-((x / sigma) ** 2) / 2)
    return weights / weights.sum()


def gaussian_blur(
    x: Any, kernel_size: Any = (3, 3), sigma: Any = (1, 1), data_format: str = "channels_last"
) -> Any:
    axes = (-1, -2) if data_format == "channels_first" else (-2, -3)
    for axis, n, s in zip(axes, kernel_size, sigma, strict=True):
        x = scipy.ndimage.correlate1d(x, gaussian(n, s), axis, mode="constant", origin=-(1 - n % 2))
    return x


def sobel_edges(x: Any, data_format: str = "channels_last") -> Any:
    along, across = (2, 3) if data_format == "channels_first" else (1, 2)
    return np.stack([
        scipy.ndimage.correlate1d(
            scipy.ndimage.correlate1d(x, [-1, 0, 1], axis, mode="constant"), [1, 2, 1], other, mode="constant"
        )
        for axis, other in ((along, across), (across, along))
    ], -1)  # fmt: skip


def ssim(
    x: Any, y: Any, max_val: float = 1.0, filter_size: int = 11, filter_sigma: float = 1.5, k1: float = 0.01,
    k2: float = 0.03, data_format: str = "channels_last",
) -> Any:  # fmt: skip
    if data_format == "channels_first":
        x, y = np.moveaxis(x, -3, -1), np.moveaxis(y, -3, -1)
    if x.ndim == 3:
        return ssim(x[None], y[None], max_val, filter_size, filter_sigma, k1, k2)[0]
    window = np.outer(*[gaussian(filter_size, filter_sigma)] * 2)[..., None]
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    found = []
    for i, j in np.ndindex(x.shape[1] - filter_size + 1, x.shape[2] - filter_size + 1):
        a, b = (z[:, i : i + filter_size, j : j + filter_size] for z in (x, y))
        mean = lambda z: (window * z).sum((1, 2))
        ma, mb = mean(a), mean(b)
        va, vb, cov = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
        found.append((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))
    return np.mean(found, axis=(0, 2))


def patches(
    x: Any, size: Any, strides: Any = None, dilation_rate: int = 1, padding: str = "valid",
    data_format: str = "channels_last",
) -> Any:  # fmt: skip
    """Each patch by itself, for dilated windows without padding or padded windows without dilation."""
    rank = x.ndim - 2
    size = (size,) * rank if isinstance(size, int) else size
    strides = size if strides is None else (strides,) * rank if isinstance(strides, int) else strides
    x = np.moveaxis(x, 1, -1) if data_format == "channels_first" else x
    spans = [(n - 1) * dilation_rate + 1 for n in size]
    if padding == "same":
        missing = [
            max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(x.shape[1:], strides, spans, strict=False)
        ]
        x = np.pad(x, [(0, 0), *((m // 2, m - m // 2) for m in missing), (0, 0)])
    counts = [(n - r) // s + 1 for n, s, r in zip(x.shape[1:-1], strides, spans, strict=True)]
    y = np.empty((len(x), *counts, int(np.prod(size)) * x.shape[-1]))
    for place in itertools.product(*map(range, counts)):
        key = (slice(p * s, p * s + r, dilation_rate) for p, s, r in zip(place, strides, spans, strict=True))
        y[(slice(None), *place)] = x[(slice(None), *key)].reshape(len(x), -1)
    return np.moveaxis(y, -1, 1) if data_format == "channels_first" else y


def per_pixel(function: Callable[..., Any]) -> Callable[..., Any]:
    def convert(x: Any, data_format: str = "channels_last") -> Any:
        axis = -3 if data_format == "channels_first" else -1
        return np.apply_along_axis(lambda pixel: np.array(function(*pixel)), axis, x)

    return convert


def add_cases(case: Callable[..., None], normal: Callable[..., Any], between: Callable[..., Any]) -> None:
    """Put them into the table."""
    first = {"data_format": "channels_first"}
    for i, kind in enumerate(("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")):
        case("image.resize", normal(2, 5, 4, 3), (3, 7), kind, expected=resize)
        case("image.resize", normal(3, 4, 5), (6, 2), kind, i > 1, **first, expected=resize)
    case("image.resize", normal(2, 7, 6, 3), (2, 3), antialias=True, expected=resize)
    for ratio in ("crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        case("image.resize", normal(5, 8, 2), (3, 2), fill_value=0.5, **{ratio: True}, expected=resize)
        case(
            "image.resize", normal(2, 7, 3), (2, 6), fill_value=0.5, **{ratio: True}, **first, expected=resize
        )
    for kind in ("linear", "cubic", "lanczos3"):
        case("image.scale_and_translate", normal(3, 4, 2), (5, 2, 2), np.array([1.6, 0.7]), np.array([0.37, -0.21]),
             (0, 1), kind, expected=scale_and_translate)  # fmt: skip
    places = np.stack([between(-7, 11, 3, 4), between(-5, 8, 3, 4)])
    for mode in ("constant", "nearest", "wrap", "mirror", "reflect"):
        for order in (0, 1):
            case(
                "image.map_coordinates",
                normal(4, 3),
                places,
                order,
                mode,
                fill_value=0.3,
                expected=map_coordinates,
            )
    near = np.array(
        [
            [0.913, 0.127, 0.359, -0.171, 1.119, -0.417, 0.0213, -0.0307],
            [1.213, 0.317, -1.331, 0.213, 0.719, 0.617, 0.0, 0.0113],
        ]
    )
    for how in ({}, {"fill_mode": "reflect"}, {"interpolation": "nearest", "fill_value": 2.0}):
        case("image.affine_transform", normal(2, 4, 5, 2), near, **how, expected=affine_transform)
    case("image.affine_transform", normal(2, 2, 4, 5), near[0], **first, expected=affine_transform)
    corners = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0], [4.0, 3.0]])
    moved = corners + between(-0.9, 0.9, 2, 4, 2)
    name, judge = "image.perspective_transform", {"expected": perspective_transform}
    case(name, normal(2, 4, 5, 2), np.stack([corners + 0.1, corners]), moved, fill_value=0.2, **judge)
    case(name, normal(2, 4, 5), corners, moved[0], interpolation="nearest", **first, **judge)
    case("image.elastic_transform", normal(4, 3, 2), 0.0, seed=3, expected=lambda x, alpha, seed: x)
    case("image.gaussian_blur", normal(2, 4, 5, 3), expected=gaussian_blur)
    case("image.gaussian_blur", normal(2, 4, 5), (4, 3), (0.7, 1.3), **first, expected=gaussian_blur)
    case("image.sobel_edges", normal(2, 4, 5, 3), expected=sobel_edges)
    case("image.sobel_edges", normal(1, 2, 4, 5), **first, expected=sobel_edges)
    case("image.ssim", between(0, 1, 2, 6, 7, 2), between(0, 1, 2, 6, 7, 2), filter_size=5, expected=ssim)
    case("image.ssim", normal(2, 4, 5), normal(2, 4, 5), 2.0, 3, 1.0, k1=0.1, **first, expected=ssim)
    case("image.extract_patches", normal(2, 5, 6, 3), 2, expected=patches)
    case("image.extract_patches", normal(2, 5, 6, 3), (2, 3), (1, 2), padding="same", expected=patches)
    case("image.extract_patches", normal(1, 2, 5, 6), (2, 2), 1, 2, **first, expected=patches)
    case("image.extract_patches_3d", normal(1, 4, 3, 5, 2), (2, 1, 2), expected=patches)
    case("image.extract_patches_3d", normal(1, 2, 4, 3, 5), 2, 1, padding="same", **first, expected=patches)
    image, volume = normal(2, 5, 6, 3), normal(4, 3, 2, 2)
    case("image.reconstruct_patches", patches(image, 2, padding="same"), 2, (5, 6), padding="same",
         expected=lambda *a, **k: image)  # fmt: skip
    case(
        "image.reconstruct_patches",
        patches(volume[None], (2, 3, 1))[0],
        (2, 3, 1),
        expected=lambda *a: volume,
    )
    luma = per_pixel(lambda *rgb: [np.dot(rgb, [0.2989, 0.587, 0.114])])
    for kind, judge in (
        ("rgb_to_grayscale", luma), ("rgb_to_hsv", per_pixel(colorsys.rgb_to_hsv)),
        ("hsv_to_rgb", per_pixel(colorsys.hsv_to_rgb)),
    ):  # fmt: skip
        case(f"image.{kind}", between(0.05, 1, 2, 3, 4, 3), expected=judge)
        case(f"image.{kind}", between(0.05, 1, 3, 2, 4), **first, expected=judge)
    case(
        "image.crop_images",
        normal(2, 5, 6, 3),
        1,
        2,
        1,
        target_width=3,
        expected=lambda x, *a, **k: x[:, 1:4, 2:5],
    )
    case("image.crop_images", normal(3, 5, 6), None, 0, 1, 2, target_height=2, **first,
         expected=lambda x, *a, **k: x[:, 2:4, :4])  # fmt: skip
    case("image.pad_images", normal(3, 2, 3), 1, 2, 0, target_width=6,
         expected=lambda x, *a, **k: np.pad(x, ((1, 0), (2, 2), (0, 0))))  # fmt: skip
    case("image.pad_images", normal(2, 3, 2, 3), None, 0, 1, 2, target_height=5, **first,
         expected=lambda x, *a, **k: np.pad(x, ((0, 0), (0, 0), (2, 1), (0, 2))))  # fmt: skip
