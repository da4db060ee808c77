"""Poolings, and layers that enlarge, pad and crop: `name: (class, arguments, inputs, arguments of the call)`."""

from __future__ import annotations

from typing import Any

from layer_cases import mask

FIRST = {"data_format": "channels_first"}
SAME = {"padding": "same"}

CASES: dict[str, Any] = {
    "global average 1d": ("GlobalAveragePooling1D", {}, [(3, 4, 2)]),
    "global average 1d mask": ("GlobalAveragePooling1D", {}, [(3, 5, 2)], {"mask": mask(3, 5)}),
    "global average 1d mask first": (
        "GlobalAveragePooling1D", {"keepdims": True, **FIRST}, [(3, 2, 5)], {"mask": mask(3, 5)},
    ),
    "up 1d": ("UpSampling1D", {"size": 3}, [(2, 3, 2)]),
    "up 2d": ("UpSampling2D", {"size": (2, 3)}, [(2, 3, 2, 2)]),
    "up 2d first": ("UpSampling2D", {"size": 2, "interpolation": "bilinear", **FIRST}, [(2, 2, 3, 4)]),
    "up 3d": ("UpSampling3D", {"size": (1, 2, 3), **FIRST}, [(1, 2, 2, 3, 2)]),
    "zeros 1d": ("ZeroPadding1D", {"padding": (2, 1)}, [(2, 3, 2)]),
    "zeros 1d one": ("ZeroPadding1D", {**FIRST}, [(2, 3, 2)]),
    "zeros 2d": ("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, [(2, 3, 2, 2)]),
    "zeros 2d symmetric": ("ZeroPadding2D", {"padding": (1, 2), **FIRST}, [(2, 3, 2, 2)]),
    "zeros 3d": ("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (1, 1))}, [(1, 2, 3, 2, 2)]),
    "crop 1d": ("Cropping1D", {"cropping": (2, 1)}, [(2, 6, 2)]),
    "crop 2d": ("Cropping2D", {"cropping": ((1, 0), (2, 1))}, [(2, 4, 5, 2)]),
    "crop 2d first": ("Cropping2D", {"cropping": 1, **FIRST}, [(2, 2, 4, 5)]),
    "crop 3d": ("Cropping3D", {"cropping": ((1, 0), (0, 1), (1, 1))}, [(1, 3, 3, 4, 2)]),
}  # fmt: skip

for kind in ("Max", "Average"):
    CASES |= {
        f"{kind} 1d": (f"{kind}Pooling1D", {"pool_size": 2}, [(2, 7, 3)]),
        f"{kind} 1d same": (f"{kind}Pooling1D", {"pool_size": 3, "strides": 2, **SAME, **FIRST}, [(2, 3, 8)]),
        f"{kind} 2d": (f"{kind}Pooling2D", {"pool_size": (2, 3)}, [(2, 5, 6, 3)]),
        f"{kind} 2d overlapping": (f"{kind}Pooling2D", {"pool_size": 3, "strides": (1, 2)}, [(2, 5, 6, 3)]),
        f"{kind} 2d same": (f"{kind}Pooling2D", {"pool_size": 3, "strides": 2, **SAME}, [(2, 6, 5, 3)]),
        f"{kind} 2d apart": (
            f"{kind}Pooling2D",
            {"pool_size": 2, "strides": 3, **SAME, **FIRST},
            [(2, 2, 6, 7)],
        ),
        f"{kind} 3d": (f"{kind}Pooling3D", {"pool_size": 2, "strides": (1, 2, 2), **SAME}, [(1, 3, 4, 5, 2)]),
        f"global {kind} 1d": (f"Global{kind}Pooling1D", {"keepdims": True}, [(3, 4, 2)]),
        f"global {kind} 2d": (f"Global{kind}Pooling2D", {}, [(3, 4, 2, 3)]),
        f"global {kind} 2d first": (f"Global{kind}Pooling2D", {"keepdims": True, **FIRST}, [(3, 4, 2, 3)]),
        f"global {kind} 3d": (f"Global{kind}Pooling3D", {}, [(2, 3, 4, 2, 3)]),
        f"adaptive {kind} 1d": (f"Adaptive{kind}Pooling1D", {"output_size": 3}, [(2, 7, 3)]),
        f"adaptive {kind} 2d": (f"Adaptive{kind}Pooling2D", {"output_size": (2, 3), **FIRST}, [(2, 3, 5, 7)]),
        f"adaptive {kind} 3d": (f"Adaptive{kind}Pooling3D", {"output_size": 2}, [(1, 3, 4, 5, 2)]),
    }
for way in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
    CASES[f"up 2d {way}"] = ("UpSampling2D", {"size": (2, 3), "interpolation": way}, [(2, 3, 4, 2)])
