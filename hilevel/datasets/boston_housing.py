"""Boston housing: the median prices of houses in 506 quarters of Boston, in thousands of dollars, in the 1970s.

By D. Harrison and D. Rubinfeld, "Hedonic Housing Prices and the Demand for Clean Air", Journal of Environmental
Economics and Management, 1978, by way of StatLib; no licence is stated. One of the 13 features of each quarter is
made from the fraction of its Black inhabitants, on the assumption that segregation affects prices. Use
`california_housing`, except for a study of such bias. 60 KB; downloaded when first used.
"""

from __future__ import annotations

from hilevel.datasets._housing import load
from hilevel.datasets._shipped import Arrays


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[Arrays, Arrays]:
    """Return the quarters, shuffled and split: `(x_train, y_train), (x_test, y_test)`.

    Args:
        path: the name of the file in the cache.
        test_split: the fraction for testing, at least 0 and less than 1.
        seed: the seed of the order.

    Returns:
        Arrays of shapes `(n, 13)` and `(n,)`.

    >>> from hilevel.datasets import boston_housing
    >>> (x_train, y_train), (x_test, y_test) = boston_housing.load_data()  # doctest: +SKIP
    >>> x_train.shape, x_test.shape  # doctest: +SKIP
    ((404, 13), (102, 13))
    """
    return load("boston_housing.npz", path, test_split, seed)
