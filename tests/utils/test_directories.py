"""Data sets of files and of time series: order, labels, division, batches, links, damaged files, training."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import hilevel
from hilevel import layers
from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.utils import (
    audio_dataset_from_directory,
    image_dataset_from_directory,
    save_img,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)


def write_text(path: Path, value: int) -> None:
    path.write_text(f"text {value}", encoding="utf-8")


def write_image(path: Path, value: int) -> None:
    save_img(path, np.full((6, 4, 3), value), scale=False)


def write_sound(path: Path, value: int, width: int = 2, rate: int = 8000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, width, rate, 0, "NONE", ""))
        file.writeframes(np.full(5 + value, value * 256, "<i2").tobytes() if width == 2 else bytes(width * 4))


def fill(folder: Path, suffix: str, write: Callable[[Path, int], None], classes: int = 2) -> Path:
    """Write ten files: file `i` into the folder of class `i % classes`, every third one level deeper."""
    for i in range(10):
        place = folder / f"class_{i % classes}" / ("deep" if i % 3 == 0 else "")
        place.mkdir(parents=True, exist_ok=True)
        write(place / f"{i}.{suffix}", i)
    return folder


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    return fill(tmp_path, "txt", write_text)


def read(folder: Path, **options: Any) -> Any:
    return text_dataset_from_directory(folder, verbose=False, **options)


def numbers(batches: Any) -> list[int]:
    """The numbers of the files in a data set of texts without labels."""
    return [int(t.split()[1]) for batch in batches for t in batch]


SORTED = [2, 4, 8, 0, 6, 1, 5, 7, 3, 9]


def test_files_are_sorted_and_labelled(texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = text_dataset_from_directory(texts, shuffle=False, batch_size=4)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert len(data) == 3
    batches = list(data)
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    assert numbers(x for x, _ in batches) == SORTED
    labels = np.concatenate([y for _, y in batches])
    assert labels.tolist() == [i % 2 for i in SORTED]
    assert labels.dtype == np.int32
    assert data.class_names == ["class_0", "class_1"]
    assert [os.path.relpath(p, texts) for p in data.file_paths][:4] == [
        os.path.join("class_0", n) for n in ("2.txt", "4.txt", "8.txt", os.path.join("deep", "0.txt"))
    ]


def test_modes_of_labels(texts: Path) -> None:
    for mode, shape, dtype in (("binary", (10, 1), "float32"), ("categorical", (10, 2), "float32")):
        _, y = next(iter(read(texts, label_mode=mode, shuffle=False)))
        assert (y.shape, y.dtype) == (shape, dtype)
        assert y[:, -1].tolist() == [i % 2 for i in SORTED]
    for options in ({"label_mode": None}, {"labels": None}):
        data = read(texts, shuffle=False, **options)
        assert data.class_names is None
        assert sorted(numbers(data)) == list(range(10))


def test_given_labels_and_classes(texts: Path) -> None:
    data = read(texts, labels=[5, 7] * 5, shuffle=False)
    assert data.class_names == ["5", "7"]
    assert next(iter(data))[1].tolist() == [5, 7] * 5
    data = read(texts, class_names=["class_1", "class_0"], shuffle=False)
    x, y = next(iter(data))
    assert data.class_names == ["class_1", "class_0"]
    assert y.tolist() == [1 - int(t.split()[1]) % 2 for t in x]
    assert len(read(texts, class_names=["class_1"]).file_paths) == 5


def test_the_order_follows_seed_and_epoch(texts: Path) -> None:
    data, same, other = (read(texts, labels=None, seed=s) for s in (3, 3, 4))
    first, second = numbers(data), numbers(data)
    assert sorted(first) == list(range(10))
    assert first != second
    assert [numbers(same), numbers(same)] == [first, second]
    assert numbers(other) != first
    repeated = read(texts, labels=None, seed=3, format="grain")
    assert numbers(repeated) == numbers(repeated) == first


def test_division(texts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"labels": None, "validation_split": 0.3, "seed": 1}
    training, validation = (read(texts, subset=s, **options) for s in ("training", "validation"))
    assert (len(training.file_paths), len(validation.file_paths)) == (7, 3)
    assert sorted(numbers(training) + numbers(validation)) == list(range(10))
    both = text_dataset_from_directory(texts, subset="both", **options)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "Using 7 files for training.",
        "Using 3 files for validation.",
    ]
    assert both[0].file_paths == training.file_paths
    assert numbers(both[1]) == numbers(both[1])
    # The division of Keras 3.15.1 for this seed.
    assert sorted(numbers(validation)) == [1, 3, 7]


def test_single_samples_and_changed_batches(texts: Path) -> None:
    data = read(texts, batch_size=None, shuffle=False)
    x, y = next(iter(data))
    assert (str(x), y) == ("text 2", 0)
    assert len(data) == 10
    longer = (
        read(texts, shuffle=False, max_length=4).map(lambda x, y: (np.char.str_len(x), y)).map(lambda x, y: x)
    )
    assert next(iter(longer)).tolist() == [4] * 10
    assert len(list(data.take(3))) == 3
    batches = read(texts, batch_size=4, shuffle=False)
    assert batches[-1][0].tolist() == ["text 3", "text 9"]
    with pytest.raises(IndexError, match="has 3 batches"):
        batches[3]


def test_texts_of_any_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\r\nb\xff \xc3\xa9")
    assert next(iter(read(tmp_path, labels=None))).tolist() == ["a\r\nb\ufffd \xe9"]


@pytest.mark.parametrize("shape", [(6, 4), (4, 9)])
def test_images(tmp_path: Path, shape: tuple[int, int]) -> None:
    folder = fill(tmp_path, "png", write_image)
    options: dict[str, Any] = {"shuffle": False, "verbose": False, "image_size": shape}
    x, _ = next(iter(image_dataset_from_directory(folder, **options)))
    assert (x.shape, x.dtype) == ((10, *shape, 3), np.float32)
    assert x[:, 0, 0, 0].tolist() == SORTED
    x, _ = next(
        iter(image_dataset_from_directory(folder, color_mode="rgba", data_format="channels_first", **options))
    )
    assert x.shape == (10, 4, *shape)
    x, _ = next(
        iter(
            image_dataset_from_directory(folder, color_mode="grayscale", pad_to_aspect_ratio=True, **options)
        )
    )
    assert x.shape == (10, *shape, 1)
    assert (x[1, 0, 0, 0] == 4) == (shape == (6, 4))


def test_images_are_read_alike_on_every_backend(tmp_path: Path, backend: Any) -> None:
    rng = np.random.default_rng(0)
    for i, suffix in enumerate(("bmp", "gif", "jpeg", "JPG", "png")):
        Image.fromarray(rng.integers(0, 255, (9, 8, 3), np.uint8)).save(tmp_path / f"{i}.{suffix}")
    data = image_dataset_from_directory(tmp_path, labels=None, image_size=5, shuffle=False, verbose=False)
    x = next(iter(data))
    assert isinstance(x, np.ndarray)
    bmp = np.asarray(Image.open(tmp_path / "0.bmp"), np.float32)
    np.testing.assert_allclose(x[0], hilevel.ops.image.resize(bmp, (5, 5)), atol=1e-3)


def test_training_continues_with_the_same_order(tmp_path: Path) -> None:
    """The epoch of `fit` is the epoch of the order, so that a resumed training gets the batches of its epoch."""
    folder = fill(tmp_path / "files", "png", write_image)

    def trained(parts: list[tuple[int, int]]) -> np.ndarray[Any, Any]:
        hilevel.utils.set_random_seed(1)
        model = hilevel.Sequential(
            [layers.Input((2, 2, 3)), layers.Rescaling(0.1), layers.Flatten(), layers.Dense(1)]
        )
        model.compile("adam", "mse")
        for first, last in parts:
            data = image_dataset_from_directory(
                folder, image_size=2, batch_size=3, label_mode="binary", seed=5, verbose=False
            )
            model.fit(data, initial_epoch=first, epochs=last, verbose=0)
        return np.asarray(model.get_weights()[0])

    assert np.array_equal(trained([(0, 3)]), trained([(0, 1), (1, 3)]))
    assert not np.array_equal(trained([(0, 1), (0, 1)]), trained([(0, 2)]))


@pytest.mark.parametrize("processes", [False, True])
def test_workers_read_the_same_batches(tmp_path: Path, processes: bool) -> None:
    folder = fill(tmp_path, "png", write_image)
    model = hilevel.Sequential(
        [layers.Input((2, 2, 3)), layers.Flatten(), layers.Dense(1, "linear", False, "ones")]
    )
    data = image_dataset_from_directory(
        folder, image_size=2, batch_size=3, labels=None, seed=5, verbose=False
    )
    expected = model.predict(data, verbose=0)
    data.workers, data.use_multiprocessing = 2, processes
    assert np.array_equal(model.predict(data, verbose=0), expected)


def test_sounds(tmp_path: Path) -> None:
    folder = fill(tmp_path, "wav", write_sound)
    options: dict[str, Any] = {"shuffle": False, "verbose": False}
    x, _ = next(iter(audio_dataset_from_directory(folder, batch_size=3, **options)))
    assert (x.shape, x.dtype) == ((3, 13, 1), np.float32)
    assert x[:, 0, 0].tolist() == [2 / 128, 4 / 128, 8 / 128]
    assert [np.count_nonzero(s) for s in x] == [7, 9, 13]
    x = next(iter(audio_dataset_from_directory(folder, labels=None, output_sequence_length=8, **options)))
    assert x.shape == (10, 8, 1)
    x = next(
        iter(
            audio_dataset_from_directory(folder, labels=None, sampling_rate=4000, batch_size=None, **options)
        )
    )
    assert x.shape == (4, 1)


def test_resampling_keeps_tones() -> None:
    from hilevel.utils.wav import resampled

    tone = lambda rate: np.sin(2 * np.pi * 5 * np.arange(rate) / rate)[:, None].astype(np.float32)
    for rate in (50, 160):
        np.testing.assert_allclose(resampled(tone(100), 100, rate, "a.wav"), tone(rate), atol=1e-6)
    high = np.sin(2 * np.pi * 40 * np.arange(100) / 100)[:, None]
    np.testing.assert_allclose(resampled(high, 100, 50, "a.wav"), np.zeros((50, 1)), atol=1e-6)
    with pytest.raises(InvalidFileError, match="too many"):
        resampled(tone(100), 1, 10**7, "a.wav")


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_widths_of_sounds(tmp_path: Path, width: int) -> None:
    from hilevel.utils.wav import read_wav

    values = np.array([0, 64, 127, -128])
    data = (values + 128 if width == 1 else values * 256 ** (width - 1)).astype("<i8")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, width, 100, 0, "NONE", ""))
        file.writeframes(b"".join(int(v).to_bytes(8, "little", signed=True)[:width] for v in data))
    audio, rate = read_wav(str(tmp_path / "a.wav"))
    assert rate == 100
    assert (audio * 128).tolist() == [[0, 64], [127, -128]]


def test_links_out_of_the_directory_are_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    write_text(tmp_path / "secret" / "99.txt", 99)
    folder = fill(tmp_path / "data", "txt", write_text)
    (folder / "class_0" / "inside.txt").symlink_to(folder / "class_1" / "1.txt")
    assert len(read(folder).file_paths) == 11
    (folder / "class_0" / "circle").symlink_to(folder)
    assert len(read(folder).file_paths) == 11
    assert len(read(folder, follow_links=True).file_paths) == 16
    for link, target in (("class_1/out.txt", "secret/99.txt"), ("class_2", "secret")):
        (folder / link).symlink_to(tmp_path / target)
        with pytest.raises(UnsafeContentError, match="follow_links=True"):
            read(folder)
        assert 99 in numbers(x for x, _ in read(folder, follow_links=True))
        (folder / link).unlink()


def test_files_of_another_format_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.tiff")
    (tmp_path / "a.tiff").rename(tmp_path / "a.png")
    with pytest.raises(Image.UnidentifiedImageError):
        next(iter(image_dataset_from_directory(tmp_path, labels=None, verbose=False)))
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(InvalidFileError, match=r"a.wav is no WAV file"):
        next(iter(audio_dataset_from_directory(tmp_path, labels=None, verbose=False)))


def test_the_error_names_the_file(tmp_path: Path) -> None:
    folder = fill(tmp_path, "jpg", write_image)
    damaged = folder / "class_0" / "2.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-300])
    with pytest.raises((OSError, SyntaxError), match=r"(?i)truncated") as caught:
        list(image_dataset_from_directory(folder, verbose=False))
    assert caught.value.__notes__ == [f"This happened while {damaged} was read."]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "labels": ({"labels": "other"}, "labels must be"),
    "mode": ({"label_mode": "other"}, "label_mode must be one of"),
    "count": ({"labels": [1, 2]}, "2 labels for 10 text files"),
    "classes": ({"class_names": ["class_0", "class_7"]}, "are not among the folders"),
    "both": ({"labels": [1] * 10, "class_names": ["a"]}, "together with labels"),
    "binary": ({"label_mode": "binary", "class_names": ["class_0"]}, "exactly 2 classes"),
    "split": ({"validation_split": 2.0}, "between 0 and 1"),
    "subset": ({"validation_split": 0.2, "subset": "other"}, "subset must be one of"),
    "no split": ({"subset": "training"}, "given together"),
    "seed": ({"validation_split": 0.2, "subset": "training"}, "give a seed"),
    "empty": ({"validation_split": 0.01, "subset": "validation", "seed": 1}, "No validation text files"),
    "format": ({"format": "torch"}, "format must be one of"),
}


@pytest.mark.parametrize("name", WRONG)
def test_arguments(name: str, texts: Path) -> None:
    options, words = WRONG[name]
    with pytest.raises(ValueError, match=words):
        read(texts, **options)


def test_arguments_of_images_and_sounds(tmp_path: Path) -> None:
    for options in (
        {"color_mode": "cmyk"}, {"image_size": (1, 2, 3)}, {"interpolation": "area"}, {"data_format": "last"},
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, {},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            image_dataset_from_directory(tmp_path, verbose=False, **options)
    for options in (
        {"sampling_rate": 0},
        {"sampling_rate": 1.5},
        {"ragged": True, "output_sequence_length": 3},
        {},
    ):
        with pytest.raises(ValueError):
            audio_dataset_from_directory(tmp_path, verbose=False, **options)
    with pytest.raises(NotImplementedError, match="ragged"):
        audio_dataset_from_directory(tmp_path, ragged=True)


# -- time series -----------------------------------------------------------------------------------------


def test_windows_of_a_series() -> None:
    series = np.arange(30).reshape(30, 1)
    data = timeseries_dataset_from_array(
        series, series[:, 0] * 2, 4, sequence_stride=3, sampling_rate=2, batch_size=5
    )
    batches = list(data)
    x, y = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    starts = np.arange(0, 24, 3)
    assert len(data) == len(batches) == 2
    assert x[..., 0].tolist() == [[s, s + 2, s + 4, s + 6] for s in starts]
    assert y.tolist() == (2 * starts).tolist()
    part = timeseries_dataset_from_array(series, None, 4, start_index=10, end_index=20, batch_size=None)
    assert [int(w[0, 0]) for w in part] == list(range(10, 17))
    short = timeseries_dataset_from_array(series, series[25:], 2, start_index=3)
    assert len(next(iter(short))[0]) == 2


def test_a_series_is_shuffled_and_learned() -> None:
    series = np.sin(np.arange(60, dtype=np.float32))
    data = timeseries_dataset_from_array(series, series[3:], 3, batch_size=8, shuffle=True, seed=1)
    first, second = next(data.take(1))[0], next(data.take(1))[0]
    assert not np.array_equal(first, second)
    again = timeseries_dataset_from_array(series, series[3:], 3, batch_size=8, shuffle=True, seed=1)
    assert np.array_equal(next(again.take(1))[0], first)
    model = hilevel.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile(hilevel.optimizers.Adam(0.1), "mse")
    model.fit(data, epochs=30, verbose=0)
    assert model.evaluate(data, verbose=0) < 1e-2
    assert model.predict(data.map(lambda x, y: x), verbose=0).shape == (57, 1)


@pytest.mark.parametrize(
    "options",
    [{"start_index": -1}, {"start_index": 10}, {"end_index": 10}, {"start_index": 3, "end_index": 3},
     {"sampling_rate": 0}, {"sequence_stride": 10}, {"format": "list"}],
)  # fmt: skip
def test_arguments_of_series(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(reversed(options))):
        timeseries_dataset_from_array(np.arange(10), None, 3, **options)
