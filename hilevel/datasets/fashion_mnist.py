"""Fashion-MNIST: 70,000 pictures of clothes, 28x28 pixels, grey, of ten kinds.

0 T-shirt or top, 1 trousers, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot. By H.
Xiao, K. Rasul and R. Vollgraf, https://arxiv.org/abs/1708.07747; copyright Zalando SE, MIT licence. 31 MB;
downloaded when first used.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch


def load_data() -> tuple[Arrays, Arrays]:
    """Return the pictures: `(x_train, y_train), (x_test, y_test)`.

    Returns:
        Images of shapes `(60000, 28, 28)` and `(10000, 28, 28)`, uint8 from 0 to 255, and labels, uint8 from 0 to
        9.

    >>> from hilevel.datasets import fashion_mnist
    >>> (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,))
    """
    y_train, x_train, y_test, x_test = (
        _read(f"{part}-{kind}-ubyte.gz")
        for part in ("train", "t10k")
        for kind in ("labels-idx1", "images-idx3")
    )
    return (x_train, y_train), (x_test, y_test)


def _read(name: str) -> np.ndarray[Any, Any]:
    """Return an array in the IDX format: a zero word, type, number of axes, the lengths of the axes, the bytes."""
    data = gzip.decompress(Path(fetch(name, folder="datasets/fashion-mnist")).read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, ">i4", count=axes, offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()
