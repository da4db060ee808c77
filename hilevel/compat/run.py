"""`hilevel run`: a script of Keras as the main program."""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from hilevel.compat.hook import as_keras

_Hook = Callable[[type[BaseException], BaseException, types.TracebackType | None], Any]
_VARIABLE = "_HILEVEL_RUN"
"""The environment variable that gives the script to processes of `multiprocessing`."""


def run(script: str, arguments: Sequence[str], private: bool = False) -> int:
    """Run a script as `python script.py` does, with the modules of hilevel for `import keras`.

    The script is the module `__main__`. `sys.argv` and `sys.path[0]` are as in Python. The traceback of an error
    begins in the script. Processes that `multiprocessing` starts run the script in the same way.

    Args:
        script: the path of a Python file.
        arguments: the arguments of the script, which become `sys.argv[1:]`.
        private: see `hilevel.as_keras`.

    Returns:
        The exit status: 0, or 2 if the file cannot be read.

    Raises:
        ImportError: Keras or TensorFlow itself has been imported before.
        SystemExit: the script ends by `sys.exit`.
    """
    path = os.path.abspath(script)
    sys.excepthook = _from_script(path, sys.excepthook)
    try:
        code = _compiled(path)
    except OSError as error:
        print(f"hilevel run: {error}", file=sys.stderr)
        return 2
    as_keras(private)
    os.environ[_VARIABLE] = f"{'private' if private else 'public'} {path}"
    sys.argv = [script, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    vars(main).update(
        __file__=path, __builtins__=builtins, __spec__=importlib.util.find_spec("hilevel.compat.worker")
    )
    exec(code, vars(main))
    return 0


def run_in_worker(namespace: dict[str, Any]) -> None:
    """Run the script of the parent process in a namespace, below the name `__mp_main__`."""
    private, _, path = os.environ[_VARIABLE].partition(" ")
    as_keras(private == "private")
    namespace["__file__"] = sys.argv[0] = path
    exec(_compiled(path), namespace)


def _compiled(path: str) -> types.CodeType:
    with io.open_code(path) as file:
        return compile(file.read(), path, "exec", dont_inherit=True)


def _from_script(path: str, show: _Hook) -> _Hook:
    """Return an `excepthook` that leaves out the frames before the script."""

    def hook(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename != path:
            trace = trace.tb_next
        show(kind, error.with_traceback(trace), trace)

    return hook
