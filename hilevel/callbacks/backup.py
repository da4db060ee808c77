"""`BackupAndRestore`: the state of a training in a file, from which the next `fit` continues."""

from __future__ import annotations

import os
from pathlib import Path

from hilevel.callbacks.base import Callback
from hilevel.engine.settings import settings


class BackupAndRestore(Callback):
    """A callback that saves the state of the training, so that the next `fit` after a crash continues it.

    After a kill at any moment, also while the state is saved, the same program ends as without the kill. Weights,
    history and logs are equal, bit for bit on one backend. The state has the weights, the optimizer, metrics and seeds.
    It has the position in the data, and the attributes in `state_names` of all callbacks.

    Arrays, `PyDataset`s, and iterables with `state_dict` and `load_state_dict` continue at the next batch. Of another
    generator the used batches are read again and dropped.

    Args:
        backup_dir: the folder of the state, of this training only.
        save_freq: `"epoch"`, or the number of batches after which to save. If steps run in bundles, the state is saved
            at the end of a bundle.
        double_checkpoint: whether to keep the state before the last one, too, which is used if the last is damaged.
        delete_checkpoint: whether to remove the state when `fit` ends without an error.

    Raises:
        ValueError: `save_freq` is unknown.

    >>> import hilevel, tempfile
    >>> folder = tempfile.mkdtemp()
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> backup = hilevel.callbacks.BackupAndRestore(folder)
    >>> history = model.fit(np.ones((8, 2)), np.ones(8), epochs=2, verbose=0, callbacks=[backup])
    """

    every_batch = False
    state_names = ("_unsaved",)

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if save_freq != "epoch" and (not isinstance(save_freq, int) or save_freq < 1):
            raise ValueError(
                f'BackupAndRestore: save_freq must be "epoch" or a positive integer; got {save_freq!r}.'
            )
        self.backup_dir, self.save_freq = os.fspath(backup_dir), save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self.path = Path(backup_dir, "training.hilevel")
        self.previous = self.path.with_name("previous.hilevel")
        self._unsaved = 0

    def is_due(self, batches: int | None) -> bool:
        """Return True if the state is saved now.

        Args:
            batches: the number of batches since the last call, or None at the end of an epoch.
        """
        if self.save_freq == "epoch" or batches is None:
            return self.save_freq == "epoch" and batches is None
        self._unsaved += batches
        is_due = self._unsaved >= int(self.save_freq)
        self._unsaved = 0 if is_due else self._unsaved
        return is_due

    def make_room(self) -> None:
        """Make the folder, and keep the present state as the earlier one, with `double_checkpoint`."""
        if settings.process:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.double_checkpoint and self.path.exists():
            os.replace(self.path, self.previous)

    def finish(self) -> None:
        """Remove the state after a training without an error, with `delete_checkpoint`."""
        if self.delete_checkpoint and settings.process == 0:
            for path in (self.path, self.previous):
                path.unlink(missing_ok=True)
