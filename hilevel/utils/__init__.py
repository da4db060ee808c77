"""Odds and ends: names, arguments and defaults are those of `keras.utils`."""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.callbacks.progress import Progbar
from hilevel.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from hilevel.data import PyDataset, Sequence, pack_x_y_sample_weight, unpack_x_y_sample_weight
from hilevel.dtypes import standardize_dtype
from hilevel.names import clear_session
from hilevel.random.seed import set_random_seed
from hilevel.saving import (
    CustomObjectScope,
    custom_object_scope,
    deserialize_keras_object,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_keras_object,
)
from hilevel.utils.files import get_file
from hilevel.utils.numerical import (
    is_keras_tensor,
    normalize,
    pad_sequences,
    split_dataset,
    to_categorical,
)

if _TYPE_CHECKING:
    from hilevel.utils.flops import count_flops

_install_getattr(__name__, {"flops": "count_flops"})
__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "clear_session",
    "count_flops",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]
