"""The checks that all readers of files share: errors of one class, and sizes that the file can account for."""

from __future__ import annotations

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
MAX_JSON = 16 * 2**20
"""The size of the largest JSON text, in bytes."""
MAX_PARTS = 2_000_000
"""The largest number of lists and dicts in a JSON text: each takes about 100 bytes of memory."""


@contextmanager
def reading(file: object, place: str) -> Iterator[None]:
    """Return a block whose errors become `InvalidFileError`s that name the file and the place in it."""
    try:
        yield
    except UnsafeContentError as error:
        raise _at(error, file, place, UnsafeContentError) from error.__cause__
    except InvalidFileError as error:
        raise _at(error, file, place, InvalidFileError) from error.__cause__
    except (ImportError, FileNotFoundError, PermissionError, IsADirectoryError):
        raise
    except Exception as error:  # of zipfile, h5py, json, NumPy and of classes made from a config
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise InvalidFileError(f"{file}, {place}: {reason}") from error


def _at(error: InvalidFileError, file: object, place: str, cls: type[InvalidFileError]) -> InvalidFileError:
    text = str(error)
    return error if text.startswith(str(file)) else cls(f"{file}, {place}: {text}")


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
    if any(size < 0 for size in shape):
        raise UnsafeContentError(f"The shape {tuple(shape)} has a negative size.")
    return math.prod(map(int, shape)) * dtype.itemsize


def check_json(text: bytes) -> None:
    """Refuse a JSON text that takes too much memory when it is parsed."""
    parts = text.count(b"[") + text.count(b"{") + text.count(b",") // 4
    if len(text) > MAX_JSON or parts > MAX_PARTS:
        raise UnsafeContentError(
            f"The JSON text has {len(text):,} bytes and about {parts:,} parts; at most {MAX_JSON:,} bytes and "
            f"{MAX_PARTS:,} parts are read."
        )
