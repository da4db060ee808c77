"""The exceptions of hilevel, and helpers for their messages.

```text
Exception
├── ImportError
│   └── BackendNotAvailableError   the name is unknown, or its package is not installed
├── RuntimeError
│   ├── TracedValueError           a tensor without values is used as data (a TypeError and ValueError, too)
│   ├── NotCompiledError           fit or evaluate before compile
│   ├── DistributionError          several devices or processes that the backend lacks, or that do not agree
│   └── VariableCreationError      a Variable created in a compiled function
├── FloatingPointError, RuntimeError
│   └── NotFiniteError             NaN or infinity, by `debug.trace_nan` or `TerminateOnNaN`
├── TypeError
├── ValueError
│   ├── ArgumentError              a setting of a wrong type or value (a TypeError, too)
│   ├── ShapeError                 shapes that do not match
│   ├── InvalidFileError           a file that is damaged, of another format, or not complete
│   │   └── UnsafeContentError     contents of a file that loading refuses, such as code
│   ├── OutOfRangeError            an index or label outside its range (an IndexError, too)
│   ├── OutputNameError            no output of a model of this name (a KeyError, too)
│   └── UnknownNameError           no loss, metric or layer of this name
└── UserWarning
    └── HilevelWarning             a program that runs, but is probably wrong
        └── ConstantOutputWarning  a loss, metric or output that is equal for all inputs
```
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterable
from types import FrameType
from typing import Any

from hilevel.api.lazy import install_getattr as _install_getattr


class BackendNotAvailableError(ImportError):
    """The backend's name is unknown, or its array library is not installed."""


class TracedValueError(TypeError, ValueError, RuntimeError):
    """A tensor of a trace was used as data, or after its step.

    It is a TypeError for `bool` and `float`, and a ValueError for `numpy.asarray`, as in Keras.
    """


class NotCompiledError(RuntimeError):
    """Training or evaluation of a model before `compile`."""


class DistributionError(RuntimeError):
    """Several devices or processes are not available, differ in program or data, or one has ended."""


class VariableCreationError(RuntimeError):
    """A Variable was created inside a compiled function."""


class NotFiniteError(FloatingPointError, RuntimeError):
    """An op, its gradient, or a loss became NaN or infinite."""


class ArgumentError(ValueError, TypeError):
    """A setting of a layer has a wrong type or a value that is not allowed."""


class ShapeError(ValueError):
    """Shapes that do not match."""


class InvalidFileError(ValueError):
    """A file that is damaged, of another format, or that does not fit the model."""


class UnsafeContentError(InvalidFileError):
    """Contents of a file that loading refuses: code, names of other files, sizes that do not fit the file."""


class ExportError(ValueError, NotImplementedError):
    """A model, or a part of it, has no form in the format of an exported file."""


class OutOfRangeError(ValueError, IndexError):
    """An index or a label outside the range that a layer or a loss expects."""


class UnknownNameError(ValueError):
    """No object of this name and kind."""


class OutputNameError(ValueError, KeyError):
    """No output of a model has this name."""

    __str__ = ValueError.__str__


class HilevelWarning(UserWarning):
    """Base class of warnings about a program that runs, but is probably wrong."""


class ConstantOutputWarning(HilevelWarning, SyntaxWarning):
    """A loss, a metric, or the output of a model that is equal for all inputs."""


def warn(message: str, category: type[Warning] = HilevelWarning) -> None:
    """Warn once at the line of the user's program that called hilevel.

    A step runs on shapes, is traced and captured. With Python's filter "always" each run would repeat the warning.

    >>> import warnings
    >>> from hilevel.errors import warn
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     warn("Look here.")
    >>> caught[0].category.__name__
    'HilevelWarning'
    """
    frame = _users_frame(sys._getframe(1))
    file, line = frame.f_code.co_filename, frame.f_lineno
    said = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(message, category, file, line, frame.f_globals.get("__name__"), said)
    said[message, category, line] = True  # Python's own key; it clears the registry when filters change


_INSTALLED = (os.path.dirname(os.__file__), "site-packages", "dist-packages")


def _users_frame(frame: FrameType) -> FrameType:
    """Return the innermost frame outside of libraries; else the outermost."""
    while frame.f_back is not None and _is_library(frame):
        frame = frame.f_back
    return frame


def _is_library(frame: FrameType) -> bool:
    package = frame.f_globals.get("__name__", "").partition(".")[0]
    file = frame.f_code.co_filename
    return package.startswith("hilevel") or any(folder in file for folder in _INSTALLED)


_LONGEST = 100
"""The number of letters of the longest name for which a known name is searched."""


def closest(name: str, known: Iterable[str]) -> str:
    """Return the known name nearest to a name, regardless of case; `""` if no name is near.

    >>> from hilevel.errors import closest
    >>> closest("relu", ["ReLU", "GRU"]), closest("nothing", ["ReLU"])
    ('ReLU', '')
    """
    if len(name) > _LONGEST:  # a search would take long
        return ""
    names = {k.lower(): k for k in reversed(list(known))}
    matches = importlib.import_module("difflib").get_close_matches(str(name).lower(), names, n=1, cutoff=0.6)
    return names[matches[0]] if matches else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `' Did you mean "adam"?'`, or `""` if no known name is near."""
    close = closest(name, known)
    return f' Did you mean "{close}"?' if close else ""


def refuse_sparse(x: Any) -> None:
    """Refuse a sparse matrix of SciPy or CuPy, or a sparse array of JAX.

    Raises:
        TypeError: the message has the conversion to a dense array.
    """
    if not (hasattr(x, "nnz") or hasattr(x, "nse")):
        return
    method = next((m for m in ("toarray", "todense") if hasattr(x, m)), None)
    if method is not None:
        raise TypeError(
            f"Got a sparse {type(x).__name__} of shape {tuple(x.shape)}. Layers and ops compute with dense "
            f"arrays: pass x.{method}()."
        )


def warn_dense(where: str, sparse: object) -> None:
    """Warn that a layer or op with `sparse=True` returns a dense tensor."""
    if sparse:
        warn(f"{where}(sparse=True): hilevel has no sparse tensors, and the result is dense.")


def unknown_argument(where: str, name: str, known: Iterable[str]) -> TypeError:
    """Return the error for an unknown argument of a function or class. Its message suggests a name.

    The names in earlier versions of Keras are in `hilevel.api.renamed`.

    >>> from hilevel.errors import unknown_argument
    >>> unknown_argument("Adam", "lr", ["learning_rate"])
    TypeError('Adam has no argument "lr". Use "learning_rate".')
    """
    advice = importlib.import_module("hilevel.api.renamed").advice(name, known)
    return TypeError(f'{where} has no argument "{name}".{advice}')


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """Return the error for an unknown name. Its message has the nearest name and all known names."""
    names = sorted(set(known))
    hint = nearest(str(name), names)
    return UnknownNameError(f'There is no {kind} "{name}".{hint} Known: {", ".join(names)}.')


_install_getattr(__name__)
__all__ = [
    "ArgumentError",
    "BackendNotAvailableError",
    "ConstantOutputWarning",
    "DistributionError",
    "ExportError",
    "HilevelWarning",
    "InvalidFileError",
    "NotCompiledError",
    "NotFiniteError",
    "OutOfRangeError",
    "OutputNameError",
    "ShapeError",
    "TracedValueError",
    "UnknownNameError",
    "UnsafeContentError",
    "VariableCreationError",
]
