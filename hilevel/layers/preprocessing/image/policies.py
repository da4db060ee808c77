"""Random sequences of augmentations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import integer
from hilevel.layers.preprocessing.image.affine import RandomRotation, RandomShear, RandomTranslation
from hilevel.layers.preprocessing.image.base import BaseImagePreprocessingLayer, Boxes
from hilevel.layers.preprocessing.image.color import BYTES, Color
from hilevel.layers.preprocessing.image.contrast import AutoContrast, RandomBrightness, RandomContrast
from hilevel.layers.preprocessing.image.filters import RandomSharpness
from hilevel.layers.preprocessing.image.histogram import Equalization
from hilevel.layers.preprocessing.image.saturation import RandomColorDegeneration
from hilevel.layers.preprocessing.image.settings import INTERPOLATIONS, Factor, ImageOptions, known_mode
from hilevel.layers.preprocessing.image.tone import RandomPosterization, Solarization
from hilevel.random.functions import bits
from hilevel.random.seed import Draws, SeedLike


class Policy(Color):
    """The base of layers that choose among augmentations."""

    _factor_bounds = (0.0, 1.0)

    def __init__(self, value_range: Any, factor: Factor, interpolation: str, **kwargs: Any) -> None:
        super().__init__(value_range, **kwargs)
        self.factor = self._limits("factor", factor)
        self.interpolation = known_mode(type(self).__name__, "interpolation", interpolation, INTERPOLATIONS)
        common: dict[str, Any] = {
            "data_format": self.data_format, "bounding_box_format": self.bounding_box_format,
            "dtype": self.dtype_policy,
        }  # fmt: skip
        moving = common | {"interpolation": interpolation}
        common |= {"value_range": self.value_range}
        factors = self.factor
        self._choices: list[BaseImagePreprocessingLayer] = [
            RandomShear(factors, factors, **moving),
            RandomTranslation(factors, factors, **moving),
            RandomRotation(factors, **moving),
            RandomPosterization(max(1, int(8 * factors[1])), **common),
            Solarization(factors, factors, **common),
            AutoContrast(**common),
            Equalization(**common),
            RandomBrightness(factors, **common),
            RandomColorDegeneration(factors, **common),
            RandomContrast(factors, **common),
            RandomSharpness(factors, **common),
        ]
        self._number = len(self._choices)

    def _keys(self, seed: SeedLike, *shape: int) -> Tensor:
        """Return seeds of augmentations."""
        return bits(seed, shape, 32)

    def _apply(self, index: Tensor, key: Tensor, shape: tuple[int, ...], part: str, value: Any) -> Any:
        """Return a part of the data after the augmentation of an index; unchanged for an index behind the last.

        Args:
            index: an integer scalar.
            key: the seed of the augmentation, an unsigned integer.
            shape: the shape of the images.
            part: `"images"`, `"bounding_boxes"` or `"segmentation_masks"`.
            value: the part.
        """

        def branch(layer: BaseImagePreprocessingLayer) -> Callable[[Any, Any], Any]:
            def transform(value: Any, key: Tensor) -> Any:
                transformation = layer.draw(shape, Draws(key))
                return getattr(layer, f"transform_{part}")(value, transformation, True)

            return transform

        unchanged = lambda value, key: value
        return ops.switch(index, [*map(branch, self._choices[: self._number]), unchanged], value, key)


class RandAugment(Policy):
    """A layer that applies random augmentations in training, the same to all images of a batch. Cubuk et al., 2020.

    Args:
        value_range: the least and the largest value of pixels.
        num_ops: the number of augmentations.
        factor: the limits of their strength, from 0 to 1. A number `f` stands for `(0, f)`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer for the same augmentations in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.
        bounding_box_format: the format of bounding boxes, such as `"xyxy"`.

    >>> import hilevel
    >>> hilevel.layers.RandAugment(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Raises:
        ValueError: an argument is invalid.
    """

    def __init__(
        self,
        value_range: tuple[float, float] = BYTES,
        num_ops: int = 2,
        factor: Factor = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed=seed, data_format=data_format, **kwargs)
        self.num_ops = integer("RandAugment", "num_ops", num_ops, 0)

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the indices of the augmentations, and a seed for each."""
        indices = random.randint((self.num_ops,), 0, self._number, seed=seed)
        return {"layer_idxes": indices, "keys": self._keys(seed, self.num_ops), "input_shape": shape}

    def _all(self, part: str, value: Any, transformation: dict[str, Any]) -> Any:
        """Return a part of the data after all augmentations."""
        for i in range(self.num_ops):
            index, key = transformation["layer_idxes"][i], transformation["keys"][i]
            value = self._apply(index, key, transformation["input_shape"], part, value)
        return value

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the images after all augmentations."""
        return self._all("images", images, transformation)

    def augment_boxes(self, boxes: Boxes, transformation: Any) -> Boxes:
        """Return the bounding boxes after the augmentations of the images."""
        return self._all("bounding_boxes", boxes, transformation)

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return the masks after the augmentations of the images."""
        return self._all("segmentation_masks", masks, transformation)
