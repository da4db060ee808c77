"""Convolutions: `name: (class, arguments, inputs, arguments of the call)`."""

from __future__ import annotations

from typing import Any

FIRST = {"data_format": "channels_first"}

CASES: dict[str, Any] = {
    "conv1d": ("Conv1D", {"filters": 3, "kernel_size": 3}, [(2, 7, 2)]),
    "conv1d same strides": ("Conv1D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, [(2, 8, 2)]),
    "conv1d causal": (
        "Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "dilation_rate": 2}, [(2, 7, 2)],
    ),
    "conv1d causal strides": (
        "Conv1D", {"filters": 2, "kernel_size": 2, "padding": "causal", "strides": 2, **FIRST}, [(2, 3, 7)],
    ),
    "conv1d groups": ("Conv1D", {"filters": 4, "kernel_size": 2, "groups": 2, "activation": "gelu"}, [(2, 5, 6)]),
    "conv1d many channels": ("Conv1D", {"filters": 3, "kernel_size": 2, "padding": "same"}, [(2, 5, 18)]),
    "conv2d": ("Conv2D", {"filters": 3, "kernel_size": 3, "activation": "relu"}, [(2, 6, 5, 2)]),
    "conv2d same": ("Conv2D", {"filters": 2, "kernel_size": (3, 2), "padding": "same"}, [(2, 5, 4, 3)]),
    "conv2d same strides": (
        "Conv2D", {"filters": 3, "kernel_size": 3, "strides": (2, 1), "padding": "same", "activation": "tanh"},
        [(2, 6, 5, 2)],
    ),
    "conv2d valid strides": ("Conv2D", {"filters": 3, "kernel_size": 2, "strides": 3, "use_bias": False}, [(2, 7, 6, 2)]),
    "conv2d dilation": ("Conv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": (2, 3)}, [(2, 6, 5, 2)]),
    "conv2d dilation same": (
        "Conv2D", {"filters": 3, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, [(2, 6, 5, 2)],
    ),
    "conv2d groups": (
        "Conv2D", {"filters": 6, "kernel_size": 3, "groups": 3, "padding": "same", "activation": "sigmoid"},
        [(2, 4, 5, 6)],
    ),
    "conv2d channels first": (
        "Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu", **FIRST},
        [(2, 2, 6, 5)],
    ),
    "conv2d pointwise": ("Conv2D", {"filters": 3, "kernel_size": 1, "activation": "relu"}, [(2, 3, 4, 5)]),
    "conv2d pointwise strides": ("Conv2D", {"filters": 3, "kernel_size": 1, "strides": 2}, [(2, 4, 5, 3)]),
    "conv2d regularized": (
        "Conv2D", {"filters": 2, "kernel_size": 2, "kernel_regularizer": "l2", "bias_initializer": "ones"},
        [(2, 3, 3, 2)],
    ),
    "conv3d": ("Conv3D", {"filters": 2, "kernel_size": (2, 3, 2), "padding": "same"}, [(1, 3, 4, 3, 2)]),
    "conv3d strides": ("Conv3D", {"filters": 2, "kernel_size": 2, "strides": (1, 2, 2), **FIRST}, [(1, 2, 3, 4, 5)]),
    "conv1d transpose": ("Conv1DTranspose", {"filters": 3, "kernel_size": 3}, [(2, 4, 2)]),
    "conv1d transpose strides": (
        "Conv1DTranspose", {"filters": 3, "kernel_size": 2, "strides": 3, **FIRST}, [(2, 2, 4)],
    ),
    "conv2d transpose": (
        "Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same", "activation": "relu"},
        [(2, 3, 4, 2)],
    ),
    "conv2d transpose valid": ("Conv2DTranspose", {"filters": 2, "kernel_size": (3, 2), "strides": 2}, [(2, 3, 2, 3)]),
    "conv2d transpose output padding": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": (2, 3), "padding": "same", "output_padding": (1, 0)},
        [(2, 3, 2, 3)],
    ),
    "conv2d transpose valid output padding": (
        "Conv2DTranspose", {"filters": 2, "kernel_size": 2, "strides": 2, "output_padding": 1, **FIRST}, [(2, 3, 3, 2)],
    ),
    "conv2d transpose dilation": (
        "Conv2DTranspose", {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, [(2, 4, 5, 3)],
    ),
    "conv2d transpose even": (
        "Conv2DTranspose", {"filters": 1, "kernel_size": 4, "strides": 2, "padding": "same"}, [(2, 3, 3, 2)],
    ),
    "conv3d transpose": ("Conv3DTranspose", {"filters": 2, "kernel_size": 2, "strides": (1, 2, 1)}, [(1, 2, 2, 3, 2)]),
    "depthwise conv1d": (
        "DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2, "padding": "same"}, [(2, 6, 3)],
    ),
    "depthwise conv2d": ("DepthwiseConv2D", {"kernel_size": 3, "activation": "relu"}, [(2, 5, 4, 3)]),
    "depthwise conv2d strides": (
        "DepthwiseConv2D", {"kernel_size": (3, 2), "strides": 2, "depth_multiplier": 2, "padding": "same"},
        [(2, 5, 6, 2)],
    ),
    "depthwise conv2d dilation": (
        "DepthwiseConv2D", {"kernel_size": 2, "dilation_rate": 2, "use_bias": False, **FIRST}, [(2, 3, 5, 4)],
    ),
    "separable conv1d": ("SeparableConv1D", {"filters": 4, "kernel_size": 3, "padding": "same"}, [(2, 6, 3)]),
    "separable conv2d": (
        "SeparableConv2D", {"filters": 4, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"},
        [(2, 5, 4, 3)],
    ),
    "separable conv2d strides": (
        "SeparableConv2D", {"filters": 2, "kernel_size": 2, "strides": 2, "padding": "same", **FIRST}, [(2, 3, 5, 4)],
    ),
    "separable conv2d dilation": (
        "SeparableConv2D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "activation": "elu"}, [(2, 5, 4, 2)],
    ),
}  # fmt: skip
