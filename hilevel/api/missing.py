"""The message about a public name that hilevel lacks; imported when the error is shown."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from types import ModuleType

from hilevel.errors import closest

SPACES = (
    "", "ops", "layers", "models", "losses", "metrics", "optimizers", "optimizers.schedules", "callbacks", "utils",
    "random", "initializers", "regularizers", "constraints", "activations", "config", "saving", "tree", "datasets",
    "preprocessing", "preprocessing.sequence", "preprocessing.image", "ops.image", "utils.bounding_boxes",
    "dtype_policies", "backend", "mixed_precision", "distribution", "visualization", "explain", "export", "wrappers",
    "testing", "errors",
)  # fmt: skip
"""The public modules, in the order of the search for a name."""

INSTEAD = {
    "keras": "hilevel itself has the names of Keras: write hilevel.layers, not hilevel.keras.layers",
    "tf": "hilevel is independent of TensorFlow: see hilevel.ops",
    "applications": "build the network of hilevel.layers",
    "experimental": "its names are in the other modules of hilevel",
    "backend.batch_dot": "use hilevel.ops.einsum or hilevel.layers.Dot",
    "backend.cast_to_floatx": "use hilevel.ops.cast(x, hilevel.config.floatx())",
    "backend.constant": "use hilevel.ops.convert_to_tensor",
    "backend.eval": "use hilevel.ops.convert_to_numpy",
    "backend.function": "use hilevel.jit",
    "backend.get_value": "use hilevel.ops.convert_to_numpy",
    "backend.gradients": "use hilevel.grad",
    "backend.int_shape": "use x.shape",
    "backend.learning_phase": "use the argument `training` of `call`",
    "backend.placeholder": "use hilevel.Input",
    "backend.pow": "use hilevel.ops.power",
    "backend.random_normal": "use hilevel.random.normal",
    "backend.random_uniform": "use hilevel.random.uniform",
    "backend.set_learning_phase": "use the argument `training` of `call`",
    "backend.set_session": "hilevel has no sessions: remove the line",
    "backend.set_value": "use variable.assign(value)",
    "backend.update": "use variable.assign(value)",
    "backend.variable": "use hilevel.Variable",
    "layers.CuDNNGRU": "use GRU",
    "layers.CuDNNLSTM": "use LSTM",
    "layers.Merge": "use Add, Concatenate, Multiply, ...",
    "layers.SyncBatchNormalization": "use BatchNormalization",
    "layers.ThresholdedReLU": "use ReLU(threshold=theta)",
    "layers.TimeDistributedDense": "use TimeDistributed(Dense(...)), or Dense, which works on the last axis",
    "layers.experimental": "its layers are in hilevel.layers itself",
    "losses.Reduction": 'use a string: reduction="sum_over_batch_size", "sum", "mean" or None',
    "mixed_precision.LossScaleGradientTape": "use LossScaleOptimizer",
    "models.Functional": "use Model(inputs, outputs)",
    "optimizers.experimental": "its optimizers are in hilevel.optimizers itself",
    "optimizers.legacy": "it was removed in Keras 3: use hilevel.optimizers.Adam, SGD, ...",
    "preprocessing.sequence.TimeseriesGenerator": "use a hilevel.utils.PyDataset",
    "preprocessing.text": "use hilevel.layers.TextVectorization",
    "utils.HDF5Matrix": "use a hilevel.utils.PyDataset",
    "utils.multi_gpu_model": "hilevel trains on one device",
    "utils.np_utils": "use hilevel.utils.to_categorical",
}
"""Hints for names in programs written for Keras 3 or an earlier version."""


_NEAREST = 'the nearest name is "{}"'


def explain(package: str, name: str) -> str:
    """Return the message: the missing name, whether Keras 3 has it, and a name to use instead.

    It has no full stop, as Python appends its own suggestion.

    >>> from hilevel.api.missing import explain
    >>> explain("hilevel.layers", "Dens")
    'hilevel.layers has no "Dens"; the nearest name is "Dense"'
    >>> explain("hilevel.layers", "to_categorical")
    'hilevel.layers has no "to_categorical"; use hilevel.utils.to_categorical'
    """
    space = package.partition(".")[2]
    label = f"{space}.{name}" if space else name
    hint = (
        INSTEAD.get(label) or _alias(package, name) or _other_case(package, name) or _elsewhere(space, name)
    )
    parts = [f'{package} has no "{name}"', _in_keras(space, name, anywhere=not hint), hint]
    if not any(parts[1:]):
        parts.append(_nearest(package, space, name))
    return "; ".join(filter(None, parts))


@functools.cache
def keras_names() -> dict[str, list[str]]:
    """Return the public names of Keras 3 by namespace, `""` for `keras` itself."""
    text = Path(__file__).with_name("keras_names.txt").read_text(encoding="utf-8").partition("\n\n")[2]
    spaces = (line.split(":") for line in text.replace("\n  ", " ").splitlines())
    return {space.replace("keras", ""): names.split() for space, names in spaces}


def public_names(module: ModuleType) -> list[str]:
    """Return the names of `__all__`, or else the names that the module defines."""
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
    return [n for n in getattr(module, "__all__", own) if not n.startswith("_")]


def _module(space: str) -> ModuleType:
    return importlib.import_module(f"hilevel.{space}".rstrip("."))


def _full(root: str, space: str, name: str) -> str:
    return ".".join(filter(None, (root, space, name)))


def _in_keras(space: str, name: str, anywhere: bool) -> str:
    """Return a note that Keras has the name, in the same module or, with `anywhere`, in another one."""
    owners = [s for s, names in keras_names().items() if name in names and (anywhere or s == space)]
    if not owners:
        return ""
    owner = space if space in owners else owners[0]
    return f"Keras has {_full('keras', owner, name)}, hilevel does not have it yet"


def _alias(package: str, name: str) -> str:
    """Return a hint to the object that the name identifies as a string, such as "mse" in `compile`."""
    registry = getattr(importlib.import_module(package), "_registry", None)
    found = getattr(registry, "targets", {}).get(name.lower())
    return f"use {found}" if found is not None else ""


def _other_case(package: str, name: str) -> str:
    """Return a hint to the same name in upper or lower case."""
    names = {n.lower(): n for n in public_names(importlib.import_module(package))}
    return _NEAREST.format(names[name.lower()]) if name.lower() in names else ""


def _elsewhere(space: str, name: str) -> str:
    """Return a hint to another module of hilevel that has the name."""
    if name in ("get", "serialize", "deserialize"):
        return ""
    found = [s for s in SPACES if s != space and name in public_names(_module(s))]
    return f"use {_full('hilevel', found[0], name)}" if found else ""


def _nearest(package: str, space: str, name: str) -> str:
    """Return a hint to the nearest name of the module, and to a nearer name of Keras."""
    names = public_names(importlib.import_module(package))
    here = closest(name, names)
    there = closest(name, [*names, *keras_names().get(space, ())])
    parts = [_NEAREST.format(here)] if here else []
    if there != here:
        parts.append(f'the nearest of Keras, "{there}", is not in hilevel yet')
    return "; ".join(parts) or "Keras 3 has none either"
