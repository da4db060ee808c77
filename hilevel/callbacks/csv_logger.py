"""`CSVLogger`: the numbers of each epoch in a file."""

from __future__ import annotations

import csv
import os
from typing import Any

from hilevel.callbacks.base import Callback


class CSVLogger(Callback):
    """Writes a line of numbers for each epoch into a text file, with a first line of their names.

    The columns are those of the first epoch. Where it has no `val_` columns, one is added for each number, so that
    those of a later validation (`validation_freq`) have their place. A number that an epoch lacks is `NA`.

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
        self._close()
        there = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self.keys = self._known_keys() if there else None
        os.makedirs(os.path.dirname(self.filename) or ".", exist_ok=True)
        self._file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")  # noqa: SIM115

    def _known_keys(self) -> list[str]:
        with open(self.filename, newline="", encoding="utf-8") as file:
            return next(csv.reader(file, delimiter=self.separator))[1:]

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
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

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file, if it is open."""
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _columns(logs: Any) -> list[str]:
    """Return the names of the numbers in order, with those of a validation that is still to come."""
    names = sorted(logs)
    validated = any(name.startswith("val_") for name in names)
    return names if validated else names + [f"val_{name}" for name in names]
