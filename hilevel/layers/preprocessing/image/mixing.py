"""Mixtures of the images of a batch, with their labels."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import number
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes, batch_of
from hilevel.layers.preprocessing.image.regions import Regions
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions
from hilevel.random.seed import SeedLike


def _mixed(values: TensorLike, transformation: dict[str, Any]) -> Tensor:
    """Return weighted means of the values of two images."""
    values = ops.convert_to_tensor(values)
    others = ops.take(values, ops.convert_to_tensor(transformation["permutation_order"]), axis=0)
    weight = ops.cast(transformation["mix_weight"], "float32")
    weight = ops.reshape(weight, (-1,) + (1,) * (len(values.shape) - 1))
    weight = ops.cast(weight, values.dtype) if "float" in str(values.dtype) else weight
    return weight * values + (1.0 - weight) * others


class Mixing(BaseImagePreprocessingLayer):
    """The base of layers that mix each image with another one of the batch. Labels are mixed in the same proportion.

    Labels must be vectors, such as one-hot vectors.
    """

    def augment_labels(self, labels: TensorLike, transformation: Any) -> TensorLike:
        """Return the labels, mixed as the images."""
        return _mixed(labels, transformation)


class MixUp(Mixing):
    """A layer that returns weighted means of images and labels in training. Zhang et al., 2018.

    An image has the bounding boxes of both images.

    Args:
        alpha: the parameter of the Beta distribution of the weights, above 0. With 1 they are uniform, and with small
            values near 0 or 1.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        seed: an integer for the same mixtures in every run.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> data = {"images": np.ones((2, 4, 4, 3)), "labels": np.eye(2)}
    >>> hilevel.layers.MixUp(seed=1)(data)["labels"].sum(axis=1)
    array([1., 1.], dtype=float32)

    Raises:
        ValueError: `alpha` is no non-negative number.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.alpha = number("MixUp", "alpha", alpha, 0)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the weight of each image, and the index of the other one."""
        batch = batch_of(shape)
        order = random.shuffle(ops.arange(batch, dtype="int32"), seed=seed)
        weight = random.beta((batch,), self.alpha, self.alpha, dtype="float32", seed=seed)
        return {"mix_weight": weight, "permutation_order": order}

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return mixed images."""
        weight = ops.reshape(ops.cast(transformation["mix_weight"], images.dtype), (-1, 1, 1, 1))
        others = ops.take(images, ops.convert_to_tensor(transformation["permutation_order"]), axis=0)
        return weight * images + (1.0 - weight) * others

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the boxes of both images."""
        order = ops.convert_to_tensor(transformation["permutation_order"])

        def both(values: Tensor) -> Tensor:
            axis = min(1, len(values.shape) - 1)
            return ops.concatenate([values, ops.take(values, order, axis=0)], axis=axis)

        return {name: both(ops.convert_to_tensor(boxes[name])) for name in ("boxes", "labels")}

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return weighted means of masks, as of the images."""
        return _mixed(masks, transformation)


class CutMix(Mixing):
    """A layer that replaces a random box of each image by the same box of another image in training. Yun et al., 2019.

    The labels are mixed in proportion to the area.

    Args:
        factor: the limits of the parameter of the Beta distribution of the area, from 0 to 1. A number `f` stands for
            `(0, f)`.
        seed: an integer for the same boxes in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> data = {"images": np.ones((2, 4, 4, 3)), "labels": np.eye(2)}
    >>> hilevel.layers.CutMix(seed=1)(data)["labels"].sum(axis=1)
    array([1., 1.], dtype=float32)

    Raises:
        ValueError: the factor is out of range.
        NotImplementedError: at a call, the data have bounding boxes.
    """

    _factor_bounds = (0.0, 1.0)

    def __init__(
        self,
        factor: Factor = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = self._limits("factor", factor)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any] | None:
        """Return the pixels of the boxes, the weight of each image, and the index of the other one."""
        if len(shape) == 3:
            return None
        alpha = self._uniform(seed, (), self.factor) + 1e-6
        kept = random.beta((shape[0],), alpha, alpha, dtype="float32", seed=seed)
        side = ops.sqrt(1.0 - kept)
        regions = Regions.draw(self, seed, shape, side, side)
        order = random.shuffle(ops.arange(shape[0], dtype="int32"), seed=seed)
        weight = 1.0 - regions.fraction(self, shape)
        return {
            "permutation_order": order,
            "batch_masks": regions.mask(self, shape),
            "mix_weight": ops.reshape(weight, (-1, 1, 1, 1)),
        }

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return images with boxes of other images."""
        others = ops.take(images, ops.convert_to_tensor(transformation["permutation_order"]), axis=0)
        return ops.where(transformation["batch_masks"], others, images)

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return masks with boxes of other masks, as the images."""
        return self.augment(ops.convert_to_tensor(masks), transformation)

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Raise NotImplementedError: boxes of parts of objects are not defined."""
        raise NotImplementedError(f"{self._label()} does not transform bounding boxes.")
