"""The rules that all formats share: errors of one class, and sizes that the file can account for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from hilevel.errors import InvalidFileError, UnsafeContentError

SLACK = 64 * 2**20
"""The number of bytes that the contents of any file may take."""
EXPANSION = 3
"""The number of bytes that the contents may take for each byte of the file."""
CONFIG_SIZE = 2.0
"""The size of the largest model that a config alone makes, in gigabytes."""
MAX_JSON = 16 * 2**20
"""The size of the largest JSON text, in bytes."""
MAX_PARTS = 2_000_000
"""The largest number of lists and dicts in a JSON text: each takes about 100 bytes of memory."""

WITHOUT_PACKAGES = "Files of the kinds .hilevel and .weights.npz need nothing but NumPy."
"""The advice where a package is missing."""


@contextmanager
def reading(file: object, place: str) -> Iterator[None]:
    """Return a block whose errors become `InvalidFileError`s that name the file and the place in it.

    Only the absence of the file itself, or of a package, remains another error.
    """
    try:
        yield
    except UnsafeContentError as error:
        raise _at(error, file, place, UnsafeContentError) from error.__cause__
    except InvalidFileError as error:
        raise _at(error, file, place, InvalidFileError) from error.__cause__
    except ImportError:
        raise
    except Exception as error:  # of zipfile, json, NumPy and of classes made from a config
        if isinstance(error, OSError) and error.filename is not None and str(error.filename) == str(file):
            raise
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise InvalidFileError(f"{file}, {place}: {_short(reason)}") from error


def _at(error: InvalidFileError, file: object, place: str, cls: type[InvalidFileError]) -> InvalidFileError:
    text = str(error)
    return error if text.startswith(str(file)) else cls(f"{file}, {place}: {_short(text)}")


def _short(text: str) -> str:
    """Return a message without the middle of a long one, as a file can contain names of any length."""
    return text if len(text) <= 2000 else f"{text[:1000]} ... {text[-900:]}"


def check_contents(size: int, file_size: int) -> None:
    """Refuse contents that are much larger than their file, as in an archive that unpacks to a huge one.

    Args:
        size: the number of bytes that the contents take, by their own account.
        file_size: the number of bytes of the file.
    """
    allowed = EXPANSION * file_size + SLACK
    if size > allowed:
        raise UnsafeContentError(
            f"The contents declare {size:,} bytes; a file of {file_size:,} bytes may have {allowed:,}."
        )


def array_bytes(shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """Return the number of bytes of an array.

    Raises:
        UnsafeContentError: the dtype is not numeric, or a size is negative.
    """
    if dtype.kind not in "biufc" or dtype.hasobject:
        raise UnsafeContentError(f"Arrays must have a numeric or boolean dtype; got the dtype {dtype}.")
    if any(type(size) is not int or size < 0 for size in shape):
        raise UnsafeContentError(f"The shape {tuple(shape)} has sizes that are no positive integers.")
    return math.prod(shape) * dtype.itemsize


def json_of(text: bytes) -> Any:
    """Return the contents of a JSON text.

    Raises:
        UnsafeContentError: it takes too much memory when it is parsed.
    """
    parts = text.count(b"[") + text.count(b"{") + text.count(b",") // 4
    if len(text) > MAX_JSON or parts > MAX_PARTS:
        raise UnsafeContentError(
            f"The JSON text has {len(text):,} bytes and about {parts:,} parts; at most {MAX_JSON:,} bytes and "
            f"{MAX_PARTS:,} parts are read."
        )
    return json.loads(text)
