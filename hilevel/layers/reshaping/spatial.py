"""The base of layers that change the spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.ops.nn.windows import channels_come_first, per_axis

Pairs: TypeAlias = tuple[tuple[int, ...], ...]
"""The sizes before and after each axis."""

PairsLike: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]]
"""A size for all axes, one for each, or a pair of sizes, before and after, for each."""


class BaseSpatial(Layer):
    """The base of layers that change each spatial axis separately."""

    rank: ClassVar[int]

    def configure(self, data_format: str | None) -> None:
        """Set the data format, and the number of axes that the layer expects."""
        first = channels_come_first(type(self).__name__, data_format)
        self.data_format = "channels_first" if first else "channels_last"
        self._first_axis = 2 if first else 1
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def pairs(self, name: str, value: PairsLike) -> Any:
        """Return a pair of sizes, before and after, for each axis; for a single axis only its pair.

        Raises:
            ValueError: the value is neither an integer, nor one integer or pair for each axis.
        """
        cls = type(self).__name__
        if self.rank == 1:
            return per_axis(cls, name, value, 2, smallest=0)
        values = value if isinstance(value, (list, tuple)) else (value,) * self.rank
        if len(values) != self.rank:
            raise ValueError(
                f"{cls}: {name} must be an integer, {self.rank} of them, or {self.rank} pairs; got {value!r}."
            )
        return tuple(per_axis(cls, name, v, 2, smallest=0) for v in values)

    def by_axis(self, pairs: Any) -> Pairs:
        """Return the result of `pairs` as a tuple with a pair for each axis."""
        return (pairs,) if self.rank == 1 else pairs
