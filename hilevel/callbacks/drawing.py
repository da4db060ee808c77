"""Drawing of progress: lines, tqdm's bar in a terminal, one display in a notebook.

The first bar imports tqdm and shutil, so that `import hilevel` is quick.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
import time
from itertools import accumulate
from typing import Any

from hilevel.callbacks.logs import BatchLogs

REFRESH = 0.1
"""Seconds between two drawings, each of which may fetch values from a device."""

MIN_BAR_WIDTH = 5
"""The smallest width of a bar, in characters."""

MAX_ROWS = 100
"""The largest number of epochs in the table of a notebook, which shows the last ones."""


# -- the output ------------------------------------------------------------------------------------


def can_draw() -> bool:
    """Return True in a notebook, or in a terminal that can move its cursor."""
    if in_notebook():
        return True
    terminal = getattr(sys.stdout, "isatty", lambda: False)()
    return bool(terminal) and os.environ.get("TERM") != "dumb"


def in_notebook() -> bool:
    """Return True in a Jupyter kernel, including Colab."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return "ZMQInteractiveShell" in [cls.__name__ for cls in type(get_ipython()).__mro__]


def write(text: str) -> None:
    """Print a line, and replace characters that the output's encoding lacks."""
    out = sys.stdout
    encoding = getattr(out, "encoding", None) or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=out, flush=True)


def is_ascii_only() -> bool:
    """Return True if the output's encoding lacks the characters of a bar."""
    try:
        "█▏".encode(getattr(sys.stdout, "encoding", None) or "ascii")
        return False
    except (UnicodeEncodeError, LookupError):
        return True


def _size() -> tuple[int, int]:
    """Return the columns and lines of the terminal; 80 by 24 if they are unknown, for which tqdm would draw nothing."""
    size: tuple[int, int] = importlib.import_module("shutil").get_terminal_size((80, 24))
    return size


# -- values ----------------------------------------------------------------------------------------


def format_logs(logs: BatchLogs, width: int | None = None) -> str:
    """Return the values by name, in four digits; with a width only the first ones that fit.

    >>> from hilevel.callbacks.drawing import format_logs
    >>> format_logs({"loss": 0.123456, "auc": 0.5}), format_logs({"loss": 0.123456, "auc": 0.5}, 12)
    ('loss=0.1235, auc=0.5', 'loss=0.1235')
    """
    parts = [f"{name}={format_value(value)}" for name, value in (logs or {}).items()]
    if width is not None:
        ends = accumulate(len(part) + 2 for part in parts)
        parts = [part for part, end in zip(parts, ends, strict=True) if end - 2 <= width]
    return ", ".join(parts)


def format_value(value: object) -> str:
    """Return a scalar in four digits, another value as text."""
    try:
        return f"{value:.4g}"
    except (TypeError, ValueError):
        return str(value)


def summary_line(title: str, steps: int, seconds: float, logs: BatchLogs) -> str:
    """Return the line of a finished epoch, evaluation or prediction."""
    return " - ".join(
        part for part in (title, f"{steps} steps", f"{seconds:.1f} s", format_logs(logs)) if part
    )


# -- screens ---------------------------------------------------------------------------------------


class Lines:
    """A screen that writes a line at the end of each epoch, evaluation or prediction; base of the other screens."""

    def begin(self, title: str, total: int | None, unit: str = "step", interval: float = REFRESH) -> None:
        """Begin an epoch of `total` steps."""

    def move(self, steps: int, logs: BatchLogs) -> None:
        """Count steps. The logs are read only if they are drawn."""

    def end(self, title: str, steps: int, seconds: float, logs: BatchLogs) -> None:
        """Write the line of the epoch."""
        self.close()
        write(summary_line(title, steps, seconds, logs))

    def close(self) -> None:
        """Remove an unfinished bar."""


class Bars(Lines):
    """A screen that draws a bar in a terminal during an epoch."""

    def __init__(self, leave: bool = False) -> None:
        self.leave = leave
        self._bar: Any = None
        self._interval, self._last_read = REFRESH, 0.0

    def begin(self, title: str, total: int | None, unit: str = "step", interval: float = REFRESH) -> None:
        """Draw an empty bar."""
        self.close()
        columns, rows = _size()
        self._interval, self._last_read = interval, 0.0
        self._bar = bar_class()(
            total=total, desc=title, unit=unit, leave=self.leave, mininterval=interval, miniters=1,
            ascii=is_ascii_only(), file=sys.stdout, ncols=columns, nrows=rows,
            bar_format=_format(bool(title), total is not None),
        )  # fmt: skip

    def move(self, steps: int, logs: BatchLogs) -> None:
        """Move the bar. The values are from the last drawing."""
        if self._bar is None:
            return
        now = time.perf_counter()
        if logs and now - self._last_read >= self._interval:
            self._last_read = now
            self.show(logs)
        self._bar.update(steps)

    def show(self, logs: BatchLogs) -> None:
        """Show the values that fit beside the bar."""
        self._bar.set_postfix_str(format_logs(logs, self._room()), refresh=False)

    def _room(self) -> int:
        """Return the number of columns for values."""
        bar = self._bar
        count = f"{bar.n}/{bar.total}" if bar.total is not None else f"{bar.n} {bar.unit}s"
        elapsed = bar.format_interval(bar.format_dict["elapsed"])
        frame = " || " if bar.total is not None else " "
        used = f"{bar.desc}{frame}{count} {elapsed}, "
        return int(bar.ncols) - len(used) - (MIN_BAR_WIDTH if bar.total is not None else 0) - 2

    def end(self, title: str, steps: int, seconds: float, logs: BatchLogs) -> None:
        """Replace the bar by the line of the epoch, or leave the bar with its last values."""
        if self.leave and self._bar is not None:
            self.show(logs)
            self.close()
        else:
            super().end(title, steps, seconds, logs)

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class Table(Lines):
    """A screen with one display of a notebook: a table of the finished epochs, and the bar of the running one.

    A notebook saves the last state of a display, which is the table. No widgets are needed.
    """

    def __init__(self) -> None:
        self._handle: Any = None
        self._lines: list[str] = []
        self._rows: list[dict[str, str]] = []
        self._title, self._count, self._values = "", 0, ""
        self._total: int | None = None
        self._running = False
        self._interval, self._drawn = REFRESH, 0.0

    def begin(self, title: str, total: int | None, unit: str = "step", interval: float = REFRESH) -> None:
        """Show an empty bar."""
        self._title, self._total, self._count = title, total, 0
        self._values, self._interval, self._running = "", interval, True
        self._draw()

    def move(self, steps: int, logs: BatchLogs) -> None:
        """Move the bar, at most every `interval` seconds."""
        self._count += steps
        if time.perf_counter() - self._drawn >= self._interval:
            self._values = format_logs(logs)
            self._draw()

    def end(self, title: str, steps: int, seconds: float, logs: BatchLogs) -> None:
        """Add a row to the table."""
        self._running = False
        self._lines.append(summary_line(title, steps, seconds, logs))
        values = {name: format_value(value) for name, value in (logs or {}).items()}
        self._rows.append({"": title, "steps": str(steps), "time": f"{seconds:.1f} s"} | values)
        self._draw()

    def close(self) -> None:
        """Show the table without a bar."""
        self._running = False
        if self._handle is not None:
            self._draw(last=True)

    def _draw(self, last: bool = False) -> None:
        """Send the state to the notebook, at most once in `interval` seconds."""
        now = time.perf_counter()
        if not last and self._handle is not None and now - self._drawn < self._interval:
            return
        self._drawn = now
        state = {"text/plain": self.text(), "text/html": self.html()}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(state, raw=True, display_id=True)
        else:
            self._handle.update(state, raw=True)

    def _bar(self) -> str:
        of = self._count if self._total is None else f"{self._count}/{self._total}"
        return f"{self._title} {of} {self._values}".strip()

    def text(self) -> str:
        """Return the state as text."""
        shown = [*self._omitted(), *self._lines[-MAX_ROWS:]] + [self._bar()] * self._running
        return "\n".join(shown)

    def html(self) -> str:
        """Return the state as HTML."""
        rows = self._rows[-MAX_ROWS:]
        names = list(dict.fromkeys(name for row in rows for name in row))
        cells = [[row.get(name, "") for name in names] for row in rows]
        table = [_row("th", names), *(_row("td", row) for row in cells)] if rows else []
        parts = [f"<p>{text}</p>" for text in self._omitted()]
        parts += ["<table>", *table, "</table>"] if table else []
        return "\n".join(parts + [self._html_bar()] * self._running)

    def _html_bar(self) -> str:
        known = f' value="{self._count}" max="{self._total}"' if self._total else ""
        return f"<div><progress{known}></progress> {_escaped(self._bar())}</div>"

    def _omitted(self) -> list[str]:
        count = len(self._rows) - MAX_ROWS
        return [f"{count} earlier epochs are in the History."] if count > 0 else []


def screen(verbose: int, leave: bool = False) -> Lines | None:
    """Return the screen for a level of `verbose`: none for 0, a bar or table for 1, lines for 2."""
    if verbose == 1:
        return Table() if in_notebook() else Bars(leave)
    return Lines() if verbose else None


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _row(tag: str, cells: list[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_escaped(cell)}</{tag}>" for cell in cells) + "</tr>"


def _format(title: bool, total: bool) -> str:
    """Return tqdm's format of a bar."""
    bar = "|{bar}| {n_fmt}/{total_fmt}" if total else "{n_fmt} {unit}s"
    return ("{desc} " if title else "") + bar + " {elapsed}{postfix}"


@functools.cache
def bar_class() -> Any:
    """Return tqdm's class of bars without its monitor, because some systems (WebAssembly) have no threads.

    With `miniters=1` each update checks the time, so that no monitor is needed.
    """
    return type("Bar", (importlib.import_module("tqdm").tqdm,), {"monitor_interval": 0})
