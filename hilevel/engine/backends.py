"""The choice of the backend.

The environment variable `HILEVEL_BACKEND` names the default; without it, the default is numpy. `set_backend` changes
the default in a running program, `use_backend` the backend of a block. A name is looked up among the entry points of
the group `hilevel.backends`, then as the package `hilevel_<name>`.
"""

from __future__ import annotations

import copyreg
import importlib
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from hilevel.engine.context import context, scope
from hilevel.engine.protocol import Backend
from hilevel.errors import BackendNotAvailableError, nearest

INSTALL = {
    "numpy": "pip install numpy",
    "jax": "pip install 'hilevel[jax]'",
    "cupy": "pip install 'hilevel[cupy12]'  (CUDA 12; [cupy13] for CUDA 13)",
}

_loaded: dict[str, Backend] = {}
_loading = threading.RLock()
_default: Backend | None = None


def entry_points() -> dict[str, str]:
    """Return the names of all backends, each with its class as `module:class`."""
    from importlib.metadata import entry_points as points

    found = {name: f"hilevel_{name}:Backend" for name in INSTALL}
    return found | {point.name: point.value for point in points(group="hilevel.backends")}


def get_backend(name: str | Backend) -> Backend:
    """Return the backend of a name. The first call for a name loads the backend.

    Args:
        name: a name such as `"jax"`. A Backend is returned unchanged.

    >>> import hilevel
    >>> hilevel.get_backend("numpy").name
    'numpy'

    Raises:
        BackendNotAvailableError: the name is unknown, or the backend's array library is not installed.
    """
    if isinstance(name, Backend):
        return name
    if name not in _loaded:
        with _loading:
            if name not in _loaded:
                _loaded[name] = _load(name)
    return _loaded[name]


def _load(name: str) -> Backend:
    where = f"hilevel_{name}:Backend"
    if name not in INSTALL:
        where = entry_points().get(name, where)
    module, _, attribute = where.partition(":")
    try:
        backend: Backend = getattr(importlib.import_module(module), attribute)()
    except ImportError as error:
        raise BackendNotAvailableError(_why_not(name, module, error)) from error
    backend.name = name
    copyreg.pickle(type(backend), _reduced)
    return backend


def _reduced(backend: Backend) -> tuple[Any, tuple[str]]:
    """Return the parts of which pickle and copy make a backend again: its name."""
    return get_backend, (backend.name,)


def _why_not(name: str, module: str, error: ImportError) -> str:
    known = entry_points()
    state = "\n".join(f"  {n:8} {_state(n)}" for n in sorted(known))
    if name in known:
        head = f'The backend "{name}" is not available here: {error}.'
    else:
        head = f'There is no backend "{name}".{nearest(name, known)}'
    return f"{head}\nBackends:\n{state}"


def _state(name: str) -> str:
    package = {"jax": "jax", "cupy": "cupy"}.get(name)
    from importlib.util import find_spec

    if package is None or find_spec(package) is not None:
        return "installed"
    return f"not installed: {INSTALL[name]}"


def default_backend() -> Backend:
    """Return the default of the process: by `set_backend`, else by `HILEVEL_BACKEND`, else numpy."""
    global _default
    if _default is None:
        _default = get_backend(os.environ.get("HILEVEL_BACKEND") or "numpy")
    return _default


def current_backend() -> Backend:
    """Return the backend that ops run on in this thread at present.

    >>> import hilevel
    >>> with hilevel.use_backend("numpy"):
    ...     hilevel.current_backend().name
    'numpy'
    """
    return context.backend or _default or default_backend()


def set_backend(name: str | Backend) -> None:
    """Set the default backend of the process. Existing models stay on their backend.

    Args:
        name: a name such as `"jax"`, or a Backend.

    >>> import hilevel
    >>> hilevel.set_backend("numpy")

    Raises:
        BackendNotAvailableError: the name is unknown, or its array library is not installed.
    """
    global _default
    _default = get_backend(name)


@contextmanager
def use_backend(name: str | Backend) -> Iterator[Backend]:
    """Return a block whose ops run on another backend.

    Args:
        name: a name such as `"jax"`, or a Backend.

    >>> import hilevel
    >>> with hilevel.use_backend("numpy") as backend:
    ...     print(backend.name)
    numpy

    Raises:
        BackendNotAvailableError: the name is unknown, or its array library is not installed.
    """
    backend = get_backend(name)
    with scope(backend=backend):
        yield backend


def device(device_name: str) -> AbstractContextManager[None]:
    """Return a block in which the current backend creates its arrays on a device.

    Args:
        device_name: a name such as `"cpu"` or `"gpu:1"`.

    >>> import hilevel
    >>> with hilevel.device("cpu"):
    ...     hilevel.ops.zeros(2)
    array([0., 0.], dtype=float32)

    Raises:
        ValueError: the backend has no device of this name.
    """
    return current_backend().device(device_name)


def loaded_backends() -> list[Backend]:
    """Return the backends that this process has loaded."""
    return list(_loaded.values())
