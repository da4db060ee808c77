"""Images as files, as objects of Pillow and as arrays."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hilevel
from hilevel.preprocessing.image import array_to_img, img_to_array, load_img, save_img, smart_resize

PIXELS = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)


@pytest.fixture
def channels_first() -> Iterator[None]:
    hilevel.config.set_image_data_format("channels_first")
    yield
    hilevel.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB"), (4, "RGBA")])
def test_arrays_become_images(channels: int, mode: str) -> None:
    x = np.arange(8 * channels, dtype="float64").reshape(2, 4, channels)
    img = array_to_img(x, scale=False)
    assert (img.mode, img.size) == (mode, (4, 2))
    assert np.array_equal(img_to_array(img), x)
    first = array_to_img(np.moveaxis(x, -1, 0), "channels_first", scale=False)
    assert np.array_equal(img_to_array(first, "channels_first", "uint8"), np.moveaxis(x, -1, 0))
    scaled = img_to_array(array_to_img(x * 3 - 7))
    assert (scaled.min(), scaled.max(), scaled.dtype) == (0, 255, np.float32)
    assert img_to_array(array_to_img(0 * x + 9)).max() == 0
    for largest in np.random.default_rng(0).random(200):
        assert img_to_array(array_to_img(np.array([0.0, largest]).reshape(1, 2, 1))).max() == 255


def test_the_default_order_of_axes_counts(channels_first: None) -> None:
    img = array_to_img(np.moveaxis(PIXELS, -1, 0), scale=False)
    assert img_to_array(img).shape == (3, 2, 4)
    assert img_to_array(img.convert("L")).shape == (1, 2, 4)


def test_large_values_of_gray_images_stay() -> None:
    img = array_to_img(np.array([[[0], [70_000]]]), scale=False)
    assert img.mode == "I"
    assert img_to_array(img, dtype="int32").tolist() == [[[0], [70_000]]]


def test_files_are_written_and_read(tmp_path: Path) -> None:
    save_img(tmp_path / "a.png", PIXELS, scale=False)
    for path in (tmp_path / "a.png", str(tmp_path / "a.png"), bytes(tmp_path / "a.png")):
        assert np.array_equal(img_to_array(load_img(path), dtype="uint8"), PIXELS)
    buffer = io.BytesIO()
    save_img(buffer, PIXELS, file_format="png", scale=False)
    assert load_img(buffer, "grayscale").mode == "L"
    assert load_img(buffer, "rgba").mode == "RGBA"
    save_img(tmp_path / "b.jpg", PIXELS)
    with pytest.warns(UserWarning, match="no fourth channel"):
        save_img(tmp_path / "c.jpg", np.ones((2, 4, 4)), file_format="jpg")
    assert load_img(tmp_path / "c.jpg").mode == "RGB"


def test_images_of_16_bits_keep_their_values(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 60_000]], np.uint16)).save(tmp_path / "deep.png")
    assert img_to_array(load_img(tmp_path / "deep.png", "grayscale")).tolist() == [[[0], [60_000]]]


def test_images_are_resized(tmp_path: Path) -> None:
    save_img(tmp_path / "a.png", PIXELS, scale=False)
    small = img_to_array(load_img(tmp_path / "a.png", target_size=(2, 2)))
    assert np.array_equal(small, PIXELS[:, 1::2])
    kept = img_to_array(load_img(tmp_path / "a.png", target_size=(2, 2), keep_aspect_ratio=True))
    assert np.array_equal(kept, PIXELS[:, 1:3])
    smooth = load_img(tmp_path / "a.png", target_size=(5, 7), interpolation="lanczos")
    assert np.array_equal(smooth, Image.fromarray(PIXELS).resize((7, 5), Image.Resampling.LANCZOS))


def test_smart_resize_keeps_the_middle(backend: Any) -> None:
    found = smart_resize(PIXELS, (2, 2))
    assert isinstance(found, np.ndarray)
    assert found.dtype == np.float32
    assert np.array_equal(found, PIXELS[:, 1:3])
    assert smart_resize(PIXELS, (2, 2), "nearest").dtype == np.uint8
    tensor = hilevel.ops.convert_to_tensor(np.moveaxis(PIXELS, -1, 0)[None])
    assert smart_resize(tensor, (4, 2), data_format="channels_first").shape == (1, 3, 4, 2)


def test_what_is_no_image(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(Image.UnidentifiedImageError):
        load_img(tmp_path / "a.png")
    with pytest.raises(TypeError, match="expected a path"):
        load_img(7)
    save_img(tmp_path / "b.png", PIXELS)
    with pytest.raises(ValueError, match="color_mode must be one of"):
        load_img(tmp_path / "b.png", "cmyk")
    with pytest.raises(ValueError, match="interpolation must be one of"):
        load_img(tmp_path / "b.png", target_size=(1, 1), interpolation="best")
    for x in (PIXELS[0], PIXELS[..., :2]):
        with pytest.raises(ValueError, match="array_to_img"):
            array_to_img(x)
    with pytest.raises(ValueError, match="data_format"):
        array_to_img(PIXELS, "last")
    with pytest.raises(ValueError, match="2 or 3 axes"):
        img_to_array(np.zeros(3))
    with pytest.raises(TypeError, match="unexpected keyword"):
        smart_resize(PIXELS, (1, 1), method="best")


def test_files_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_img(tmp_path / "a.png", PIXELS)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3)
    with pytest.raises(Image.DecompressionBombError):
        load_img(tmp_path / "a.png")


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    for call in (lambda: array_to_img(PIXELS), lambda: load_img("a.png")):
        with pytest.raises(ImportError, match=r"pip install 'hilevel\[image\]'"):
            call()
    with pytest.raises(ImportError, match="image_dataset_from_directory needs the package PIL"):
        hilevel.utils.image_dataset_from_directory(".")
