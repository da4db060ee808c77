"""Activation layers: `name: (class, arguments, inputs, arguments of the call)`."""

from __future__ import annotations

from typing import Any

from layer_cases import mask

SOME = "random_normal"

CASES: dict[str, Any] = {
    "relu plain": ("ReLU", {}, [(4, 5)]),
    "relu limited": ("ReLU", {"max_value": 0.5}, [(4, 5)]),
    "relu leaking": ("ReLU", {"negative_slope": 0.3}, [(4, 5)]),
    "relu threshold": ("ReLU", {"threshold": 0.4}, [(4, 5)]),
    "leaky relu default": ("LeakyReLU", {}, [(4, 5)]),
    "elu default": ("ELU", {}, [(4, 5)]),
    "prelu": ("PReLU", {"alpha_initializer": SOME}, [(4, 3, 5)]),
    "prelu one shared axis": ("PReLU", {"alpha_initializer": SOME, "shared_axes": 2}, [(4, 3, 5)]),
    "prelu shared axes": ("PReLU", {"alpha_initializer": SOME, "shared_axes": [1, 2]}, [(2, 3, 2, 4)]),
    "prelu penalties": ("PReLU", {"alpha_regularizer": "l2", "alpha_constraint": "non_neg"}, [(4, 5)]),
    "softmax last axis": ("Softmax", {}, [(2, 3, 5)]),
    "softmax axes": ("Softmax", {"axis": [1, 2]}, [(2, 3, 5)]),
    "softmax one of a list": ("Softmax", {"axis": [1]}, [(2, 3, 5)]),
    "softmax mask": ("Softmax", {}, [(4, 5)], {"mask": mask(4, 5)}),
    "softmax mask of one row": ("Softmax", {}, [(4, 5)], {"mask": mask(1, 5)}),
    "softmax mask and axes": ("Softmax", {"axis": [1, 2]}, [(4, 3, 5)], {"mask": mask(4, 3, 5)}),
    "activation by name": ("Activation", {"activation": "log_softmax"}, [(4, 5)]),
    "alpha dropout off": ("AlphaDropout", {"rate": 0.5}, [(4, 5)]),
    "spatial dropout off": ("SpatialDropout1D", {"rate": 0.5}, [(4, 2, 5)]),
}  # fmt: skip
