"""`hilevel run`: a script, a folder or a module of Keras as the main program."""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import sys
import types
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, NamedTuple

from hilevel.compat.hook import as_keras

_Hook = Callable[[type[BaseException], BaseException, types.TracebackType | None], Any]
_VARIABLE = "_HILEVEL_RUN"
"""The environment variable that gives the program to processes of `multiprocessing`."""


class _Program(NamedTuple):
    """The code of a program, and Python's values for its main module and for `sys.argv[0]`."""

    code: types.CodeType
    file: str
    argument: str
    package: str | None


class _WorkerSpec(ModuleSpec):
    """The spec of the main module, by which `multiprocessing` starts `hilevel.compat.worker` in its processes."""

    parent: str | None = None


def run(
    target: str,
    arguments: Sequence[str],
    private: bool = False,
    is_module: bool = False,
    tensorflow: bool = True,
) -> int:
    """Run a program as `python` does, with the modules of hilevel for `import keras`.

    The program is the module `__main__`. `sys.argv` and `sys.path[0]` are as in Python. The traceback of an error
    begins in the program. Processes that `multiprocessing` starts run the program in the same way.

    Args:
        target: the path of a Python file, or of a folder or zip file with `__main__.py`; or the name of a module.
        arguments: the arguments of the program, which become `sys.argv[1:]`.
        private, tensorflow: see `hilevel.as_keras`.
        is_module: whether the target is the name of a module or package, as in `python -m`.

    Returns:
        The exit status: 0; 1 if there is no such module; 2 if the file cannot be read.

    Raises:
        ImportError: Keras or TensorFlow itself has been imported before.
        SystemExit: the program ends by `sys.exit`.
    """
    hook = as_keras(private, tensorflow)
    show = sys.excepthook
    sys.excepthook = _from_program(_absolute(target), show)
    _set_first_path(target, is_module)
    try:
        program = _load(target, is_module)
    except (OSError, _NoModuleError) as error:
        hook.undo()
        print(f"hilevel run: {error}", file=sys.stderr)
        return 2 if isinstance(error, OSError) else 1
    sys.excepthook = _from_program(program.code.co_filename, show)
    flags = f"{private:d}{tensorflow:d}{is_module:d}"
    os.environ[_VARIABLE] = flags + (target if is_module else _absolute(target))
    sys.argv = [program.argument, *arguments]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    spec = _WorkerSpec("hilevel.compat.worker", None)
    spec.parent = program.package
    vars(main).update(
        __builtins__=builtins, __spec__=spec, __file__=program.file, __package__=program.package
    )
    exec(program.code, vars(main))
    return 0


def run_in_worker(namespace: dict[str, Any]) -> None:
    """Run the program of the parent process in a namespace, below the name `__mp_main__`."""
    private, tensorflow, is_module = (flag == "1" for flag in os.environ[_VARIABLE][:3])
    as_keras(private, tensorflow)
    program = _load(os.environ[_VARIABLE][3:], is_module)
    sys.argv[0] = program.argument
    namespace.update(__file__=program.file, __package__=program.package)
    namespace["__spec__"] = None
    exec(program.code, namespace)


class _NoModuleError(Exception):
    """There is no module of the name, or it is not a program."""


def _set_first_path(target: str, is_module: bool) -> None:
    """Set `sys.path[0]`, which with `python -P` is the folder of a program only."""
    is_folder = not is_module and _is_folder(target)
    if sys.flags.safe_path and is_folder:
        sys.path.insert(0, _absolute(target))
    elif not sys.flags.safe_path:
        folder = _absolute(target) if is_folder else os.path.dirname(os.path.realpath(target))
        sys.path[0] = os.getcwd() if is_module else folder


def _absolute(path: str) -> str:
    """Return a path as Python writes it in tracebacks: absolute, and not normalized."""
    return os.path.join(os.getcwd(), path)


def _is_folder(target: str) -> bool:
    """Whether a path is a folder, or an archive from which Python imports."""
    return PathFinder.find_spec("__main__", [_absolute(target)]) is not None or os.path.isdir(target)


def _load(target: str, is_module: bool) -> _Program:
    if is_module:
        code, origin, package = _of_spec(_spec(target))
        return _Program(code, origin, origin, package)
    if _is_folder(target):
        spec = PathFinder.find_spec("__main__", [_absolute(target)])
        if spec is None:
            raise _NoModuleError(f"can't find '__main__' module in {target!r}")
        code, origin, package = _of_spec(spec)
        return _Program(code, origin, target, package)
    path = _absolute(target)
    with io.open_code(path) as file:
        return _Program(compile(file.read(), path, "exec", dont_inherit=True), path, target, None)


def _spec(name: str) -> ModuleSpec:
    """Return the spec of a module, or of `__main__` in a package."""
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if not name.startswith(f"{error.name}."):
            raise
        spec = None
    if spec is None:
        raise _NoModuleError(f"No module named {name}")
    if spec.submodule_search_locations is None:
        return spec
    inner = importlib.util.find_spec(f"{name}.__main__")
    if inner is None:
        raise _NoModuleError(
            f"No module named {name}.__main__; {name!r} is a package and cannot be directly executed"
        )
    return inner


def _of_spec(spec: ModuleSpec) -> tuple[types.CodeType, str, str | None]:
    """Return the code, the file and the package of a module."""
    code = getattr(spec.loader, "get_code", lambda name: None)(spec.name)
    if code is None:
        raise _NoModuleError(f"No code object available for {spec.name}")
    return code, str(spec.origin), spec.parent


def _from_program(path: str, show: _Hook) -> _Hook:
    """Return an `excepthook` that leaves out the frames before the program."""

    def hook(kind: type[BaseException], error: BaseException, trace: types.TracebackType | None) -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename != path:
            trace = trace.tb_next
        show(kind, error.with_traceback(trace), trace)

    return hook
