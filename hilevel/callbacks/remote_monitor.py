"""`RemoteMonitor`: the values of each epoch, sent to a server."""

from __future__ import annotations

import json
import math
from http.client import HTTPException
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
    gives a warning, once, and training goes on.

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
            with urlopen(self._request(json.dumps(values)), timeout=self.timeout):
                pass
        except (OSError, HTTPException) as error:
            if not self._warned:
                warn(f"RemoteMonitor: a request to {self.root + self.path} failed: {error}.", UserWarning)
            self._warned = True

    def _request(self, text: str) -> Request:
        kind = {"Content-Type": "application/json"} if self.send_as_json else {}
        body = text if self.send_as_json else urlencode({self.field: text})
        return Request(self.root + self.path, body.encode(), kind | (self.headers or {}), method="POST")


def _plain(value: Any) -> Any:
    """Return a value of the logs in a form that JSON has: a float, an int, None or a list."""
    array = np.asarray(value)
    if array.ndim:
        return [_plain(part) for part in array]
    item = array.item()
    return None if isinstance(item, float) and not math.isfinite(item) else item
