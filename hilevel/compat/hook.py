"""The import of `keras` and `tensorflow.keras`, which gives programs the objects of hilevel."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from opcode import opmap
from types import FrameType, ModuleType
from typing import Any, Self

from hilevel.compat import names
from hilevel.compat.private import missing_modules, placeholder

ROOTS = ("keras", "tensorflow")
_TOPS = ("keras", "tensorflow.keras")
_TENSORBOARD = "tensorboard.compat.notf"
"""An empty module that TensorBoard looks for: with it, it works without TensorFlow."""


class KerasImport(MetaPathFinder, Loader):
    """The finder of the modules `keras` and `tensorflow` in `sys.meta_path`, as `as_keras` returns it.

    As a context manager it ends with the block.
    """

    def __init__(self, private: bool, tensorflow: bool = True) -> None:
        self.private = private
        self.tensorflow = tensorflow

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.undo()

    def undo(self) -> None:
        """Remove the finder, and the modules of the last finder. Imported objects stay valid."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        if not any(isinstance(finder, KerasImport) for finder in sys.meta_path):
            for name in [n for n in sys.modules if n.partition(".")[0] in ROOTS and not is_foreign(n)]:
                del sys.modules[name]

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Return the spec of a module whose name begins with `keras` or `tensorflow`; None for others.

        Raises:
            ModuleNotFoundError: hilevel has no such module; the message has a remedy.
        """
        if fullname == _TENSORBOARD:
            return ModuleSpec(fullname, self)
        if fullname.partition(".")[0] not in ROOTS:
            return None
        if fullname.startswith("tensorflow") and not self.tensorflow:
            raise ModuleNotFoundError(
                "tensorflow is left out by hilevel.as_keras(tensorflow=False)", name=fullname
            )
        if "keras.src." in fullname and self.private and not _is_name_of_from():
            return ModuleSpec(fullname, self, is_package=True)  # the names are looked up, not the modules
        try:
            found = None if fullname == "tensorflow" else self.find(fullname)
        except AttributeError:
            text = names.module_reason(fullname, self.private)
            raise ModuleNotFoundError(text, name=fullname) from None
        if found is not None and not isinstance(found, ModuleType):
            raise ModuleNotFoundError(f"{fullname} is not a module", name=fullname)
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        """Let a new module look up its attributes in hilevel."""
        if module.__name__ == _TENSORBOARD:
            return
        content = self._content(module.__name__)
        own: dict[str, Any] = (
            {"__version__": names.TENSORFLOW_VERSION} if module.__name__ == "tensorflow" else {}
        )
        if module.__name__ in _TOPS:
            own = {"__version__": names.VERSION, "version": _version}
            if self.private:
                own["__all__"] = sorted({*content.__all__, *missing_modules()})
        if ".src" in module.__name__ and hasattr(content, "__all__"):
            own = {"__all__": content.__all__}
        vars(module).update(own, __doc__=content.__doc__)
        vars(module).update(__getattr__=self._getattr(module), __dir__=lambda: dir(content))

    def find(self, path: str) -> Any:
        """Return the object of a dotted name; with `private`, a placeholder for a class of Keras that hilevel lacks.

        Raises:
            AttributeError: hilevel has no such name.
        """
        try:
            return names.find(path, self.private)
        except AttributeError as error:
            found = placeholder(path, str(error)) if self.private else None
            if found is None:
                raise
            return found

    def _content(self, name: str) -> ModuleType:
        """Return the module of hilevel whose names a module has, or an empty one."""
        if name == "tensorflow":
            return ModuleType("empty")
        if ".src" in name:
            return names.private_module(name) or ModuleType("empty")
        found: ModuleType = self.find(name)
        return found

    def _getattr(self, module: ModuleType) -> Callable[[str], Any]:
        """Return the `__getattr__` of a module: a submodule is imported, other names are kept at their first use."""

        def load(name: str) -> Any:
            path = f"{module.__name__}.{name}"
            try:
                found = self.find(path)
            except AttributeError as error:
                missing: Exception = error
                if _imports_name(sys._getframe(1)):
                    missing = ImportError(str(error), name=module.__name__)
                raise missing.with_traceback(None) from None
            if isinstance(found, ModuleType):
                return importlib.import_module(path) if self in sys.meta_path else found
            return vars(module).setdefault(name, found)

        return load


def as_keras(private: bool = False, tensorflow: bool = True) -> KerasImport:
    """Let `import keras` and `import tensorflow.keras` return the modules of hilevel.

    `keras.layers.Dense` is then `hilevel.layers.Dense`, in this process and until `undo`. Other names of TensorFlow are
    errors with a remedy. `keras.__version__` is `"3.15.1+hilevel"`. The environment variable `HILEVEL_AS_KERAS=1`, or
    `=private`, does the same when hilevel is imported, and `hilevel run` for a program without a change.

    Args:
        private: True for programs with packages around Keras. Names in `keras.src`, the private part of Keras, are
            looked up among the public names. Classes of Keras that hilevel lacks are placeholders, which fail when they
            are used.
        tensorflow: False to let `import tensorflow` fail, for packages that use TensorFlow itself if it is there.

    Returns:
        A context manager, which undoes the change at the end of its block. Its method `undo` does so at once.

    Raises:
        ImportError: Keras or TensorFlow itself has been imported before.

    >>> import hilevel
    >>> with hilevel.as_keras():
    ...     from keras.layers import Dense
    ...     import tensorflow as tf
    >>> Dense is tf.keras.layers.Dense is hilevel.layers.Dense
    True
    """
    for name in filter(is_foreign, ROOTS):
        where = getattr(sys.modules[name], "__file__", None) or "an unknown file"
        raise ImportError(
            f"{name} is imported already, from {where}. Call hilevel.as_keras() before all imports of {name}.",
            name=name,
        )
    finder = KerasImport(private, tensorflow)
    sys.meta_path.insert(0, finder)
    return finder


def is_foreign(name: str) -> bool:
    """Whether a module is loaded that `KerasImport` did not make."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return name in sys.modules and not isinstance(getattr(spec, "loader", None), KerasImport)


def _version() -> str:
    """Return the version of Keras whose names hilevel has."""
    return names.VERSION


def _imports_name(frame: FrameType) -> bool:
    """Return True in `from module import name`, where the error must be an ImportError to keep its message."""
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def _is_name_of_from() -> bool:
    """Return True if a module is searched that is a name after `from package import`."""
    frame = sys._getframe(2)
    while "importlib" in frame.f_code.co_filename and frame.f_back is not None:
        if frame.f_code.co_name == "_handle_fromlist":
            return True
        frame = frame.f_back
    return False
