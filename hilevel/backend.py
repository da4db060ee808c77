"""Settings of backends and dtypes, with the names of `keras.backend`."""

from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from hilevel.engine.dtypes import is_float_dtype, is_int_dtype, result_type, standardize_dtype
from hilevel.engine.names import clear_session, get_uid
from hilevel.utils.numerical import is_keras_tensor

_install_getattr(__name__)
__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]
