"""`RemoteMonitor`: what a server receives, and a server that fails."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from unittest import mock
from urllib.parse import parse_qs

import numpy as np
import pytest

import hilevel
from hilevel import callbacks, layers

X, Y = np.ones((4, 2), "float32"), np.ones((4, 1), "float32")


class Server(ThreadingHTTPServer):
    """A server that keeps path, headers and body of each request, and answers with `status` after `delay` seconds."""

    daemon_threads = True
    status, delay = 200, 0.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, Any, str]] = []
        self.root = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.requests.append((self.path, self.headers, body))
        time.sleep(self.server.delay)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(params=["standard library", "requests"])
def server(request: Any, monkeypatch: Any) -> Iterator[Server]:
    """A server that gets what one of the two libraries sends."""
    if request.param == "requests":
        pytest.importorskip("requests")
    else:
        monkeypatch.setitem(sys.modules, "requests", None)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def fit(monitor: Any, **options: Any) -> Any:
    model = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model.fit(X, Y, **{"epochs": 2, "verbose": 0, "callbacks": [monitor]} | options)


def test_a_form_is_sent_for_each_epoch(server: Server, backend: Any) -> None:
    history = fit(callbacks.RemoteMonitor(server.root)).history
    assert [path for path, _, _ in server.requests] == ["/publish/epoch/end/"] * 2
    assert server.requests[0][1]["Content-Type"] == "application/x-www-form-urlencoded"
    sent = [json.loads(parse_qs(body)["data"][0]) for _, _, body in server.requests]
    assert sent == [{"epoch": i, "loss": history["loss"][i]} for i in range(2)]


def test_json_is_sent_with_headers(server: Server) -> None:
    monitor = callbacks.RemoteMonitor(server.root, "/in", headers={"X-Run": "7"}, send_as_json=True)
    monitor.on_epoch_end(3, {"loss": np.float32(0.5), "bad": float("nan"), "counts": np.array([1, 2])})
    ((path, headers, body),) = server.requests
    assert (path, headers["X-Run"], headers["Content-Type"]) == ("/in", "7", "application/json")
    assert json.loads(body) == {"epoch": 3, "loss": 0.5, "bad": None, "counts": [1, 2]}


def test_a_server_that_fails_gives_one_warning(server: Server) -> None:
    server.status = 500
    with pytest.warns(UserWarning, match=r"RemoteMonitor.*/publish.*500") as caught:
        history = fit(callbacks.RemoteMonitor(server.root))
    assert len(caught) == 1 and caught[0].filename == __file__
    assert history.epoch == [0, 1] and len(server.requests) == 2


def test_a_server_that_is_not_there_or_does_not_answer_gives_one_warning(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.warns(UserWarning, match="refused") as caught:
            assert fit(callbacks.RemoteMonitor(closed)).epoch == [0, 1]
        assert len(caught) == 1
    server.delay = 0.5
    slow = callbacks.RemoteMonitor(server.root)
    slow.timeout = 0.05
    with pytest.warns(UserWarning, match="timed out"):
        slow.on_epoch_end(0, {"loss": 1.0})


def test_programs_can_replace_the_post_of_requests() -> None:
    requests = pytest.importorskip("requests")
    monitor = callbacks.RemoteMonitor(headers={"X-Run": "7"}, send_as_json=True)
    with mock.patch.object(requests, "post") as post:
        monitor.on_epoch_end(0, {"loss": np.float32(0.5)})
    values = {"epoch": 0, "loss": 0.5}
    post.assert_called_once_with(monitor.root + monitor.path, json=values, headers=monitor.headers)


def test_an_address_that_is_not_http_is_refused() -> None:
    with pytest.raises(ValueError, match=r"http://.*file:"):
        callbacks.RemoteMonitor("file:///tmp/x")
