"""MNIST: 70,000 handwritten digits, 28x28 pixels, grey.

By Y. LeCun, C. Cortes and C. Burges, from NIST's databases, http://yann.lecun.com/exdb/mnist/; licence CC BY-SA
3.0. 11 MB; downloaded when first used.
"""

from __future__ import annotations

from hilevel.datasets._npz import read_npz
from hilevel.datasets._shipped import Arrays
from hilevel.datasets._sources import fetch


def load_data(path: str = "mnist.npz") -> tuple[Arrays, Arrays]:
    """Return the digits: `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: the name of the file in the cache.

    Returns:
        Images of shapes `(60000, 28, 28)` and `(10000, 28, 28)`, uint8 from 0 to 255, and labels, uint8 from 0 to
        9.

    >>> from hilevel.datasets import mnist
    >>> (x_train, y_train), (x_test, y_test) = mnist.load_data()  # doctest: +SKIP
    >>> x_train.shape, y_train.shape  # doctest: +SKIP
    ((60000, 28, 28), (60000,))
    """
    arrays = read_npz(fetch("mnist.npz", path))
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
