"""`InputSpec`: the rank and the sizes that a layer expects of its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hilevel import tree
from hilevel.api.configurable import Configurable
from hilevel.engine.types import DTypeLike, Shape, ShapeLike, Tensor
from hilevel.errors import ShapeError

if TYPE_CHECKING:
    from hilevel.layers.base.layer import Layer


def sequence_advice(x: object) -> str:
    """Return the advice for an input that lacks the axis of steps."""
    before = getattr(getattr(x, "node", None), "operation", None)
    if before is not None and getattr(before, "return_sequences", None) is False:
        return f"{before._label()} before it returns only its last output: set return_sequences=True."
    return "A recurrent layer before it needs return_sequences=True; data need the shape (batch, steps, features)."


class InputSpec(Configurable):
    """The rank and the sizes of axes that a layer expects, checked at each call.

    Args:
        dtype: the dtype; not checked, because layers cast.
        shape: the whole shape, with None for axes of any size.
        ndim, max_ndim, min_ndim: the number of axes, and its limits.
        axes: sizes by axis, such as `{-1: 128}`.
        allow_last_axis_squeeze: whether a missing or additional last axis of length 1 is accepted.
        name: the name of the input.
        optional: whether the input may be None.

    >>> import hilevel
    >>> hilevel.layers.InputSpec(min_ndim=2, axes={-1: 4})
    InputSpec(min_ndim=2, axes={-1: 4})
    """

    def __init__(
        self,
        dtype: DTypeLike = None,
        shape: ShapeLike | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = dtype
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if shape is None else len(tuple(shape))
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        sizes = {i: n for i, n in enumerate(self.shape or ()) if n is not None}
        self.axes = {int(k): v for k, v in (axes or sizes).items() if v is not None}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional

    def check(self, x: Any, layer: Layer) -> None:
        """Raise ShapeError for an input that the layer does not expect.

        Raises:
            ShapeError: the rank or a size differs; the message has the expected and the actual shape, and advice.
            TypeError: the input is no single tensor.
        """
        if x is None and self.optional:
            return
        if not hasattr(x, "shape"):
            raise self._not_one_tensor(x, layer)
        shape = x.shape
        rank = len(shape)
        if self._fits(shape, rank):
            return
        shape = self._with_rank(shape)
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            self._refuse(layer, f"{self.ndim} axes", x)
        if self.min_ndim is not None and rank < self.min_ndim:
            self._refuse(layer, f"at least {self.min_ndim} axes", x)
        if self.max_ndim is not None and rank > self.max_ndim:
            self._refuse(layer, f"at most {self.max_ndim} axes", x)
        for axis, size in self.axes.items():
            if -rank <= axis < rank and shape[axis] != size and shape[axis] is not None:
                which = "last axis" if axis in (-1, rank - 1) else f"axis {axis}"
                self._refuse(layer, f"whose {which} is {size}", x)

    def _fits(self, shape: Sequence[Any], rank: int) -> bool:
        """Return whether a shape is as expected, by a quick test for the usual case."""
        if self.ndim is not None and rank != self.ndim:
            return False
        if rank < (self.min_ndim or 0) or self.max_ndim is not None:
            return False
        for axis, size in self.axes.items():
            if not -rank <= axis < rank or shape[axis] != size:
                return False
        return True

    def _with_rank(self, shape: Sequence[Any]) -> tuple[Any, ...]:
        """Return the shape with a last axis of length 1 added or removed, if that is allowed and gives `ndim`."""
        shape = tuple(shape)
        if not self.allow_last_axis_squeeze or self.ndim is None:
            return shape
        if len(shape) == self.ndim + 1 and shape[-1] == 1:
            return shape[:-1]
        return (*shape, 1) if len(shape) == self.ndim - 1 else shape

    def _refuse(self, layer: Layer, expected: str, x: Tensor) -> None:
        built = (layer.get_build_config() or {}).get("input_shape")
        on = f" (it was built on {built})" if built else ""
        before = "with " if not expected.startswith("whose") else ""
        advice = "Check the layer before it or the data."
        if len(x.shape) == 2 and 3 in (self.ndim, self.min_ndim):
            advice = sequence_advice(x)
        elif built or layer.built:
            new = f"create a new {type(layer).__name__}: a built layer cannot change its input size."
            advice = f"Check the layer before it or the data; or {new}"
        raise ShapeError(
            f'{type(layer).__name__} "{layer.name}" expects inputs {before}{expected}{on}, got shape '
            f"{tuple(x.shape)}. {advice}"
        )

    def _not_one_tensor(self, x: Any, layer: Layer) -> TypeError:
        got = f"{len(tree.flatten(x))} of them" if tree.is_nested(x) else type(x).__name__
        return TypeError(f'{type(layer).__name__} "{layer.name}" expects one tensor; got {got}.')

    def __repr__(self) -> str:
        shown = {k: v for k, v in self.__dict__.items() if v not in (None, False, {})}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in shown.items())})"


def check_sequences(layer: Layer, inputs: Sequence[Any]) -> None:
    """Raise ShapeError for a tensor, or shape, without an axis of steps."""
    for x in inputs:
        shape = tuple(getattr(x, "shape", x))
        if len(shape) < 3:
            raise ShapeError(
                f"{layer._label()} expects inputs with at least 3 axes, got shape {shape}. {sequence_advice(x)}"
            )


def shape_hint(kwargs: dict[str, Any]) -> Shape | None:
    """Remove the input's shape, as in `Dense(8, input_shape=(4,))`, from the arguments of a layer, and return it."""
    batch = kwargs.pop("batch_size", None)
    if "batch_input_shape" in kwargs:
        return tuple(kwargs.pop("batch_input_shape"))
    if "input_dim" in kwargs:
        return (batch, kwargs.pop("input_dim"))
    if "input_shape" in kwargs:
        shape = kwargs.pop("input_shape")
        return (batch, *(shape if isinstance(shape, (list, tuple)) else (shape,)))
    return None
