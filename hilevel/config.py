"""The settings of the process: default float dtype, fuzz factor, image layout.

The environment variable `HILEVEL_FLOATX` sets the default float dtype.
"""

from __future__ import annotations

import os

from hilevel import dtype_policies
from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.api.serialization import enable_unsafe_deserialization as enable_unsafe_deserialization
from hilevel.api.tracebacks import (
    disable_traceback_filtering as disable_traceback_filtering,
    enable_traceback_filtering as enable_traceback_filtering,
    is_traceback_filtering_enabled as is_traceback_filtering_enabled,
)
from hilevel.engine import backends
from hilevel.engine.dtypes import as_dtype
from hilevel.engine.settings import settings

_FLOATS = ("bfloat16", "float16", "float32", "float64")


def floatx() -> str:
    """Return the default float dtype, `"float32"` unless it was changed.

    >>> import hilevel
    >>> hilevel.config.floatx()
    'float32'
    """
    return settings.floatx


def set_floatx(value: str) -> None:
    """Set the default float dtype.

    Args:
        value: `"float16"`, `"bfloat16"`, `"float32"` or `"float64"`.

    >>> import hilevel
    >>> hilevel.config.set_floatx("float32")

    Raises:
        ValueError: the value is another string.
    """
    if value not in _FLOATS:
        raise ValueError(f"floatx must be one of {', '.join(_FLOATS)}; got {value!r}.")
    settings.floatx = value
    settings.floatx_dtype = as_dtype(value)


def epsilon() -> float:
    """Return the fuzz factor that keeps divisions and logarithms finite, 1e-7 unless it was changed.

    >>> import hilevel
    >>> hilevel.config.epsilon()
    1e-07
    """
    return settings.epsilon


def set_epsilon(value: float) -> None:
    """Set the fuzz factor.

    Args:
        value: a small positive number.

    >>> import hilevel
    >>> hilevel.config.set_epsilon(1e-7)
    """
    settings.epsilon = float(value)


def image_data_format() -> str:
    """Return the default layout of images, `"channels_last"` unless it was changed.

    >>> import hilevel
    >>> hilevel.config.image_data_format()
    'channels_last'
    """
    return settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Set the default layout of images.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.

    >>> import hilevel
    >>> hilevel.config.set_image_data_format("channels_last")

    Raises:
        ValueError: the value is another string.
    """
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            f'image_data_format must be "channels_last" or "channels_first"; got {data_format!r}.'
        )
    settings.image_data_format = data_format


def backend() -> str:
    """Return the name of the current backend.

    >>> import hilevel
    >>> hilevel.config.backend() in ("numpy", "jax", "cupy")
    True
    """
    return backends.current_backend().name


def set_backend(backend: str) -> None:
    """Set the default backend of the process; see `hilevel.set_backend`.

    Args:
        backend: its name, `"numpy"`, `"jax"` or `"cupy"`.

    >>> import hilevel
    >>> hilevel.config.set_backend("numpy")
    """
    backends.set_backend(backend)


def dtype_policy() -> dtype_policies.DTypePolicy:
    """Return the dtype policy of layers without their own; see `hilevel.dtype_policies.dtype_policy`.

    >>> import hilevel
    >>> hilevel.config.dtype_policy()
    <DTypePolicy "float32">
    """
    return dtype_policies.dtype_policy()


def set_dtype_policy(policy: str | dtype_policies.DTypePolicy) -> None:
    """Set the dtype policy of layers without their own.

    Args:
        policy: a `DTypePolicy`, or its name.

    >>> import hilevel
    >>> hilevel.config.set_dtype_policy("float32")
    """

    dtype_policies.set_dtype_policy(policy)


def enable_interactive_logging() -> None:
    """Show progress bars (the default).

    >>> import hilevel
    >>> hilevel.config.enable_interactive_logging()
    """
    settings.interactive_logging = True


def disable_interactive_logging() -> None:
    """Write plain log lines instead of progress bars, for any kind of output.

    >>> import hilevel
    >>> hilevel.config.disable_interactive_logging()
    >>> hilevel.config.enable_interactive_logging()
    """
    settings.interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress bars may be drawn.

    >>> import hilevel
    >>> hilevel.config.is_interactive_logging_enabled()
    True
    """
    return settings.interactive_logging


def max_epochs() -> int | None:
    """Return the largest number of epochs that a call of `fit` runs; None for any.

    >>> import hilevel
    >>> hilevel.config.max_epochs() is None
    True
    """
    return settings.max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Set the largest number of epochs that a call of `fit` runs, for short trials of long programs.

    Args:
        max_epochs: a positive integer, or None for no limit.

    >>> import hilevel
    >>> hilevel.config.set_max_epochs(None)

    Raises:
        ValueError: the limit is not a positive integer.
    """
    settings.max_epochs = _limit("max_epochs", max_epochs)


def max_steps_per_epoch() -> int | None:
    """Return the largest number of batches in an epoch, an evaluation or a prediction; None for any.

    >>> import hilevel
    >>> hilevel.config.max_steps_per_epoch() is None
    True
    """
    return settings.max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Set the largest number of batches in an epoch, an evaluation or a prediction.

    Args:
        max_steps_per_epoch: a positive integer, or None for no limit.

    >>> import hilevel
    >>> hilevel.config.set_max_steps_per_epoch(None)

    Raises:
        ValueError: the limit is not a positive integer.
    """
    settings.max_steps_per_epoch = _limit("max_steps_per_epoch", max_steps_per_epoch)


def _limit(name: str, value: int | None) -> int | None:
    if value is not None and (not isinstance(value, int) or value < 1):
        raise ValueError(f"{name} must be a positive integer or None; got {value!r}.")
    return value


if os.environ.get("HILEVEL_FLOATX"):
    set_floatx(os.environ["HILEVEL_FLOATX"])


_install_getattr(__name__)
