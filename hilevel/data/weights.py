"""Class weights as sample weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hilevel import tree
from hilevel.errors import nearest


def class_to_sample_weight(
    class_weight: Any, y: Any, sample_weight: Any, output_names: list[str] | None, dtype: str
) -> Any:
    """The weight of each sample's class, times its sample weight where there is one.

    Args:
        class_weight: `{class: weight}`, classes that are not in it count 1; or `{output: {class: weight}}`.
        y: the targets: integers, or one-hot.
        sample_weight: weights the samples have already.
        output_names: the names of the model's outputs.
        dtype: the dtype of the result.

    Raises:
        ValueError: there are no targets, or an output of that name does not exist.
    """
    if y is None:
        raise ValueError("class_weight needs targets: y is None.")
    leaves = tree.flatten(y)
    if not any(isinstance(v, Mapping) for v in class_weight.values()):
        if len(leaves) > 1:
            raise ValueError(
                "class_weight of a model with several outputs must say which: "
                "{'output name': {class: weight}}."
            )
        return _combine(_lookup(class_weight, leaves[0], dtype), sample_weight)
    names = list(y) if isinstance(y, dict) else (output_names or [])
    for name in class_weight:
        if name not in names:
            raise ValueError(f'class_weight: there is no output "{name}".{nearest(name, names)}')
    given = [None] * len(leaves) if sample_weight is None else tree.flatten(sample_weight)
    weights = [
        _combine(_lookup(class_weight.get(name, {}), leaf, dtype), w)
        for name, leaf, w in zip(names, leaves, given, strict=True)
    ]
    return tree.pack_sequence_as(y, weights)


def _combine(weight: Any, sample_weight: Any) -> Any:
    return weight if sample_weight is None else weight * sample_weight


def _lookup(table: Mapping[int, float], y: Any, dtype: str) -> Any:
    labels = np.asarray(y)
    if labels.ndim > 1:
        labels = labels.argmax(-1) if labels.shape[-1] > 1 else labels[..., 0]
    classes, index = np.unique(labels, return_inverse=True)
    weights = np.array([float(table.get(int(c), 1.0)) for c in classes], dtype)
    return weights[index].reshape(labels.shape)
