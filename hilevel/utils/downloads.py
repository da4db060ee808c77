"""Downloads that resume after an interruption.

`ResumingDownloader` is a downloader for pooch. Pooch checks whether the file exists, verifies its checksum, and renames
it only if it is complete and right.
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
"""The number of requests in a row that may bring no data."""
WAIT = 1.0
"""Seconds before the second request; twice as many before the third."""
TIMEOUT = 30.0
CHUNK = 1 << 18
TEMPORARY = (URLError, ConnectionError, TimeoutError, HTTPException)
"""Errors that may be temporary."""


class ResumingDownloader:
    """A downloader that writes to the file `part`, which is kept if the download is interrupted.

    The next request, in this or another run of the program, is for the rest only (RFC 9110, Range). If the server
    sends the whole file all the same, it replaces the part.
    """

    def __init__(self, part: Path) -> None:
        self.part = part
        self.version = ""

    def __call__(self, url: str, output_file: str, pooch: Any) -> None:
        """Download a URL to `output_file`. Pooch calls it."""
        failures, most = 0, self.size()
        while True:
            try:
                self.get(url)
                break
            except TEMPORARY as error:
                failures = 1 if self.size() > most else failures + 1
                most = max(most, self.size())
                if self.is_final(error) or failures == TRIES:
                    raise
                time.sleep(WAIT * failures)
        os.replace(self.part, output_file)

    def size(self) -> int:
        """Return the number of bytes so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    def is_final(self, error: Exception) -> bool:
        """Whether another request cannot succeed."""
        if not isinstance(error, HTTPError):
            return False
        error.close()
        code = error.code
        if code == 416:  # no byte after the last one: the part is of another file
            self.part.unlink(missing_ok=True)
        return code < 500 and code not in (408, 416, 429)

    def get(self, url: str) -> None:
        """Request the missing bytes once, and append them."""
        have = self.size()
        with urlopen(Request(url, headers=self.headers(have)), timeout=TIMEOUT) as answer:
            self.version = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
            start = have if answer.status == 206 else 0
            if start and not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self.part.unlink()
                raise ConnectionError("the server sent another range than the requested one")
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
def folder_lock(folder: Path) -> Iterator[None]:
    """Return a block that one process at a time runs for a folder; on Windows there is no lock."""
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
