"""`Operation`, an op with settings: a step of a graph without weights."""

from __future__ import annotations

import inspect
from abc import ABC
from typing import Any, Self

from hilevel import tree
from hilevel.api.configurable import NamedArguments
from hilevel.api.registry import snake_case
from hilevel.api.serialization import plain
from hilevel.engine.context import context
from hilevel.engine.graph import Node, abstract_call, record_call, symbolic_in
from hilevel.engine.names import unique_name
from hilevel.engine.types import Config
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.rematerialized import RematerializedCalls


class Operation(RematerializedCalls, NamedArguments, ABC):
    """A function of tensors with settings, for functional models. Layers are operations, too.

    Subclass it and write `call`. A call on symbolic tensors adds a node to their graph. The shapes come from
    `compute_output_spec`, if the subclass has it, else from a run of `call` on shapes.

    Args:
        name: its name; by default the class name in snake case, with a number.

    >>> import hilevel
    >>> class Scale(hilevel.Operation):
    ...     def __init__(self, factor, name=None):
    ...         super().__init__(name=name)
    ...         self.factor = factor
    ...     def call(self, x):
    ...         return self.factor * x
    >>> Scale(2.0)(np.ones(2))
    array([2., 2.])
    >>> Scale(2.0)(hilevel.Input((3,))).shape
    (None, 3)

    Raises:
        ValueError: the name is no string, or contains a slash.
    """

    _arguments: dict[str, Any]
    _positional: bool = False
    """True if the constructor got positional arguments without names, which a config cannot have."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        operation = super().__new__(cls, *args, **kwargs)
        try:
            bound = inspect.signature(cls.__init__).bind(operation, *args, **kwargs)
        except TypeError:  # the constructor raises it with a better message
            return operation
        bound.apply_defaults()
        kinds = {name: p.kind for name, p in bound.signature.parameters.items()}
        given = dict(list(bound.arguments.items())[1:])
        operation._positional = any(
            kinds[name] is inspect.Parameter.VAR_POSITIONAL and given[name] for name in given
        )
        operation._arguments = {}
        for name, value in given.items():
            operation._arguments |= value if kinds[name] is inspect.Parameter.VAR_KEYWORD else {name: value}
        return operation

    def __init__(self, name: str | None = None) -> None:
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"The name of an operation must be a string without '/'; got {name!r}.")
        self.name = name or unique_name(snake_case(type(self).__name__))
        self._nodes: list[Node] = []
        self._remat = context.remat

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result, or add a node to the graph of symbolic arguments."""
        if symbolic_in((args, kwargs)):
            return self.symbolic_call(*args, **kwargs)
        if (
            context.placeholder_size is not None
            and type(self).compute_output_spec is not Operation.compute_output_spec
        ):
            return self.compute_output_spec(*args, **kwargs)
        return self.rematerialized_call(self.call, *args, **kwargs)(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the result."""
        raise NotImplementedError(f"{type(self).__name__} has no call method, which computes the result.")

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic results of a call on symbolic tensors."""
        outputs = record_call(self, args, kwargs, self.name)
        self._nodes.append(tree.flatten(outputs)[0].node)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic tensors with the shapes and dtypes of the results for symbolic arguments."""
        return abstract_call(self.call, args, kwargs)

    @property
    def input(self) -> Any:
        """The symbolic arguments of the first call; a list if there are several."""
        inputs = self._first_node().inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbolic results of the first call; a list if there are several."""
        outputs = tree.flatten(self._first_node().outputs)
        return outputs[0] if len(outputs) == 1 else outputs

    def _first_node(self) -> Node:
        if not self._nodes:
            raise AttributeError(f'The operation "{self.name}" was not called on symbolic tensors.')
        return self._nodes[0]

    def get_config(self) -> Config:
        """Return the arguments of the constructor as plain data, for `from_config`.

        In a subclass with its own `get_config` it is the name alone, to which the subclass adds its settings.

        Raises:
            NotImplementedError: an argument has no plain form, or no name.
        """
        if type(self).get_config is not Operation.get_config:
            return {"name": self.name}
        try:
            config = plain(self._arguments)
        except (TypeError, ValueError) as error:
            raise NotImplementedError(f"{type(self).__name__}: write get_config, because {error}") from error
        if self._positional:
            raise NotImplementedError(
                f"{type(self).__name__}: write get_config, because arguments have no names."
            )
        parameters = inspect.signature(type(self).__init__).parameters.values()
        takes_name = any(p.name == "name" or p.kind is p.VAR_KEYWORD for p in parameters)
        return config | ({"name": self.name} if takes_name else {})

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the operation of a config of `get_config`."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


Operation.register(Layer)
