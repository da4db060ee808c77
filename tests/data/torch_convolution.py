"""Convolutions and poolings in PyTorch, on tensors and weights in Keras's layout; see torch_layers.py."""

import torch
import torch.nn.functional as F


def first(x):
    return x.movedim(-1, 1)


def last(x):
    return x.movedim(1, -1)


def turned(kernel):
    """`(*window, in, out)` as `(out, in, *window)`."""
    return kernel.movedim((-1, -2), (0, 1))


def padded(x, *sides):
    """Zeros around the spatial axes, as Keras's "same" puts them; in PyTorch's order, the last axis first."""
    return F.pad(x, sides)


def depthwise(kernel):
    """`(*window, channels, multiplier)` as `(channels * multiplier, 1, *window)`."""
    return kernel.movedim((-2, -1), (0, 1)).flatten(0, 1).unsqueeze(1)


CONVOLUTION = {
    "conv1d": lambda x, k, b: last(F.conv1d(first(x), turned(k), b)),
    "conv1d causal": lambda x, k, b: last(F.conv1d(padded(first(x), 4, 0), turned(k), b, dilation=2)),
    "conv1d groups": lambda x, k, b: F.gelu(last(F.conv1d(first(x), turned(k), b, groups=2))),
    "conv2d": lambda x, k, b: torch.relu(last(F.conv2d(first(x), turned(k), b))),
    "conv2d same": lambda x, k, b: last(F.conv2d(first(x), turned(k), b, padding="same")),
    "conv2d same strides": lambda x, k, b: torch.tanh(
        last(F.conv2d(padded(first(x), 1, 1, 0, 1), turned(k), b, stride=(2, 1)))
    ),
    "conv2d valid strides": lambda x, k: last(F.conv2d(first(x), turned(k), stride=3)),
    "conv2d dilation": lambda x, k, b: last(F.conv2d(first(x), turned(k), b, dilation=(2, 3))),
    "conv2d groups": lambda x, k, b: torch.sigmoid(
        last(F.conv2d(first(x), turned(k), b, padding="same", groups=3))
    ),
    "conv2d channels first": lambda x, k, b: torch.relu(
        F.conv2d(padded(x, 1, 1, 0, 1), turned(k), b, stride=2)
    ),
    "conv2d pointwise strides": lambda x, k, b: last(F.conv2d(first(x), turned(k), b, stride=2)),
    "conv3d": lambda x, k, b: last(F.conv3d(first(x), turned(k), b, padding="same")),
    "conv3d strides": lambda x, k, b: F.conv3d(x, turned(k), b, stride=(1, 2, 2)),
    "conv1d transpose": lambda x, k, b: last(F.conv_transpose1d(first(x), turned(k), b)),
    "conv1d transpose strides": lambda x, k, b: F.conv_transpose1d(
        x, turned(k), b, stride=3, output_padding=1
    ),
    "conv2d transpose valid": lambda x, k, b: last(F.conv_transpose2d(first(x), turned(k), b, stride=2)),
    "conv2d transpose even": lambda x, k, b: last(
        F.conv_transpose2d(first(x), turned(k), b, stride=2, padding=1)
    ),
    "conv2d transpose dilation": lambda x, k, b: last(
        F.conv_transpose2d(first(x), turned(k), b, dilation=2, padding=2)
    ),
    "conv3d transpose": lambda x, k, b: last(F.conv_transpose3d(first(x), turned(k), b, stride=(1, 2, 1))),
    "depthwise conv1d": lambda x, k, b: last(F.conv1d(first(x), depthwise(k), b, padding="same", groups=3)),
    "depthwise conv2d": lambda x, k, b: torch.relu(last(F.conv2d(first(x), depthwise(k), b, groups=3))),
    "depthwise conv2d dilation": lambda x, k: F.conv2d(x, depthwise(k), dilation=2, groups=3),
    "separable conv2d": lambda x, d, p, b: torch.relu(
        last(F.conv2d(F.conv2d(first(x), depthwise(d), groups=3), turned(p), b))
    ),
    "Max 1d": lambda x: last(F.max_pool1d(first(x), 2)),
    "Max 2d": lambda x: last(F.max_pool2d(first(x), (2, 3))),
    "Max 2d overlapping": lambda x: last(F.max_pool2d(first(x), 3, (1, 2))),
    "Average 2d overlapping": lambda x: last(F.avg_pool2d(first(x), 3, (1, 2))),
    "adaptive Max 2d": lambda x: F.adaptive_max_pool2d(x, (2, 3)),
    "adaptive Average 2d": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "adaptive Average 3d": lambda x: last(F.adaptive_avg_pool3d(first(x), 2)),
    "up 2d bilinear": lambda x: last(F.interpolate(first(x), scale_factor=(2, 3), mode="bilinear")),
}
