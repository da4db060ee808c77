"""Image layers: the same pictures on every backend, the parts of a dict, distributions, and work on the host."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, ops
from hilevel.random.reading import Reading
from hilevel.testing import check_gradients

UNIT = {"value_range": (0, 1)}
RANDOM: dict[str, dict[str, Any]] = {
    "RandomCrop": {"height": 5, "width": 6},
    "RandomFlip": {},
    "RandomContrast": {"factor": 0.5, **UNIT},
    "RandomBrightness": {"factor": 0.5, **UNIT},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "RandomPerspective": {},
    "RandomElasticTransform": UNIT,
    "Solarization": {"addition_factor": 0.2, "threshold_factor": 0.5, **UNIT},
    "RandomInvert": UNIT,
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.5, **UNIT},
    "RandomSaturation": {"factor": 0.7, **UNIT},
    "RandomPosterization": {"factor": 6, **UNIT},
    "RandomSharpness": {"factor": 0.7, **UNIT},
    "RandomColorDegeneration": {"factor": 0.5, **UNIT},
    "RandomColorJitter": {
        "brightness_factor": 0.2,
        "contrast_factor": 0.2,
        "saturation_factor": 0.4,
        "hue_factor": 0.2,
        **UNIT,
    },
    "RandomErasing": UNIT,
    "RandomGaussianBlur": UNIT,
    "RandAugment": UNIT,
    "Mosaic": {},
    "MixUp": {"alpha": 1.0},
    "CutMix": {},
    "AugMix": UNIT,
}
MIXING = ("Mosaic", "MixUp", "CutMix")
"""Layers that combine the images of a batch."""
FIXED: dict[str, dict[str, Any]] = {
    "Resizing": {"height": 5, "width": 6},
    "CenterCrop": {"height": 5, "width": 6},
    "AutoContrast": UNIT,
    "Equalization": UNIT,
    "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2), **UNIT},
    "MaxNumBoundingBoxes": {"max_number": 3},
}
ALL = RANDOM | FIXED
MOVING = (
    "RandomCrop",
    "RandomFlip",
    "RandomTranslation",
    "RandomRotation",
    "RandomZoom",
    "Resizing",
    "CenterCrop",
)
IMAGES = np.random.default_rng(0).uniform(size=(4, 8, 9, 3)).astype("float32")


def made(name: str, **more: Any) -> Any:
    seed = {"seed": 3} if name in RANDOM else {}
    return getattr(layers, name)(**{**ALL[name], **seed, **more})


def numpy(x: Any) -> Any:
    return ops.convert_to_numpy(x)


def pictures(name: str) -> list[Any]:
    """The results of two calls on the backend of NumPy."""
    with hilevel.use_backend("numpy"):
        layer = made(name)
        return [layer(IMAGES, training=True) for _ in range(2)]


# -- the same pictures ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_the_same_on_each_backend(name: str, everywhere: Any) -> None:
    wanted = pictures(name)[-1]
    layer = made(name)
    found = [numpy(layer(ops.convert_to_tensor(IMAGES), training=True)) for _ in range(2)][-1]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ALL)
def test_pictures_are_the_same_in_a_compiled_step(name: str, backend: Any) -> None:
    wanted = pictures(name)
    layer = made(name)
    step = hilevel.jit(lambda x: layer(x, training=True))
    for picture in wanted:
        np.testing.assert_allclose(step(IMAGES), picture, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", [n for n in ALL if n not in MIXING])
def test_a_single_image(name: str) -> None:
    image = made(name)(IMAGES[0], training=True)
    batch = made(name)(IMAGES[:1], training=True)
    np.testing.assert_allclose(image, batch[0], rtol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_channels_first_has_the_same_pictures(name: str) -> None:
    first = made(name, data_format="channels_first")(IMAGES.transpose(0, 3, 1, 2), training=True)
    if name != "RandomErasing":  # whose random pixels have another order
        np.testing.assert_allclose(first.transpose(0, 2, 3, 1), made(name)(IMAGES, training=True), atol=1e-5)


@pytest.mark.parametrize("name", RANDOM)
def test_training_changes_pictures_and_inference_does_not(name: str) -> None:
    layer = made(name)
    if name == "RandomCrop":
        assert layer(IMAGES, training=False).shape == (4, 5, 6, 3)
        return
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)
    assert any(not np.array_equal(layer(IMAGES, training=True), IMAGES) for _ in range(3))


@pytest.mark.parametrize("name", ALL)
def test_shapes_with_unknown_sizes(name: str) -> None:
    spec = made(name)(hilevel.Input((8, 9, 3)))
    assert spec.shape == (None, *made(name)(IMAGES).shape[1:])
    assert made(name).compute_output_shape((2, 8, 9, 3)) == (2, *spec.shape[1:])


@pytest.mark.parametrize("name", ALL)
def test_the_config_and_pickle_keep_the_layer(name: str) -> None:
    layer = made(name, data_format="channels_first", bounding_box_format="xyxy")
    images = IMAGES.transpose(0, 3, 1, 2)
    pickled = pickle.loads(pickle.dumps(layer))
    config = layer.get_config()
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == config
    assert config["data_format"] == "channels_first"
    assert config["bounding_box_format"] == "xyxy"
    wanted = layer(images, training=True)
    for copy in (pickled, again):
        np.testing.assert_array_equal(copy(images, training=True), wanted)


@pytest.mark.parametrize("name", ALL)
def test_images_of_other_dtypes(name: str) -> None:
    integers = (IMAGES * 255).astype("uint8")
    keeps = name in ("Resizing", "RandomGrayscale", "MaxNumBoundingBoxes") or name.startswith(
        "ContrastLimited"
    )
    assert made(name, **{"value_range": (0, 255)} if "value_range" in ALL[name] else {})(
        integers, training=True
    ).dtype == ("uint8" if keeps else "float32")
    assert made(name, dtype="float64")(IMAGES, training=True).dtype == "float64"
    assert made(name, dtype="mixed_float16")(IMAGES, training=True).dtype == "float16"


@pytest.mark.parametrize("rank", [2, 5])
def test_images_of_other_ranks_are_errors(rank: int) -> None:
    with pytest.raises(ValueError, match="3 axes"):
        layers.RandomFlip()(np.ones((2,) * rank))


# -- gradients --------------------------------------------------------------------------------------

SMOOTH = (
    "Resizing", "CenterCrop", "RandomCrop", "RandomFlip", "RandomContrast", "RandomTranslation", "RandomRotation",
    "RandomZoom", "RandomShear", "RandomPerspective", "RandomGrayscale", "RandomColorDegeneration", "RandomSharpness",
    "RandomGaussianBlur", "RandomErasing", "RandomInvert",
)  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_gradients(name: str) -> None:
    wide = {"value_range": (-9, 9)} if "value_range" in ALL[name] else {}
    layer = made(name, dtype="float64", **wide)
    images = IMAGES[:2, :6, :6].astype("float64")
    transformation = layer.get_random_transformation(images)
    check_gradients(lambda x: ops.sum(layer.transform_images(x, transformation) ** 2), images)


# -- dicts ------------------------------------------------------------------------------------------


def painted(boxes: Any) -> Any:
    """Masks with a box of ones each, and the bounding boxes in pixels of the ones of masks."""
    masks = np.zeros((len(boxes), 40, 50, 1), "float32")
    for mask, (left, top, right, bottom) in zip(masks, boxes, strict=True):
        mask[top:bottom, left:right] = 1
    return masks


def around(mask: Any) -> list[int]:
    rows, columns = np.nonzero(mask[..., 0])
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("name", MOVING)
@pytest.mark.parametrize("box_format", ["xyxy", "rel_xywh", "yxyx", "center_xywh"])
def test_boxes_and_masks_move_with_the_images(name: str, box_format: str, backend: Any) -> None:
    from hilevel.utils import bounding_boxes

    boxes = np.array([[10, 8, 25, 20], [20, 15, 30, 33], [15, 12, 35, 25]])
    fill = {"fill_mode": "constant", "interpolation": "nearest"} if hasattr(made(name), "fill_mode") else {}
    sizes = {"height": 35, "width": 44} if "height" in ALL[name] else {}
    layer = made(name, bounding_box_format=box_format, **fill, **sizes)
    given = bounding_boxes.convert_format(boxes[:, None], "xyxy", box_format, 40, 50)
    data = {
        "images": painted(boxes),
        "segmentation_masks": painted(boxes),
        "bounding_boxes": {"boxes": given, "labels": np.ones((3, 1), "int32")},
        "labels": np.eye(3),
        "paths": np.arange(3),
    }
    found = layer(data, training=True)
    assert found.keys() == data.keys()
    size = found["images"].shape[1:3]
    moved = bounding_boxes.convert_format(found["bounding_boxes"], box_format, "xyxy", *size)
    for mask, box in zip(numpy(found["segmentation_masks"]), numpy(moved["boxes"]), strict=True):
        np.testing.assert_allclose(box[0], around(mask), atol=1.6)
    np.testing.assert_array_equal(found["labels"], np.eye(3))
    np.testing.assert_array_equal(found["paths"], np.arange(3))
    assert data["images"].shape == (3, 40, 50, 1)


def test_boxes_outside_lose_their_labels() -> None:
    layer = layers.RandomTranslation((0.5, 0.5), 0.0, bounding_box_format="xyxy")
    boxes = {"boxes": [[[0.0, 0.0, 4.0, 3.0], [0.0, 5.0, 4.0, 8.0]]], "labels": [[1, 2]]}
    found = layer({"images": IMAGES[:1], "bounding_boxes": boxes})["bounding_boxes"]
    assert found["labels"].tolist() == [[1, -1]]
    assert found["boxes"].tolist() == [[[0, 4, 4, 7], [0, 8, 4, 8]]]


def test_boxes_need_a_format_and_labels() -> None:
    boxes = {"boxes": np.zeros((4, 1, 4)), "labels": np.zeros((4, 1))}
    with pytest.raises(ValueError, match="bounding_box_format='xyxy'"):
        layers.RandomFlip()({"images": IMAGES, "bounding_boxes": boxes})
    with pytest.raises(ValueError, match="'boxes' and 'labels'"):
        layers.RandomFlip(bounding_box_format="xyxy")({"images": IMAGES, "bounding_boxes": {"boxes": 1}})


@pytest.mark.parametrize("name", [n for n in RANDOM if n not in (*MOVING, *MIXING, "RandomElasticTransform")])
def test_a_dict_of_all_parts(name: str) -> None:
    data = {
        "images": IMAGES[0],
        "segmentation_masks": np.ones((8, 9, 1), "float32"),
        "bounding_boxes": {"boxes": np.array([[1.0, 2, 3, 4]]), "labels": np.array([1])},
        "labels": np.ones(3),
    }
    found = made(name, bounding_box_format="xyxy")(data, training=True)
    assert {k: np.shape(v) for k, v in found.items() if k != "bounding_boxes"} == {
        "images": (8, 9, 3), "segmentation_masks": (8, 9, 1), "labels": (3,),
    }  # fmt: skip
    assert found["bounding_boxes"]["boxes"].shape == (1, 4)


# -- mixtures ---------------------------------------------------------------------------------------

COLORS = np.arange(5.0, dtype="float32").reshape(5, 1, 1, 1) * np.ones((5, 20, 30, 1), "float32")


def test_a_mosaic_has_labels_and_boxes_of_its_parts(backend: Any) -> None:
    boxes = {"boxes": np.array([[[0.0, 0.0, 30.0, 20.0]]] * 5), "labels": np.arange(5)[:, None]}
    data = {"images": COLORS, "segmentation_masks": COLORS, "labels": np.eye(5), "bounding_boxes": boxes}
    found = made("Mosaic", bounding_box_format="xyxy")(data, training=True)
    pictures, labels = numpy(found["images"])[..., 0], numpy(found["labels"])
    np.testing.assert_array_equal(numpy(found["segmentation_masks"])[..., 0], pictures)
    for i, picture in enumerate(pictures):
        assert picture[0, 0] == i
        np.testing.assert_allclose(labels[i], [np.mean(picture == k) for k in range(5)], atol=1e-6)
        parts = numpy(found["bounding_boxes"]["boxes"])[i].astype(int)
        for (left, top, right, bottom), k in zip(
            parts, numpy(found["bounding_boxes"]["labels"])[i], strict=True
        ):
            assert np.all(picture[top:bottom, left:right] == k)
        assert sum((r - a) * (b - t) for a, t, r, b in parts) == 600
    assert len(np.unique(pictures[:, -1, -1])) > 1


@pytest.mark.parametrize("name", ["MixUp", "CutMix"])
def test_labels_are_mixed_as_the_images(name: str, backend: Any) -> None:
    data = {"images": COLORS, "segmentation_masks": COLORS, "labels": np.eye(5)}
    found = made(name)(data, training=True)
    pictures, labels = numpy(found["images"]), numpy(found["labels"])
    np.testing.assert_allclose(numpy(found["segmentation_masks"]), pictures, atol=1e-6)
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(labels @ np.arange(5), pictures.mean(axis=(1, 2, 3)), atol=0.35)
    assert np.any(labels.max(axis=1) < 0.99)


def test_mix_up_has_the_boxes_of_both_images() -> None:
    boxes = {"boxes": np.arange(24.0).reshape(3, 2, 4), "labels": np.arange(6).reshape(3, 2)}
    layer = layers.MixUp(bounding_box_format="xyxy")
    order = {"mix_weight": [0.5] * 3, "permutation_order": [2, 0, 1]}
    found = layer.transform_bounding_boxes(boxes, order)
    assert found["labels"].tolist() == [[0, 1, 4, 5], [2, 3, 0, 1], [4, 5, 2, 3]]
    assert found["boxes"].shape == (3, 4, 4)


def test_weights_of_mix_up_have_a_beta_distribution() -> None:
    weights = draws("MixUp", alpha=0.5)["mix_weight"]
    np.testing.assert_allclose([weights.mean(), weights.var()], [0.5, 0.125], atol=0.02)


def test_cut_mix_takes_no_boxes_and_leaves_a_single_image() -> None:
    boxes = {"boxes": np.ones((5, 1, 4)), "labels": np.ones((5, 1))}
    with pytest.raises(NotImplementedError, match="CutMix"):
        layers.CutMix(bounding_box_format="xyxy")({"images": COLORS, "bounding_boxes": boxes})
    np.testing.assert_array_equal(layers.CutMix()(COLORS[1]), COLORS[1])


# -- distributions ----------------------------------------------------------------------------------

MANY = (2000, 8, 10, 3)


def draws(name: str, **more: Any) -> dict[str, Any]:
    return made(name, **more).get_random_transformation(np.empty(MANY, "float32"))


@pytest.mark.parametrize(
    ("name", "key", "low", "high"),
    [
        ("RandomContrast", "contrast_factor", 1.0, 1.5),
        ("RandomBrightness", "rgb_delta", -0.5, 0.5),
        ("RandomRotation", "angle", -72.0, 72.0),
        ("RandomZoom", "height_zoom", 0.7, 1.3),
        ("RandomZoom", "width_zoom", 0.8, 1.2),
        ("RandomHue", "factor", -0.25, 0.25),
        ("RandomSharpness", "factor", 0.0, 0.7),
        ("RandomColorDegeneration", "factor", -0.5, 0.5),
        ("Solarization", "thresholds", 0.0, 127.5),
        ("Solarization", "additions", 0.0, 51.0),
    ],
)
def test_factors_are_uniform_between_their_limits(name: str, key: str, low: float, high: float) -> None:
    values = (np.ravel(draws(name)[key]) - low) / (high - low)
    assert values.min() >= -1e-6
    assert values.max() <= 1 + 1e-6
    np.testing.assert_allclose(
        np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), [0.05, 0.25, 0.5, 0.75, 0.95], atol=0.04
    )


@pytest.mark.parametrize(
    ("name", "key", "share"),
    [
        ("RandomFlip", "flips", 0.5),
        ("RandomInvert", "apply_inversion", 0.5),
        ("RandomErasing", "apply_erasing", 0.5),
        ("RandomGaussianBlur", "should_apply_blur", 0.5),
        ("RandomPerspective", "apply_perspective", 0.5),
    ],
)
def test_a_fraction_of_the_images_is_chosen(name: str, key: str, share: float) -> None:
    assert abs(np.mean(draws(name)[key]) - share) < 0.04


def test_translations_are_pixels_of_each_axis() -> None:
    right, down = np.moveaxis(draws("RandomTranslation")["translations"], 1, 0)
    assert (abs(right).max(), abs(down).max()) == pytest.approx((2.0, 2.4), abs=0.02)


def test_an_integer_as_a_seed_gives_the_same_values_at_each_call() -> None:
    layer = made("RandomTranslation", height_factor=0.2)
    first, second, other = (
        layer.get_random_transformation(IMAGES, seed=seed)["translations"] for seed in (5, 5, 6)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)
    assert not np.allclose(first[:, 0] / 9, first[:, 1] / 8)


def test_windows_of_random_crops_are_everywhere() -> None:
    layer = made("RandomCrop")
    windows = {tuple(map(int, layer.draw(MANY, layer.generator)[:2])) for _ in range(400)}
    assert windows == {(i, j) for i in range(4) for j in range(5)}


def test_erased_boxes_have_the_area() -> None:
    mask = draws("RandomErasing", scale=(0.25, 0.25))["batch_masks"]
    assert mask.shape == (*MANY[:3], 1)
    assert np.unique(mask.sum(axis=(1, 2))).tolist() == [20]


def test_each_image_has_its_own_values() -> None:
    images = np.broadcast_to(IMAGES[:1], IMAGES.shape)
    for name in ("RandomContrast", "RandomTranslation", "RandomErasing", "RandomHue"):
        pictures = made(name)(images, training=True)
        assert not np.array_equal(pictures[0], pictures[1]), name


# -- the host ---------------------------------------------------------------------------------------


def test_arrays_of_numpy_are_computed_by_numpy() -> None:
    class Seen(layers.RandomFlip):
        def augment(self, images: Any, transformation: Any) -> Any:
            self.backends = [*getattr(self, "backends", []), hilevel.current_backend().name]
            return super().augment(images, transformation)

    with hilevel.use_backend("jax") as jax:
        layer = Seen(seed=1)
        assert jax.is_array(layer(IMAGES))
        assert not isinstance(layer(IMAGES), np.ndarray)
        layer(ops.convert_to_tensor(IMAGES))
        with Reading(0, 0).scope():
            assert isinstance(layer(IMAGES), np.ndarray)
        assert layer.backends == ["numpy", "numpy", "jax", "numpy"]
        hilevel.jit(lambda: layer(IMAGES))()
        assert set(layer.backends[4:]) == {"jax"}


def test_the_seed_counts_the_same_draws_on_the_host_and_on_the_device() -> None:
    with hilevel.use_backend("jax"):
        mixed, one = made("RandomContrast"), made("RandomContrast")
        found = [mixed(x, training=True) for x in (IMAGES, ops.convert_to_tensor(IMAGES), IMAGES)]
        wanted = [one(ops.convert_to_tensor(IMAGES), training=True) for _ in range(3)]
        np.testing.assert_allclose(found, wanted, rtol=1e-5)
        assert mixed.generator.state.backend.name == "jax"


def test_a_layer_that_was_moved_works_on_the_host() -> None:
    model = hilevel.Sequential([hilevel.Input((8, 9, 3)), made("RandomFlip"), layers.Rescaling(2.0)])
    model.to("jax")
    assert [v.backend.name for v in model.variables] == ["jax"]
    with hilevel.use_backend("numpy"):
        assert all(isinstance(layer(IMAGES), np.ndarray) for layer in model.layers)
    assert type(model(IMAGES)) is type(hilevel.get_backend("jax").asarray(IMAGES))


def test_a_dict_of_symbolic_tensors(backend: Any) -> None:
    boxes = {"boxes": hilevel.Input((2, 4)), "labels": hilevel.Input((2,), dtype="int32")}
    inputs = {
        "images": hilevel.Input((8, 9, 3)),
        "labels": hilevel.Input((5,)),
        "segmentation_masks": hilevel.Input((8, 9, 1)),
        "bounding_boxes": boxes,
    }
    outputs = layers.Resizing(4, 6, bounding_box_format="xyxy")(inputs)
    shapes = hilevel.tree.map_structure(lambda x: x.shape, outputs)
    assert shapes == {
        "images": (None, 4, 6, 3), "labels": (None, 5), "segmentation_masks": (None, 4, 6, 1),
        "bounding_boxes": {"boxes": (None, 2, 4), "labels": (None, 2)},
    }  # fmt: skip
    model = hilevel.Model(inputs, outputs)
    values = hilevel.tree.map_structure(lambda x: np.ones((3, *x.shape[1:]), x.dtype), inputs)
    assert model(values)["images"].shape == (3, 4, 6, 3)


def test_a_layer_works_in_a_model_and_in_a_pipeline(backend: Any) -> None:
    layer = made("RandomFlip")
    model = hilevel.Sequential([hilevel.Input((8, 9, 3)), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(IMAGES, np.zeros((4, 1)), verbose=0)
    with Reading(1).scope():
        assert isinstance(layer(IMAGES), np.ndarray)


def test_a_pipeline_of_layers() -> None:
    steps = [layers.Resizing(6, 6), layers.RandomFlip("horizontal", seed=1), layers.Rescaling(2.0)]
    pipeline = layers.Pipeline(steps)
    data = {"images": IMAGES, "labels": np.arange(4)}
    wanted = layers.RandomFlip("horizontal", seed=1)(layers.Resizing(6, 6)(data))
    assert pipeline.layers == steps
    found = layers.Pipeline([layers.Resizing(6, 6), layers.RandomFlip("horizontal", seed=1)])(data)
    np.testing.assert_array_equal(found["images"], wanted["images"])
    np.testing.assert_allclose(pipeline(IMAGES), 2 * wanted["images"], rtol=1e-6)
    again = layers.Pipeline.from_config(pipeline.get_config())
    np.testing.assert_array_equal(again(IMAGES), layers.Pipeline.from_config(pipeline.get_config())(IMAGES))
    with pytest.raises(ValueError, match="Pipeline: layers must be a list of layers"):
        layers.Pipeline.from_config({"name": "test", "layers": None})
