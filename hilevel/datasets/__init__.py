"""Data sets to learn and test with.

`digits` and `authors` are shipped. The others are downloaded when they are first used, which needs
`pip install 'hilevel[data]'`, checked, and kept in `$HILEVEL_HOME/datasets`, or `~/.hilevel/datasets`.
"""

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.datasets import (
    authors,
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

_install_getattr(__name__)
__all__ = [
    "authors",
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]
