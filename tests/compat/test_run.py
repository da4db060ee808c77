"""`hilevel run`: scripts as main programs, and their errors."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hilevel.cli import main

ROOT = Path(__file__).parents[2]
ABOUT = """
import sys, pickle, json
class Own: ...
if __name__ == "__main__":
    main = sys.modules["__main__"]
    print(json.dumps([sys.argv, __file__, sys.path[0], __package__, __doc__, type(__builtins__).__name__]))
    print(main.Own is Own is type(pickle.loads(pickle.dumps(Own()))))
"""


def python(*arguments: str, folder: Path, **environment: str) -> Any:
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **environment},
    )


def write(folder: Path, code: str, name: str = "script.py") -> str:
    (folder / name).write_text(code)
    return name


def both(folder: Path, script: str, *arguments: str) -> list[Any]:
    """Run a script by `hilevel run` and by Python."""
    return [python(*way, script, *arguments, folder=folder) for way in (("-m", "hilevel", "run"), ())]


def test_a_script_is_the_main_program(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write(tmp_path / "inner", "print('beside')", "beside.py")
    write(tmp_path / "inner", ABOUT + "    import beside\n")
    ours, pythons = both(tmp_path, "inner/script.py", "--epochs", "3", "-h", "--", "--private")
    assert ours.stdout == pythons.stdout and ours.stdout.endswith("True\nbeside\n"), ours.stderr
    assert ours.returncode == pythons.returncode == 0


@pytest.mark.parametrize(
    "ending",
    [
        "def f():\n    return 1 / 0\nf()", "raise SystemExit(7)", "import sys\nsys.exit('stopped')", "raise KeyboardInterrupt",
        "x = = 3", "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError(3) from e",
        "open('no such file')",
    ],
)  # fmt: skip
def test_endings_and_tracebacks_are_those_of_python(ending: str, tmp_path: Path) -> None:
    ours, pythons = both(tmp_path, write(tmp_path, ending))
    assert (ours.returncode, ours.stderr) == (pythons.returncode, pythons.stderr)
    assert ours.returncode != 0


PACKAGE = """
import sys
from .inner import name
print(name, __name__, __package__, __file__, sys.argv, sys.path[0])
if "fail" in sys.argv:
    name()
"""
FOLDER = "import sys, beside\nprint(beside.name, __package__, __file__, sys.argv, sys.path[0])\nassert len(sys.argv) == 1"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A package, a package without `__main__`, a module, a folder, a zip file, and a folder without `__main__.py`."""
    for folder in ("package", "plain", "folder", "empty"):
        (tmp_path / folder).mkdir()
    for name in ("package/__init__.py", "plain/__init__.py"):
        write(tmp_path, "", name)
    write(tmp_path, "name = 'inner'", "package/inner.py")
    write(tmp_path, PACKAGE, "package/__main__.py")
    write(
        tmp_path,
        "from package import inner\nprint(inner.name, __package__, __spec__ is not None)",
        "module.py",
    )
    write(tmp_path, "name = 'beside'", "folder/beside.py")
    write(tmp_path, FOLDER, "folder/__main__.py")
    shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "folder")
    return tmp_path


@pytest.mark.parametrize(
    "program",
    [
        "-m package", "-m package --epochs -m 3", "-m package fail", "-m package.inner", "-m module", "folder",
        "./folder/", "./folder/__main__.py", "folder more", "packed.zip", "folder/../folder/__main__.py",
    ],
)  # fmt: skip
def test_modules_and_folders_are_main_programs(program: str, programs: Path) -> None:
    ours, pythons = both(programs, *program.split())
    assert ours.stdout == pythons.stdout, ours.stderr
    assert (ours.returncode, ours.stderr) == (pythons.returncode, without_runpy(pythons.stderr))


@pytest.mark.parametrize(
    "program", ["-m nothing", "-m package.nothing", "-m nothing.more", "-m plain", "-m sys", "empty"]
)
def test_missing_modules(program: str, programs: Path) -> None:
    ours, pythons = both(programs, *program.split())
    assert ours.returncode == pythons.returncode == 1
    assert ours.stderr.startswith("hilevel run: ") and ours.stderr.count("\n") == 1


def without_runpy(text: str) -> str:
    """Return a traceback without the frames of `runpy`, which `hilevel run` leaves out."""
    return re.sub(r'  File "<frozen runpy>".*\n', "", text)


def test_a_missing_script(tmp_path: Path, capsys: Any) -> None:
    assert main(["run", str(tmp_path / "nothing.py")]) == 2
    assert "No such file" in capsys.readouterr().err


def test_errors_of_imports_show_the_line_and_the_remedy(tmp_path: Path) -> None:
    found = python(
        "-m", "hilevel", "run", write(tmp_path, "x = 1\nfrom keras.layers import Dens\n"), folder=tmp_path
    )
    assert (
        found.returncode == 1 and "line 2, in <module>" in found.stderr and 'name is "Dense"' in found.stderr
    )
    assert "runpy" not in found.stderr and "cli.py" not in found.stderr


def test_private_names(tmp_path: Path) -> None:
    script = write(tmp_path, "from keras.src.layers.core.dense import Dense\nprint(Dense.__module__)")
    found = python("-m", "hilevel", "run", "--private", script, folder=tmp_path)
    assert found.stdout == "hilevel.layers.core.dense\n", found.stderr


def test_without_tensorflow(tmp_path: Path) -> None:
    script = write(tmp_path, "import keras\nprint(keras.version())\nimport tensorflow")
    found = python("-m", "hilevel", "run", "--no-tensorflow", script, folder=tmp_path)
    assert found.stdout.endswith("+hilevel\n") and "No module" not in found.stderr and found.returncode == 1


@pytest.mark.parametrize(("name", "options"), [("mnist_cnn", "--epochs 2"), ("gradient_checking", "")])
def test_examples_run_with_the_names_of_keras(name: str, options: str, tmp_path: Path) -> None:
    for file in (name, "options"):
        code = (ROOT / f"examples/{file}.py").read_text()
        write(tmp_path, re.sub(r"\bhilevel\b", "keras", code), f"{file}.py")
    home = {"HILEVEL_HOME": str(tmp_path), "KERAS_HOME": str(tmp_path), "HILEVEL_BACKEND": "numpy"}
    found = python("-m", "hilevel", "run", f"{name}.py", *options.split(), folder=tmp_path, **home)
    assert found.returncode == 0 and "As it should be" in found.stdout, found.stdout + found.stderr


DATA = """
import keras
import numpy as np

class Rows(keras.utils.PyDataset):
    def __len__(self):
        return 2
    def __getitem__(self, index):
        return np.ones((2, 3)), np.ones((2, 1))

if __name__ == "__main__":
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(Rows(workers=1, use_multiprocessing=True), verbose=0)
    print("trained")
"""


@pytest.mark.parametrize("program", ["script.py", "-m script", "."])
def test_worker_processes_have_the_program(program: str, tmp_path: Path) -> None:
    write(tmp_path, DATA)
    write(tmp_path, DATA, "__main__.py")
    found = python("-m", "hilevel", "run", *program.split(), folder=tmp_path)
    assert found.stdout == "trained\n", found.stderr
