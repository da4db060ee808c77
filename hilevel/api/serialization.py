"""Objects as plain data in Keras's format, and the objects that such data describe.

The description of an object has its public module and class, its config and, if it is built or compiled, the configs
of these. Only public classes and functions of hilevel, and the user's custom objects, are ever found by name: no
module that a description names is imported.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel.api.custom_objects import custom_names, get_registered_name, get_registered_object
from hilevel.errors import UnknownNameError, UnsafeContentError, nearest, unknown_name

if TYPE_CHECKING:
    from hilevel.engine.types import Config

_PACKAGES = (
    "layers", "models", "losses", "metrics", "optimizers", "optimizers.schedules", "initializers", "regularizers",
    "constraints", "activations", "dtype_policies", "random", "ops",
    "utils.feature_space",
)  # fmt: skip
"""The public packages whose classes and functions are found by name, in the order of the search."""

_BARRED = {
    "load_model", "save_model", "model_from_json", "clone_model", "get", "serialize", "deserialize", "set_random_seed",
    "make_seed", "Op", "Composite", "op", "composite", "custom_gradient", "cond", "fori_loop", "map", "scan", "switch",
    "vectorized_map", "while_loop", "jvp", "dtype_policy", "set_dtype_policy", "resolve", "kind_of_targets",
}  # fmt: skip
"""Public names that no description may have: functions that read files, change settings, or run other functions."""

_REMEDY = (
    "Decorate your own with register_keras_serializable before it is loaded, or pass it in custom_objects."
)

_SCALARS = (bool, int, float, str, type(None))

_shared: ContextVar[dict[int, tuple[Any, Config]] | None] = ContextVar("shared descriptions", default=None)
_restored: ContextVar[dict[Any, Any] | None] = ContextVar("restored objects", default=None)
_safe: ContextVar[bool] = ContextVar("safe mode", default=True)
_parts: ContextVar[list[tuple[Any, Config]] | None] = ContextVar("parts of the object", default=None)
"""The objects made so far inside of another object, with their descriptions; None outside of any."""


# -- objects to descriptions ---------------------------------------------------------------------------


@contextmanager
def sharing() -> Iterator[None]:
    """Return a block in which all descriptions of one object have one `shared_object_id`."""
    token = _shared.set({})
    try:
        yield
    finally:
        _shared.reset(token)


def serialize(obj: Any) -> Any:
    """Return an object, or a structure of objects, as plain data.

    Args:
        obj: an object with `get_config`, a function, an array, a scalar, or a structure of these.

    >>> from hilevel.api.serialization import serialize
    >>> serialize(hilevel.regularizers.L2(0.5))["config"]
    {'l2': 0.5}

    Raises:
        TypeError: the object has no plain form.
        ValueError: it is a lambda, which has no name.
    """
    if isinstance(obj, _SCALARS):
        return obj
    if isinstance(obj, (list, tuple)):
        return [serialize(x) for x in obj] if isinstance(obj, list) else tuple(map(serialize, obj))
    if isinstance(obj, dict):
        return {key: serialize(value) for key, value in obj.items()}
    if inspect.isclass(obj):
        return np.dtype(obj).name if issubclass(obj, np.generic) else get_registered_name(obj)
    if hasattr(obj, "get_config"):
        return _described(obj)
    if inspect.isroutine(obj) or (callable(obj) and hasattr(obj, "__name__")):
        return _described_function(obj)
    return _special(obj)


def plain(value: Any) -> Any:
    """Return a value as plain data for a config: public functions by their names, objects without their build shapes.

    The object with the config builds the objects in it.

    Args:
        value: an object, a function, an array, a Python scalar, a string, or a nested structure of these.

    >>> import hilevel
    >>> from hilevel.api.serialization import plain
    >>> plain({"activation": hilevel.activations.relu, "axis": (1, 2)})
    {'activation': 'relu', 'axis': (1, 2)}
    """
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value] if isinstance(value, list) else tuple(map(plain, value))
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if hasattr(value, "get_config") and not inspect.isclass(value):
        return _described(value, ("compile",))
    if not inspect.isclass(value) and _is_public_function(value):
        return value.__name__
    if isinstance(value, np.ndarray):
        return value.tolist()
    return serialize(value)


def _described(obj: Any, kinds: tuple[str, ...] = ("build", "compile")) -> Config:
    """Return the description of an object with `get_config`, and with its further configs of these kinds."""
    table = _shared.get()
    if table is not None and id(obj) in table:
        return dict(table[id(obj)][1])
    entry = _entry(*_class_of(obj))
    if table is not None and hasattr(obj, "save_own_variables"):
        entry["shared_object_id"] = len(table)
        table[id(obj)] = obj, entry
    entry["config"] = obj.get_config()
    for kind in kinds:
        found: Any = getattr(obj, f"get_{kind}_config", dict)()
        if found:
            entry[f"{kind}_config"] = serialize(found)
    return dict(entry)


def _described_function(function: Any) -> Config:
    """Return the description of a function. Keras finds it by its name alone, or in its public module."""
    name = _function_name(function)
    is_first = get_registered_object(name) is function or public(name, _PACKAGES) is function
    module = "builtins" if is_first else public_module(function) or "builtins"
    return _entry(module, "function", name, "function")


def _class_of(obj: Any) -> tuple[str | None, str, Any, str | None]:
    """Return the public module, the name and the registered name of an object's class; the config is missing."""
    if getattr(obj, "_class_in_files", None) == "Functional":
        return "keras.src.models.functional", "Functional", None, "Functional"
    cls = type(obj)
    module = public_module(cls)
    registered = get_registered_name(cls)
    is_custom = module is None or get_registered_object(registered) is cls
    return (None, cls.__name__, None, registered) if is_custom else (module, cls.__name__, None, None)


def _entry(module: str | None, class_name: str, config: Any, registered: str | None) -> Config:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


def _special(obj: Any) -> Any:
    """Return a NumPy scalar, an array, a dtype, bytes, a slice or an Ellipsis as plain data."""
    if isinstance(obj, bytes):
        return {"class_name": "__bytes__", "config": {"value": obj.decode()}}
    if isinstance(obj, slice):
        parts = {name: serialize(getattr(obj, name)) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": parts}
    if obj is Ellipsis:
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, np.generic):
        return obj.item()
    if hasattr(obj, "numpy") or hasattr(obj, "__array__") or hasattr(obj, "get"):
        array = np.asarray(obj.numpy() if hasattr(obj, "numpy") else getattr(obj, "get", lambda: obj)())
        if array.dtype.kind in "biufc":
            name = "__numpy__" if isinstance(obj, np.ndarray) and obj.ndim else "__tensor__"
            return {"class_name": name, "config": {"value": array.tolist(), "dtype": array.dtype.name}}
    raise TypeError(
        f"{obj!r} of type {type(obj).__name__} cannot be serialized. Expected an object with get_config, a named "
        "function, an array, a scalar, text, or a list, tuple or dict of these. Give its class a method get_config "
        "that returns the arguments of its constructor."
    )


def public_module(target: Any) -> str | None:
    """Return the public module of a class or function of hilevel, by its name in Keras; None for others."""
    parts = str(getattr(target, "__module__", None)).split(".")
    if parts[0] != "hilevel":
        return None
    if target.__name__ in ("DTypePolicy", "FloatDTypePolicy", "Sequential", "Model"):
        return "keras"
    for end in range(len(parts), 1, -1):
        module = sys.modules.get(".".join(parts[:end]))
        if ".".join(parts[1:end]) in _PACKAGES and target.__name__ in getattr(module, "__all__", ()):
            return ".".join(["keras", *parts[1:end]])
    return None


def _is_public_function(value: Any) -> bool:
    name = getattr(value, "__name__", None)
    return (
        callable(value)
        and name is not None
        and public(name, ("activations", "losses", "metrics", "ops")) is value
    )


def _function_name(function: Any) -> str:
    if function.__name__ == "<lambda>":
        raise ValueError(
            "A lambda cannot be serialized, because it has no name to find it by. Define a function with def, and "
            "register it with hilevel.saving.register_keras_serializable."
        )
    return get_registered_name(function)


# -- descriptions to objects ---------------------------------------------------------------------------


@contextmanager
def restoring(safe_mode: bool = True) -> Iterator[None]:
    """Return a block in which descriptions with equal `shared_object_id` give one object.

    Args:
        safe_mode: whether to refuse Python code in descriptions, and files that they name.
    """
    tokens = _restored.set({}), _safe.set(safe_mode)
    try:
        yield
    finally:
        _restored.reset(tokens[0])
        _safe.reset(tokens[1])


class _Trust:
    """The setting of the process: whether all files are trusted."""

    all_files = False


def enable_unsafe_deserialization() -> None:
    """Allow Python code in all files that this process loads, as `safe_mode=False` does for one.

    Call it only in a program that loads nothing but its own files.
    """
    _Trust.all_files = True


def is_safe() -> bool:
    """Return whether code and names of files in descriptions are refused."""
    return _safe.get() and not _Trust.all_files


def refuse_file_name(what: str, name: object) -> None:
    """Raise UnsafeContentError if a file or a config names another file, which loading must not open."""
    if (_parts.get() is not None or _restored.get() is not None) and is_safe():
        raise UnsafeContentError(
            f"The config names the file {str(name)!r} as {what}. A loaded file must not make the program open other "
            "files. Pass safe_mode=False if you trust it."
        )


def deserialize(config: Any, package: str | None = None) -> Any:
    """Return the object, or the structure of objects, that plain data describe. Other data is returned unchanged.

    Args:
        config: the result of `serialize`, or a description by Keras.
        package: the public package that is searched first, such as `"layers"`.

    >>> from hilevel.api.serialization import deserialize
    >>> deserialize({"class_name": "Dense", "config": {"units": 2}}).units
    2

    Raises:
        UnknownNameError: no class or function has the name.
        UnsafeContentError: the description contains Python code, in safe mode.
    """
    if isinstance(config, (list, tuple)):
        return type(config)(deserialize(x, package) for x in config)
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        return {key: deserialize(value, package) for key, value in config.items()}
    name, inner = str(config["class_name"]), config.get("config")
    if name.startswith("__"):
        return _from_special(name, inner)
    if name == "function":
        return find(str(inner), config.get("module"), package)
    return _object(config, package)


@contextmanager
def making() -> Iterator[None]:
    """Return a block that makes an object of a description, and so the objects in it, which it builds."""
    token = _parts.set([] if _parts.get() is None else _parts.get())
    try:
        yield
    finally:
        _parts.reset(token)


def _object(config: Config, package: str | None) -> Any:
    """Return the object of a description; one object for equal `shared_object_id`."""
    table, key = _restored.get(), config.get("shared_object_id")
    if table is not None and key is not None and key in table:
        return table[key]
    cls = find_class(config, package)
    if not inspect.isclass(cls):
        return cls
    inner = config.get("config")
    if inner is not None and not isinstance(inner, dict):
        raise TypeError(f"The config of {config['class_name']} must be a dict; got {type(inner).__name__}.")
    with making():
        made = cls.from_config(inner or {}) if hasattr(cls, "from_config") else cls(**(inner or {}))
        parts = _parts.get() or []
    outer = _parts.get()
    if outer is not None:
        outer.append((made, config))
    else:
        _build(made, config)
        for part, own in parts:  # of a model without shapes, whose layers have some
            _build(part, {"build_config": own.get("build_config")})
    if table is not None and key is not None:
        table[key] = made
    return made


def _build(made: Any, config: Config) -> None:
    if config.get("build_config") and not getattr(made, "built", True):
        made.build_from_config(config["build_config"])
    if config.get("compile_config"):
        made.compile_from_config(config["compile_config"])


def find_class(config: Config, package: str | None = None) -> Any:
    """Return the class that a description names: a custom one, else a public one."""
    name = str(config["class_name"])
    for own in (config.get("registered_name"), name):
        found = get_registered_object(own) if isinstance(own, str) else None
        if found is not None:
            return found
    if name == "Functional":
        return _load("models").Model
    return find(name, config.get("module"), package)


def find(name: str, module: object = None, package: str | None = None) -> Any:
    """Return a class or function: a custom one, else one of the named public module, else of the first such module.

    Args:
        name: the name of the class or function.
        module: the module of the description, such as `"keras.layers"`. It is only compared.
        package: the public package to search first.

    >>> from hilevel.api.serialization import find
    >>> find("relu", "builtins") is hilevel.activations.relu
    True

    Raises:
        UnknownNameError: no custom object and no public class or function has the name.
    """
    found = get_registered_object(name)
    if found is not None:
        return found
    if module is not None and str(module).split(".")[0] not in ("keras", "hilevel", "builtins"):
        raise UnknownNameError(f'"{name}" of the module "{module}" is not registered. {_REMEDY}')
    found = public(name, _search_order(str(module), package))
    if found is None:
        hint = nearest(name, [*_all_names(), *custom_names()])
        raise UnknownNameError(f'There is no class or function "{name}".{hint} {_REMEDY}')
    return found


def _search_order(module: str, package: str | None) -> tuple[str, ...]:
    """Return the public packages. A package in the module's name comes first: `layers` for `keras.src.layers.core`."""
    parts = module.split(".")[1:]
    exact = ".".join(parts)
    named = [p for p in _PACKAGES if p == exact or (len(parts) > 1 and p in parts)]
    return tuple(dict.fromkeys([*named, *([package] if package else []), *_PACKAGES]))


def public(name: str, packages: tuple[str, ...]) -> Any:
    """Return the first public class or function of the packages that has a name, else None."""
    if name in _BARRED:
        return None
    for package in packages:
        module = _load(package)
        if name in module.__all__:
            found = getattr(module, name)
            if callable(found) and not isinstance(found, ModuleType):
                return found
    for package in packages:
        registry = getattr(_load(package), "_registry", None)
        if registry is not None and registry.has(name):
            return registry.find(name)
    return None


def _load(package: str) -> ModuleType:
    """Return a public package; its name is one of `_PACKAGES`, never text of a description."""
    return importlib.import_module(f"hilevel.{package}")


def _all_names() -> list[str]:
    return sorted({name for package in _PACKAGES for name in _load(package).__all__} - _BARRED)


def _from_special(name: str, config: Any) -> Any:
    if name in ("__numpy__", "__tensor__"):
        dtype = np.dtype("float32" if config["dtype"] == "bfloat16" else str(config["dtype"]))
        if dtype.kind not in "biufc":
            raise UnsafeContentError(f"An array in a config must have a numeric dtype; got {dtype}.")
        return np.array(config["value"], dtype)
    if name == "__bytes__":
        return str(config["value"]).encode()
    if name == "__slice__":
        return slice(*(deserialize(config[part]) for part in ("start", "stop", "step")))
    if name == "__ellipsis__":
        return Ellipsis
    if name == "__lambda__":
        return _code(config)
    raise unknown_name(
        "kind of data", name, ["__numpy__", "__tensor__", "__slice__", "__bytes__", "__ellipsis__"]
    )


def _code(config: Any) -> Any:
    """Return the function of Python code that Keras wrote, if the caller allows code."""
    if is_safe():
        raise UnsafeContentError(
            "The config contains Python code (a lambda), which could do anything. Ask for a file whose functions are "
            "registered with register_keras_serializable. If you trust it, pass safe_mode=False."
        )
    return importlib.import_module("hilevel.saving.code").function_of(config.get("value", config))
