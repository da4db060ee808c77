"""The graph of an exported model: nodes, constants, and the values of hilevel's tensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.spec import TensorSpec, UnknownSize
from hilevel.engine.types import DType, DTypeLike, Function
from hilevel.errors import ExportError
from hilevel.export.sizes import Size

_OPERATIONS = {"add": "Add", "sub": "Sub", "mul": "Mul", "mod": "Mod"}


@dataclass
class Node:
    """A node: an operator of ONNX, the names of its inputs and outputs, and its attributes."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)

    def all(self) -> Iterator[Node]:
        """Yield the node, and the nodes in its body."""
        yield self
        for node in self.attributes["body"].nodes if "body" in self.attributes else ():
            yield from node.all()


@dataclass
class Body:
    """The nodes of a loop, and the names and dtypes of its inputs and outputs."""

    nodes: list[Node]
    inputs: list[tuple[str, DType]]
    outputs: list[tuple[str, DType]]


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: its name, shape and dtype, and its array if it is a constant."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    array: Any = None

    @property
    def rank(self) -> int:
        """The number of axes."""
        return len(self.shape)


class Graph:
    """A list of nodes under construction.

    A method with the name of an operator adds a node, and returns the name of its output: `graph.Relu(x)`. An operand
    is a `Value`, a name, an array, a list of sizes, or None.

    >>> from hilevel.export.graph import Graph
    >>> graph = Graph()
    >>> y = graph.Transpose("x", perm=[1, 0])
    >>> graph.nodes
    [Node(kind='Transpose', inputs=['x'], outputs=['transpose'], attributes={'perm': [1, 0]})]
    """

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray[Any, Any]] = {}
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self._values: dict[int, tuple[Any, Value]] = {}
        self._names: dict[str, int] = {}
        self._known: dict[int, Size | None] = {}
        self._sizes: dict[Any, str] = {}
        self._small: dict[Any, str] = {}
        self._derived: dict[Any, Value] = {}

    def __getattr__(self, kind: str) -> Any:
        if not kind[:1].isupper():
            raise AttributeError(kind)
        return partial(self.node, kind)

    def unique(self, name: str) -> str:
        """Return a name that no other value has."""
        count = self._names.get(name, 0)
        self._names[name] = count + 1
        return self.unique(f"{name}_{count}") if count else name

    # -- nodes -------------------------------------------------------------------------------------

    def node(self, kind: str, *operands: Any, outputs: int = 1, **attributes: Any) -> Any:
        """Add a node. Return the name of its output, or a list of several names."""
        inputs = [self.name_of(x) for x in operands]
        while inputs and not inputs[-1]:
            inputs.pop()
        names = [self.unique(kind.lower()) for _ in range(outputs)]
        known = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(Node(kind, inputs, names, known))
        return names[0] if outputs == 1 else names

    def name_of(self, x: Any) -> str:
        """Return the name of an operand, and add it to the constants if it is one."""
        if x is None:
            return ""
        if isinstance(x, str):
            return x
        if isinstance(x, Value):
            if x.array is not None and x.name not in self.constants:
                self.constants[x.name] = x.array
            return x.name
        if isinstance(x, (list, tuple)):
            return self._sizes_of(x)
        return self._constant(np.asarray(x))

    def _constant(self, array: np.ndarray[Any, Any]) -> str:
        key = (array.tobytes(), array.shape, array.dtype.str) if array.size <= 16 else None
        name = None if key is None else self._small.get(key)
        if name is None:
            name = self.unique("constant")
            self.constants[name] = array
        if key is not None:
            self._small[key] = name
        return name

    @contextmanager
    def body(self) -> Iterator[list[Node]]:
        """Return a block whose nodes are added to the list that it returns, and whose sizes are forgotten after it."""
        outer = self.nodes, dict(self._sizes), dict(self._known)
        self.nodes = []
        try:
            yield self.nodes
        finally:
            self.nodes, self._sizes, self._known = outer

    # -- sizes -------------------------------------------------------------------------------------

    def _sizes_of(self, sizes: Sequence[int]) -> str:
        """Return a vector of int64 with the sizes."""
        if not any(isinstance(n, UnknownSize) for n in sizes):
            return self._constant(np.array([int(n) for n in sizes], np.int64))
        parts = [self.size(n) if isinstance(n, Size) else [n] for n in sizes]
        return self.Concat(*parts, axis=0) if len(parts) > 1 else self.name_of(parts[0])

    def size(self, n: int) -> str:
        """Return a vector of int64 with one size."""
        if not isinstance(n, Size):
            if isinstance(n, UnknownSize):
                raise ExportError("The size of an axis depends on the data.")
            return self._sizes_of([n])
        if n.key not in self._sizes:
            self._sizes[n.key] = self._computed(n.origin)
        return self._sizes[n.key]

    def _computed(self, origin: tuple[Any, ...]) -> str:
        kind, a, b = origin
        if kind == "dim":
            return self.Shape(a, start=b, end=b + 1)
        a, b = self.size(a), self.size(b)
        if kind == "floordiv":  # the division of ONNX rounds towards zero
            return self.Div(self.Sub(a, self.Mod(a, b)), b)
        return self.node(_OPERATIONS[kind], a, b)

    # -- tensors -----------------------------------------------------------------------------------

    def bind(self, spec: TensorSpec, name: str) -> TensorSpec:
        """Give a new tensor the name of a value. Return a spec whose unknown sizes have an origin."""
        shape = [self._with_origin(n, name, axis) for axis, n in enumerate(spec.shape)]
        bound = TensorSpec(shape, spec.dtype)
        self._values[id(bound)] = bound, Value(name, bound.shape, bound.dtype)
        return bound

    def _with_origin(self, n: int, name: str, axis: int) -> int:
        """Return a size with an origin. A placeholder without one is the only known size of its number, if any."""
        if not isinstance(n, UnknownSize):
            return n
        known = self._known.get(int(n))
        if not isinstance(n, Size):
            return known or self._with_origin(Size(int(n), int(n) + 7, ("dim", name, axis)), name, axis)
        is_new = int(n) not in self._known
        self._known[int(n)] = n if is_new or (known is not None and known.other == n.other) else None
        return n

    def keep(self, array: Any, name: str) -> None:
        """Name an array, in case that it becomes a constant of the graph."""
        if id(array) in self._values:
            return
        self._values[id(array)] = array, Value(self.unique(name), tuple(array.shape), array.dtype, array)

    def name_of_array(self, array: Any) -> str | None:
        """Return the name of an array that was kept; None for others."""
        entry = self._values.get(id(array))
        return None if entry is None else entry[1].name

    def value(self, x: Any, dtype: DTypeLike = None) -> Value:
        """Return the value of a tensor, an array, a scalar or a size.

        Args:
            x: the operand.
            dtype: the dtype of a scalar or a size.

        Raises:
            ExportError: the tensor was made by a computation that the export did not see.
        """
        entry = self._values.get(id(x))
        if entry is not None:
            value = entry[1]
            if value.array is not None and not isinstance(value.array, np.ndarray):
                value = Value(value.name, value.shape, value.dtype, to_host(value.array))
                self._values[id(x)] = x, value
            return value
        if isinstance(x, Value):
            return x
        if isinstance(x, Size):
            vector = self.Cast(self.size(x), to=np.dtype(dtype or np.int64))
            return Value(self.Squeeze(vector, [0]), (), np.dtype(dtype or np.int64))
        if isinstance(x, (TensorSpec, UnknownSize)):
            raise ExportError(
                "The shape or the values of a tensor depend on the data in a way that ONNX lacks."
            )
        array = np.asarray(to_host(x) if hasattr(x, "dtype") else x)
        if dtype is not None and not hasattr(x, "dtype"):
            array = array.astype(dtype)
        return Value(self._constant(array), array.shape, array.dtype, array)

    def derived(self, x: Value, key: Any, function: Function) -> Value:
        """Return a function of a constant, named after it. It is computed once for each key."""
        if (x.name, key) not in self._derived:
            array = np.ascontiguousarray(function(x.array))
            self._derived[x.name, key] = Value(self.unique(x.name), array.shape, array.dtype, array)
        return self._derived[x.name, key]

    # -- combinations ------------------------------------------------------------------------------

    def transposed(self, x: Value | str, perm: Iterable[Any]) -> Any:
        """Return a value with its axes in another order; a constant is transposed at once."""
        perm = [int(i) for i in perm]
        if perm == list(range(len(perm))):
            return x
        if isinstance(x, Value) and x.array is not None:
            return self.derived(x, tuple(perm), lambda array: np.transpose(array, perm))
        return self.Transpose(x, perm=perm)

    def reshaped(self, x: Any, shape: Sequence[int]) -> str:
        """Return a value in another shape."""
        sizes: list[Any] = list(shape)
        unknown = [i for i, n in enumerate(sizes) if isinstance(n, UnknownSize)]
        if len(unknown) == 1 and -1 not in sizes and 0 not in sizes:
            sizes[unknown[0]] = -1
        return self.Reshape(x, sizes)
