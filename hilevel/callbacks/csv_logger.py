"""`CSVLogger`: the numbers of each epoch in a file."""

from __future__ import annotations

import os
from typing import Any

from hilevel.callbacks.base import Callback


class CSVLogger(Callback):
    """Writes a line of numbers for each epoch into a text file, with a first line of their names.

    Args:
        filename: the file.
        separator: what stands between numbers.
        append: whether lines are added to a file that is there; else it is written anew.

    >>> import hilevel
    >>> log = hilevel.callbacks.CSVLogger("training.csv")
    """

    def __init__(self, filename: Any, separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.separator = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None

    def on_train_begin(self, logs: Any = None) -> None:
        """Open the file."""
        there = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self.keys = self._known_keys() if there else None
        os.makedirs(os.path.dirname(self.filename) or ".", exist_ok=True)
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115

    def _known_keys(self) -> list[str]:
        import csv

        with open(self.filename, newline="", encoding="utf-8") as file:
            return next(csv.reader(file, delimiter=self.separator))[1:]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write a line; numbers that a later epoch does not have are NA."""
        import csv

        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.separator)
        if self.keys is None:
            self.keys = sorted(logs)
            writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
        self._file.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        self._file.close()
        self._file = None
