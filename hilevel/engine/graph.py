"""Graphs of layer and op calls: symbolic tensors, and the calls they came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from hilevel import masks, tree
from hilevel.engine.context import scope
from hilevel.engine.dtypes import as_dtype
from hilevel.engine.interpreter import SHAPES
from hilevel.engine.names import unique_name
from hilevel.engine.spec import PLACEHOLDER_SIZES, TensorSpec, UnknownSize
from hilevel.engine.tensor import TensorBase
from hilevel.engine.types import DType, DTypeLike, Shape
from hilevel.errors import TracedValueError


class SymbolicTensor(TensorBase):
    """A tensor of a graph: a shape, in which None is a dimension not known yet, a dtype, and the call it came from.

    `Input` makes the first; layers and ops called on them make the others.

    >>> import hilevel
    >>> x = hilevel.Input((4,))
    >>> (x * 2).shape
    (None, 4)
    """

    def __init__(
        self,
        shape: Sequence[int | None],
        dtype: DTypeLike = "float32",
        name: str | None = None,
        node: Node | None = None,
        index: int = 0,
    ) -> None:
        self.shape: Shape = tuple(shape)
        self.dtype: DType = as_dtype(dtype)
        self.name = name or unique_name("tensor")
        self.node = node
        self.index = index

    is_symbolic = True

    def graph_call(self, operation: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """The symbolic result of an op called on this tensor, and others."""
        return record_call(operation, args, kwargs)

    def _no_data(self, *_: Any, **__: Any) -> Any:
        raise TracedValueError(
            f'The symbolic tensor "{self.name}" of shape {self.shape} has no numbers: it stands for the '
            "data of a model that is being built. Use ops and layers on it, then call the model on data."
        )

    __bool__ = __float__ = __int__ = __index__ = __array__ = numpy = item = tolist = _no_data

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name} shape={self.shape} dtype={self.dtype.name}>"


KerasTensor = SymbolicTensor


class Node:
    """One call of a layer or op in a graph: on which tensors, with which other arguments, to which results."""

    __slots__ = ("args", "inputs", "kwargs", "operation", "outputs")

    def __init__(self, operation: Any, args: Any, kwargs: Any) -> None:
        self.operation = operation
        self.args = args
        self.kwargs = kwargs
        self.inputs = symbolic_in((args, kwargs))
        self.outputs: Any = None


def symbolic_in(structure: Any) -> list[SymbolicTensor]:
    """The symbolic tensors of a structure, in order."""
    return [x for x in tree.flatten(structure) if x.__class__ is SymbolicTensor]


def record_call(operation: Callable[..., Any], args: Any, kwargs: Any, name: str | None = None) -> Any:
    """Add a call to the graph: find the shapes of its results, and return symbolic tensors for them."""
    node = Node(operation, args, kwargs)
    spec = abstract_call(operation, args, kwargs)
    flat = tree.flatten(spec)
    label = name or getattr(operation, "name", "call")
    outputs = [
        SymbolicTensor(s.shape, s.dtype, label if len(flat) == 1 else f"{label}_{i}", node, i)
        if isinstance(s, SymbolicTensor)
        else s
        for i, s in enumerate(flat)
    ]
    for s, output in zip(flat, outputs, strict=True):
        masks.set_mask(output, masks.mask_of(s))
    if masks.table and not hasattr(operation, "compute_mask"):
        masks.propagate(node.inputs, outputs, label)
    node.outputs = tree.pack_sequence_as(spec, outputs)
    return node.outputs


def abstract_call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Run a function on shapes alone. UnknownSize dimensions are run with two sizes; a dimension of the result that
    differs between the two is unknown. Returns symbolic tensors without a graph."""
    unknown = any(None in x.shape for x in symbolic_in((args, kwargs)))
    results = [
        _run(function, args, kwargs, size)
        for size in (PLACEHOLDER_SIZES if unknown else PLACEHOLDER_SIZES[:1])
    ]
    return tree.map_structure(_merge, *results)


def _run(function: Callable[..., Any], args: Any, kwargs: Any, size: UnknownSize) -> Any:
    def stand_in(x: Any) -> Any:
        if x.__class__ is not SymbolicTensor:
            return x
        mask = masks.mask_of(x)
        abstract = TensorSpec([size if n is None else n for n in x.shape], x.dtype)
        return abstract if mask is None else masks.set_mask(abstract, stand_in(mask))

    args, kwargs = tree.map_structure(stand_in, (tuple(args), dict(kwargs)))
    with scope(interpreter=SHAPES, stand_in=size, ranges=None):
        return function(*args, **kwargs)


def _merge(*specs: Any) -> Any:
    first = specs[0]
    if not hasattr(first, "shape"):
        return first
    shapes = [s.shape for s in specs]
    shape = known_shape(sizes[0] if len(set(sizes)) == 1 else None for sizes in zip(*shapes, strict=True))
    merged = SymbolicTensor(shape, np.dtype(first.dtype), "spec")
    found = [masks.mask_of(s) for s in specs]
    return merged if found[0] is None else masks.set_mask(merged, _merge(*found))


def known_shape(shape: Iterable[int | None]) -> Shape:
    """A shape with None in place of stand-ins."""
    return tuple(None if isinstance(n, UnknownSize) else n for n in shape)
