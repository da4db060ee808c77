"""A file is replaced by a whole new one, or stays as it is: after a kill, on a full disk, after an error."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import savers
from savers import NAMES, load, model, save

import hilevel
from hilevel.saving import hdf5

ROOT = Path(__file__).parents[2]


def start(*arguments: object) -> subprocess.Popen[str]:
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'backends'}",
        "HILEVEL_BACKEND": "numpy",
    }
    command = [sys.executable, savers.__file__, *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    for name in NAMES:
        save(model(1.0), tmp_path / name)
    return tmp_path


def test_a_kill_leaves_whole_files(saved: Path) -> None:
    for _ in range(3):
        process = start(saved)
        assert process.stdout is not None and process.stderr is not None
        with process.stdout, process.stderr:
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0.05, 0.3))
            process.send_signal(signal.SIGKILL)
            process.wait()
        for name in NAMES:
            assert load(saved / name) in ({1.0}, {2.0})


def test_a_full_disk_leaves_the_old_files(saved: Path) -> None:
    before = sorted(p.name for p in saved.iterdir())
    output, errors = start(saved, 200_000).communicate(timeout=60)
    assert [line.split()[0] for line in output.splitlines()] == list(NAMES), errors
    assert sorted(p.name for p in saved.iterdir()) == before  # no .part
    assert all(load(saved / name) == {1.0} for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["get_config", "save_own_variables", "save_assets"])
def test_an_error_of_a_layer_leaves_the_old_file(
    name: str, method: str, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (method != "save_own_variables" and "weights" in name) or (
        name == "m.safetensors" and method != "save_own_variables"
    ):
        pytest.skip("weights alone have no config and no assets")

    def fails(*_: Any) -> None:
        raise RuntimeError("no")

    before = sorted(p.name for p in saved.iterdir())
    bad = model(2.0)
    monkeypatch.setattr(type(bad.layers[1]), method, fails)
    with pytest.raises(RuntimeError, match="no"):
        save(bad, saved / name)
    monkeypatch.undo()
    assert sorted(p.name for p in saved.iterdir()) == before
    assert load(saved / name) == {1.0}


def test_an_error_at_the_second_of_several_files(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(p.name for p in saved.iterdir())
    write, calls = hdf5.write, []

    def second_fails(*arguments: Any, **options: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise OSError(28, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr(hdf5, "write", second_fails)
    with pytest.raises(OSError, match="No space"):
        save(model(2.0), saved / "m.weights.json")
    monkeypatch.undo()
    assert load(saved / "m.weights.json") == {1.0}
    assert sorted(p.name for p in saved.iterdir()) == before


def test_files_are_not_overwritten_if_the_caller_forbids_it(saved: Path) -> None:
    for name in NAMES:
        method = "save" if name in ("m.hilevel", "m.keras") else "save_weights"
        with pytest.raises(FileExistsError, match=name):
            getattr(model(2.0), method)(saved / name, overwrite=False)
        assert load(saved / name) == {1.0}


def test_old_files_of_an_index_are_removed(saved: Path) -> None:
    before = set(saved.glob("m_*"))
    save(model(2.0), saved / "m.weights.json")
    assert load(saved / "m.weights.json") == {2.0}
    assert len(set(saved.glob("m_*"))) == len(before) and not set(saved.glob("m_*")) & before


def test_the_rights_of_a_file_are_kept(saved: Path) -> None:
    os.chmod(saved / "m.hilevel", 0o640)
    save(model(2.0), saved / "m.hilevel")
    assert (saved / "m.hilevel").stat().st_mode & 0o777 == 0o640
    assert hilevel.saving.load_model(saved / "m.hilevel").count_params() == model(0.0).count_params()
