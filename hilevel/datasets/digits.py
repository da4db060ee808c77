"""Handwritten digits: 1,797 real images of 8x8 pixels, shipped with hilevel.

The test set of "Optical Recognition of Handwritten Digits" by E. Alpaydin and C. Kaynak, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0; the images are the same as in
scikit-learn's `load_digits`.
"""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from hilevel.datasets._shipped import Arrays, shuffled_split


def load_data(test_fraction: float = 0.2, seed: int = 0) -> tuple[Arrays, Arrays]:
    """Return the digits, shuffled and split: `(x_train, y_train), (x_test, y_test)`.

    Args:
        test_fraction: the fraction of the images for testing.
        seed: the seed of the order, which is the same in every run and on every machine.

    Returns:
        Images of shape `(n, 8, 8)`, uint8 from 0 to 16, and labels of shape `(n,)`, int32 from 0 to 9.

    >>> import hilevel
    >>> (x_train, y_train), (x_test, y_test) = hilevel.datasets.digits.load_data()
    >>> x_train.shape, x_test.shape
    ((1437, 8, 8), (360, 8, 8))
    """
    with files("hilevel.datasets").joinpath("digits.npz").open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        images, labels = archive["images"], archive["labels"].astype(np.int32)
    return shuffled_split(images, labels, test_fraction, seed)
