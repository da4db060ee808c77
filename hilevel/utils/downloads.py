"""Downloading: what has come is kept, so that a broken download goes on where it broke off.

`Resuming` is a downloader for pooch, which looks after the rest: whether the file is there already, its checksum,
and that it gets its name only when it is complete and right.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from hilevel.callbacks.drawing import bar_class, in_notebook
from hilevel.config import is_interactive_logging_enabled

TRIES = 3
"""How often in a row a server may be asked without sending anything."""
WAIT = 1.0
"""Seconds before the second try; before the third twice as long."""
TIMEOUT = 30.0
CHUNK = 1 << 18
PASSING = (URLError, ConnectionError, TimeoutError, HTTPException)
"""Errors that may be gone the next time."""


class Resuming:
    """Downloads a URL by way of the file `part`, which stays where it is if the download breaks off.

    The next try, now or in another run of the program, asks the server for the rest only (RFC 9110, Range). Where
    a server sends everything again all the same, the file starts anew.
    """

    def __init__(self, part: Path) -> None:
        self.part = part
        self.version = ""

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """What pooch calls: download to `output_file`."""
        failures, most = 0, self.size()
        while True:
            try:
                self.get(url)
                break
            except PASSING as error:
                failures = 1 if self.size() > most else failures + 1
                most = max(most, self.size())
                if self.is_final(error) or failures == TRIES:
                    raise
                time.sleep(WAIT * failures)
        os.replace(self.part, output_file)

    def size(self) -> int:
        """The number of bytes that are here."""
        return self.part.stat().st_size if self.part.exists() else 0

    def is_final(self, error: Exception) -> bool:
        """Whether asking again is of no use."""
        if not isinstance(error, HTTPError):
            return False
        error.close()
        code = error.code
        if code == 416:  # there is nothing after our last byte: it was another file
            self.part.unlink(missing_ok=True)
        return code < 500 and code not in (408, 416, 429)

    def get(self, url: str) -> None:
        """Ask once, for what is missing, and append what comes."""
        have = self.size()
        with urlopen(Request(url, headers=self.headers(have)), timeout=TIMEOUT) as answer:
            self.version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            start = have if answer.status == 206 else 0
            if start and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self.part.unlink()
                raise ConnectionError("the server sent another part than the one asked for")
            length = answer.headers.get("Content-Length")
            total = None if length is None else start + int(length)
            self.copy(answer, start, total)
        if total is not None and self.size() < total:
            raise ConnectionError(f"the connection broke after {self.size():,} of {total:,} bytes")

    def headers(self, have: int) -> dict[str, str]:
        headers = {"User-Agent": "hilevel", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        if have and self.version:
            headers["If-Range"] = self.version
        return headers

    def copy(self, answer: Any, start: int, total: int | None) -> None:
        hidden = not is_interactive_logging_enabled() or not (sys.stderr.isatty() or in_notebook())
        title = self.part.name.removesuffix(".part")
        with (
            open(self.part, "ab" if start else "wb") as file,
            bar_class()(
                total=total, initial=start, desc=title, unit="B", unit_scale=True, disable=hidden
            ) as bar,
        ):
            while piece := answer.read1(CHUNK):
                file.write(piece)
                bar.update(len(piece))


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time downloads to a folder; the others wait, and find the file. Windows cannot wait."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems have no locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
