"""California housing: the median prices of houses in 20,640 districts, in dollars, in 1990.

Eight features of each district: median income, median age of the houses, mean rooms, mean bedrooms, population,
mean occupation, latitude, longitude. From the census of 1990, by R. K. Pace and R. Barry, "Sparse Spatial
Autoregressions", Statistics and Probability Letters, 1997, by way of StatLib; no licence is stated. 2 MB;
downloaded when first used.
"""

from __future__ import annotations

from hilevel.datasets._housing import load
from hilevel.datasets._shipped import Arrays


def load_data(
    version: str = "large", path: str = "california_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Arrays, Arrays]:
    """Return the districts, shuffled and split: `(x_train, y_train), (x_test, y_test)`.

    Args:
        version: "large" for all 20,640 districts, "small" for 600.
        path: the name of the file in the cache.
        test_split: the fraction for testing, at least 0 and less than 1.
        seed: the seed of the order.

    Returns:
        Arrays of shapes `(n, 8)` and `(n,)`.

    Raises:
        ValueError: the version is unknown, or `test_split` out of range.

    >>> from hilevel.datasets import california_housing
    >>> (x_train, y_train), (x_test, y_test) = california_housing.load_data("small")  # doctest: +SKIP
    >>> x_train.shape, x_test.shape  # doctest: +SKIP
    ((480, 8), (120, 8))
    """
    if version not in ("small", "large"):
        raise ValueError(f'version must be "small" or "large"; got {version!r}.')
    return load("california_housing.npz", path, test_split, seed, 600 if version == "small" else None)
