"""Settings of layers: each of a fixed set or range is checked when the layer is made, in every public layer."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.errors import ArgumentError

# -- layers that can be made ------------------------------------------------------------------------

# Arguments without a default, by name; and where that is not enough, those of a layer.
GIVEN: dict[str, Any] = {
    "filters": 4, "kernel_size": 3, "units": 3, "rate": 0.3, "input_dim": 4, "output_dim": 2, "n": 2, "num_bins": 3,
    "pool_size": 2, "output_size": 2, "activation": "relu", "target_shape": (2, -1), "dims": (2, 1), "axes": 1,
    "equation": "ab,bc->ac", "output_shape": 3, "scale": 2.0, "head_dim": 2, "num_query_heads": 4,
    "num_key_value_heads": 2, "num_heads": 2, "key_dim": 2, "stddev": 0.1, "function": abs, "height": 2, "width": 2,
    "factor": 0.5, "height_factor": 0.5, "width_factor": 0.5, "max_number": 3,
}  # fmt: skip
INNER = {"Bidirectional": lambda: layers.LSTM(2), "RNN": lambda: layers.LSTMCell(2)}
MORE: dict[str, Any] = {
    "CategoryEncoding": {"num_tokens": 3}, "Discretization": {"num_bins": 3}, "InputLayer": {"shape": (3,)},
    "StackedRNNCells": {"cells": [layers.SimpleRNNCell(2)]}, "IntegerLookup": {"oov_method": "farmhash"},
    "Pipeline": {"layers": [layers.Dense(2)]}, "RandomPosterization": {"factor": 4},
}  # fmt: skip


def classes() -> dict[str, type[layers.Layer]]:
    found = {name: getattr(layers, name) for name in layers.__all__}
    return {
        cls.__name__: cls
        for cls in found.values()
        if isinstance(cls, type) and issubclass(cls, layers.Layer) and cls is not layers.Layer
    }


CLASSES = classes()


def parameters(cls: type) -> dict[str, inspect.Parameter]:
    found = inspect.signature(cls).parameters
    return {n: p for n, p in found.items() if p.kind is not inspect.Parameter.VAR_KEYWORD}


def arguments(name: str) -> dict[str, Any]:
    needed = [n for n, p in parameters(CLASSES[name]).items() if p.default is inspect.Parameter.empty]
    inner = INNER.get(name, lambda: layers.Dense(2))
    return {
        n: inner() if n in ("layer", "cell") else GIVEN[n] for n in needed if n not in ("cells", "layers")
    } | MORE.get(name, {})


# -- what is refused --------------------------------------------------------------------------------

NAN, TEXT, OTHER = float("nan"), "nonsense", object()
SIZE = [0, -1, 1.5, NAN, TEXT, OTHER, True]
WHOLE = [1.5, NAN, TEXT, OTHER]
NUMBER = [NAN, TEXT, OTHER, [0.5]]
POSITIVE_OR_ZERO = [-0.5, *NUMBER]
SHARE = [-0.5, 1.5, *NUMBER]
CHOICE = [TEXT, "", 7, OTHER, ["valid"]]
LIMITS = [9.5, -9.5, (9.5, 9.6), (0.5,), TEXT, NAN, OTHER]
FLAG = [TEXT, "False", 2, 0.5, OTHER, [True]]

# For each argument: values that no layer takes.
REFUSED: dict[str, list[Any]] = {
    # one of a few
    "data_format": [*CHOICE, 0], "padding": [TEXT, 1.5, OTHER], "interpolation": CHOICE, "merge_mode": [*CHOICE, True],
    "score_mode": [*CHOICE, None], "output_mode": [*CHOICE, None], "activation": CHOICE, "recurrent_activation": CHOICE,
    "standardize": CHOICE, "split": CHOICE, "oov_method": [*CHOICE, None], "vocabulary_dtype": CHOICE,
    "use_cudnn": CHOICE, "encoding": [TEXT, 7, OTHER],
    # flags
    **dict.fromkeys((
        "use_bias", "use_scale", "use_gate", "center", "scale of normalization", "mask_zero", "normalize", "invert",
        "return_sequences", "return_state", "go_backwards", "stateful", "unroll", "zero_output_for_mask", "reset_after",
        "unit_forget_bias", "keepdims", "pad_to_max_tokens", "optional", "trainable", "autocast", "antialias",
        "crop_to_aspect_ratio", "pad_to_aspect_ratio", "all_ops", "periodic", "expand_dims", "power_to_db",
        "tie_weights",
    ), FLAG),
    # sizes
    **dict.fromkeys((
        "units", "filters", "kernel_size", "depth_multiplier", "pool_size", "strides", "dilation_rate", "size", "n",
        "input_dim", "output_dim", "num_bins", "num_tokens", "num_heads", "key_dim", "value_dim", "head_dim",
        "num_query_heads", "num_key_value_heads", "sliding_window", "power_iterations", "output_sequence_length", "ngrams",
        "output_size", "batch_size", "max_tokens", "height", "width", "bins", "num_chains", "chain_depth",
        "fft_length", "sequence_stride", "sequence_length", "frame_length", "frame_step", "sampling_rate", "num_mel_bins",
    ), SIZE),
    "max_number": [-1, *WHOLE], "num_ops": [-1, *WHOLE], "fill_value of boxes": WHOLE, "kernel_size of a filter": [2, *SIZE],
    "tile_grid_size": [3, (2,), (0, 2), (2, 0.5), TEXT], "groups": [0, -2, *WHOLE], "num_oov_indices": [-1, *WHOLE], "cropping": [-1, *WHOLE], "output_padding": [-1, *WHOLE],
    # numbers
    "rate": [1.5, -0.5, TEXT, NAN, OTHER, 1.0], "dropout": [1.5, -0.5, TEXT, NAN, OTHER, 1.0],
    "recurrent_dropout": [1.5, -0.5, TEXT, NAN, OTHER, 1.0], "momentum": SHARE, "renorm_momentum": SHARE,
    "epsilon": POSITIVE_OR_ZERO, "stddev": POSITIVE_OR_ZERO, "l1": POSITIVE_OR_ZERO, "l2": POSITIVE_OR_ZERO,
    "negative_slope": POSITIVE_OR_ZERO, "max_value": POSITIVE_OR_ZERO, "threshold": POSITIVE_OR_ZERO, "alpha": NUMBER, "logit_soft_cap": NUMBER,
    "mask_value of Masking": NUMBER, "scale": [TEXT, OTHER, {}], "offset": [TEXT, OTHER, {}], "seed": [*WHOLE, [1]],
    "salt": [*WHOLE, [1, 2, 3]],
    **dict.fromkeys((
        "factor", "height_factor", "width_factor", "x_factor", "y_factor", "addition_factor", "threshold_factor",
        "scale of images", "sigma", "brightness_factor", "contrast_factor", "saturation_factor", "hue_factor", "offset of images",
    ), LIMITS),
    "value_range": [TEXT, 1, (0,), (0, 1, 2), (0, TEXT)], "fill_value": [TEXT, OTHER, (1, 2)], "fill_mode": CHOICE,
    "clip_limit": NUMBER, "mode": CHOICE,
    "window": [TEXT, 7, OTHER, [TEXT]], "scaling": CHOICE, "min_freq": POSITIVE_OR_ZERO, "max_freq": [1.0, *NUMBER],
    "top_db": POSITIVE_OR_ZERO, "mag_exp": NUMBER, "min_power": NUMBER, "ref_power": NUMBER,
    # axes and shapes
    "axis": [*WHOLE, [0.5], True], "axes": [*WHOLE, [1, 2, 3], None], "shared_axes": WHOLE, "attention_axes": WHOLE,
    "dims": [*WHOLE, (1, 3), (1, 1), (0, 1), 2], "target_shape": [*WHOLE, (-1, -1), (2, -2), (0.5,), 3],
    "noise_shape": [*WHOLE, (0,), (2, 0.5), 3], "output_shape": [*SIZE, (0,)], "shape": [*WHOLE, -1, (2, -1), (0.5,)],
    "batch_shape": [TEXT, 3, OTHER, (None, -1)], "bin_boundaries": [TEXT, OTHER, 3.0, [1.0, 0.0], [0.0, NAN], [0.0, 0.0]],
    # layers, functions and data
    "layer": [TEXT, None, 3, OTHER], "backward_layer": [TEXT, 3, OTHER, 0], "cell": [TEXT, None, 3, OTHER],
    "cells": [TEXT, None, 3, OTHER], "layers": [TEXT, None, 3, [OTHER]], "function": [TEXT, None, 3], "arguments": [TEXT, 3, [1]], "equation": [TEXT, 3, None],
    "bias_axes": [TEXT, 3, OTHER], "vocabulary": [3, OTHER],
}  # fmt: skip

# Not of a fixed set or range: names, initializers and their like, any data, or not implemented beyond the default.
FREE = {
    "name", "dtype", "weights", "mask", "mask_value", "mask_token", "oov_token", "idf_weights", "mean", "variance",
    "sparse", "ragged", "input_tensor", "flash_attention", "renorm", "renorm_clipping", "synchronized", "lora_rank",
    "lora_alpha", "quantization_config", "gptq_unpacked_column_size", "reverse_dtype",
}  # fmt: skip
INSTEAD = {"bin_boundaries": "num_bins", "batch_shape": "shape"}  # arguments that cannot be given together
FREE_IN = {("Lambda", "output_shape")}


def refused(layer: str, argument: str) -> list[Any] | None:
    """The values that an argument of a layer does not take; None where it takes any."""
    if (layer, argument) in FREE_IN or argument.endswith(("_initializer", "_regularizer", "_constraint")):
        return None
    if argument == "scale" and "Normalization" in layer:
        return REFUSED["scale of normalization"]
    if layer.startswith("Random") and argument in ("scale", "kernel_size"):
        return REFUSED["scale of images" if argument == "scale" else "kernel_size of a filter"]
    if (layer, argument) == ("Mosaic", "offset"):
        return REFUSED["offset of images"]
    if (layer, argument) == ("MaxNumBoundingBoxes", "fill_value"):
        return REFUSED["fill_value of boxes"]
    if (layer, argument) == ("Masking", "mask_value"):
        return REFUSED["mask_value of Masking"]
    if argument == "padding" and layer.startswith("ZeroPadding"):
        return [-1, *WHOLE, (1, 2, 3, 4)]
    return None if argument in FREE else REFUSED[argument]


def cases() -> Iterator[tuple[str, str]]:
    for layer, cls in CLASSES.items():
        for argument in (*parameters(cls), *["trainable"] * (layer not in ("InputLayer", "Pipeline"))):
            if refused(layer, argument) is not None:
                yield layer, argument


@pytest.mark.parametrize("layer", CLASSES)
def test_the_layers_can_be_made(layer: str) -> None:
    CLASSES[layer](**arguments(layer))


@pytest.mark.parametrize(("layer", "argument"), list(cases()))
def test_settings_that_are_refused(layer: str, argument: str) -> None:
    given = {n: v for n, v in arguments(layer).items() if n != INSTEAD.get(argument)}
    named = "Input" if layer == "InputLayer" and argument != "trainable" else layer
    cell = re.sub(r"LSTM\dD", "LSTMCell", layer)
    for value in refused(layer, argument) or ():
        with pytest.raises(ValueError) as error:
            CLASSES[layer](**given | {argument: value})
        text = str(error.value)
        assert (named in text or cell in text) and argument in text, text
        assert type(value) is object or str(value)[:6] in text or repr(value)[:6] in text, text


# -- what is taken ----------------------------------------------------------------------------------

TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("Dense", {"units": np.int64(3), "use_bias": np.bool_(False), "activation": None}),
    ("Dense", {"use_bias": 0, "trainable": 1}),
    ("Dropout", {"rate": np.float32(0.5), "noise_shape": [None, np.int32(1)], "seed": np.int64(3)}),
    ("Dropout", {"rate": 0, "seed": None}),
    ("Conv1D", {"padding": "SAME", "strides": (1,)}),
    ("BatchNormalization", {"axis": np.int64(1), "momentum": np.float32(0.9), "epsilon": 0}),
    ("LayerNormalization", {"axis": (1, 2)}),
    ("Softmax", {"axis": None}),
    ("Flatten", {"data_format": "channels_first"}),
    ("ReLU", {"max_value": np.inf, "threshold": np.float64(0.5)}),
    ("Masking", {"mask_value": np.array(-1.0)}),
    ("Rescaling", {"scale": [1.0, 2.0], "offset": np.zeros(2)}),
    ("Reshape", {"target_shape": [np.int64(2), -1]}),
    ("GRU", {"implementation": 1, "use_cudnn": False, "stateful": None}),
    ("InputLayer", {"shape": 3, "batch_size": 2}),
    ("InputLayer", {"shape": ()}),
    ("TextVectorization", {"standardize": str.lower, "split": None, "ngrams": (1, 2)}),
    ("Discretization", {"num_bins": None, "bin_boundaries": np.array([0, 1])}),
]


@pytest.mark.parametrize(("layer", "given"), TAKEN)
def test_settings_that_are_taken(layer: str, given: dict[str, Any], backend: Any) -> None:
    made = CLASSES[layer](**arguments(layer) | given)
    if layer != "InputLayer" and "standardize" not in given:
        layers.deserialize(layers.serialize(made))


def test_a_wrong_setting_is_a_value_error_and_a_type_error() -> None:
    for kind in (ArgumentError, ValueError, TypeError):
        with pytest.raises(
            kind, match=r"^UnitNormalization: axis must be an integer, a list of them; got 'last'\."
        ):
            layers.UnitNormalization(axis="last")


def test_the_cell_of_a_recurrent_layer_is_checked() -> None:
    with pytest.raises(ValueError, match=r"LSTMCell: implementation must be one of 0, 1, 2; got 'fast'"):
        layers.LSTM(3, implementation="fast")


def test_flatten_reads_the_order_of_the_configuration(backend: Any) -> None:
    x = np.arange(12.0).reshape(1, 2, 6).astype("float32")
    assert layers.Flatten().data_format == "channels_last"
    first = hilevel.ops.convert_to_numpy(layers.Flatten("channels_first")(x))
    np.testing.assert_array_equal(first, x.transpose(0, 2, 1).reshape(1, 12))
