"""Bounding boxes: the formats, their changes with the image, the overlap, and deltas, on every backend."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops
from hilevel.testing import check_gradients
from hilevel.utils import bounding_boxes as boxes

# Two boxes in each format, in an image of 40 rows and 50 columns.
SAME: dict[str, list[list[float]]] = {
    "xyxy": [[10, 20, 30, 24], [0, 0, 5, 40]],
    "yxyx": [[20, 10, 24, 30], [0, 0, 40, 5]],
    "xywh": [[10, 20, 20, 4], [0, 0, 5, 40]],
    "center_xywh": [[20, 22, 20, 4], [2.5, 20, 5, 40]],
    "center_yxhw": [[22, 20, 4, 20], [20, 2.5, 40, 5]],
    "rel_xyxy": [[0.2, 0.5, 0.6, 0.6], [0, 0, 0.1, 1]],
    "rel_yxyx": [[0.5, 0.2, 0.6, 0.6], [0, 0, 1, 0.1]],
    "rel_xywh": [[0.2, 0.5, 0.4, 0.1], [0, 0, 0.1, 1]],
    "rel_center_xywh": [[0.4, 0.55, 0.4, 0.1], [0.05, 0.5, 0.1, 1]],
}
PAIRS = np.array([[0.0, 0, 4, 2], [10, 10, 11, 11], [-1, -1, -1, -1]], np.float32)


@pytest.mark.parametrize("source", SAME)
def test_formats(source: str, backend: Any) -> None:
    for target in SAME:
        found = boxes.convert_format(np.array([SAME[source]]), source, target.upper(), 40, 50)
        assert np.dtype(found.dtype) == np.float32
        np.testing.assert_allclose(found[0], SAME[target], rtol=1e-5, atol=1e-6, err_msg=target)


def test_formats_of_dicts_and_of_several_sizes() -> None:
    given = {"boxes": np.array(SAME["xyxy"]), "labels": np.array([1, 2])}
    found = boxes.convert_format(given, "xyxy", "yxyx", dtype="float64")
    assert found["boxes"].tolist() == SAME["yxyx"]
    assert found["labels"] is given["labels"]
    assert given["boxes"].tolist() == SAME["xyxy"]
    sizes = np.array([40.0, 80.0]).reshape(2, 1, 1)
    found = boxes.convert_format(np.array([SAME["xyxy"]] * 2), "xyxy", "rel_xyxy", sizes, sizes * 1.25)
    np.testing.assert_allclose(found, np.array([SAME["rel_xyxy"]] * 2) / [[[1]], [[2]]], rtol=1e-6)


def test_the_image_limits_boxes(backend: Any) -> None:
    given = {"boxes": np.array([[-5.0, 2, 9, 30], [21, 0, 30, 5]]), "labels": np.array([3, 4])}
    found = boxes.clip_to_image_size(given, height=10, width=20)
    assert ops.convert_to_numpy(found["boxes"]).tolist() == [[0, 2, 9, 10], [20, 0, 20, 5]]
    assert ops.convert_to_numpy(found["labels"]).tolist() == [3, -1]
    relative = boxes.clip_to_image_size({"boxes": np.array([[-0.1, 0.5, 0.5, 1.5]])}, None, None, "rel_xyxy")
    assert ops.convert_to_numpy(relative["boxes"]).tolist() == [[0, 0.5, 0.5, 1]]
    part = boxes.crop(given["boxes"], top=1, left=2, height=5, width=6)
    assert ops.convert_to_numpy(part).tolist() == [[0, 1, 6, 5], [6, 0, 6, 4]]
    assert ops.convert_to_numpy(boxes.pad(np.array([[1, 2, 3, 4]]), 5, 7)).tolist() == [[8, 7, 10, 9]]


def test_boxes_turn_with_their_images() -> None:
    """By half a turn, by a movement with another size, and by all at once."""
    zero, one = np.zeros(1), np.ones(1)
    box = np.array([[[2.0, 1.0, 6.0, 3.0]]])
    half = boxes.affine_transform(box, 180 * one, zero, zero, one, zero, zero, height=9, width=11)
    np.testing.assert_allclose(half, [[[4, 5, 8, 7]]])
    moved = boxes.affine_transform(box, zero, 0.1 * one, 0.25 * one, 2 * one, zero, zero, 9, 11, zero, zero)
    np.testing.assert_allclose(moved, [[[6, 6, 14, 10]]])
    # The results of Keras 3.15.1.
    all_at_once = boxes.affine_transform(
        box, 30 * one, 0.1 * one, -0.2 * one, 1.2 * one, 10 * one, -5 * one, 9, 11, 0.3 * one, 0.6 * one
    )
    np.testing.assert_allclose(all_at_once, [[[-1.179538, -3.292065, 5.012673, 1.445093]]], rtol=1e-5)


def overlap(a: Any, b: Any) -> float:
    width, height = (max(0, min(a[i + 2], b[i + 2]) - max(a[i], b[i])) for i in (0, 1))
    area = lambda box: (box[2] - box[0]) * (box[3] - box[1])
    return float(width * height / (area(a) + area(b) - width * height + 1e-7))


@pytest.mark.parametrize(("batched1", "batched2"), list(itertools.product((False, True), repeat=2)))
def test_overlap(batched1: bool, batched2: bool, backend: Any) -> None:
    one = np.array([SAME["xyxy"]], np.float32)
    two = np.array([[[15, 22, 40, 30], [0, 0, 2, 2], [100, 100, 101, 101]]], np.float32)
    expected = np.array([[overlap(a, b) for b in two[0]] for a in one[0]])
    expected = expected[None] if batched1 or batched2 else expected
    found = boxes.compute_iou(one if batched1 else one[0], two if batched2 else two[0], "xyxy")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_boxes_without_place_are_masked() -> None:
    found = boxes.compute_iou(PAIRS, PAIRS, "xyxy", use_masking=True, mask_val=-7)
    np.testing.assert_allclose(found, [[1, 0, -7], [0, 1, -7], [-7, -7, -7]], rtol=1e-6)


def test_complete_overlap() -> None:
    one, two = np.array([[0.0, 0, 2, 2], [0, 0, 4, 2]]), np.array([[[1.0, 0, 3, 2], [0, 0, 2, 4]]])
    found = boxes.compute_ciou(one, two, "xyxy")
    ratio = 4 / np.pi**2 * (np.arctan(0.5) - np.arctan(2.0)) ** 2
    expected = [1 / 3 - 1 / 13, 1 / 3 - 2 / 32 - ratio**2 / (ratio + 2 / 3)]
    np.testing.assert_allclose(found, [expected], rtol=1e-5)
    relative = boxes.compute_ciou(one / 10, two / 10, "rel_xyxy", image_shape=(10, 10, 3))
    np.testing.assert_allclose(relative, found, rtol=1e-5)


@pytest.mark.parametrize("encoding", ["center_xywh", "center_yxhw"])
def test_deltas(encoding: str, backend: Any) -> None:
    anchors, targets = np.array(SAME["xyxy"]), np.array([SAME["xywh"][::-1]])
    options: dict[str, Any] = {"variance": [0.1, 0.1, 0.2, 0.2], "image_shape": (40, 50, 3)}
    deltas = boxes.encode_box_to_deltas(anchors, targets, "xyxy", "xywh", encoding, **options)
    assert tuple(deltas.shape) == (1, 2, 4)
    first = [-2 / 4, -17.5 / 20, np.log(10), np.log(1 / 4)]
    first = first if encoding == "center_yxhw" else [first[1], first[0], first[3], first[2]]
    np.testing.assert_allclose(deltas[0, 0], np.array(first) / [0.1, 0.1, 0.2, 0.2], rtol=1e-4)
    back = boxes.decode_deltas_to_boxes(
        {"p": anchors}, {"p": deltas}, "xyxy", "rel_xyxy", encoding, **options
    )
    np.testing.assert_allclose(back["p"][0], SAME["rel_xyxy"][::-1], rtol=1e-4, atol=1e-6)


def test_boxes_can_be_learned() -> None:
    """Losses of detectors differentiate these functions, and models call them on symbolic tensors."""
    with hilevel.use_backend("numpy"):
        one, two = np.array([[0.3, 0.1, 2.2, 2.4]]), np.array([[1.0, 0.2, 3.1, 1.9]])
        check_gradients(
            lambda a, b: ops.sum(boxes.compute_ciou(a, b, "xyxy")), one, two, rtol=1e-2, atol=1e-2, order=1
        )
        x = hilevel.Input((5, 4))
        assert boxes.compute_iou(x, x, "xywh").shape == (None, 5, 5)
        assert boxes.convert_format(x, "xyxy", "rel_center_xywh", 10, 20).shape == (None, 5, 4)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: boxes.convert_format(PAIRS, "xyxy", "corners"), ValueError, 'no format "corners"'),
        (lambda: boxes.convert_format(PAIRS, "xyxy", "rel_xyxy"), ValueError, "needs the height and width"),
        (lambda: boxes.convert_format(PAIRS[:, :3], "xyxy", "xywh"), ValueError, r"shape \(..., 4\)"),
        (lambda: boxes.clip_to_image_size({"boxes": PAIRS}), ValueError, "the height and the width"),
        (lambda: boxes.clip_to_image_size({"boxes": PAIRS}, 2, 2, "xywh"), NotImplementedError, "xywh"),
        (lambda: boxes.crop(PAIRS, 1, 1, 1, 1, "rel_xyxy"), NotImplementedError, "rel_xyxy"),
        (lambda: boxes.compute_iou(PAIRS[0], PAIRS, "xyxy"), ValueError, "2 or 3 axes"),
        (lambda: boxes.compute_iou(PAIRS, PAIRS, "rel_xyxy"), ValueError, "needs image_shape"),
        (lambda: boxes.encode_box_to_deltas(PAIRS, PAIRS, "xyxy", "xyxy", "xywh"), ValueError, "encoding"),
        (lambda: boxes.decode_deltas_to_boxes(PAIRS, PAIRS, "xyxy", "xyxy", variance=[1.0]), ValueError, "4 elements"),
    ],
)  # fmt: skip
def test_errors(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
