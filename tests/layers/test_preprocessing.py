"""Statistics, intervals, scales and crossings of data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.layers.preprocessing.hashes import crossed

STRINGS, INTEGERS = np.array(["A", "B", "A", "B", "A", "Zürich"]), np.array([101, 101, 101, 102, 102, -7])

# -- statistics -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("axis", "shape", "mean", "view"),
    [
        (-1, (2, 3), 2.0, (1, 3)),
        (None, (2, 3), 2.0, (1, 1)),
        (2, (4, 3, 5, 2), np.arange(5.0), (1, 1, 5, 1)),
        ((1, 2), (4, 3, 5, 2), np.arange(15.0).reshape(3, 5), (1, 3, 5, 1)),
        ((1, 2), (4, 3, 5, 2), np.arange(5.0), (1, 3, 5, 1)),
        ((2, 1), (4, 3, 5, 2), np.arange(3.0).reshape(3, 1), (1, 3, 5, 1)),
    ],
)
def test_given_statistics_have_the_rank_of_the_inputs(
    axis: Any, shape: Any, mean: Any, view: Any, backend: Any
) -> None:
    layer = layers.Normalization(axis, mean=mean, variance=mean * 0 + 4.0)
    assert layer.mean is None
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    wide = np.broadcast_to(np.reshape(mean, [n if n in np.shape(mean) else 1 for n in view]), view)
    np.testing.assert_allclose(layer(x), (x - wide) / 2, rtol=1e-6)
    np.testing.assert_array_equal(layer.mean, wide)
    assert layer.variance.shape == view
    assert layer.weights == []


def test_adapted_statistics_have_the_rank_of_the_inputs(backend: Any) -> None:
    layer = layers.Normalization(axis=(1,))
    layer.adapt(np.array([[[1.0, 3.0], [2.0, 2.0]], [[1.0, 3.0], [4.0, 4.0]]]))
    assert np.asarray(layer.mean).tolist() == [[[2], [3]]]
    assert np.asarray(layer.variance).tolist() == [[[1], [1]]]
    assert [w.name for w in layer.weights] == ["mean", "variance", "count"]
    again = layers.Normalization.from_config(layer.get_config())
    assert again.mean is None


def test_statistics_that_are_assigned_are_used_after_finalize_state(backend: Any) -> None:
    layer = layers.Normalization()
    layer.build((None, 2))
    layer.adapt_mean.assign([1.0, 2.0])
    layer.finalize_state()
    assert layer.adapted
    np.testing.assert_allclose(layer(np.array([[1.0, 2.0]])), [[0.0, 0.0]])


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"axis": 3}, (2, 3)),
        ({"axis": -3}, (2, 3)),
        ({"axis": -1}, (2, None)),
        ({"mean": [1.0, 2.0], "variance": [1.0]}, ()),
        ({"mean": [[1.0]], "variance": [[1.0]]}, ()),
        ({"axis": None, "mean": [1.0], "variance": [1.0]}, ()),
    ],
)
def test_statistics_that_do_not_fit_are_errors(arguments: dict[str, Any], shape: Any) -> None:
    with pytest.raises(ValueError, match=r"[Nn]ormalization"):
        layers.Normalization(**arguments).build(shape)


# -- intervals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3), (4, 3, 2)])
def test_the_shape_of_intervals_is_known_before_adapt(mode: str, shape: Any) -> None:
    layer = layers.Discretization(num_bins=3, output_mode=mode)
    symbolic = layer.compute_output_spec(hilevel.Input(shape[1:], batch_size=shape[0]))
    layer.adapt(np.arange(12.0))
    found = layer(np.ones(shape))
    assert symbolic.shape == layer.compute_output_shape(shape) == found.shape
    assert symbolic.dtype == found.dtype == layer.output_dtype
    assert layer.input_dtype == "float32"


# -- scales -----------------------------------------------------------------------------------------


def test_a_vector_scales_channels(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.ones((2, 3, 4, 4), "float32")
    monkeypatch.setattr(hilevel.engine.settings.settings, "image_data_format", "channels_first")
    found = layers.Rescaling([1.0, 2.0, 3.0], [0.0, 0.0, 1.0])(x)
    np.testing.assert_array_equal(np.asarray(found)[:, :, 0, 0], [[1, 2, 4]] * 2)
    monkeypatch.undo()
    found = layers.Rescaling([1.0, 2.0, 3.0])(x.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(np.asarray(found)[:, 0, 0], [[1, 2, 3]] * 2)


# -- crossings --------------------------------------------------------------------------------------


def test_crossings_are_those_of_keras(backend: Any) -> None:
    """The bins that Keras 3.15.1 gives with TensorFlow."""
    layer = layers.HashedCrossing(1000)
    assert ops.convert_to_numpy(layer((STRINGS, INTEGERS))).tolist() == [891, 754, 891, 576, 523, 934]
    assert ops.convert_to_numpy(
        layer((STRINGS[:2, None], ops.convert_to_tensor(INTEGERS[:2, None])))
    ).tolist() == [
        [891],
        [754],
    ]
    assert int(layer(("A", 101))) == int(layer((b"A", 101))) == 891


def test_crossings_as_vectors(backend: Any) -> None:
    layer = layers.HashedCrossing(5, output_mode="one_hot")
    found = layer((STRINGS[:3], INTEGERS[:3]))
    assert found.dtype == "float32"
    assert ops.convert_to_numpy(found).argmax(axis=1).tolist() == [1, 4, 1]
    assert layer(("A", 101)).shape == (1, 5)
    assert layers.HashedCrossing.from_config(layer.get_config()).output_mode == "one_hot"


def test_a_crossing_depends_on_the_order() -> None:
    assert crossed([1, 2]) != crossed([2, 1])


@pytest.mark.parametrize(
    "inputs",
    [
        np.ones(2),
        [np.ones(2, int)],
        (np.ones((2, 2), int),) * 2,
        (np.ones(2, int), np.ones(3, int)),
        (np.ones(2),) * 2,
    ],
)
def test_crossings_of_other_inputs_are_errors(inputs: Any) -> None:
    with pytest.raises(ValueError, match="HashedCrossing"):
        layers.HashedCrossing(5)(inputs)
