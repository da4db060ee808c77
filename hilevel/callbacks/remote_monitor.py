"""`RemoteMonitor`: the values of each epoch, sent to a server."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from http.client import HTTPException
from threading import Thread
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np

from hilevel.callbacks.base import Callback
from hilevel.callbacks.logs import Logs
from hilevel.errors import warn


class RemoteMonitor(Callback):
    """A callback that sends the values of each epoch to a server, as JSON in an HTTP POST request.

    The JSON object has `epoch`, counted from 0, and the logs. NaN and infinity are sent as null. A request that fails
    gives a warning, once, and training goes on. The package requests sends it if it is installed, else the standard
    library.

    Args:
        root: the address of the server, `http://...` or `https://...`.
        path: the path of the request, which is appended to `root`.
        field: the name of the form field that contains the JSON text.
        headers: further HTTP headers, by name.
        send_as_json: whether the JSON text is the body of the request, instead of a form field.

    Attributes:
        timeout: the longest time to wait for an answer, in seconds; 10 by default.

    Raises:
        ValueError: `root` is not an HTTP address.

    >>> import hilevel
    >>> monitor = hilevel.callbacks.RemoteMonitor("https://example.com", send_as_json=True)
    >>> monitor.timeout = 2.0
    """

    timeout = 10.0

    only_writes = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(f'RemoteMonitor: root must begin with "http://" or "https://"; got {root!r}.')
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json
        self._warned = False

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Send the values of the epoch."""
        values = {"epoch": epoch} | {name: _plain(value) for name, value in (logs or {}).items()}
        try:
            self._send(values)
        except (OSError, HTTPException) as error:
            if not self._warned:
                warn(f"RemoteMonitor: a request to {self.root + self.path} failed: {error}.", UserWarning)
            self._warned = True

    def _send(self, values: dict[str, Any]) -> None:
        try:
            import requests
        except ImportError:
            with urlopen(self._request(json.dumps(values)), timeout=self.timeout):
                return
        body = {"json": values} if self.send_as_json else {"data": {self.field: json.dumps(values)}}
        _within(self.timeout, lambda: _post(requests, self.root + self.path, body, self.headers))

    def _request(self, text: str) -> Request:
        kind = {"Content-Type": "application/json"} if self.send_as_json else {}
        body = text if self.send_as_json else urlencode({self.field: text})
        return Request(self.root + self.path, body.encode(), kind | (self.headers or {}), method="POST")


def _post(requests: Any, address: str, body: dict[str, Any], headers: dict[str, str] | None) -> None:
    requests.post(address, **body, headers=headers).raise_for_status()


def _within(seconds: float, action: Callable[[], object]) -> None:
    """Run an action in a thread, and raise its error.

    Raises:
        TimeoutError: it takes longer than `seconds`; it goes on, but does not delay the end of the program.
    """
    errors: list[Exception] = []

    def run() -> None:
        try:
            action()
        except Exception as error:
            errors.append(error)

    thread = Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise TimeoutError("timed out")
    if errors:
        raise errors[0]


def _plain(value: Any) -> Any:
    """Return a value of the logs in a form that JSON has: a float, an int, None or a list."""
    array = np.asarray(value)
    if array.ndim:
        return [_plain(part) for part in array]
    item = array.item()
    return None if isinstance(item, float) and not math.isfinite(item) else item
