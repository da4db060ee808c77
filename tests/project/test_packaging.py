"""What is installed, what an import loads, what the command says."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPTIONAL = {
    "jax",
    "cupy",
    "h5py",
    "matplotlib",
    "pandas",
    "torch",
    "tqdm",
    "scipy",
    "hilevel_jax",
    "hilevel_cupy",
}


def python(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder of the sources, with nothing of hilevel set in the environment."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HILEVEL")}
    environment |= {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "backends")])} | variables
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    if importlib.util.find_spec("hatchling"):
        built = python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    elif importlib.util.find_spec("pip"):
        built = python("-m", "pip", "wheel", "--no-deps", "-q", "-w", str(folder), str(ROOT))
        if built.returncode:
            pytest.skip(f"no wheel can be built here: {built.stderr[-200:]}")
    else:
        pytest.skip("neither hatchling nor pip is installed")
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


@pytest.mark.slow
def test_the_wheel_holds_four_packages_and_nothing_else(wheel: Path) -> None:
    packages = {"hilevel", "hilevel_numpy", "hilevel_jax", "hilevel_cupy"}
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    (info,) = (top for top in tops if top.endswith(".dist-info"))
    assert tops == packages | {info}
    assert {f"{package}/py.typed" for package in packages} <= set(names)
    assert "hilevel/datasets/digits.npz" in names
    assert any(name.startswith(info) and name.endswith("LICENSE") for name in names)
    assert not any("test_" in name or "__pycache__" in name for name in names)
    sources = {str(p.relative_to(ROOT)) for p in (ROOT / "hilevel").rglob("*.py")}
    assert sources <= set(names)


@pytest.mark.slow
def test_the_wheel_says_what_it_needs_and_what_it_offers(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    text = {
        Path(n).name: archive.read(n).decode()
        for n in archive.namelist()
        if ".dist-info/" in n and "LICENSE" not in n
    }
    needs = [
        line
        for line in text["METADATA"].splitlines()
        if line.startswith("Requires-Dist") and "extra" not in line
    ]
    assert sorted(line.split()[1].split(">")[0] for line in needs) == ["numpy", "tqdm"]
    assert "hilevel = hilevel.cli:main" in text["entry_points.txt"]
    assert "jax = hilevel_jax:Backend" in text["entry_points.txt"]


def test_an_import_loads_nothing_optional() -> None:
    found = python("-c", "import hilevel, sys; print(*sys.modules)")
    assert found.returncode == 0, found.stderr
    modules = found.stdout.split()
    assert not OPTIONAL & {name.split(".")[0] for name in modules}
    assert len(modules) <= 320, f"{len(modules)} modules"


def test_doctor() -> None:
    found = python("-m", "hilevel", "doctor")
    assert found.returncode == 0, found.stderr
    for words in (
        "hilevel ",
        "numpy ",
        "Backends:",
        "ok: numpy",
        "cupy",
        "jax",
        "Default: numpy (HILEVEL_BACKEND is not set)",
    ):
        assert words in found.stdout
    wrong = python("-m", "hilevel", "doctor", HILEVEL_BACKEND="jxa")
    assert wrong.returncode == 1 and 'Did you mean "jax"?' in wrong.stdout and "Traceback" not in wrong.stderr


def test_quickstart_learns() -> None:
    found = python("-m", "hilevel", "quickstart", "--epochs", "2")
    assert found.returncode == 0, found.stderr
    assert found.stdout.count("Epoch ") == 2 and "Test accuracy: 0." in found.stdout
    assert "\r" not in found.stdout and not found.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["quickstart", "--backend", "numpi"], 1, 'Did you mean "numpy"?'),
        (["quickstart", "--epochs", "0"], 2, "at least 1"),
        (["nonsense"], 2, "invalid choice"),
        ([], 2, "required"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(arguments: list[str], status: int, words: str) -> None:
    found = python("-m", "hilevel", *arguments)
    assert found.returncode == status and words in found.stderr and "Traceback" not in found.stderr
