"""The completions of an editor after `hilevel.layers.`: the public names, by a language server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import hilevel

ROOT = Path(__file__).parent.parent.parent


class Server:
    """A language server's two pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.to, self.of = process.stdin, process.stdout

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0"} | message).encode()
        self.to.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        self.to.flush()

    def receive(self) -> Any:
        length = 0
        while (line := self.of.readline()).strip():
            if line.lower().startswith(b"content-length"):
                length = int(line.split(b":")[1])
        assert length, "the language server has stopped: pip install --group lint"
        return json.loads(self.of.read(length))

    def request(self, method: str, **params: Any) -> Any:
        """Return the result of a request; answer the requests of the server that come first."""
        self.send(id=method, method=method, params=params)
        while (message := self.receive()).get("id") != method or "method" in message:
            if "method" in message and "id" in message:
                asked = message["params"].get("items", []) if message.get("params") else []
                self.send(id=message["id"], result=[SETTINGS.get(item["section"]) for item in asked])
        return message["result"]


SETTINGS = {"python": {"pythonPath": sys.executable}}


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Start the server of basedpyright, on this repository's hilevel."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "backends"), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", "from basedpyright.langserver import main; main()", "--stdio"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=os.environ | {"PYTHONPATH": paths}, **pipes) as process:
        try:
            yield Server(process)
        finally:
            process.kill()


def completions(text: str, folder: Path) -> set[str]:
    """Return what is offered at the end of a program."""
    document = {"uri": (folder / "program.py").as_uri()}
    position = {"line": text.count("\n"), "character": len(text.rpartition("\n")[2])}
    with server(folder) as editor:
        editor.request(
            "initialize",
            processId=None,
            rootUri=folder.as_uri(),
            workspaceFolders=[{"uri": folder.as_uri(), "name": "program"}],
            capabilities={"workspace": {"configuration": True, "workspaceFolders": True}},
        )
        editor.send(method="initialized", params={})
        opened = document | {"languageId": "python", "version": 1, "text": text}
        editor.send(method="textDocument/didOpen", params={"textDocument": opened})
        result = editor.request("textDocument/completion", textDocument=document, position=position)
    return {item["label"] for item in result["items"]}


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return completions("import hilevel\nhilevel.layers.", tmp_path_factory.mktemp("program"))


@pytest.mark.slow
def test_the_public_names_of_layers_are_offered(offered: set[str]) -> None:
    assert set(dir(hilevel.layers)) <= offered


@pytest.mark.slow
def test_only_the_public_names_of_layers_are_offered(offered: set[str]) -> None:
    assert {name for name in offered if not name.startswith("_")} == set(dir(hilevel.layers))
