"""Preparation of arrays on the host and on devices."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops, utils

LABELS = np.array([[1], [0], [3]])


@pytest.mark.parametrize("num_classes", [None, 5])
def test_one_hot_labels_stay_where_they_are(num_classes: int | None) -> None:
    expected = np.eye(num_classes or 4, dtype="float32")[[1, 0, 3]]
    with hilevel.use_backend("jax"):
        labels = ops.convert_to_tensor(LABELS)
        found = utils.to_categorical(labels, num_classes)
        assert type(found) is type(labels) and str(found.dtype) == "float32"
        np.testing.assert_array_equal(ops.convert_to_numpy(found), expected)
    for given in (LABELS, LABELS.tolist(), [1, 0, 3]):
        on_host: Any = utils.to_categorical(given, num_classes)
        assert type(on_host) is np.ndarray
        np.testing.assert_array_equal(on_host, expected)


def test_one_hot_labels_in_a_compiled_function() -> None:
    with hilevel.use_backend("jax"):
        found = hilevel.jit(lambda x: utils.to_categorical(x, 3))(ops.convert_to_tensor([2, 7]))
        np.testing.assert_array_equal(ops.convert_to_numpy(found), [[0, 0, 1], [0, 0, 0]])


def test_labels_out_of_range_on_the_host() -> None:
    with pytest.raises(IndexError):
        utils.to_categorical([4], 3)


def test_the_orthogonal_penalty_takes_lists_and_refuses_vectors() -> None:
    penalty = hilevel.regularizers.OrthogonalRegularizer(2.0)
    assert float(penalty([[1.0, 0.0], [2.0, 0.0]])) == pytest.approx(2.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="matrix"):
        penalty([1.0, 0.0])  # type: ignore[arg-type]
