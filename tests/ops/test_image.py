"""Ops on images beyond the table of op_cases: integers, narrow floats, unknown sizes, places that are no numbers, errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops
from hilevel.engine.graph import SymbolicTensor
from hilevel.ops import image

SMALL = np.array([[0, 10, 200], [255, 37, 90]], np.uint8)[..., None]
MOVE = np.array([1, 0, 0.4, 0, 1, 0.3, 0, 0], np.float32)
PLACES = np.array([[0, 0.5, 1], [0.25, 1.7, 2.4]], np.float32)

# The results of Keras 3.15.1 on JAX.
INTEGERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "bilinear": (lambda: image.resize(SMALL, (3, 4)), [[0, 6, 81, 200], [128, 62, 69, 145], [255, 119, 57, 90]]),
    "bicubic": (
        lambda: image.resize(SMALL, (4, 5), "bicubic"),
        [[0, 0, 8, 140, 225], [56, 33, 16, 119, 189], [215, 139, 31, 77, 119], [255, 192, 39, 55, 83]],
    ),
    "nearest": (
        lambda: image.resize(SMALL, (3, 4), "nearest"),
        [[0, 10, 10, 200], [255, 37, 37, 90], [255, 37, 37, 90]],
    ),
    "antialias": (lambda: image.resize(SMALL, (1, 2), "lanczos3", antialias=True), [[83, 95]]),
    "padded": (
        lambda: image.resize(SMALL, (2, 6), pad_to_aspect_ratio=True, fill_value=7.4),
        [[7, 2, 6, 89, 152, 7], [7, 193, 128, 59, 69, 7]],
    ),
    "affine": (lambda: image.affine_transform(SMALL, MOVE, fill_value=3.6), [[53, 78, 101], [118, 42, 40]]),
    "places": (lambda: image.map_coordinates(SMALL, np.stack([*PLACES, 0 * PLACES[0]]), 1, "nearest"), [3, 109, 90]),
    "gray": (lambda: image.rgb_to_grayscale(np.array([[[255, 254, 3], [7, 8, 9]]], np.uint8)), [[225, 7]]),
}  # fmt: skip


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_are_rounded_as_in_keras(name: str, backend: Any) -> None:
    call, expected = INTEGERS[name]
    found = ops.convert_to_numpy(call())
    assert found.dtype == np.uint8
    assert found.reshape(np.shape(expected)).tolist() == expected


def calls(x: Any) -> dict[str, Any]:
    """Ops that keep the dtype of images."""
    return {
        "resize": image.resize(x, (3, 7), "bicubic"),
        "affine": image.affine_transform(x, MOVE),
        "blur": image.gaussian_blur(x),
        "elastic": image.elastic_transform(x, seed=1),
        "gray": image.rgb_to_grayscale(x),
        "pad": image.pad_images(x, 1, 1, 1, 1),
        "patches": image.extract_patches(x, 2),
        "edges": image.sobel_edges(x[None]),
        "ssim": image.ssim(x, x, filter_size=3),
    }


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "uint8", "int16"])
def test_the_dtype_of_images_is_kept(dtype: str, backend: Any) -> None:
    x = ops.cast(np.arange(60).reshape(4, 5, 3), dtype)
    for name, y in calls(x).items():
        assert np.dtype(y.dtype).name == dtype, name
    if "float" in dtype:
        hsv = image.rgb_to_hsv(x / 60)
        np.testing.assert_allclose(
            ops.cast(image.hsv_to_rgb(hsv), "float64"), ops.cast(x / 60, "float64"), atol=0.02
        )
        moved = image.scale_and_translate(x, (4, 5, 3), [1.0, 1.0], [0.0, 0.0], (0, 1), "linear")
        assert np.array_equal(ops.convert_to_numpy(moved), ops.convert_to_numpy(x))


def test_sizes_may_be_unknown() -> None:
    x = hilevel.Input((None, None, 3))
    assert image.resize(x, (4, 5), crop_to_aspect_ratio=True).shape == (None, 4, 5, 3)
    assert image.resize(x, (4, 5), pad_to_aspect_ratio=True).shape == (None, 4, 5, 3)
    assert image.crop_images(x, 1, 2, target_height=700, target_width=900).shape == (None, 700, 900, 3)
    assert image.pad_images(x, 1, 2, target_height=7, target_width=900).shape == (None, 7, 900, 3)
    assert image.pad_images(x, 1, 2, 1, 2).shape == (None, None, None, 3)
    assert image.affine_transform(x, MOVE).shape == (None, None, None, 3)
    assert image.elastic_transform(x).shape == (None, None, None, 3)
    assert image.extract_patches(x, 8).shape == (None, None, None, 192)
    assert image.ssim(x, x).shape == (None,)
    with pytest.raises(ValueError, match="the height of the images is unknown; pass target_height"):
        image.crop_images(x, 1, 1, 1, 1)


def test_models_with_ops_on_images_are_saved(tmp_path: Path) -> None:
    x = hilevel.Input((8, 8, 3))
    patches = image.extract_patches(image.crop_images(image.resize(x, (6, 6)), 1, 1, 1, 1), 2)
    model = hilevel.Model(x, image.reconstruct_patches(patches, 2))
    model.save(tmp_path / "model.keras")
    loaded = hilevel.models.load_model(tmp_path / "model.keras")
    data = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    assert np.array_equal(model.predict(data, verbose=0), loaded.predict(data, verbose=0))


@pytest.mark.parametrize("mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
def test_places_that_are_no_numbers_do_no_harm(mode: str, backend: Any) -> None:
    places = np.array([[np.nan, np.inf, -np.inf, 1e30, 0.5]], np.float32)
    with np.errstate(invalid="ignore"):
        found = ops.convert_to_numpy(image.map_coordinates(np.arange(4.0), places, 1, mode, 7.0))
    assert np.isnan(found[0])
    assert found[4] == 0.5
    assert found[3] == {"constant": 7, "nearest": 3}.get(mode, found[3])


def test_displacements_follow_the_seed() -> None:
    x = np.random.default_rng(0).random((2, 9, 8, 3))
    one, two, other = (image.elastic_transform(x, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)
    first = image.elastic_transform(np.moveaxis(x, -1, 1), seed=1, data_format="channels_first")
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), one)


COMPLETED: list[tuple[Callable[..., Any], list[Any], list[int | None]]] = [
    (image.rgb_to_grayscale, [(2, None, 4, None)], [2, None, 4, 1]),
    (image.rgb_to_hsv, [(2, 5, None)], [2, 5, 3]),
    (lambda x, y: image.map_coordinates(x, y, 1), [(3, 4), (None, 6, None)], [6, None]),
    (image.affine_transform, [(None, 4, 5, 3), (2, None)], [2, 4, 5, 3]),
    (image.perspective_transform, [(2, 4, 5, 3), (2, None, 2), (None, 4, 2)], [2, 4, 5, 3]),
    (image.ssim, [(None, 12, None, 3), (2, None, 12, None)], [2]),
    (lambda x: image.reconstruct_patches(x, 2, (5, 6), padding="same"), [(2, None, 3, 12)], [2, 5, 6, 3]),
    (lambda x: image.reconstruct_patches(x, 16), [(2, 3, 3, None)], [2, 48, 48, None]),
]


@pytest.mark.parametrize(("call", "shapes", "expected"), COMPLETED)
def test_an_unknown_size_agrees_with_a_known_one(
    call: Callable[..., Any], shapes: list[Any], expected: list[int | None]
) -> None:
    assert list(call(*(SymbolicTensor(s) for s in shapes)).shape) == expected


X = np.zeros((4, 5, 3))
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "rank": (lambda: image.resize(X[0], (2, 2)), ValueError, "3 axes or a batch"),
    "size": (lambda: image.resize(X, (0, 2)), ValueError, "positive"),
    "sizes": (lambda: image.resize(X, (1, 2, 3)), ValueError, "positive"),
    "interpolation": (lambda: image.resize(X, (2, 2), "area"), ValueError, "interpolation must be one of"),
    "format": (lambda: image.resize(X, (2, 2), data_format="last"), ValueError, "data_format"),
    "both": (
        lambda: image.resize(X, (2, 2), crop_to_aspect_ratio=True, pad_to_aspect_ratio=True), ValueError, "both True",
    ),
    "method": (lambda: image.scale_and_translate(X, X.shape, [1], [0], (0,), "area"), ValueError, "method"),
    "order": (lambda: image.map_coordinates(X, np.zeros((3, 2)), 2), ValueError, "order"),
    "places": (lambda: image.map_coordinates(X, np.zeros((2, 2)), 1), ValueError, "one entry for each axis"),
    "transform": (lambda: image.affine_transform(X, np.zeros(6)), ValueError, r"shape \(8,\)"),
    "points": (lambda: image.perspective_transform(X, np.zeros((4, 2)), np.zeros((1, 4, 2))), ValueError, "one shape"),
    "channels": (lambda: image.rgb_to_grayscale(X[..., :2]), ValueError, "1 or 3 channels"),
    "integers": (lambda: image.rgb_to_hsv(X.astype("uint8")), ValueError, "expected a float dtype"),
    "crop": (lambda: image.crop_images(X, 1, 1, 1), ValueError, "two of the lengths"),
    "negative": (lambda: image.crop_images(X, -1, 1, 1, 1), ValueError, "not negative"),
    "too small": (lambda: image.crop_images(X, 3, 1, 3, 1), ValueError, "removes more"),
    "too large": (lambda: image.pad_images(X, 3, 1, None, 1, 5), ValueError, "the ends of the height"),
    "patch": (lambda: image.extract_patches(X, "5"), TypeError, "an integer or a tuple"),
    "patches": (lambda: image.extract_patches(X, (2,) * 4), ValueError, "2 or 3 integers"),
    "volume": (lambda: image.extract_patches_3d(X[None], (2, 2)), TypeError, "an integer or three"),
    "overlap": (lambda: image.reconstruct_patches(X, 2, strides=1), NotImplementedError, "overlap"),
    "no size": (lambda: image.reconstruct_patches(X, 1, padding="same"), ValueError, "needs output_size"),
    "other size": (lambda: image.reconstruct_patches(X, 1, (4, 4)), ValueError, "do not make up"),
    "depth": (lambda: image.reconstruct_patches(X, 2), ValueError, "no multiple"),
    "one shape": (lambda: image.ssim(np.ones((1, 12, 12, 1)), np.ones((5, 12, 12, 1))), ValueError, "one shape"),
    "batch": (lambda: image.sobel_edges(X), ValueError, "batch"),
}  # fmt: skip


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    call, kind, words = ERRORS[name]
    with pytest.raises(kind, match=words):
        call()
