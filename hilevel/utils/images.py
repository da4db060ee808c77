"""Images as files, as objects of Pillow, and as arrays. The functions need `pip install 'hilevel[image]'`."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.api.optional import import_optional
from hilevel.engine.op import to_float_array
from hilevel.engine.settings import settings
from hilevel.engine.types import DTypeLike, TensorLike
from hilevel.errors import ShapeError
from hilevel.layers.base.checks import one_of
from hilevel.ops.nn.windows import channels_come_first

_MODES = {"rgb": ("RGB",), "rgba": ("RGBA",), "grayscale": ("L", "I;16", "I")}
"""The modes of Pillow for each colour mode. Images of other modes are converted to the first."""
_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow(user: str) -> Any:
    """Return the module `PIL.Image`.

    Raises:
        ImportError: Pillow is not installed.
    """
    return import_optional("PIL.Image", "hilevel[image]", user)


def array_to_img(
    x: TensorLike, data_format: str | None = None, scale: bool = True, dtype: DTypeLike = None
) -> Any:
    """Convert an array to an image of Pillow.

    Args:
        x: a tensor of shape `(height, width, channels)` with 1, 3 or 4 channels; with `"channels_first"` the channels
            precede the height.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        scale: whether the smallest value becomes 0 and the largest 255.
        dtype: the dtype of the computation; floatx by default.

    >>> import hilevel
    >>> hilevel.utils.array_to_img(np.ones((2, 3, 1))).size
    (3, 2)

    Raises:
        ImportError: Pillow is not installed.
        ShapeError: the array has another shape.
    """
    image = pillow("array_to_img")
    array = np.asarray(ops.convert_to_numpy(x), dtype=settings.floatx if dtype is None else dtype)
    if array.ndim != 3:
        raise ShapeError(f"array_to_img: expected 3 axes; got shape {array.shape}.")
    array = np.moveaxis(array, 0, -1) if channels_come_first("array_to_img", data_format) else array
    if array.shape[-1] not in (1, 3, 4):
        raise ShapeError(f"array_to_img: expected 1, 3 or 4 channels; got shape {array.shape}.")
    if scale:
        array = array - np.min(array)
        array = array / (np.max(array) or 1) * 255
    if array.shape[-1] > 1:
        return image.fromarray(array.astype(np.uint8))
    return image.fromarray(array[..., 0].astype(np.int32 if np.max(array) > 255 else np.uint8))


def img_to_array(img: Any, data_format: str | None = None, dtype: DTypeLike = None) -> np.ndarray[Any, Any]:
    """Convert an image of Pillow to an array.

    Args:
        img: the image.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        dtype: the dtype of the array; floatx by default.

    Returns:
        The values of the pixels, of shape `(height, width, channels)`; with `"channels_first"` the channels precede
        the height.

    >>> import hilevel
    >>> hilevel.utils.img_to_array(hilevel.utils.array_to_img(np.eye(2)[..., None]))[..., 0]
    array([[255.,   0.],
           [  0., 255.]], dtype=float32)

    Raises:
        ShapeError: the image has neither 2 nor 3 axes.
    """
    array = np.asarray(img, dtype=settings.floatx if dtype is None else dtype)
    if array.ndim not in (2, 3):
        raise ShapeError(f"img_to_array: expected 2 or 3 axes; got shape {array.shape}.")
    array = array[..., None] if array.ndim == 2 else array
    return np.moveaxis(array, -1, 0) if channels_come_first("img_to_array", data_format) else array


def save_img(
    path: Any,
    x: TensorLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array as a file of an image.

    Args:
        path: the path, or a binary file.
        x: a tensor of shape `(height, width, channels)` with 1, 3 or 4 channels, as in `array_to_img`.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        file_format: the format of the file; by default the suffix of the path.
        scale: whether the smallest value becomes 0 and the largest 255.
        kwargs: further arguments of `PIL.Image.Image.save`.

    >>> import hilevel, io
    >>> hilevel.utils.save_img(io.BytesIO(), np.ones((2, 2, 3)), file_format="png")

    Raises:
        ImportError: Pillow is not installed.
        ShapeError: the array has another shape.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    img = array_to_img(x, data_format, scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("JPEG files have no fourth channel: the image is converted to RGB.", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format=file_format, **kwargs)


def open_image(
    path: Any, color_mode: str, formats: Sequence[str] | None = None, user: str = "load_img"
) -> Any:
    """Return the image of a file in a colour mode, decoded. `formats` limits the formats of the file."""
    one_of(user, "color_mode", color_mode, list(_MODES))
    with pillow(user).open(path, formats=formats) as img:
        modes = _MODES[color_mode]
        return img.copy() if img.mode in modes else img.convert(modes[0])


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """Return the image of a file as an image of Pillow.

    Args:
        path: the path, or an `io.BytesIO`.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        target_size: the height and the width to which the image is resized; its own by default.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or `"lanczos"`.
        keep_aspect_ratio: whether the largest centered part with the aspect ratio of `target_size` is resized.

    >>> import hilevel, io
    >>> file = io.BytesIO()
    >>> hilevel.utils.save_img(file, np.ones((4, 2, 3)), file_format="png")
    >>> hilevel.utils.load_img(file, target_size=(8, 8)).size
    (8, 8)

    Raises:
        ImportError: Pillow is not installed.
        TypeError: the path is neither.
        ValueError: an argument has an invalid value.
        PIL.UnidentifiedImageError: the file is no image.
        PIL.Image.DecompressionBombError: the image has more pixels than `2 * PIL.Image.MAX_IMAGE_PIXELS`.
    """
    if not isinstance(path, (str, bytes, os.PathLike, io.BytesIO)):
        raise TypeError(f"load_img: expected a path or an io.BytesIO; got {type(path).__name__}.")
    img = open_image(os.fsdecode(path) if isinstance(path, bytes) else path, color_mode)
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img
    one_of("load_img", "interpolation", interpolation, _RESAMPLING)
    resample = pillow("load_img").Resampling[interpolation.upper()]
    box = _centered_box(img.size, target_size) if keep_aspect_ratio else None
    return img.resize((target_size[1], target_size[0]), resample, box=box)


def _centered_box(size: tuple[int, int], target_size: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the largest centered box `(left, top, right, bottom)` with the aspect ratio of `target_size`."""
    width, height = size
    rows, columns = target_size
    box_width, box_height = min(width, height * columns // rows), min(height, width * rows // columns)
    left, top = (width - box_width) // 2, (height - box_height) // 2
    return left, top, left + box_width, top + box_height


def smart_resize(
    x: TensorLike,
    size: Sequence[int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Resize the largest centered part of images with the aspect ratio of the new size.

    Args:
        x: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the channels
            precede the height.
        size: the new height and width.
        interpolation: as in `ops.image.resize`.
        data_format: `"channels_last"` or `"channels_first"`.
        kwargs: `backend_module` of Keras is ignored.

    Returns:
        The images, floats unless the interpolation is `"nearest"`: an array of NumPy for one, else a tensor.

    >>> import hilevel
    >>> hilevel.preprocessing.image.smart_resize(np.ones((4, 8, 3)), (2, 2)).shape
    (2, 2, 3)

    Raises:
        TypeError: another keyword is given.
        ValueError: an argument has an invalid value.
        ShapeError: the images have neither 3 nor 4 axes.
    """
    kwargs.pop("backend_module", None)
    if kwargs:
        raise TypeError(f"smart_resize() got unexpected keyword arguments: {', '.join(kwargs)}.")
    images = ops.convert_to_tensor(x) if interpolation == "nearest" else to_float_array(x)
    resized = ops.image.resize(
        images, size, interpolation, crop_to_aspect_ratio=True, data_format=data_format
    )
    return ops.convert_to_numpy(resized) if isinstance(x, np.ndarray) else resized
