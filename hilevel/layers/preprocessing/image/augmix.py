"""Mixtures of images with chains of augmentations."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import ops, random
from hilevel.engine.types import Tensor, TensorLike
from hilevel.layers.base.checks import flags, number, positive
from hilevel.layers.preprocessing.image.color import BYTES
from hilevel.layers.preprocessing.image.policies import Policy
from hilevel.layers.preprocessing.image.settings import Factor, ImageOptions
from hilevel.random.seed import SeedLike


class AugMix(Policy):
    """A layer that mixes images with chains of augmentations in training. Hendrycks et al., 2020.

    Args:
        value_range: the least and the largest value of pixels.
        num_chains: the number of chains.
        chain_depth: the number of augmentations in a chain; some of them change nothing.
        factor: the limits of their strength, from 0 to 1. A number `f` stands for `(0, f)`.
        alpha: the parameter of the distributions of the weights: Dirichlet for the chains, Beta for the image.
        all_ops: whether to use brightness, contrast, sharpness and colour, too.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: an integer for the same augmentations in every run.
        data_format: `"channels_last"` or `"channels_first"`; the configured format by default.

    >>> import hilevel
    >>> hilevel.layers.AugMix(seed=1)(np.ones((2, 8, 8, 3))).shape
    (2, 8, 8, 3)

    Raises:
        ValueError: an argument is invalid.
    """

    def __init__(
        self,
        value_range: tuple[float, float] = BYTES,
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Factor = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed=seed, data_format=data_format, **kwargs)
        self.num_chains = positive("AugMix", "num_chains", num_chains)
        self.chain_depth = positive("AugMix", "chain_depth", chain_depth)
        self.alpha = number("AugMix", "alpha", alpha, 0)
        flags("AugMix", all_ops=all_ops)
        self.all_ops = all_ops
        self._number = len(self._choices) if all_ops else 7

    def draw(self, shape: tuple[int, ...], seed: SeedLike) -> dict[str, Any]:
        """Return the weights of the chains and of the images, and the augmentations with a seed for each."""
        gamma = random.gamma((self.num_chains,), self.alpha, dtype="float32", seed=seed)
        chains = (self.num_chains, self.chain_depth)
        return {
            "chain_mixing_weights": gamma / ops.sum(gamma),
            "weight_sample": random.beta((), self.alpha, self.alpha, dtype="float32", seed=seed),
            "indices": random.randint(chains, 0, self._number + 1, seed=seed),
            "keys": self._keys(seed, *chains),
            "input_shape": shape,
        }

    def _blended(self, part: str, value: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return the weighted mean of images or masks and of their chains."""
        dtype = self.compute_dtype
        weights = ops.cast(transformation["chain_mixing_weights"], dtype)
        kept = ops.cast(transformation["weight_sample"], dtype)
        mixed: Any = 0.0
        for i in range(self.num_chains):
            chain = value
            for j in range(self.chain_depth):
                index, key = transformation["indices"][i, j], transformation["keys"][i, j]
                chain = self._apply(index, key, transformation["input_shape"], part, chain)
            mixed = mixed + weights[i] * chain
        return kept * value + (1.0 - kept) * mixed

    def augment(self, images: Tensor, transformation: dict[str, Any]) -> Tensor:
        """Return mixed images."""
        return self._clipped(self._blended("images", images, transformation))

    def augment_masks(self, masks: TensorLike, transformation: Any) -> TensorLike:
        """Return masks, mixed as the images."""
        return self._blended("segmentation_masks", ops.cast(masks, self.compute_dtype), transformation)
