"""Remedies for names of TensorFlow that hilevel has no counterpart of, or has under another name."""

from __future__ import annotations

import importlib
import re

from hilevel.api.missing import public_names

INSTEAD = {
    "GradientTape": "use hilevel.GradientTape",
    "Module": "use keras.Layer",
    "RaggedTensor": "pad to one length: keras.utils.pad_sequences",
    "Session": "hilevel has no sessions: remove the line",
    "SparseTensor": "use dense arrays",
    "Tensor": "arrays have the type of the backend: keras.ops.is_tensor(x) recognizes them",
    "TensorShape": "use a tuple",
    "TensorSpec": "use keras.KerasTensor",
    "Variable": "use keras.Variable",
    "compat": "hilevel has no sessions and placeholders: write the program for Keras 3",
    "config": "remove the line: HILEVEL_BACKEND and hilevel.set_backend choose the device",
    "constant": "use keras.ops.convert_to_tensor",
    "convert_to_tensor": "use keras.ops.convert_to_tensor",
    "data": "pass NumPy arrays, a generator or a keras.utils.PyDataset to fit",
    "debugging": "use assert, and hilevel.debug.trace_nan for NaN",
    "device": "use hilevel.device",
    "distribute": "use keras.distribution",
    "estimator": "use keras.Model",
    "executing_eagerly": "hilevel is always eager outside of compiled functions",
    "feature_column": "use keras.utils.FeatureSpace",
    "function": "use hilevel.jit; fit compiles its steps by itself",
    "gradients": "use hilevel.grad",
    "image.decode_jpeg": "use keras.utils.load_img",
    "image.decode_png": "use keras.utils.load_img",
    "io": "use open and keras.utils.load_img",
    "lite": "save the model by model.save",
    "newaxis": "use None",
    "one_hot": "use keras.ops.one_hot",
    "placeholder": "use keras.Input",
    "python": "it is the private part of TensorFlow: import tensorflow.keras",
    "py_function": "call the Python function itself",
    "random.Generator": "use keras.random.SeedGenerator",
    "random.set_seed": "use keras.utils.set_random_seed",
    "random_normal": "use keras.random.normal",
    "random_uniform": "use keras.random.uniform",
    "saved_model": "use model.save and keras.saving.load_model",
    "set_random_seed": "use keras.utils.set_random_seed",
    "strings": "use keras.layers.TextVectorization, or the methods of str",
    "summary": "use keras.callbacks.TensorBoard",
    "test": "use pytest and numpy.testing",
    "train.AdamOptimizer": "use keras.optimizers.Adam",
    "train.Checkpoint": "use model.save_weights and model.load_weights",
    "train.GradientDescentOptimizer": "use keras.optimizers.SGD",
}
"""Remedies by the name without `tensorflow.`; a name also holds for all names below it."""

RENAMED = {
    "clip_by_value": "clip", "concat": "concatenate", "floordiv": "floor_divide", "gather": "take",
    "gather_nd": "take", "pow": "power", "range": "arange", "reduce_all": "all",
    "reduce_any": "any", "reduce_euclidean_norm": "norm", "reduce_logsumexp": "logsumexp", "reduce_max": "max",
    "reduce_mean": "mean", "reduce_min": "min", "reduce_prod": "prod", "reduce_std": "std", "reduce_sum": "sum",
    "reduce_variance": "var", "tensor_scatter_nd_update": "scatter_update", "truediv": "divide",
}  # fmt: skip
"""The ops of hilevel for ops with other names in TensorFlow."""

_DTYPES = re.compile(r"bfloat16|bool|string|complex(64|128)|float(16|32|64)|u?int(8|16|32|64)")
_SAME = {
    "": "ops", "math": "ops", "nn": "ops", "linalg": "ops", "signal": "ops", "image": "ops.image", "random": "random",
    "nest": "tree", "losses": "losses", "layers": "layers", "metrics": "metrics", "initializers": "initializers",
    "optimizers": "optimizers",
}  # fmt: skip
"""The modules of hilevel with names of TensorFlow's modules."""


def instead(name: str) -> str:
    """Return the remedy for a name of TensorFlow without `tensorflow.`; `""` if there is none.

    >>> from hilevel.compat.tensorflow import instead
    >>> instead("reduce_mean"), instead("nn.relu"), instead("float32")
    ('use keras.ops.mean', 'use keras.ops.relu', 'use the string "float32"')
    >>> instead("data.Dataset.range")
    'pass NumPy arrays, a generator or a keras.utils.PyDataset to fit'
    """
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        found = INSTEAD.get(head := ".".join(parts[:end])) or _same(head)
        if found:
            return found
    return ""


def package(name: str) -> str:
    """Return the message about an extension of TensorFlow, such as `tensorflow_datasets`.

    >>> from hilevel.compat.tensorflow import package
    >>> package("tensorflow_hub")
    'tensorflow_hub needs TensorFlow itself'
    """
    top = name.partition(".")[0]
    remedy = "; see keras.datasets and keras.utils.get_file" * (top == "tensorflow_datasets")
    return f"{top} needs TensorFlow itself{remedy}"


def _same(name: str) -> str:
    """Return a remedy with a name of hilevel that is equal, or is listed in `RENAMED`."""
    if _DTYPES.fullmatch(name):
        return f'use the string "{name}"'
    folder, _, last = name.rpartition(".")
    last = RENAMED.get(last, last)
    for space in filter(None, (_SAME.get(folder), "ops" if folder in _SAME else None)):
        if last in public_names(importlib.import_module(f"hilevel.{space}")):
            return f"use keras.{space}.{last}"
    return ""
