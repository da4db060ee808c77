"""The watch over the processes of a program: if one ends early, the others say so and end, too.

Without it they would wait for the lost process in the next collective operation, or at their end. The first process
has a connection to each other one, which the operating system closes when a process ends. It tells the others.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import socket
import sys
import threading
import time
from types import TracebackType

GRACE = 3.0
"""The time in seconds that a process has for its own end, after another one was lost."""
_FINISHED = "finished"
_PROBES = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}
"""Options of a connection by which the loss of a whole machine is noticed within five seconds."""


class Watch:
    """The connections of one process.

    Args:
        index: the index of the process.
        count: the number of processes.

    Attributes:
        lost: set after the loss of a process was reported.
    """

    def __init__(self, index: int, count: int) -> None:
        self.index, self.count = index, count
        self.lost = threading.Event()
        self.server: socket.socket | None = None
        self.connections: dict[int, socket.socket] = {}
        self.lock = threading.Lock()
        self.ended = False

    def listen(self) -> int:
        """Open a port for the other processes, in the first process. Return its number."""
        self.server = socket.create_server(("", 0))
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self.server.getsockname()[1])

    def connect(self, host: str, port: int) -> None:
        """Connect to the first process."""
        connection = _watched(socket.create_connection((host, port), timeout=60))
        connection.settimeout(None)
        _send(connection, str(self.index))
        self._watch(0, connection)

    def finish(self, reason: str = _FINISHED) -> None:
        """Tell the other processes that this one ends, and why."""
        with self.lock:
            self.ended = True
            for connection in self.connections.values():
                with contextlib.suppress(OSError):
                    _send(connection, f"{self.index} {reason}")

    def _accept(self) -> None:
        assert self.server is not None
        for _ in range(self.count - 1):
            connection = _watched(self.server.accept()[0])
            index = int(connection.makefile("r", encoding="utf-8").readline())
            self._watch(index, connection)

    def _watch(self, index: int, connection: socket.socket) -> None:
        with self.lock:
            self.connections[index] = connection
        threading.Thread(target=self._read, args=(index, connection), daemon=True).start()

    def _read(self, index: int, connection: socket.socket) -> None:
        """Read the lines `process reason` of a connection to its end."""
        finished = False
        with contextlib.suppress(OSError), connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                source, _, reason = line.strip().partition(" ")
                if reason == _FINISHED:
                    finished = True
                else:
                    self._lose(int(source), reason)
        if not finished:
            self._lose(index, "it was killed, or its machine was lost")

    def _lose(self, index: int, reason: str) -> None:
        """Tell the other processes and the user of a loss, and end this process after the time `GRACE`.

        The program may end by itself before. Files are whole at any time, as they are replaced at once.
        """
        with self.lock:
            if self.ended:
                return
            self.ended = True
            for other, connection in self.connections.items():
                if other != index:
                    with contextlib.suppress(OSError):
                        _send(connection, f"{index} {reason}")
        _say(index, reason)
        self.lost.set()
        time.sleep(GRACE)
        os._exit(1)


def _send(connection: socket.socket, line: str) -> None:
    connection.sendall(f"{line}\n".encode())


def _watched(connection: socket.socket) -> socket.socket:
    """Return a connection that notices the loss of the other machine."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


def _say(index: int, reason: str) -> None:
    """Say which process was lost."""
    message = (
        f"Process {index} of the program has ended: {reason}. This process ends, too, as it cannot go on alone. Start "
        "all processes again; fit(resume=FOLDER) continues where the last state was saved."
    )
    print(f"hilevel.errors.DistributionError: {message}", file=sys.stderr, flush=True)


def start(watch: Watch) -> None:
    """Report the end of this process to the others: as finished, or with its error."""
    before = sys.excepthook

    def report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not watch.lost.wait(1.0):  # the error of a collective operation follows from the loss
            watch.finish(" ".join(f"{kind.__name__}: {error}".split())[:500])
        before(kind, error, trace)
        sys.stderr.flush()
        os._exit(1)  # the library's own end would wait for the other processes

    sys.excepthook = report
    atexit.register(watch.finish)
