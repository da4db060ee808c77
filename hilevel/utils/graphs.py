"""Questions about the graphs of symbolic tensors."""

from __future__ import annotations

from typing import Any

from hilevel.engine.graph import SymbolicTensor


def get_source_inputs(tensor: Any) -> Any:
    """Return the inputs on which a symbolic tensor depends, in the order in which they are first used.

    Args:
        tensor: a symbolic tensor, as `Input` and layers return it. Other objects are returned unchanged.

    >>> import hilevel
    >>> a, b = hilevel.Input((2,), name="a"), hilevel.Input((2,), name="b")
    >>> [x.name for x in hilevel.utils.get_source_inputs(a * 2 + b)]
    ['a', 'b']
    """
    if not isinstance(tensor, SymbolicTensor):
        return tensor
    found: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    left = [tensor]
    while left:
        x = left.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        if x.node is None or not x.node.inputs:
            found[id(x)] = x
        else:
            left.extend(reversed(x.node.inputs))
    return list(found.values())
