"""CIFAR-100: 60,000 colour photographs of 32x32 pixels, of 100 kinds in 20 groups.

By A. Krizhevsky, V. Nair and G. Hinton, https://www.cs.toronto.edu/~kriz/cifar.html; no licence is stated, and the
authors ask for "Learning Multiple Layers of Features from Tiny Images" (2009) to be cited. The archive is the
binary version, which holds no pickles. 169 MB; downloaded when first used.
"""

from __future__ import annotations

import numpy as np

from hilevel.datasets._cifar import read
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch


def load_data(label_mode: str = "fine") -> tuple[Arrays, Arrays]:
    """Return the photographs: `(x_train, y_train), (x_test, y_test)`.

    Args:
        label_mode: "fine" for the 100 kinds as labels, "coarse" for the 20 groups.

    Returns:
        Images of shapes `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, uint8 from 0 to 255, with the colours first
        for `channels_first` as `config.image_data_format()`; and labels of shapes `(50000, 1)` and `(10000, 1)`, int64.

    Raises:
        ValueError: the mode is unknown.

    >>> from hilevel.datasets import cifar100
    >>> (x_train, y_train), (x_test, y_test) = cifar100.load_data("coarse")  # doctest: +SKIP
    >>> int(y_train.max())  # doctest: +SKIP
    19
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f'label_mode must be "fine" or "coarse"; got {label_mode!r}.')
    path = fetch("cifar-100-binary.tar.gz")
    column = slice(0, 1) if label_mode == "coarse" else slice(1, 2)
    parts = [read(path, [f"cifar-100-binary/{part}.bin"], labels=2) for part in ("train", "test")]
    train, test = ((images, labels[:, column].astype(np.int64)) for images, labels in parts)
    return train, test
