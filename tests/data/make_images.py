"""Writes images.npz: what the image layers of Keras 3.15.1 (on JAX) make of tests/cases/image_cases.py.

pip install -r tests/data/requirements.txt
KERAS_BACKEND=jax python tests/data/make_images.py
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

import keras
from image_cases import CASES, MOVING, SHAPE


def as_arrays(transformation):
    """The transformation with arrays in place of lists."""
    if isinstance(transformation, dict):
        return {k: v if k == "input_shape" else np.asarray(v) for k, v in transformation.items()}
    return np.asarray(transformation) if isinstance(transformation, list) else transformation


def main():
    rng = np.random.default_rng(0)
    images = rng.uniform(size=SHAPE).astype("float32")
    masks = rng.integers(0, 3, (*SHAPE[:3], 1)).astype("float32")
    boxes = np.array([[[1, 2, 4, 5], [3, 0, 8, 6]], [[0, 0, 9, 7], [5, 3, 6, 4]]], "float32")
    labels = np.array([[1, 2], [3, 4]], "int32")
    found = {"images": images, "masks": masks, "boxes": boxes, "labels": labels}
    for name, (cls, arguments, transformation) in CASES.items():
        layer = getattr(keras.layers, cls)(**arguments, bounding_box_format="xyxy")
        transformation = as_arrays(transformation)
        found[f"{name}/images"] = layer.transform_images(images, transformation)
        if cls in ("MixUp", "CutMix"):
            found[f"{name}/vectors"] = layer.transform_labels(np.eye(2, dtype="float32"), transformation)
        if cls in MOVING:
            found[f"{name}/masks"] = layer.transform_segmentation_masks(masks, transformation)
            given = {"boxes": boxes.copy(), "labels": labels.copy()}
            moved = layer.transform_bounding_boxes(given, transformation)
            found |= {f"{name}/{part}": moved[part] for part in ("boxes", "labels")}
    found = {name: np.asarray(value) for name, value in found.items()}
    np.savez_compressed(Path(__file__).with_name("images.npz"), **found)


main()
