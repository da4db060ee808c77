"""The exceptions of hilevel, and the helpers that word them.

```
Exception
├── ImportError
│   └── BackendNotAvailableError   the name is unknown, or its package is not installed
├── RuntimeError
│   ├── TracedValueError           a value of a trace is used where only data can be
│   ├── NotCompiledError           fit, evaluate, ... before compile
│   └── VariableCreationError      a Variable made inside a compiled function
├── ArithmeticError
│   └── NotFiniteError             a loss became NaN or infinite, and the user asked to be told
├── TypeError
└── ValueError
    ├── ShapeError                 shapes that do not fit together
    ├── OutOfRangeError            an index or a label outside its range (an IndexError, too)
    └── UnknownNameError           no loss, metric, layer, ... of this name
```
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class BackendNotAvailableError(ImportError):
    """The backend's name is unknown, or the package it needs is not installed."""


class TracedValueError(RuntimeError):
    """A value that exists only while a function is traced was used as data, or after its step."""


class NotCompiledError(RuntimeError):
    """The model was asked to train or evaluate before `compile`."""


class VariableCreationError(RuntimeError):
    """A Variable was created inside a compiled function."""


class NotFiniteError(ArithmeticError):
    """A loss became NaN or infinite."""


class ShapeError(ValueError):
    """Shapes that do not fit together."""


class OutOfRangeError(ValueError, IndexError):
    """An index or a label outside the range that a layer or a loss expects."""


class UnknownNameError(ValueError):
    """No object of this name and kind."""


def nearest(name: str, known: Iterable[str]) -> str:
    """`' Did you mean "adam"?'`, or nothing when no known name is near."""
    import difflib

    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.6)
    return f' Did you mean "{close[0]}"?' if close else ""


def unknown_name(kind: str, name: Any, known: Iterable[str]) -> UnknownNameError:
    """The error for a misspelt name: what it was, the nearest right one, all there are."""
    names = sorted(set(known))
    hint = nearest(str(name), names)
    return UnknownNameError(f'There is no {kind} "{name}".{hint} Known: {", ".join(names)}.')
