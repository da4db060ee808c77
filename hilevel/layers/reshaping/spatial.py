"""The base of layers that change the spatial axes."""

from __future__ import annotations

from typing import Any, ClassVar

from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.ops.nn.windows import channels_come_first, per_axis

Pairs = tuple[tuple[int, ...], ...]


class BaseSpatial(Layer):
    """Base of layers that treat each spatial axis by itself."""

    rank: ClassVar[int]

    def configure(self, data_format: str | None) -> None:
        """Keep the order of the axes, and expect as many as there should be."""
        first = channels_come_first(type(self).__name__, data_format)
        self.data_format = "channels_first" if first else "channels_last"
        self._first_axis = 2 if first else 1
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def pairs(self, name: str, value: Any) -> Any:
        """Two numbers for each axis, before and after, from one number for all, one for each axis, or all of them; of
        one axis the two alone.

        Raises:
            ValueError: it is none of these.
        """
        cls = type(self).__name__
        if self.rank == 1:
            return per_axis(cls, name, value, 2, smallest=0)
        values = value if isinstance(value, (list, tuple)) else (value,) * self.rank
        if len(values) != self.rank:
            raise ValueError(
                f"{cls}: {name} must be a number, {self.rank} of them, or {self.rank} pairs; got {value!r}."
            )
        return tuple(per_axis(cls, name, v, 2, smallest=0) for v in values)

    def by_axis(self, pairs: Any) -> Pairs:
        """Return what `pairs` returned as a tuple with a pair for each axis."""
        return (pairs,) if self.rank == 1 else pairs
