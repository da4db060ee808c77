"""Image layers with fixed transformations, for the comparison with Keras: tests/data/images.npz has its results.

`name: (class, arguments, transformation)`. Arguments without a `data_format` are used with both. Values are from 0 to 1.
"""

from __future__ import annotations

from typing import Any

SHAPE = (2, 7, 9, 3)
"""The shape of the images, channels last."""

ANGLE = 20.0
UNIT = {"value_range": (0, 1)}
YES = [True, False]
FILL: dict[str, Any] = {"fill_mode": "constant", "fill_value": 0.25}
SHIFT = {"translations": [[1.5, -2.25], [-3.0, 0.5]], "input_shape": SHAPE}
ZOOM = {"height_zoom": [[0.6], [1.4]], "width_zoom": [[1.3], [0.7]], "input_shape": SHAPE}
SHEAR = {"shear_factor": [[0.3, 0.1], [-0.2, 0.25]], "input_shape": SHAPE}
CORNERS = [[[0.0, 0.0], [8.0, 0.0], [0.0, 6.0], [8.0, 6.0]]] * 2
MOVED = [[[0.0, 0.0], [6.5, 0.0], [0.0, 5.0], [9.0, 7.0]], [[0.0, 0.0], [9.0, 0.0], [0.0, 7.0], [5.0, 4.0]]]
PERSPECTIVE = {
    "apply_perspective": [True, True],
    "start_points": CORNERS,
    "end_points": MOVED,
    "input_shape": SHAPE,
}
FLIP = {"flips": [[[[True]]], [[[False]]]], "input_shape": SHAPE}

MIX = {"mix_weight": [0.3, 0.8], "permutation_order": [1, 0]}
CUT = {
    "batch_masks": [[[[(i + j) % 3 == k] for j in range(9)] for i in range(7)] for k in range(2)],
    "permutation_order": [1, 0],
    "mix_weight": [[[[0.6]]], [[[0.7]]]],
}
ERASE = {"apply_erasing": YES, "batch_masks": CUT["batch_masks"], "fill_value": 0.25}

CASES: dict[str, tuple[str, dict[str, Any], Any]] = {
    "resizing up": ("Resizing", {"height": 11, "width": 12}, SHAPE[1:3]),
    "resizing down nearest": ("Resizing", {"height": 4, "width": 5, "interpolation": "nearest"}, SHAPE[1:3]),
    "resizing antialias": (
        "Resizing",
        {"height": 3, "width": 4, "interpolation": "bicubic", "antialias": True},
        SHAPE[1:3],
    ),
    "resizing crop": ("Resizing", {"height": 8, "width": 4, "crop_to_aspect_ratio": True}, SHAPE[1:3]),
    "resizing pad": (
        "Resizing",
        {"height": 8, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 0.5},
        SHAPE[1:3],
    ),
    "center crop": ("CenterCrop", {"height": 4, "width": 6}, {"input_shape": SHAPE}),
    "center crop larger": ("CenterCrop", {"height": 10, "width": 8}, {"input_shape": SHAPE}),
    "random crop": ("RandomCrop", {"height": 4, "width": 6}, (2, 1)),
    "flip left and right": ("RandomFlip", {"mode": "horizontal"}, FLIP),
    "flip top and bottom": ("RandomFlip", {"mode": "vertical"}, FLIP),
    "flip both": ("RandomFlip", {}, FLIP),
    "contrast": ("RandomContrast", {"factor": 0.5, **UNIT}, {"contrast_factor": [[[[0.6]]], [[[1.7]]]]}),
    "brightness": ("RandomBrightness", {"factor": 0.5, **UNIT}, {"rgb_delta": [[[[0.3]]], [[[-0.4]]]]}),
    "translation": ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, SHIFT),
    "translation constant": (
        "RandomTranslation",
        {"height_factor": 0.5, "width_factor": 0.5, "interpolation": "nearest", **FILL},
        SHIFT,
    ),
    "zoom": ("RandomZoom", {"height_factor": 0.5, "width_factor": 0.5}, ZOOM),
    "zoom wrap": ("RandomZoom", {"height_factor": 0.5, "fill_mode": "wrap"}, ZOOM),
    "shear": ("RandomShear", {"x_factor": 0.5, "y_factor": 0.5}, SHEAR),
    "shear nearest": ("RandomShear", {"x_factor": 0.5, "fill_mode": "nearest"}, SHEAR),
    "perspective": ("RandomPerspective", {"fill_value": 0.5}, PERSPECTIVE),
    "solarization": (
        "Solarization",
        {"addition_factor": 0.5, "threshold_factor": 0.5, **UNIT},
        {"additions": [[[[20.0]]], [[[0.0]]]], "thresholds": [[[[100.0]]], [[[200.0]]]]},
    ),
    "invert": ("RandomInvert", UNIT, {"apply_inversion": YES}),
    "grayscale": ("RandomGrayscale", {}, [[[[True]]], [[[False]]]]),
    "hue": ("RandomHue", {"factor": 0.5, **UNIT}, {"factor": [0.2, -0.35]}),
    "saturation": ("RandomSaturation", {"factor": 0.5, **UNIT}, {"factor": [0.4, 2.5]}),
    "posterization": ("RandomPosterization", {"factor": 5, **UNIT}, {"shift_factor": [3, 6]}),
    "sharpness": ("RandomSharpness", {"factor": 0.5, **UNIT}, {"factor": [0.1, 0.9]}),
    "color degeneration": (
        "RandomColorDegeneration",
        {"factor": 0.5, **UNIT},
        {"factor": [[[[0.3]]], [[[0.9]]]]},
    ),
    "gaussian blur": (
        "RandomGaussianBlur",
        {"kernel_size": (3, 5), **UNIT},
        {"should_apply_blur": YES, "blur_factor": [0.7, 0.9]},
    ),
    "auto contrast": ("AutoContrast", UNIT, None),
    "equalization": ("Equalization", UNIT, None),
    "equalization bins": ("Equalization", {"bins": 16, **UNIT}, None),
    "clahe": ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (2, 3), **UNIT}, None),
    "clahe without limit": (
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"tile_grid_size": (3, 2), "clip_limit": 0.0, **UNIT},
        None,
    ),
    "mix up": ("MixUp", {}, MIX),
    "cut mix": ("CutMix", {}, CUT),
    "erasing": ("RandomErasing", {}, ERASE),
}
MOVING = (
    "Resizing",
    "CenterCrop",
    "RandomFlip",
    "RandomTranslation",
    "RandomZoom",
    "RandomShear",
    "RandomPerspective",
)
