"""Two type checkers on programs of users: no error in those that are right, and every error in those that are wrong.

A line of a wrong program with an error ends in `# error`. The lines that a checker does not judge so are in `gaps.txt`.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import hilevel

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RIGHT = sorted((HERE / "right").glob("*.py"))
WRONG = sorted((HERE / "wrong").glob("*.py"))


def run(checker: str, *arguments: str) -> str:
    """Return the output of a checker, on this repository's hilevel."""
    ours = os.pathsep.join([str(ROOT), str(ROOT / "backends")])
    environment = os.environ | {
        "MYPYPATH": ours,
        "PYTHONPATH": os.pathsep.join([ours, os.environ.get("PYTHONPATH", "")]),
    }
    command = [sys.executable, "-m", checker, *arguments]
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
    assert "No module named" not in done.stderr, f"{checker} is missing: pip install --group lint"
    assert done.returncode in (0, 1), done.stderr + done.stdout
    return done.stdout


def mypy(cache: Path) -> set[str]:
    """Return the places, `folder/file:line`, where mypy finds an error."""
    options = ["--strict", "--config-file=", "--follow-imports=silent", f"--cache-dir={cache}"]
    printed = run("mypy", *options, "right", "wrong")
    return set(re.findall(r"^(\S+:\d+): error:", printed.replace("\\", "/"), re.MULTILINE))


def basedpyright(cache: Path) -> set[str]:
    """Return the places, `folder/file:line`, where pyright finds an error."""
    config = cache / "pyrightconfig.json"
    config.write_text(
        json.dumps({"typeCheckingMode": "standard", "include": [str(HERE / "right"), str(HERE / "wrong")]})
    )
    printed = run("basedpyright", f"--project={config}", f"--pythonpath={sys.executable}", "--outputjson")
    found = [d for d in json.loads(printed)["generalDiagnostics"] if d["severity"] == "error"]
    return {
        f"{Path(d['file']).relative_to(HERE).as_posix()}:{d['range']['start']['line'] + 1}" for d in found
    }


def marked() -> set[str]:
    """Return the places that are marked as errors."""
    return {
        f"wrong/{file.name}:{number}"
        for file in WRONG
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if line.endswith("# error")
    }


@pytest.mark.slow
@pytest.mark.parametrize("checker", [mypy, basedpyright])
def test_a_checker_finds_the_errors_and_no_others(
    checker: Callable[[Path], set[str]], tmp_path: Path
) -> None:
    gaps = set(re.findall(rf"^{checker.__name__} (\S+)", (HERE / "gaps.txt").read_text(), re.MULTILINE))
    judged_wrongly = checker(tmp_path) ^ marked()
    assert sorted(judged_wrongly - gaps) == [], "judged wrongly, and not in gaps.txt"
    assert sorted(gaps - judged_wrongly) == [], "judged rightly: remove them from gaps.txt"


def test_there_are_programs_and_errors() -> None:
    assert len(RIGHT) >= 10 and len(WRONG) >= 9 and len(marked()) >= 100
    for file in WRONG:
        compile(file.read_text(), file.name, "exec")


@pytest.mark.parametrize("program", RIGHT, ids=lambda p: p.stem)
def test_the_right_programs_run(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hilevel.engine.backends._default", None)
    with hilevel.use_backend("numpy"):
        runpy.run_path(str(program))
