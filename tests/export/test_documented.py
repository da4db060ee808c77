"""docs/export.md: its tables are complete, and its service runs."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.export.converters import CONVERTERS

PAGE = (Path(__file__).parents[2] / "docs/export.md").read_text()


def table(head: str) -> dict[str, list[str]]:
    """Return the lists of names in a table, by the first column."""
    rows = re.search(rf"^\| {head} \|.*\n\|.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert rows is not None
    cells = [row.strip("| ").split(" | ") for row in rows[1].splitlines()]
    return {first.strip("`"): names.replace("`", "").split(", ") for first, names in cells}


def test_the_table_of_ops_is_the_table_of_converters() -> None:
    known: dict[str, set[str]] = {}
    for op in CONVERTERS:
        known.setdefault(op.__module__.removeprefix("hilevel.ops."), set()).add(op.name)
    assert table("module") == {module: sorted(names) for module, names in sorted(known.items())}


def test_the_table_of_layers_has_the_tested_layers() -> None:
    pytest.importorskip("onnxruntime")
    from test_onnx import EACH

    listed = [name for names in table("folder").values() for name in names]
    assert sorted(listed) == sorted(EACH)
    for folder, names in table("folder").items():
        assert all(getattr(layers, name).__module__.split(".")[2] == folder for name in names)


def test_the_service(tmp_path: Path, monkeypatch: Any) -> None:
    pytest.importorskip("fastapi")
    httpx = pytest.importorskip("httpx")
    monkeypatch.chdir(tmp_path)
    hilevel.Sequential([layers.Input((8, 8)), layers.Flatten(), layers.Dense(10)]).save("digits.hilevel")
    code = re.search(r"^```py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert code is not None
    service: dict[str, Any] = {"__name__": "serve"}
    exec(code[1], service)

    async def ask(*shapes: tuple[int, ...]) -> list[Any]:
        transport = httpx.ASGITransport(app=service["app"])
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.post("/predict", json={"pixels": np.ones(s).tolist()}) for s in shapes]

    good, wrong = asyncio.run(ask((2, 8, 8), (1, 7, 8)))
    wanted = service["model"].predict(np.ones((2, 8, 8), "float32"), verbose=0)
    assert good.json()["digits"] == wanted.argmax(axis=1).tolist()
    assert wrong.status_code == 422
    assert "8 by 8" in wrong.json()["detail"]
