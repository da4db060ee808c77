"""Hostile files do nothing but raise hilevel's own errors, in a process that an audit hook watches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import hostile_archives
import hostile_configs
import pytest
from hostile import CASES, HARMLESS

ADDED = hostile_archives, hostile_configs  # they add their cases when they are imported
NAMES = [(loader, name) for loader, cases in CASES.items() for name in cases]
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "tmp").mkdir()
    listed = [benign(folder, loader) for loader in ("model", "weights", "json")]
    for i, (loader, name) in enumerate(NAMES):
        own = folder / str(i)
        own.mkdir()
        (own / "secret.txt").write_text("secret\nwords\n" + "1" * 100)
        what = CASES[loader][name](own)
        listed.append({"loader": loader, "name": name, "what": str(what) if isinstance(what, Path) else what})
    (folder / "list.json").write_text(json.dumps(listed))
    root = HERE.parents[1]
    environment = os.environ | {
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'backends'}",
        "HILEVEL_BACKEND": "numpy",
    }
    done = subprocess.run(
        [sys.executable, HERE / "watched.py", folder],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    table = json.loads(done.stdout)
    if where := os.environ.get("HILEVEL_HOSTILE_TABLE"):
        Path(where).write_text(json.dumps(table))
    assert not list(folder.rglob("pwned"))
    assert all(row["outcome"] == "loaded" and not row["events"] for row in table[:3])
    return {(row["loader"], row["name"]): row for row in table[3:]}


def benign(folder: Path, loader: str) -> dict[str, Any]:
    """Return the case of a harmless file."""
    import hilevel

    model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(2)])
    model.compile("adam", "mse")
    model.save(folder / "good.hilevel")
    model.save_weights(folder / "good.weights.npz")
    what = {
        "model": folder / "good.hilevel",
        "weights": folder / "good.weights.npz",
        "json": model.to_json(),
    }[loader]
    return {"loader": loader, "name": "harmless", "what": str(what)}


@pytest.mark.parametrize(("loader", "name"), NAMES, ids=[f"{loader}: {name}"[:150] for loader, name in NAMES])
def test_a_hostile_file(loader: str, name: str, results: dict[tuple[str, str], dict[str, Any]]) -> None:
    row = results[loader, name]
    kind, _, text = row["outcome"].partition(": ")
    if name in HARMLESS:
        assert kind == "loaded", text
    elif loader == "object":
        assert kind != "loaded"
        assert kind not in ("MemoryError", "RecursionError", "KeyError", "AttributeError"), text
    else:
        assert kind in ("InvalidFileError", "UnsafeContentError"), row["outcome"]
        assert "m." in text or "model_from_json" in text  # the file's name
    assert not row["events"]
    assert not row["left"]
    assert row["growth"] < 300 + 3 * row["size"] / 2**20
    assert row["seconds"] < 10
