"""Recordings in WAV files."""

from __future__ import annotations

import math
import wave
from typing import Any

import numpy as np

from hilevel.errors import InvalidFileError

_LONGEST = 10**8
"""The largest number of values of a resampled recording."""


def read_wav(path: str) -> tuple[np.ndarray[Any, Any], int]:
    """Return the values of a WAV file of integers, float32 of shape `(time, channels)` in [-1, 1], and its rate.

    Raises:
        InvalidFileError: the file is no WAV file of integers of 8, 16, 24 or 32 bits.
    """
    try:
        with wave.open(path, "rb") as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InvalidFileError(f"{path} is no WAV file of integers: {error}") from error
    if width not in (1, 2, 3, 4) or not channels or not rate:
        raise InvalidFileError(
            f"{path}: {8 * width} bits, {channels} channels and {rate} Hz are not supported."
        )
    values = _integers(data[: len(data) // (width * channels) * width * channels], width)
    return (values / 2.0 ** (8 * width - 1)).astype(np.float32).reshape(-1, channels), rate


def _integers(data: bytes, width: int) -> np.ndarray[Any, Any]:
    """Return little-endian integers of a number of bytes each. In a file, integers of one byte have no sign."""
    if width == 1:
        return np.frombuffer(data, np.uint8).astype(np.int16) - 128
    if width == 3:
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] >> 8
    return np.frombuffer(data, f"<i{width}")


def resampled(audio: np.ndarray[Any, Any], rate: int, target: int, path: str) -> np.ndarray[Any, Any]:
    """Return a recording at another rate, without the frequencies that it cannot represent.

    The spectrum is cut or padded with zeros, as the recording were periodic.

    Raises:
        InvalidFileError: the result would be longer than 100 million values.
    """
    length = math.ceil(len(audio) * target / rate)
    if length * audio.shape[1] > _LONGEST:
        raise InvalidFileError(f"{path}: {len(audio)} values at {rate} Hz are too many at {target} Hz.")
    if rate == target or not len(audio):
        return audio
    spectrum = np.fft.rfft(audio, axis=0)[: length // 2 + 1]
    return (np.fft.irfft(spectrum, length, axis=0) * (length / len(audio))).astype(np.float32)
