"""Random smooth distortions of images."""

from __future__ import annotations

from typing import Any

from hilevel.api.lazy import LazyModule
from hilevel.engine.allowance import claim
from hilevel.engine.op import composite, to_array
from hilevel.engine.types import Tensor, TensorLike
from hilevel.ops.image.filters import gaussian_weights, smooth
from hilevel.ops.image.layout import compute_dtype, layout_of, one_of
from hilevel.ops.image.sampling import FILL_MODES, ORDERS, move_pixels, pixels

random: Any = LazyModule("hilevel.random")


@composite
def elastic_transform(
    images: TensorLike,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Tensor:
    """Distort images by random displacements of their pixels, by Simard et al. (2003).

    A displacement is `alpha` times a normal random value of standard deviation `sigma`, blurred with a Gaussian
    filter of standard deviation `sigma`. The result has the dtype of the images.

    Args:
        images: `(batch, height, width, channels)` or `(height, width, channels)`; with `"channels_first"` the
            channels precede the height.
        alpha: the factor of the displacements, in pixels.
        sigma: the standard deviation, in pixels.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode, fill_value: the values outside of the images, as in `map_coordinates`.
        seed: an integer, a `hilevel.random.SeedGenerator`, or None for the global generator.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    >>> ops.image.elastic_transform(np.ones((4, 4, 1)), seed=1)[0, :, 0].round(4)
    array([1., 1., 1., 1.])

    Raises:
        ShapeError: the images have neither 3 nor 4 axes.
        ValueError: an argument has an invalid value.
    """
    name, images = "elastic_transform", to_array(images)
    one_of(name, "interpolation", interpolation, ORDERS)
    one_of(name, "fill_mode", fill_mode, FILL_MODES)
    layout = layout_of(name, images, data_format)
    x = layout.to_last(images)
    batch, height, width, _ = x.shape
    dtype = compute_dtype(images.dtype)
    claim(8 * int(6 * sigma), f"sigma={sigma}")
    weights = gaussian_weights(int(6 * sigma) | 1, sigma, dtype)
    noise = random.normal((batch, height, width, 2), stddev=float(sigma), dtype=dtype, seed=seed)
    moves = smooth(noise, weights, weights) * float(alpha)
    rows, columns = pixels(height, width, dtype)
    moved = move_pixels(
        x, rows + moves[..., 0], columns + moves[..., 1], interpolation, fill_mode, fill_value
    )
    return layout.restore(moved)
