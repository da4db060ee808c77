"""Class weights as sample weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.engine.types import Structure, TensorLike
from hilevel.errors import nearest, warn


def check_class_weight(class_weight: object) -> dict[Any, Any]:
    """Return class weights as a dict with integers as keys and floats as values, or a dict of such dicts by output.

    >>> from hilevel.training.data.weights import check_class_weight
    >>> check_class_weight({0: 1, 1.0: np.float32(0.5)})
    {0: 1.0, 1: 0.5}

    Raises:
        TypeError: the weights, or the weights of an output, are no dict.
        ValueError: a class is no integer, or a weight is negative, NaN, infinite or no scalar.
    """
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "class_weight must be a dict {class: weight}, or {output: {class: weight}} for several outputs; got a "
            f"{type(class_weight).__name__}. Convert a list of weights: class_weight=dict(enumerate(weights))."
        )
    if not any(isinstance(table, Mapping) for table in class_weight.values()):
        return _table(class_weight, "class_weight")
    return {name: _table(table, f"class_weight[{name!r}]") for name, table in class_weight.items()}


def _table(table: object, where: str) -> dict[int, float]:
    if not isinstance(table, Mapping):
        raise TypeError(
            f"{where} must be a dict {{class: weight}}, as for another output; got {table!r:.80}. Convert a "
            "list of weights: dict(enumerate(weights))."
        )
    return {_class(key, where): _weight(weight, key, where) for key, weight in table.items()}


def _class(key: object, where: str) -> int:
    if not isinstance(key, (int, float, np.number, np.bool_)) or not float(key).is_integer():
        raise ValueError(
            f"{where}: a class must be an integer, as in the targets; got {key!r} ({type(key).__name__}). Expected "
            "{0: weight, 1: weight, ...}."
        )
    return int(key)


def _weight(weight: Any, key: object, where: str) -> float:
    scalar = isinstance(weight, (int, float, np.number)) or (hasattr(weight, "dtype") and weight.shape == ())
    value = float(weight) if scalar else math.nan
    if not 0 <= value < math.inf:
        raise ValueError(
            f"{where}: the weight of a class must be a finite number that is not negative; got {weight!r} for class "
            f"{key!r}."
        )
    return value


def class_to_sample_weight(
    class_weight: dict[Any, Any],
    y: Any,
    sample_weight: Structure,
    output_names: list[str] | None,
    dtype: str,
    warn_of_unused: bool = False,
) -> Any:
    """Return the weight of each sample's class, times its sample weight if there is one.

    Args:
        class_weight: `{class: weight}` or `{output: {class: weight}}`, from `check_class_weight`. Other classes have
            the weight 1.
        y: the targets: integers, or one-hot.
        sample_weight: the sample weights, or None.
        output_names: the names of the model's outputs.
        dtype: the dtype of the result.
        warn_of_unused: whether to warn of classes with a weight that do not occur in the targets.

    Raises:
        ValueError: there are no targets, or an output does not exist.
    """
    if y is None:
        raise ValueError("class_weight requires targets: y is None.")
    leaves = tree.flatten(y)
    several = any(isinstance(v, Mapping) for v in class_weight.values())
    if not several and len(leaves) > 1:
        raise ValueError(
            "class_weight of a model with several outputs must name the outputs: {'output name': {class: weight}}."
        )
    names: list[str] = [] if not several else list(y) if isinstance(y, dict) else (output_names or [])
    for name in class_weight if several else ():
        if name not in names:
            raise ValueError(f'class_weight: there is no output "{name}".{nearest(name, names)}')
    tables = [class_weight.get(name, {}) for name in names] if several else [class_weight]
    found = [_lookup(table, leaf, dtype) for table, leaf in zip(tables, leaves, strict=True)]
    if warn_of_unused:
        places = [f' of output "{name}"' for name in names] if several else [""]
        _warn_of_unused([(place, unused) for place, (_, unused) in zip(places, found, strict=True) if unused])
    if not several:
        return _combine(found[0][0], sample_weight)
    given = [None] * len(leaves) if sample_weight is None else tree.flatten(sample_weight)
    weights = [_combine(weight, w) for (weight, _), w in zip(found, given, strict=True)]
    return tree.pack_sequence_as(y, weights)


def _warn_of_unused(found: list[tuple[str, list[int]]]) -> None:
    if found:
        text = "; ".join(f"{', '.join(map(str, classes))}{place}" for place, classes in found)
        warn(
            f"class_weight has weights for classes that never occur in the targets: {text}. Check the "
            "class indices."
        )


def _combine(weight: np.ndarray[Any, Any], sample_weight: Any) -> Any:
    return weight if sample_weight is None else weight * sample_weight


def _lookup(table: Mapping[int, float], y: TensorLike, dtype: str) -> tuple[Any, list[int]]:
    """Return the weight of each sample, and the classes of the table that do not occur."""
    labels = _labels(y)
    classes, index = np.unique(labels, return_inverse=True)
    weights = np.array([float(table.get(c, 1.0)) for c in classes.tolist()], dtype)
    return weights[index].reshape(labels.shape), sorted(set(table).difference(classes.tolist()))


def _labels(y: TensorLike) -> np.ndarray[Any, Any]:
    """Return the labels of one-hot or integer targets; floats are rounded."""
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    return np.rint(labels) if labels.dtype.kind == "f" else labels
