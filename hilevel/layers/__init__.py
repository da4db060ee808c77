"""The layers: names, arguments and defaults are those of `keras.layers`. A family is loaded when it is first used."""

# ruff: noqa: F403
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from hilevel._lazy import install_getattr, where_names_are
from hilevel.layers.layer import Layer as Layer
from hilevel.registry import Registry, snake_case

_FAMILIES = {
    "activation": "ELU LeakyReLU PReLU ReLU Softmax",
    "attention": "AdditiveAttention Attention",
    "bidirectional": "Bidirectional TimeDistributed",
    "cells": "GRUCell LSTMCell SimpleRNNCell",
    "convolution": "Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D",
    "convolution_depthwise": """
        DepthwiseConv1D DepthwiseConv2D SeparableConv1D SeparableConv2D SeparableConvolution1D
        SeparableConvolution2D
    """,
    "convolution_transpose": """
        Conv1DTranspose Conv2DTranspose Conv3DTranspose Convolution1DTranspose
        Convolution2DTranspose Convolution3DTranspose
    """,
    "core": "Activation ActivityRegularization Dense Flatten Identity Lambda Permute RepeatVector Reshape",
    "discretization": "Discretization",
    "einsum_dense": "EinsumDense",
    "embedding": "Embedding Masking",
    "input_layer": "Input InputLayer",
    "input_spec": "InputSpec",
    "layer": "Layer",
    "lookup": "Hashing IntegerLookup StringLookup",
    "merging": """
        Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot
        maximum minimum multiply subtract
    """,
    "multi_head_attention": "GroupQueryAttention MultiHeadAttention",
    "noise": """
        AlphaDropout Dropout GaussianDropout GaussianNoise SpatialDropout1D SpatialDropout2D
        SpatialDropout3D
    """,
    "normalization": "BatchNormalization LayerNormalization",
    "pooling": """
        AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D MaxPool1D
        MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D
    """,
    "pooling_global": """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
        AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D GlobalAveragePooling1D
        GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D
        GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
        GlobalMaxPooling2D GlobalMaxPooling3D
    """,
    "preprocessing": "CategoryEncoding Normalization Rescaling",
    "recurrent": "GRU LSTM RNN SimpleRNN StackedRNNCells",
    "sample_normalization": "GroupNormalization RMSNormalization UnitNormalization",
    "spatial": """
        Cropping1D Cropping2D Cropping3D UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D
        ZeroPadding2D ZeroPadding3D
    """,
    "text": "TextVectorization",
    "wrapper": "SpectralNormalization Wrapper",
}

if TYPE_CHECKING:
    from hilevel.layers.activation import *
    from hilevel.layers.attention import *
    from hilevel.layers.bidirectional import *
    from hilevel.layers.cells import *
    from hilevel.layers.convolution import *
    from hilevel.layers.convolution_depthwise import *
    from hilevel.layers.convolution_transpose import *
    from hilevel.layers.core import *
    from hilevel.layers.discretization import *
    from hilevel.layers.einsum_dense import *
    from hilevel.layers.embedding import *
    from hilevel.layers.input_layer import *
    from hilevel.layers.input_spec import *
    from hilevel.layers.layer import *
    from hilevel.layers.lookup import *
    from hilevel.layers.merging import *
    from hilevel.layers.multi_head_attention import *
    from hilevel.layers.noise import *
    from hilevel.layers.normalization import *
    from hilevel.layers.pooling import *
    from hilevel.layers.pooling_global import *
    from hilevel.layers.preprocessing import *
    from hilevel.layers.recurrent import *
    from hilevel.layers.sample_normalization import *
    from hilevel.layers.spatial import *
    from hilevel.layers.text import *
    from hilevel.layers.wrapper import *

_load = install_getattr(__name__, _FAMILIES)
__all__ = sorted([*where_names_are(_FAMILIES), "deserialize", "serialize"])


def __dir__() -> list[str]:
    return __all__


def _classes() -> dict[str, Any]:
    """For each name of a class, in camel case and in snake case, a function that loads it."""
    names = [n for n in where_names_are(_FAMILIES) if n[0].isupper() and n not in ("Input", "InputSpec")]
    return {spelling: partial(_load, n) for n in names for spelling in (n, snake_case(n))}


def _of_models(name: str) -> Any:
    return getattr(import_module("hilevel.models"), name)


_MODELS = {
    spelling: partial(_of_models, n) for n in ("Model", "Sequential") for spelling in (n, snake_case(n))
} | {"Functional": partial(_of_models, "Model")}
"""Models, which are layers of others."""

_registry = Registry("layer", [], later=_classes() | _MODELS)


def serialize(layer: Layer) -> Any:
    """The layer as plain data: its class and its config.

    >>> import hilevel
    >>> hilevel.layers.serialize(hilevel.layers.Flatten())["class_name"]
    'Flatten'
    """
    return _registry.serialize(layer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Layer:
    """A layer as `serialize` wrote it down.

    >>> import hilevel
    >>> hilevel.layers.deserialize({"class_name": "Dense", "config": {"units": 3}}).units
    3
    """
    layer: Layer = _registry.deserialize(config, custom_objects)
    return layer
