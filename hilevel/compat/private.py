"""Names of the private part of Keras that other packages import, and that no public module has.

`OBJECTS` has them by their last name, or by the last two. Classes of Keras that hilevel lacks are placeholders, as
packages import them for a part that a program may never use.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from hilevel import ops
from hilevel.api.missing import SPACES, keras_names
from hilevel.engine.names import name_scope
from hilevel.engine.types import Array, TensorLike
from hilevel.saving import models
from hilevel.training.data.weights import check_class_weight, class_to_sample_weight

OBJECTS = {
    "class_weight_to_sample_weights": "compat.private.class_weight_to_sample_weights",
    "distribution_lib": "distribution",
    "get_keras_mask": "masks.mask_of",
    "in_grain_data_pipeline": "compat.private.in_grain_data_pipeline",
    "in_safe_mode": "api.serialization.is_safe",
    "LossFunctionWrapper": "losses.base.LossFunctionWrapper",
    "saving_lib": "saving",
    "saving_lib.load_model": "compat.private.load_model",
    "saving_lib.save_model": "compat.private.save_model",
    "serialization_lib": "saving",
    "set_keras_mask": "masks.set_mask",
}
"""The objects of hilevel by the ends of paths below `keras.src`."""


_LEGACY_BACKEND = frozenset({
    "abs", "cast", "cos", "equal", "exp", "greater", "greater_equal", "less", "less_equal", "log", "maximum", "minimum",
    "ndim", "not_equal", "reshape", "shape", "sign", "sin", "sqrt", "square", "squeeze", "tanh",
})  # fmt: skip
"""Functions of `tf.keras.backend` that are ops with the same arguments."""


def find(parts: list[str]) -> Any:
    """Return the object of a path below `keras.src` by `OBJECTS`; None if it has none."""
    ends = [".".join(parts[-2:]), parts[-1]]
    target = next((OBJECTS[end] for end in ends if end in OBJECTS), None)
    if target is None:
        return None
    module, _, name = f"hilevel.{target}".rpartition(".")
    return getattr(importlib.import_module(module), name)


def placeholder(path: str, reason: str) -> Any:
    """Return an object in place of one of Keras that hilevel lacks: a module, a class, or an op; None for other names.

    Instances of the class cannot be made, and no object is an instance of it. A function of `tf.keras.backend` is the
    op of the same name.

    Args:
        path: a dotted name that begins with `keras`.
        reason: the message of the error when an instance is made.

    >>> from hilevel.compat.private import placeholder
    >>> placeholder("keras.applications.resnet.ResNet50", "hilevel has no applications")
    <class 'hilevel.compat.private.ResNet50'>
    """
    space, _, name = path.removeprefix("tensorflow.").partition(".")[2].rpartition(".")
    if space == "backend":
        return _of_backend(name)
    if (space == "applications" and name.islower()) or (not space and name in missing_modules()):
        return ModuleType(name, reason)
    head = "applications" if space.startswith("applications.") else space
    if not name[:1].isupper() or name not in keras_names().get(head, ()):
        return None
    return type(
        name, (), {"__new__": functools.partial(_refuse, reason), "__module__": __name__, "__doc__": reason}
    )


def missing_modules() -> set[str]:
    """Return the names of the modules of Keras that hilevel lacks, such as `applications`."""
    return {space for space in keras_names() if space and "." not in space and space not in SPACES}


def _of_backend(name: str) -> Any:
    """Return the function of `tf.keras.backend`, if an op has the same arguments; else None."""
    others: dict[str, Any] = {"argmax": _argmax, "name_scope": name_scope}
    return getattr(ops, name) if name in _LEGACY_BACKEND else others.get(name)


def _argmax(x: TensorLike, axis: int = -1) -> Any:
    return ops.argmax(x, axis)


def _refuse(reason: str, cls: type, *args: Any, **kwargs: Any) -> None:
    raise NotImplementedError(f"{reason}.")


def in_grain_data_pipeline() -> bool:
    """Return False: data is not read by workers of Grain that forbid the backend."""
    return False


def class_weight_to_sample_weights(y: TensorLike, class_weight: Mapping[int, float]) -> Array:
    """Return the weight of the class of each sample.

    Args:
        y: labels, or one-hot labels.
        class_weight: `{class: weight}`. Other classes have the weight 1.

    >>> from hilevel.compat.private import class_weight_to_sample_weights
    >>> class_weight_to_sample_weights(np.array([0, 1, 1]), {1: 3.0})
    array([1., 3., 3.], dtype=float32)
    """
    return class_to_sample_weight(check_class_weight(class_weight), y, None, None, "float32")


def save_model(model: Any, filepath: str | Path | IO[bytes], **kwargs: Any) -> None:
    """Save a model as `hilevel.saving.save_model` does; to an open file, in the format `.keras`."""
    if isinstance(filepath, (str, Path)):
        models.save_model(model, filepath, **kwargs)
    else:
        models.write_model(model, filepath, ".keras")


def load_model(
    filepath: str | Path | IO[bytes],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Load a model as `hilevel.saving.load_model` does, also from an open file."""
    if isinstance(filepath, (str, Path)):
        return models.load_model(filepath, custom_objects, compile, safe_mode)
    return models.read_model(filepath, "the file", custom_objects, compile, safe_mode)
