"""CIFAR-10: 60,000 colour photographs of 32x32 pixels, of ten kinds.

0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck. By A. Krizhevsky, V. Nair
and G. Hinton, https://www.cs.toronto.edu/~kriz/cifar.html; no licence is stated, and the authors ask for "Learning
Multiple Layers of Features from Tiny Images" (2009) to be cited. The archive is the binary version, which holds
the same images in the same order as the Python version but no pickles. 170 MB; downloaded when first used.
"""

from __future__ import annotations

from hilevel.datasets._cifar import read
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch


def load_data() -> tuple[Arrays, Arrays]:
    """Return the photographs: `(x_train, y_train), (x_test, y_test)`.

    Returns:
        Images of shapes `(50000, 32, 32, 3)` and `(10000, 32, 32, 3)`, uint8 from 0 to 255, with the colours first
        for `channels_first` as `config.image_data_format()`; and labels of shapes `(50000, 1)` and `(10000, 1)`, uint8.

    >>> from hilevel.datasets import cifar10
    >>> (x_train, y_train), (x_test, y_test) = cifar10.load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train.shape  # doctest: +SKIP
    ((50000, 32, 32, 3), (50000, 1))
    """
    path = fetch("cifar-10-binary.tar.gz")
    train = [f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)]
    return read(path, train, labels=1), read(path, ["cifar-10-batches-bin/test_batch.bin"], labels=1)
