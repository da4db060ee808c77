"""`Function`, the calls between symbolic tensors as a function."""

from __future__ import annotations

from typing import Any

from hilevel import tree
from hilevel.engine.graph import SymbolicTensor, abstract_call
from hilevel.engine.spec import agree
from hilevel.engine.types import Structure
from hilevel.errors import ShapeError
from hilevel.layers.base.shapes import symbolic_inputs
from hilevel.models.graph_run import Graph, Symbols
from hilevel.models.operation import Operation


class Function(Operation):
    """The calls of layers and ops from symbolic inputs to outputs, as a function of tensors.

    Args:
        inputs: symbolic tensors, or a structure of them; also results of other calls, which are then left out.
        outputs: symbolic tensors that depend on the inputs, or a structure of them.
        name: its name.

    >>> import hilevel
    >>> x = hilevel.KerasTensor((None, 2))
    >>> double = hilevel.Function(x, x * 2)
    >>> double(np.ones((1, 2)))
    array([[2., 2.]], dtype=float32)
    >>> [operation.name for operation in double.operations]
    ['multiply']

    Raises:
        ValueError: there are no inputs or outputs, one of them is not symbolic, or an output does not depend on the
            inputs.
    """

    def __init__(self, inputs: Symbols, outputs: Symbols, name: str | None = None) -> None:
        super().__init__(name=name)
        for what, part in (("inputs", inputs), ("outputs", outputs)):
            if not tree.flatten(part):
                raise ValueError(f"Function: {what} must not be empty.")
        self._graph = Graph(inputs, outputs)
        self._inputs, self._outputs = inputs, outputs

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs, in order."""
        return tree.flatten(self._inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs, in order."""
        return tree.flatten(self._outputs)

    @property
    def operations(self) -> list[Any]:
        """The layers and ops between inputs and outputs, in order."""
        return list({id(node.operation): node.operation for node in self._graph.nodes}.values())

    def __call__(self, inputs: Structure) -> Any:
        """Return the outputs for inputs, which may be symbolic."""
        return self.call(inputs)

    def call(self, inputs: Structure) -> Any:
        """Return the outputs for inputs.

        Raises:
            ValueError: the inputs have another structure.
            ShapeError: the inputs have other shapes.
        """
        for x, symbol in zip(self._graph.match(inputs), self.inputs, strict=True):
            _check_shape(x, symbol)
        outputs = self._graph.run(inputs)
        return tree.pack_sequence_as(self._outputs, tree.flatten(outputs))

    def compute_output_spec(self, inputs: Structure) -> Any:
        """Return symbolic tensors with the shapes and dtypes of the outputs, without connections to the inputs."""
        return abstract_call(self.call, (inputs,), {})

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shapes of the outputs for the shapes of inputs."""
        spec = self.compute_output_spec(symbolic_inputs(input_shape, self.inputs[0].dtype))
        return tree.map_structure(lambda x: x.shape, spec)


def _check_shape(x: Any, symbol: SymbolicTensor) -> None:
    shape = tuple(getattr(x, "shape", ()))
    if not agree(shape, symbol.shape):
        raise ShapeError(
            f'The input "{symbol.name}" of the function has the shape {symbol.shape}; got {shape}.'
        )
