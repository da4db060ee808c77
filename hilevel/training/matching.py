"""The outputs of a model, and the assignment of losses, metrics, targets and weights to them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Any

from hilevel import tree
from hilevel.engine.types import Structure
from hilevel.errors import OutputNameError, nearest


class Outputs:
    """The structure of a model's outputs, and their names in flat order.

    Args:
        y_pred: the outputs.
        known: the names of the outputs, or None.

    >>> from hilevel.training.matching import Outputs
    >>> outputs = Outputs({"a": [1, 2], "b": 3}, None)
    >>> outputs.names
    ['a/0', 'a/1', 'b']
    >>> outputs.values_for({"a": ["mse", "mae"]}, "loss", lambda x: isinstance(x, str))
    ['mse', 'mae', None]
    """

    def __init__(self, y_pred: Structure, known: list[str] | None) -> None:
        self.names = _names(y_pred, known)
        self.structure = tree.pack_sequence_as(y_pred, range(len(self.names)))
        self.trained = list(range(len(self.names)))
        """The positions of the outputs that have a loss."""

    def values_for(self, value: Any, what: str, is_leaf: Callable[[Any], bool]) -> list[Any]:
        """Return the value for each output: a leaf for all outputs, or a structure, matched by name or position.

        A list for one output is returned unchanged.

        Raises:
            ValueError: a name is unknown, or the number of values is not the number of outputs.
        """
        found: list[Any] = [None] * len(self.names)
        self._assign(value, self.structure, what, is_leaf, found)
        return found

    def _assign(
        self, value: Any, place: Any, what: str, is_leaf: Callable[[Any], bool], found: list[Any]
    ) -> None:
        if value is None:
            return
        if is_leaf(value):
            for i in tree.flatten(place):
                found[i] = value
        elif not tree.is_nested(place) and not isinstance(value, dict):
            found[place] = value[0] if len(value) == 1 else list(value)
        else:
            for part, inner in self.parts(value, place, what):
                self._assign(part, inner, what, is_leaf, found)

    def parts(self, value: Any, place: Any, what: str) -> list[tuple[Any, Any]]:
        """Return the parts of a dict or list with the outputs to which they belong, by name or position.

        Raises:
            OutputNameError: a name is unknown.
            ValueError: the number of parts is not the number of outputs.
        """
        if not isinstance(value, dict):
            return self._by_position(value, place, what)
        places = self._by_name(place)
        self._check_names(value, places, what)
        return [(part, places[name]) for name, part in value.items()]

    def name_of(self, place: Any) -> str:
        """Return a name for a structure of outputs: the common beginning of their paths, or all of their names."""
        names = [self.names[i] for i in tree.flatten(place)]
        common = posixpath.commonpath(names)
        return common or "_".join(names)

    def tensors_for(self, data: Structure, what: str) -> list[Any]:
        """Return the targets, or sample weights, of each output.

        A single tensor belongs to the only output with a loss, or to all outputs. A list may omit outputs without a
        loss.

        Raises:
            ValueError: a name is unknown or missing, or the number of tensors is wrong.
        """
        found: list[Any] = [None] * len(self.names)
        self._spread(data, self.structure, what, found)
        return found

    def _spread(self, data: Structure, place: Any, what: str, found: list[Any]) -> None:
        if data is None:
            return
        if isinstance(data, dict):
            places = self._by_name(place)
            self._check_names(data, places, what)
            self._check_missing(data, places, what)
            for name, part in data.items():
                self._spread(part, places[name], what, found)
        elif not tree.is_nested(place):
            found[place] = data[0] if isinstance(data, (list, tuple)) and len(data) == 1 else data
        elif isinstance(data, (list, tuple)):
            for part, inner in self._by_position(data, place, what):
                self._spread(part, inner, what, found)
        else:
            for i in self.trained if len(self.trained) == 1 else tree.flatten(place):
                found[i] = data

    def _by_name(self, place: Any) -> dict[Any, Any]:
        return place if isinstance(place, dict) else {self.names[i]: i for i in tree.flatten(place)}

    def _by_position(self, values: Sequence[Any], place: Any, what: str) -> list[tuple[Any, Any]]:
        top = list(place.values()) if isinstance(place, dict) else list(place)
        flat = tree.flatten(place)
        for places in (top, flat, [i for i in flat if i in self.trained]):
            if len(places) == len(values):
                return list(zip(values, places, strict=True))
        names = ", ".join(self.names[i] for i in flat)
        raise ValueError(f"{what}: the model has {len(flat)} outputs ({names}); got {len(values)}.")

    def _check_names(self, value: dict[Any, Any], places: dict[Any, Any], what: str) -> None:
        for name in value:
            if name not in places:
                names = list(map(str, places))
                raise OutputNameError(
                    f'{what}: there is no output "{name}".{nearest(str(name), names)} The outputs are '
                    f"{', '.join(names)}."
                )

    def _check_missing(self, data: dict[Any, Any], places: dict[Any, Any], what: str) -> None:
        trained = set(self.trained)
        missing = [
            n for n, place in places.items() if n not in data and trained.intersection(tree.flatten(place))
        ]
        if missing and what == "y":
            raise ValueError(
                f"y has no targets for the output {', '.join(map(str, missing))}; it has "
                f"{', '.join(map(str, data))}."
            )


def _names(y_pred: Structure, known: list[str] | None) -> list[str]:
    """Return the names of the outputs: their paths in dicts, the names of the model, or `output_0` and so on."""
    paths = [path for path, _ in tree.flatten_with_path(y_pred)]
    if any(isinstance(key, str) for path in paths for key in path):
        return (
            known
            if known is not None and len(known) == len(paths)
            else ["/".join(map(str, p)) for p in paths]
        )
    if known is not None and len(known) == len(paths):
        return known
    return ["output"] if len(paths) == 1 else [f"output_{i}" for i in range(len(paths))]
