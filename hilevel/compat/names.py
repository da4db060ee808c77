"""The objects of hilevel for dotted names of Keras and TensorFlow, and the errors about missing names."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

import hilevel
from hilevel.api.missing import INSTEAD, SPACES, explain, public_names
from hilevel.compat import private as private_names
from hilevel.compat.tensorflow import instead
from hilevel.errors import closest

VERSION = "3.15.1+hilevel"
"""The version of Keras whose public names hilevel has, as `keras.__version__` reports it."""

TENSORFLOW_VERSION = "2.20.0+hilevel"
"""The version of TensorFlow whose `tf.keras` is Keras 3, as `tf.__version__` reports it."""

_LATER = "does not have it yet"
_PRIVATE = (
    "keras.src is the private part of Keras: import public names, such as keras.layers.Dense. "
    "hilevel.as_keras(private=True) and hilevel run --private look up the names there among the public names"
)


def attribute(owner: Any, name: str) -> Any:
    """Return an attribute of a public module or of an object in it.

    Raises:
        AttributeError: the module has no such public name; the message has a remedy.
    """
    value = getattr(owner, name)
    if isinstance(owner, ModuleType) and isinstance(value, ModuleType) and name not in public_names(owner):
        raise AttributeError(explain(owner.__name__, name), name=name, obj=owner)
    return value


def find(path: str, private: bool = False) -> Any:
    """Return the object of a dotted name.

    Args:
        path: a name that begins with `keras`, `tensorflow.keras` or `tensorflow`.
        private: True to look up names below `keras.src` among the public names.

    Raises:
        AttributeError: hilevel has no such name.

    >>> import hilevel
    >>> from hilevel.compat.names import find
    >>> find("keras.layers.Dense") is find("tensorflow.keras.layers.Dense") is hilevel.layers.Dense
    True
    >>> find("keras.src.layers.core.dense.Dense", private=True) is hilevel.layers.Dense
    True
    """
    root, *parts = path.removeprefix("tensorflow.").split(".")
    if root != "keras":
        raise AttributeError(without_tensorflow(path))
    if parts[:1] == ["src"]:
        return find_private(parts[1:], private)
    return functools.reduce(attribute, parts, hilevel)


def find_private(parts: list[str], allowed: bool) -> Any:
    """Return the public object of the last name, or of a class and its attributes, in a path below `keras.src`.

    The public modules of the path are searched, such as `losses` in `keras.src.losses.losses.mae`, then hilevel itself.
    All modules are searched for paths without a public module, and for `keras.src.backend`, which has more names than
    `keras.backend`.

    Raises:
        AttributeError: private names are not allowed, or no public module has the name.
    """
    if not allowed:
        raise AttributeError(_PRIVATE)
    if not parts:
        return hilevel
    found = private_names.find(parts)
    if found is not None:
        return found
    end = next((i for i, part in enumerate(parts) if part[0].isupper()), len(parts) - 1)
    space = _space(parts[:end], parts[end])
    if space is None:
        raise AttributeError(f'keras.src.{".".join(parts)}: no public module of hilevel has "{parts[end]}"')
    return functools.reduce(getattr, parts[end:], _module(space))


def private_module(path: str) -> ModuleType | None:
    """Return the public module of a path below `keras.src`, such as `keras.src.ops`; None if there is none."""
    space = path.partition("keras.src.")[2]
    return _module(space) if space in SPACES and space else None


def _space(folders: list[str], name: str) -> str | None:
    """Return the public module of a name in a path of private or old modules; None if there is none."""
    own = [s for n in range(len(folders), 0, -1) if (s := ".".join(folders[:n])) in SPACES]
    spaces = [*own, ""] if own and folders[0] != "backend" else [*own, *SPACES]
    return next((space for space in spaces if name in public_names(_module(space))), None)


def _module(space: str) -> ModuleType:
    return importlib.import_module(f"hilevel.{space}".rstrip("."))


def without_tensorflow(path: str) -> str:
    """Return the message about a name of TensorFlow outside `tensorflow.keras`."""
    remedy = instead(path.partition(".")[2])
    return f"{path} is not supported, as hilevel is independent of TensorFlow" + (remedy and f"; {remedy}")


def reason(path: str, private: bool = False) -> str:
    """Return the reason why `find` fails, with the nearest name; `""` if it does not fail.

    >>> from hilevel.compat.names import reason
    >>> reason("keras.layers.Dense"), reason("keras.layers.Dens")
    ('', 'hilevel.layers has no "Dens"; the nearest name is "Dense"')
    """
    try:
        find(path, private)
    except ImportError:
        return ""  # the name exists, and needs a missing package
    except AttributeError as error:
        text, owner = str(error), error.obj
        is_last = path.endswith(f".{error.name}")
        if isinstance(owner, ModuleType) and not is_last:
            return _moved(owner, path) or text
        near = closest(str(error.name), public_names(owner)) if isinstance(owner, ModuleType) else ""
        return text + f'; the nearest name is "{near}"' * bool(near and text.endswith(_LATER))
    return ""


def _moved(owner: ModuleType, path: str) -> str:
    """Return the message about a name in a module that Keras had earlier; `""` if no public module has the name."""
    *folders, name = path.removeprefix("tensorflow.").split(".")[1:]
    space = None if name in ("get", "serialize", "deserialize") else _space(folders, name)
    public = ".".join(filter(None, ("keras", space, name)))
    return "" if space is None else f"{owner.__name__} has no such module; use {public}"


def module_reason(path: str, private: bool = False) -> str:
    """Return the reason why a module cannot be imported, with the public module above it.

    >>> from hilevel.compat.names import module_reason
    >>> module_reason("keras.layers.core")
    'keras.layers has no module "core"; import its names from keras.layers'
    """
    root, _, label = path.removeprefix("tensorflow.").partition(".")
    space, _, name = label.rpartition(".")
    if root != "keras" or not space or space not in SPACES or label in INSTEAD:
        return reason(path, private)
    return f'keras.{space} has no module "{name}"; import its names from keras.{space}'
