"""The parts of a batch: inputs, targets, sample weights."""

from __future__ import annotations

from typing import Any


def unpack_x_y_sample_weight(data: object) -> tuple[Any, Any, Any]:
    """Return the inputs, targets and sample weights of a batch; None for missing parts.

    Args:
        data: a batch `x`, `(x, y)` or `(x, y, sample_weight)`.

    >>> import hilevel
    >>> hilevel.utils.unpack_x_y_sample_weight((1, 2))
    (1, 2, None)

    Raises:
        ValueError: a tuple of more than three items.
    """
    if isinstance(data, list):
        data = tuple(data)
    if not isinstance(data, tuple):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            f"A batch is x, (x,), (x, y) or (x, y, sample_weight); got a tuple of {len(data)} items."
        )
    return (*data, None, None)[:3]


def pack_x_y_sample_weight(x: object, y: object = None, sample_weight: object = None) -> Any:
    """Return a batch without missing parts at its end: the reverse of `unpack_x_y_sample_weight`.

    Args:
        x, y, sample_weight: the parts of the batch; None for a missing part.

    >>> import hilevel
    >>> hilevel.utils.pack_x_y_sample_weight(1, 2)
    (1, 2)
    """
    if y is None and sample_weight is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)
