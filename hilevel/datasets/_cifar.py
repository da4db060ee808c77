"""The binary form of CIFAR: one byte for each label, then 1,024 each for red, green and blue."""

from __future__ import annotations

import tarfile
from typing import Any

import numpy as np

from hilevel.config import image_data_format

Array = np.ndarray[Any, Any]


def read(path: str, members: list[str], labels: int) -> tuple[Array, Array]:
    """Return images, `(n, 32, 32, 3)` or in the order of `image_data_format`, and their labels, `(n, labels)`."""
    with tarfile.open(path) as archive:
        data = b"".join(_bytes(archive, member) for member in members)
    rows = np.frombuffer(data, np.uint8).reshape(-1, labels + 3 * 32 * 32)
    images = rows[:, labels:].reshape(-1, 3, 32, 32)
    if image_data_format() == "channels_last":
        images = images.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(images), rows[:, :labels].copy()


def _bytes(archive: tarfile.TarFile, member: str) -> bytes:
    file = archive.extractfile(member)
    assert file is not None, member
    return file.read()
