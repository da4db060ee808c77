"""Image layers with fixed transformations against Keras (tests/cases/image_cases.py, tests/data/make_images.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_cases import CASES

from hilevel import layers, ops

with np.load(Path(__file__).parents[1] / "data/images.npz") as file:
    ANSWERS = {name: file[name] for name in file.files}


def as_arrays(transformation: Any) -> Any:
    """The transformation with arrays in place of lists."""
    if isinstance(transformation, dict):
        return {k: v if k == "input_shape" else np.asarray(v) for k, v in transformation.items()}
    return np.asarray(transformation) if isinstance(transformation, list) else transformation


def made(name: str, **more: Any) -> tuple[Any, Any]:
    """The layer of a case, and its transformation."""
    cls, arguments, transformation = CASES[name]
    layer = getattr(layers, cls)(**arguments, **more, bounding_box_format="xyxy")
    return layer, as_arrays(transformation)


def close(found: Any, wanted: Any) -> None:
    found = ops.convert_to_numpy(found)
    assert found.shape == wanted.shape
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_images_are_those_of_keras(name: str, everywhere: Any) -> None:
    layer, transformation = made(name)
    found = layer.transform_images(ops.convert_to_tensor(ANSWERS["images"]), transformation)
    close(found, ANSWERS[f"{name}/images"])


@pytest.mark.parametrize("name", CASES)
def test_channels_first_has_the_same_images(name: str) -> None:
    layer, transformation = made(name, data_format="channels_first")
    if isinstance(transformation, dict) and "input_shape" in transformation:
        batch, height, width, channels = transformation["input_shape"]
        transformation = transformation | {"input_shape": (batch, channels, height, width)}
    if isinstance(transformation, dict) and "batch_masks" in transformation:
        transformation["batch_masks"] = transformation["batch_masks"].transpose(0, 3, 1, 2)
    found = layer.transform_images(ANSWERS["images"].transpose(0, 3, 1, 2), transformation)
    close(found.transpose(0, 2, 3, 1), ANSWERS[f"{name}/images"])


@pytest.mark.parametrize("name", [name for name in CASES if f"{name}/masks" in ANSWERS])
def test_masks_are_those_of_keras(name: str, everywhere: Any) -> None:
    layer, transformation = made(name)
    found = layer.transform_segmentation_masks(ops.convert_to_tensor(ANSWERS["masks"]), transformation)
    close(found, ANSWERS[f"{name}/masks"])


@pytest.mark.parametrize("name", [name for name in CASES if f"{name}/boxes" in ANSWERS])
def test_boxes_are_those_of_keras(name: str, everywhere: Any) -> None:
    layer, transformation = made(name)
    given = {part: ops.convert_to_tensor(ANSWERS[part]) for part in ("boxes", "labels")}
    if name.startswith("center crop"):
        transformation = layer.fixed((2, 7, 9, 3))
    found = layer.transform_bounding_boxes(given, transformation)
    close(found["boxes"], ANSWERS[f"{name}/boxes"])
    np.testing.assert_array_equal(ops.convert_to_numpy(found["labels"]), ANSWERS[f"{name}/labels"])


@pytest.mark.parametrize("name", ["mix up", "cut mix"])
def test_labels_are_those_of_keras(name: str, everywhere: Any) -> None:
    layer, transformation = made(name)
    labels = ops.convert_to_tensor(np.eye(2, dtype="float32"))
    close(layer.transform_labels(labels, transformation), ANSWERS[f"{name}/vectors"])
