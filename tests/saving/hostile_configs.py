"""Hostile configs: code, functions, files, and sizes that a description of a model names."""

from __future__ import annotations

import base64
import json
import marshal
import pickle
from pathlib import Path
from typing import Any

from hostile import (
    both,
    calling,
    case,
    dense,
    described,
    function,
    functional,
    hdf5,
    input_layer,
    keras,
    node,
    op,
    sequential,
    tensor,
)

# -- code ----------------------------------------------------------------------------------------------


def bytecode(folder: Path) -> str:
    code = compile(f"lambda x: open({str(folder / 'pwned')!r}, 'w') and x", "<lambda>", "eval").co_consts[0]
    return base64.b64encode(marshal.dumps(code)).decode()


def keras_lambda(folder: Path) -> dict[str, Any]:
    value = {"code": bytecode(folder), "defaults": None, "closure": None}
    return {"class_name": "__lambda__", "config": {"value": value}}


@both("CVE-2024-3660, CVE-2025-9905: a lambda as bytecode")
def _(folder: Path) -> Any:
    return sequential(described("Lambda", {"name": "l", "function": keras_lambda(folder)}))


@both("CVE-2024-3660: a lambda as Keras 2 wrote it")
def _(folder: Path) -> Any:
    config = {"name": "l", "function": [bytecode(folder), None, None], "function_type": "lambda"}
    return sequential(described("Lambda", config))


@both("CVE-2024-3660: a lambda as an argument")
def _(folder: Path) -> Any:
    return sequential(described("Dense", {"name": "d", "units": 2, "activation": keras_lambda(folder)}))


@both("CVE-2025-9906, CVE-2025-9905: safe_mode in the file")
def _(folder: Path) -> Any:
    config = {"name": "l", "function": keras_lambda(folder), "safe_mode": False}
    return sequential(described("Lambda", config), safe_mode=False)


# An advisory without a text at hand; taken for a lambda in the arguments of compile.
@both("CVE-2026-12570: a lambda in compile_config")
def _(folder: Path) -> Any:
    return sequential(
        dense(), build_config={"input_shape": [None, 4]}, compile_config={"loss": keras_lambda(folder)}
    )


# An advisory without a text at hand; taken for a function of Keras that is a metric and reads a file.
@both("GHSA-hqp4-2352-xf5r: load_model as a loss")
def _(folder: Path) -> Any:
    return sequential(
        dense(), compile_config={"loss": function("keras.models", "load_model"), "optimizer": "sgd"}
    )


for _module, _name in (
    ("os", "system"), ("subprocess", "run"), ("builtins", "eval"), ("builtins", "open"), ("numpy", "load"),
    ("hilevel.saving.code", "function_of"), ("keras.src.saving.saving_lib", "load_model"), ("tests.hostile", "keras"),
    ("pickle", "loads"), ("importlib", "import_module"), ("hilevel.api.serialization", "importlib"),
):  # fmt: skip

    @both(f"CVE-2025-1550: the function {_module}.{_name}")
    def _(folder: Path, module: str = _module, name: str = _name) -> Any:
        return calling(module, name, f"touch {folder}/pwned")

    @both(f"CVE-2025-1550: the class {_module}.{_name}")
    def _(folder: Path, module: str = _module, name: str = _name) -> Any:
        return sequential(described(name, {"args": f"touch {folder}/pwned"}, module))


for _module, _name in (
    ("keras.utils", "get_file"), ("keras.config", "enable_unsafe_deserialization"), ("keras.models", "load_model"),
    ("keras.saving", "load_model"), ("keras.models", "model_from_json"), ("keras.models", "clone_model"),
    ("keras.random", "set_random_seed"), ("keras.utils", "set_random_seed"), ("keras.layers", "deserialize"),
    ("keras.ops", "while_loop"), ("keras.ops", "map"), ("keras.ops", "custom_gradient"), ("keras.ops", "fori_loop"),
    ("keras.datasets", "mnist"), ("keras.callbacks", "CSVLogger"), ("keras", "Variable"),
):  # fmt: skip

    @both(f"CVE-2025-8747, CVE-2025-9906: {_module}.{_name}")
    def _(folder: Path, module: str = _module, name: str = _name) -> Any:
        keras(
            folder, sequential(described("Lambda", {"name": "l", "function": keras_lambda(folder)}))
        ).rename(folder / "inner.keras")
        return calling(module, name, str(folder / "inner.keras"), safe_mode=False)

    @both(f"CVE-2025-8747, CVE-2025-9906: {_module}.{_name} as an activation")
    def _(folder: Path, module: str = _module, name: str = _name) -> Any:
        return sequential(described("Dense", {"name": "d", "units": 2, "activation": function(module, name)}))


@both("CVE-2025-49655: a TorchModuleWrapper with a pickle")
def _(folder: Path) -> Any:
    class Evil:
        def __reduce__(self) -> Any:
            return open, (str(folder / "pwned"), "w")

    text = base64.b64encode(pickle.dumps(Evil())).decode()
    return sequential(described("TorchModuleWrapper", {"name": "t", "module": text}))


for _name in ("TFSMLayer", "JaxLayer", "FlaxLayer"):

    @both(f"CVE-2026-1462: the layer {_name}")
    def _(folder: Path, name: str = _name) -> Any:
        return sequential(described(name, {"name": "t", "filepath": str(folder), "call_endpoint": "serve"}))


# -- files and the network -----------------------------------------------------------------------------

for _layer in ("StringLookup", "IntegerLookup", "TextVectorization"):
    for _where in ("secret.txt", "http://127.0.0.1:9/words", "file:///etc/passwd"):

        @both(f"CVE-2025-12058, GHSA-qg93-c7p6-gg7f: {_layer} of {_where}")
        def _(folder: Path, layer: str = _layer, where: str = _where) -> Any:
            path = where if ":" in where else str(folder / where)
            return sequential(described(layer, {"name": "v", "vocabulary": path}))


@both("CVE-2026-12479: names of layers with folders")
def _(folder: Path) -> Any:
    layer = described("Dense", {"name": "../../pwned", "units": 2}, build_config={"input_shape": [None, 4]})
    return sequential(layer)


# -- sizes ---------------------------------------------------------------------------------------------


@both("10**9 units")
def _(folder: Path) -> Any:
    return sequential(dense(10**9))


@both("10**30 units")
def _(folder: Path) -> Any:
    return sequential(dense(10**30))


@both("a huge axis of the input")
def _(folder: Path) -> Any:
    return sequential(dense(), first=input_layer(10**12))


@both("a huge batch")
def _(folder: Path) -> Any:
    first = described("InputLayer", {"batch_shape": [10**12, 10**12], "dtype": "float32", "name": "x"})
    return sequential(described("Flatten", {"name": "f"}), dense(), first=first)


@both("a huge build_config")
def _(folder: Path) -> Any:
    return described("Dense", {"name": "d", "units": 4}, build_config={"input_shape": [None, 10**10]})


@both("a negative size")
def _(folder: Path) -> Any:
    return sequential(dense(-5))


@case("model", "slots of an optimizer that do not fit")
def _(folder: Path) -> Any:
    adam = described("Adam", {"learning_rate": 0.1, "amsgrad": True}, "keras.optimizers")
    compiled = {"optimizer": adam, "loss": "mse"}
    units = 2 * 2**20  # 40 MB of weights
    config = sequential(dense(units), build_config={"input_shape": [None, 4]}, compile_config=compiled)
    return keras(folder, config)


@both("metrics with 10**9 thresholds")
def _(folder: Path) -> Any:
    auc = described("AUC", {"num_thresholds": 10**9}, "keras.metrics")
    compiled = {"optimizer": "sgd", "loss": "mse", "metrics": [auc]}
    return sequential(dense(), build_config={"input_shape": [None, 4]}, compile_config=compiled)


@both("a confusion matrix of 10**9 classes")
def _(folder: Path) -> Any:
    mean = described("MeanIoU", {"num_classes": 10**9}, "keras.metrics")
    return sequential(
        dense(), build_config={"input_shape": [None, 4]}, compile_config={"metrics": [mean], "loss": "mse"}
    )


@both("a vocabulary padded to 10**10 tokens")
def _(folder: Path) -> Any:
    config = {
        "name": "t", "vocabulary": ["a"], "idf_weights": [1.0], "output_mode": "tf_idf", "max_tokens": 10**10,
        "pad_to_max_tokens": True,
    }  # fmt: skip
    return sequential(described("TextVectorization", config))


@both("n-grams of 10**10 words", harmless=True)
def _(folder: Path) -> Any:
    return described("TextVectorization", {"name": "t", "vocabulary": ["a"], "ngrams": 10**10})


@both("10**10 tokens for unknown words")
def _(folder: Path) -> Any:
    return sequential(
        described("StringLookup", {"name": "t", "vocabulary": ["a"], "num_oov_indices": 10**10})
    )


@both("a pattern as split")
def _(folder: Path) -> Any:
    return sequential(
        described("TextVectorization", {"name": "t", "split": "(a+)+$", "standardize": "(b*)*"})
    )


for _name, _class, _config in (
    ("one_hot", "OneHot", {"num_classes": 10**11}), ("multi_hot", "MultiHot", {"num_classes": 10**11}),
    ("repeat", "Repeat", {"repeats": 10**12, "axis": 1}), ("repeat of parts", "Repeat", {"repeats": [10**11] * 4, "axis": 1}),
    ("tile", "Tile", {"repeats": [1, 10**12]}), ("pad", "Pad", {"pad_width": [[0, 0], [0, 10**12]], "mode": "reflect"}),
    ("broadcast_to", "BroadcastTo", {"shape": [10**12, 10**12, 4]}), ("split", "Split", {"indices_or_sections": 10**9, "axis": 1}),
    ("histogram", "Histogram", {"bins": 10**11, "range": [0, 1]}), ("unknown", "Evil", {}),
    ("bincount", "Bincount", {"minlength": 10**12}), ("while_loop", "WhileLoop", {"maximum_iterations": 10**12}),
):  # fmt: skip

    @both(f"the op {_name} of a huge size")
    def _(folder: Path, name: str = _class, config: Any = _config) -> Any:
        return op(name, config)


for _name in ("zeros", "ones", "eye", "tri", "arange", "identity"):

    @both(f"the op {_name} of a huge size through a Lambda")
    def _(folder: Path, name: str = _name) -> Any:
        return calling("keras.ops", name, [10**6, 10**6] if name in ("zeros", "ones") else 10**6)


@both("the op full of a huge size")
def _(folder: Path) -> Any:
    return op("Full", {"shape": [10**6, 10**6]}, 1.0)


for _name, _class, _config in (
    ("resize", "Resize", {"size": [10**9, 10**9]}), ("resize to the nearest", "Resize", {"size": [10**9, 10**9], "interpolation": "nearest"}),
    ("pad_images", "PadImages", {"top_padding": 1, "left_padding": 1, "target_height": 10**12, "target_width": 10**12}),
    ("extract_patches", "ExtractPatches", {"size": [10**6, 10**6], "padding": "same"}), ("elastic_transform", "ElasticTransform", {"sigma": 1e12}),
):  # fmt: skip

    @both(f"the op {_name} of a huge size on images")
    def _(folder: Path, name: str = _class, config: Any = _config) -> Any:
        image = tensor(shape=(None, 4, 4, 3))
        return functional(node(name, config, image, module="keras.src.ops.image"), shape=(4, 4, 3))


@both("a layer that is called on data in place of a tensor")
def _(folder: Path) -> Any:
    return functional(
        node(
            "UpSampling1D",
            {"size": 10**9},
            {"class_name": "__numpy__", "config": {"value": [[[1.0]]], "dtype": "float32"}},
        )
    )


# -- structures ----------------------------------------------------------------------------------------


@both("a description in itself, by shared_object_id")
def _(folder: Path) -> Any:
    inner = sequential(dense(), shared_object_id=1)
    return sequential(
        inner, {"class_name": "Sequential", "config": None, "shared_object_id": 1}, shared_object_id=1
    )


@both("a shared_object_id that is a list")
def _(folder: Path) -> Any:
    return sequential(dense(), shared_object_id=[1])


@both("a graph whose calls wait for each other")
def _(folder: Path) -> Any:
    a, b = node("Dense", {"units": 2}, tensor("b")), node("Dense", {"units": 2}, tensor("node"))
    return functional(a, b | {"name": "b"})


@both("an array of text")
def _(folder: Path) -> Any:
    return sequential(
        described(
            "Lambda",
            {"name": "l", "function": {"class_name": "__numpy__", "config": {"value": ["a"], "dtype": "O"}}},
        )
    )


@both("a name of a million letters")
def _(folder: Path) -> Any:
    return sequential(described("x" * 1_000_000, {}))


@both("a config that is no dict")
def _(folder: Path) -> Any:
    return sequential(described("Dense", [1, 2]))


@case("model", "an object that is no model")
def _(folder: Path) -> Any:
    return keras(folder, described("Constant", {"value": 1.0}, "keras.initializers"))


@case("json", "an object that is no model")
def _(folder: Path) -> Any:
    return json.dumps(described("Constant", {"value": 1.0}, "keras.initializers"))


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


for _name, _text in (
    ("lists in 100,000 lists", nested(100_000)), ("no JSON", "{"), ("no object", "17"), ("a list", "[]"), ("nothing", ""),
    ("an integer of 100,000 digits", "9" * 100_000), ("2,000,000 lists", "[" + "[]," * 2_000_000 + "[]]"),
    ("17 MB of text", '"' + "x" * 17 * 2**20 + '"'), ("no UTF-8", "\udcff"),
):  # fmt: skip

    @case("model", f"config.json: {_name}")
    def _(folder: Path, text: str = _text) -> Any:
        return keras(folder, text.encode(errors="surrogateescape"))

    if _name not in ("no object", "a list", "no UTF-8"):

        @case("json", f"JSON: {_name}")
        def _(folder: Path, text: str = _text) -> Any:
            return text


@both("models in 300 models")
def _(folder: Path) -> Any:
    config = dense()
    for _ in range(300):
        config = sequential(config)
    return config


@case("json", "3,000 layers in the wrong order")
def _(folder: Path) -> Any:
    entries = [node("Dense", {"units": 2}, tensor(f"n{i + 1}")) | {"name": f"n{i}"} for i in range(3000)]
    return json.dumps(functional(*entries, output="n0"))


@case("model", "CVE-2025-9905: a whole model in HDF5, with a lambda")
def _(folder: Path) -> Path:
    path = folder / "m.h5"
    config = json.dumps(sequential(described("Lambda", {"name": "l", "function": keras_lambda(folder)})))
    path.write_bytes(hdf5(lambda h5: h5.attrs.update(model_config=config)))
    return path
