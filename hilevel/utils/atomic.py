"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hilevel.engine.settings import settings


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Return a block that writes a new file, which takes the place of `path` when the block ends without an error.

    The new file lies beside `path` under another name until its bytes are on the disk. After an error, a full disk or
    a kill, `path` has its former contents. Of several processes of one program only the first one changes `path`.

    Args:
        path: the file. Its folder is made if it is missing.

    >>> import tempfile, pathlib
    >>> from hilevel.utils.atomic import replacing
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(path) as file:
    ...     _ = file.write(b"all of it")
    >>> path.read_bytes()
    b'all of it'
    """
    if settings.process:
        with tempfile.TemporaryFile() as file:
            yield file
        return
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(number, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, _mode_of(target))
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    _sync_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there. Of several processes of one program only the first one does."""
    if settings.process == 0:
        path.unlink(missing_ok=True)


def _mode_of(target: Path) -> int:
    """Return the rights of the file, or of a new file of this process."""
    if target.exists():
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Write the folder's entries to the disk, where the system can."""
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
