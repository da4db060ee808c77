"""The values of all Variables of a model as nested dicts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilevel.engine.types import Array
from hilevel.engine.variables import Variable
from hilevel.errors import nearest

_GROUPS = ("trainable_variables", "non_trainable_variables", "optimizer_variables", "metrics_variables")
_FORMATS = ("backend_tensor", "numpy_array")


def get_state_tree(model: Any, value_format: str) -> dict[str, dict[str, Any]]:
    """Return the values of all Variables of a model; see `Model.get_state_tree`."""
    if value_format not in _FORMATS:
        raise ValueError(f"value_format must be one of {', '.join(_FORMATS)}; got {value_format!r}.")
    return {
        group: _nested(variables, lambda v: v.numpy() if value_format == "numpy_array" else v.value)
        for group, variables in _groups(model).items()
    }


def set_state_tree(model: Any, state_tree: Mapping[str, Any]) -> None:
    """Set Variables of a model; see `Model.set_state_tree`."""
    groups = _groups(model)
    pairs = []
    for group, values in state_tree.items():
        if group not in groups:
            raise ValueError(f"A state tree has no group {group!r}.{nearest(str(group), list(groups))}")
        variables = dict(_leaves(_nested(groups[group], lambda v: v)))
        for path, value in _leaves(values):
            if path not in variables:
                raise ValueError(f'The {group} have no "{path}".{nearest(path, list(variables))}')
            pairs.append((variables[path], variables[path].as_value(value)))
    for variable, value in pairs:
        variable.assign(value)


def _groups(model: Any) -> dict[str, Sequence[Variable]]:
    """Return the Variables of a model by group."""
    optimizer = getattr(model, "optimizer", None)
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        [] if optimizer is None else optimizer.variables,
        model.metrics_variables,
    )
    return dict(zip(_GROUPS, groups, strict=True))


def _nested(variables: Sequence[Variable], value: Any) -> dict[str, Any]:
    """Return `value(variable)` of each Variable in nested dicts by its path."""
    result: dict[str, Any] = {}
    for variable in variables:
        *parts, name = variable.path.split("/")
        inside = result
        for part in parts:
            inside = inside.setdefault(part, {})
        inside[_free_name(name, inside)] = value(variable)
    return result


def _free_name(name: str, taken: dict[str, Any]) -> str:
    """Return the name, with the first number that makes it new."""
    numbered = (f"{name}_{i}" for i in itertools.count(1))
    return next(n for n in itertools.chain([name], numbered) if n not in taken)


def _leaves(nested: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Array | Variable]]:
    """Yield the path and the value of each leaf of nested dicts."""
    for name, value in nested.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{name}/")
        else:
            yield f"{path}{name}", value
