"""Data sets of images, texts and recordings in a directory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from hilevel import ops
from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import one_of
from hilevel.ops.nn.windows import channels_come_first
from hilevel.utils.directories import Directory, Reader
from hilevel.utils.images import img_to_array, open_image, pillow
from hilevel.utils.wav import read_wav, resampled

Labels = str | Sequence[int] | None
_FORMATS = ("BMP", "GIF", "JPEG", "PNG")
"""The formats of images that are decoded, whatever the name of the file is."""


def image_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Labels = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return a data set of the images in a directory, which has a folder for each class.

    The data set yields batches of NumPy arrays and can be given to `fit`. It has `class_names`, `file_paths`, a
    length, and the methods `map` and `take`. Its order is a function of the seed and the epoch.

    Args:
        directory: the path of the directory. Files are searched in its folders, too.
        labels: `"inferred"` for the index of the folder, a list of integers in the sorted order of the paths, or
            None for images without labels.
        label_mode: `"int"` for labels of shape `(batch,)`, `"binary"` for floats of shape `(batch, 1)`,
            `"categorical"` for one-hot vectors, or None for images without labels.
        class_names: the folders that are classes, in their order; by default all, sorted.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: the number of images in a batch; None for single images.
        image_size: the height and the width to which images are resized, two integers or one for both.
        shuffle: whether each epoch has an order of its own. Otherwise the images are in the order of the paths.
        seed: the seed of the orders; random by default.
        validation_split: the fraction of the images that is kept for validation.
        subset: `"training"`, `"validation"` or `"both"`, together with `validation_split`. With `"both"` the result
            is a list of two data sets, of which the second is not shuffled again.
        interpolation: as in `ops.image.resize`.
        follow_links: whether links to other directories are followed.
        crop_to_aspect_ratio, pad_to_aspect_ratio: as in `ops.image.resize`.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        format: `"tf"` for a new order in each epoch, `"grain"` for the same order.
        verbose: whether the number of files is printed.

    >>> import hilevel, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> for name in ("cats", "dogs"):
    ...     os.mkdir(f"{folder.name}/{name}")
    ...     hilevel.utils.save_img(f"{folder.name}/{name}/one.png", np.ones((9, 8, 3)))
    >>> data = hilevel.utils.image_dataset_from_directory(folder.name, image_size=(4, 4))
    Found 2 files belonging to 2 classes.
    >>> data.class_names, next(iter(data))[0].shape
    (['cats', 'dogs'], (2, 4, 4, 3))
    >>> folder.cleanup()

    Raises:
        ImportError: Pillow is not installed.
        ValueError: an argument has an invalid value, or there are no images.
        UnsafeContentError: a link leads out of the directory, and `follow_links` is False.
        PIL.UnidentifiedImageError: when a batch is read, a file is neither BMP, GIF, JPEG nor PNG.
    """
    name = "image_dataset_from_directory"
    pillow(name)
    size = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        raise ArgumentError(f"image_size must be an integer or two; got {image_size!r}.")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("crop_to_aspect_ratio and pad_to_aspect_ratio are both True; expected one.")
    kinds = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    resize = partial(
        ops.image.resize, size=tuple(size), interpolation=one_of(name, "interpolation", interpolation, kinds),
        crop_to_aspect_ratio=crop_to_aspect_ratio, pad_to_aspect_ratio=pad_to_aspect_ratio, data_format="channels_last",
    )  # fmt: skip
    one_of(name, "color_mode", color_mode, ("rgb", "rgba", "grayscale"))
    read = partial(
        _read_image, color_mode=color_mode, resize=resize, first=channels_come_first(name, data_format)
    )
    files = Directory(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, _reshuffles(format),
    )  # fmt: skip
    return files.datasets(Reader("image", (".bmp", ".gif", ".jpeg", ".jpg", ".png"), read))


def _read_image(path: str, color_mode: str, resize: Any, first: bool) -> Any:
    img = open_image(path, color_mode, _FORMATS, "image_dataset_from_directory")
    image = resize(img_to_array(img, "channels_last", np.float32))
    return np.moveaxis(image, -1, 0) if first else image


def _reshuffles(format: str) -> bool:
    return one_of("dataset_from_directory", "format", format, ("tf", "grain")) == "tf"


def text_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Labels = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return a data set of the texts in a directory, which has a folder for each class.

    The data set yields arrays of strings with labels. `data.map(lambda x, y: (layer(x), y))`, where the layer is a
    `TextVectorization`, makes a data set for `fit` of it.

    Args:
        directory: the path of the directory, with files `.txt` in UTF-8.
        labels, label_mode, class_names, batch_size: as in `image_dataset_from_directory`.
        max_length: the number of characters to which texts are truncated.
        shuffle, seed, validation_split, subset, follow_links, format, verbose: as in `image_dataset_from_directory`.

    >>> import hilevel, pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> pathlib.Path(folder.name, "one.txt").write_text("a text")
    6
    >>> for texts in hilevel.utils.text_dataset_from_directory(folder.name, labels=None):
    ...     print(texts)
    Found 1 files.
    ['a text']
    >>> folder.cleanup()

    Raises:
        ValueError: an argument has an invalid value, or there are no texts.
        UnsafeContentError: a link leads out of the directory, and `follow_links` is False.
    """
    files = Directory(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose, _reshuffles(format),
    )  # fmt: skip
    return files.datasets(Reader("text", (".txt",), partial(_read_text, max_length=max_length)))


def _read_text(path: str, max_length: int | None) -> str:
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read(max_length)


def audio_dataset_from_directory(
    directory: str | os.PathLike[str],
    labels: Labels = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    sampling_rate: int | None = None,
    output_sequence_length: int | None = None,
    ragged: bool = False,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """Return a data set of the recordings in a directory, which has a folder for each class.

    The data set yields float32 arrays of shape `(batch, time, channels)` in [-1, 1], with labels.

    Args:
        directory: the path of the directory, with files `.wav` of integers (PCM) of 8, 16, 24 or 32 bits.
        labels, label_mode, class_names, batch_size: as in `image_dataset_from_directory`.
        sampling_rate: the number of values for each second, to which recordings are resampled.
        output_sequence_length: the length to which recordings are truncated or padded with zeros. By default the
            recordings of a batch are padded to the longest.
        ragged: not supported; only False.
        shuffle, seed, validation_split, subset, follow_links, verbose: as in `image_dataset_from_directory`.

    >>> import hilevel, tempfile, wave
    >>> folder = tempfile.TemporaryDirectory()
    >>> with wave.open(f"{folder.name}/one.wav", "wb") as file:
    ...     file.setparams((1, 2, 8000, 0, "NONE", ""))
    ...     file.writeframes(np.arange(4, dtype="<i2").tobytes())
    >>> for x in hilevel.utils.audio_dataset_from_directory(folder.name, labels=None, verbose=False):
    ...     print(x.shape)
    (1, 4, 1)
    >>> folder.cleanup()

    Raises:
        ValueError: an argument has an invalid value, or there are no recordings.
        NotImplementedError: `ragged` is True.
        UnsafeContentError: a link leads out of the directory, and `follow_links` is False.
        InvalidFileError: when a batch is read, a file is no WAV file of integers.
    """
    if ragged and output_sequence_length is not None:
        raise ArgumentError("ragged and output_sequence_length cannot be given together.")
    if sampling_rate is not None and (not isinstance(sampling_rate, int) or sampling_rate <= 0):
        raise ArgumentError(f"sampling_rate must be a positive integer; got {sampling_rate!r}.")
    if ragged:
        raise NotImplementedError("audio_dataset_from_directory(ragged=True): hilevel has no ragged tensors.")
    files = Directory(
        directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset, follow_links,
        verbose,
    )  # fmt: skip
    read = partial(_read_audio, rate=sampling_rate, length=output_sequence_length)
    return files.datasets(Reader("audio", (".wav",), read, _padded))


def _read_audio(path: str, rate: int | None, length: int | None) -> Any:
    audio, own_rate = read_wav(path)
    if rate is not None:
        audio = resampled(audio, own_rate, rate, path)
    return audio if length is None else _fitted(audio, length)


def _fitted(audio: Any, length: int) -> Any:
    """Return a recording truncated to a length, or padded with zeros."""
    return np.pad(audio[:length], ((0, max(length - len(audio), 0)), (0, 0)))


def _padded(samples: list[Any]) -> Any:
    longest = max(map(len, samples))
    return np.stack([_fitted(audio, longest) for audio in samples])
