"""Names, arguments, their order and defaults are Keras's, as `data/keras_api.json` lists them.

1, 1.0 and (1, 1) count as one default; `**kwargs` may be absent; where Keras takes `*args`, we may say what
they are; and a method that takes everything, as `Layer.compute_output_shape` does, takes what
Keras's takes.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

import hilevel
from hilevel import ops

API = json.loads((pathlib.Path(__file__).parents[1] / "data" / "keras_api.json").read_text())
KERAS = {name.removeprefix("keras."): entry for name, entry in API.items()}

FAMILIES = (
    "activations", "constraints", "initializers", "losses", "metrics", "optimizers", "random",
    "regularizers",
)  # fmt: skip
"""The modules of which all of Keras is wanted, not only what is used most."""

_NOT_YET = {
    "Operation": "quantized_call",
    "Dense": "enable_lora quantize quantized_build variable_serialization_spec",
    "EinsumDense": "enable_lora quantize quantized_build variable_serialization_spec",
    "Layer": """
        add_metric quantize quantized_build quantized_call
    """,
    "Embedding": "enable_lora quantize quantized_build variable_serialization_spec",
    "Model": """
        get_quantization_layer_structure quantize
    """,
    "ReversibleEmbedding": "quantize quantized_build variable_serialization_spec",
    "dtype_policies": "AWQDTypePolicy GPTQDTypePolicy Int4DTypePolicy",
    "saving": "KerasFileEditor",
}
_HELPERS = {
    "RandomTranslation": "get_shifted_bbox get_transformed_x_y",
    "RandomZoom": "get_clipped_bbox get_transformed_x_y",
    "RandomShear": "get_shifted_bbox get_transformed_x_y",
    "TensorBoard": "summary",
}
"""Steps of Keras's computation, and a module of TensorFlow, which are no part of hilevel: see docs/differences.md."""
NOT_YET = {f"{owner}.{n}".lstrip(".") for owner, line in (_NOT_YET | _HELPERS).items() for n in line.split()}

DIFFERENT = {
    "GroupNormalization.call": "takes a mask, and leaves out of the statistics what it leaves out",
    "LayerNormalization.call": "takes a mask, and leaves out of the statistics what it leaves out",
    "UnitNormalization.call": "takes a mask, and leaves out of the norm what it leaves out",
    "Bidirectional.compute_mask": "the first argument has a name",
    "RNN.compute_mask": "the first argument has a name",
    "StackedRNNCells.from_config": "classes come from custom_object_scope alone",
    "Bidirectional.from_config": "classes come from custom_object_scope alone",
    "RNN.from_config": "classes come from custom_object_scope alone",
    "KerasTensor": "symbolic tensors are made by Input and by calls",
    "SymbolicTensor.reshape": "takes several numbers, too",
    "Layer.add_variable": "another name of add_weight",
    "Layer.build": "a layer of several inputs names a shape for each",
    "Lambda.from_config": "functions come from custom_object_scope alone",
    "Model.export": "the format is the ending of the name by default",
    "Model.summary": "show_flops shows the operations of each layer",
    "Model.from_config": "classes come from custom_object_scope alone",
    "Rescaling.from_config": "classes come from custom_object_scope alone",
    "models.model_from_json": "max_size limits the memory that a config takes",
    "saving.deserialize_keras_object": "max_size limits the memory that a config takes",
    "utils.deserialize_keras_object": "max_size limits the memory that a config takes",
    "ops.multi_hot": "the old argument num_tokens is not taken",
    "AugMix.build": "has no weights, and so the `build` of Layer",
    "RandAugment.build": "has no weights, and so the `build` of Layer",
    "RandomColorJitter.build": "has no weights, and so the `build` of Layer",
    "get_random_transformation": "`data` in all layers of images",
    "transform_bounding_boxes": "`transformation` and `training` in all layers of images",
    "transform_images": "`transformation` is optional in all layers of images",
    "transform_labels": "`transformation` is optional in all layers of images",
    "transform_segmentation_masks": "`transformation` is optional in all layers of images",
    "update_step": "`gradient` in all optimizers, as in the base class",
    "build": "`variables` in all optimizers, as in the base class",
}

OUR_OPS = {
    "Composite", "Op", "composite", "dense", "drop", "getitem", "mish", "op", "scatter_add", "recurrent", "standardize",
}  # fmt: skip
LATER_OPS = {"column_stack", "copysign", "cov", "float_power", "gammainc", "lgamma", "matrix_power"}
"""The ops of Keras 3.16, which the stored list does not have."""


def find(name: str) -> Any:
    """The thing of a dotted name; None where there is none."""
    found: Any = hilevel
    for i, part in enumerate(name.split(".")):
        inner = getattr(found, part, None)
        if inner is None:
            try:
                inner = importlib.import_module(".".join(["hilevel", *name.split(".")[: i + 1]]))
            except ImportError:
                return None
        found = inner
    return found


@functools.cache
def examples() -> dict[type, Any]:
    """Objects of the classes that set attributes in their constructors."""
    cls = hilevel
    dense = cls.layers.Dense(1)
    dense.build((None, 1))
    einsum = cls.layers.EinsumDense("ab,bc->ac", 1)
    einsum.build((None, 1))
    embedding = cls.layers.Embedding(2, 1)
    embedding.build()
    recurrent = [layer(1) for layer in (cls.layers.SimpleRNN, cls.layers.LSTM, cls.layers.GRU)]
    made: list[Any] = [
        embedding, *recurrent, cls.DTypePolicy("float32"),
        cls.dtype_policies.DTypePolicyMap("float32"), cls.Layer(), cls.Model(), cls.Sequential(), cls.Input((2,)),
        cls.layers.InputLayer((2,)), dense, einsum, cls.utils.PyDataset(), cls.callbacks.Callback(),
        cls.callbacks.CallbackList(), cls.callbacks.ReduceLROnPlateau(),
        cls.callbacks.EarlyStopping(), cls.callbacks.TerminateOnNaN(),
    ]  # fmt: skip
    return {type(thing): thing for thing in made}


def is_there(name: str) -> bool:
    owner, _, attribute = name.rpartition(".")
    cls = find(owner) if owner else None
    if inspect.isclass(cls):
        return hasattr(cls, attribute) or hasattr(examples().get(cls), attribute)
    return find(name) is not None


def label(name: str) -> str:
    """The name in NOT_YET and DIFFERENT: a method after its class, an op without its group."""
    owner = find(name.rpartition(".")[0]) if "." in name else None
    if inspect.isclass(owner):
        return f"{owner.__name__}.{name.rpartition('.')[2]}"
    return re.sub(r"^ops\.(numpy|nn|linalg|core|math)\.", "ops.", name)


NOT_HERE = re.compile(
    r"applications|distillation|distribution|quantizers|export|legacy|callbacks|"
    r"utils\.(pack|FeatureSpace)|.*(Quantiz|quantiz|TorchModule|Jax|Flax|TFSM|Export|Lora)"
)
"""Families of Keras that hilevel does not have, or whose names other tests check."""


def wanted(name: str) -> bool:
    """Whether the name, its signature and its methods must be those of Keras."""
    tier = KERAS[name]["tier"]
    return tier != "not_applicable" and (tier == "core" or not NOT_HERE.match(name))


def members(name: str) -> Iterator[tuple[str, str]]:
    """A name with its signature; then, of a class that is here, its methods and properties."""
    yield name, KERAS[name].get("signature") or ""
    if is_there(name):
        for method, signature in KERAS[name].get("methods", {}).items():
            yield f"{name}.{method}", signature


# -- signatures ------------------------------------------------------------------------------------


def parameters(function: Any) -> list[str] | None:
    """A signature as a list of words: `x`, `axis=-1.0`, `*args`, `kwonly:name=None`."""
    if inspect.isclass(function) and "__signature__" not in vars(function):
        function = function.__init__
    try:
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    marks = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.KEYWORD_ONLY: "kwonly:"}
    return [
        marks.get(p.kind, "") + p.name + ("" if p.default is p.empty else f"={plain(p.default)}")
        for p in found
        if p.name != "self" and p.kind is not p.VAR_KEYWORD
    ]


def plain(default: Any) -> str:
    while isinstance(default, tuple) and default and all(d == default[0] for d in default):
        default = default[0]
    number = isinstance(default, int) and not isinstance(default, bool)
    return repr(float(default) if number else default)


def keras_parameters(text: str) -> list[str]:
    """The same of a signature in the notation of the stored ones."""
    text = text.replace("kwonly:", "kwonly__").replace("<", "'<").replace(">", ">'")
    function: dict[str, Any] = {}
    words = text.strip("()").split(", ")
    keyword = "kwonly__" in text and not any(w.startswith("*") and w[1] != "*" for w in words)
    if keyword:
        text = text.replace("kwonly__", "*, kwonly__", 1)
    exec(f"def f{text}: ...", function)
    return [word.replace("kwonly__", "") for word in parameters(function["f"]) or ()]


def agrees(ours: list[str], keras: list[str], is_method: bool) -> bool:
    if ours == keras or (is_method and "*args" in ours):
        return True
    rest = [word.removeprefix("kwonly:") for word in keras if word != "*args"]
    return "*args" in keras and (not rest or rest == ours)


def same_signature(name: str, keras: str) -> bool:
    thing = find(name)
    tag = label(name)
    method = name.rpartition(".")[2]
    if not keras.startswith("(") or tag in DIFFERENT:
        return True
    if name.startswith(("optimizers.", "mixed_precision.")) and method in DIFFERENT:
        return True
    if "transform" in method and method in DIFFERENT:
        return True
    ours = parameters(thing)
    return ours is None or agrees(ours, keras_parameters(keras), is_method=name not in KERAS)


# -- the tests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in KERAS if wanted(name)])
def test_it_is_there(name: str) -> None:
    for member, signature in members(name):
        if label(member) in NOT_YET:
            assert not is_there(member), f"{member} is there now: take {label(member)} off NOT_YET"
        else:
            assert is_there(member), f"{member} is missing"
            assert same_signature(member, signature), (parameters(find(member)), signature)


@pytest.mark.parametrize("name", [n for n in KERAS if not wanted(n) and is_there(n)])
def test_the_rest_where_it_is(name: str) -> None:
    for member, signature in members(name):
        if is_there(member):
            assert same_signature(member, signature), (parameters(find(member)), signature)


def test_not_yet_is_of_keras() -> None:
    known = {label(member) for name in KERAS for member, _ in members(name)}
    assert known >= NOT_YET


def test_ops_of_our_own_are_listed() -> None:
    keras = {label(name).removeprefix("ops.") for name in KERAS}
    ours = {n for n in ops.__all__ if not inspect.ismodule(getattr(ops, n))}
    assert ours - keras - LATER_OPS == OUR_OPS


@pytest.mark.parametrize("family", [*FAMILIES, "ops", "layers", "callbacks", "utils", "saving"])
def test_public_names_are_listed_once(family: str) -> None:
    module = getattr(hilevel, family)
    listed = module.__all__
    assert len(set(listed)) == len(listed)
    assert all(hasattr(module, name) for name in listed)
    ours = [n.split(".")[1] for n in KERAS if n.count(".") == 1 and n.startswith(f"{family}.")]
    hidden = {n for n in ours if hasattr(module, n) and not inspect.ismodule(getattr(module, n))}
    assert hidden <= set(listed)
