"""`CSVLogger`: the values of each epoch in a file."""

from __future__ import annotations

import csv
import os
from typing import Any

from hilevel.callbacks.base import Callback
from hilevel.callbacks.logs import Logs


class CSVLogger(Callback):
    """A callback that writes the values of each epoch to a line of a text file, below a line with their names.

    The first epoch determines the columns. If it has no `val_` values, columns for them are added, for a later
    validation (`validation_freq`). A value that an epoch lacks is `NA`.

    Args:
        filename: the path of the file.
        separator: the separator of values.
        append: whether lines are appended to an existing file, instead of overwriting it.

    >>> import hilevel
    >>> log = hilevel.callbacks.CSVLogger("training.csv")
    """

    only_writes = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None

    def get_state(self) -> dict[str, Any]:
        """Return the columns, and the size of the file."""
        return {"keys": self.keys, "size": os.path.getsize(self.filename)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Open the file of an earlier process after the lines that it had then."""
        self._close()
        self.keys = state["keys"]
        self._file = open(self.filename, "a", newline="", encoding="utf-8")  # noqa: SIM115
        self._file.truncate(state["size"])

    def on_train_begin(self, logs: Logs = None) -> None:
        """Open the file."""
        self._close()
        if (self.params or {}).get("resumed"):  # set_state opens it
            return
        there = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self.keys = self._known_keys() if there else None
        os.makedirs(os.path.dirname(self.filename) or ".", exist_ok=True)
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115

    def _known_keys(self) -> list[str]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            return next(csv.reader(file, delimiter=self.separator))[1:]

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a line."""
        if self._file is None:
            raise RuntimeError(
                f"CSVLogger: {self.filename} is not open. Call on_train_begin before on_epoch_end."
            )
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if self.keys is None:
            self.keys = _columns(logs)
            writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
        self._file.flush()

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file, if it is open."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _columns(logs: dict[str, Any]) -> list[str]:
    """Return the names of the values in order, and the names for a later validation."""
    names = sorted(logs)
    validated = any(name.startswith("val_") for name in names)
    return names if validated else names + [f"val_{name}" for name in names]
