"""`NaNRecord`: a training step that made NaN, in memory and in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel import tree
from hilevel.debug.nan_check import enter_check
from hilevel.engine.variables import Variable
from hilevel.errors import InvalidFileError
from hilevel.layers.base.tracking import unique
from hilevel.random.seed import default_generator
from hilevel.saving import npy
from hilevel.saving.archive import Archive, Writer
from hilevel.saving.limits import reading
from hilevel.saving.structures import from_plain, to_plain
from hilevel.training.data.unpack import unpack_x_y_sample_weight
from hilevel.training.loop import as_number
from hilevel.training.prepare import one_batch, prepare
from hilevel.utils.atomic import replacing

if TYPE_CHECKING:
    from hilevel.models.model import Model

_HEADER = "nan.json"


@dataclass
class NaNRecord:
    """A training step that made NaN or infinity, with all that is needed to run it again. `open_nan` returns it.

    Args:
        epoch, step: the indices of the epoch and of the step in it, counted from 0.
        loss: the mean loss of the epoch after the step.
        batch: the batch of the step, `x`, `(x, y)` or `(x, y, sample_weight)`.
        state: weights, slots, seeds and metrics before the step, by the paths of their Variables.
        seed: the seed of the orders of samples.
        versions: the versions of hilevel, Python, NumPy and the backend.

    >>> import hilevel
    >>> hilevel.debug.NaNRecord(0, 2, float("nan"), (np.ones((4, 3)), np.ones(4)), {}, 1, {})
    <NaNRecord of epoch 1, step 3: loss=nan, batch (4, 3), (4,)>
    """

    epoch: int
    step: int
    loss: float
    batch: Any
    state: dict[str, np.ndarray[Any, Any]] = field(repr=False)
    seed: int
    versions: dict[str, str]

    def __repr__(self) -> str:
        shapes = ", ".join(str(x.shape) for x in tree.flatten(self.batch) if x is not None)
        return f"<NaNRecord of epoch {self.epoch + 1}, step {self.step + 1}: loss={self.loss:.4g}, batch {shapes}>"

    def restore(self, model: Model) -> None:
        """Set the weights, slots, seeds and metrics of a compiled model to their values before the step.

        Args:
            model: a compiled model made by the same program.

        Raises:
            InvalidFileError: the model has other Variables.
        """
        with model._home_scope():
            prepare(model, "train", one_batch(model, *unpack_x_y_sample_weight(self.batch)))
        variables = variables_of(model)
        _check_shapes(variables, self.state)
        for variable, value in zip(variables, self.state.values(), strict=True):
            variable.assign(value)

    def rerun(self, model: Model) -> float:
        """Restore the model, and run the step again with the checks of `trace_nan`.

        Args:
            model: a compiled model made by the same program.

        Returns:
            The loss, if no op makes NaN or infinity.

        Raises:
            NotFiniteError: an op makes NaN or infinity. The message names it and its layer.
            InvalidFileError: the model has other Variables.
        """
        self.restore(model)
        with model._home_scope(), enter_check(f"at epoch {self.epoch + 1}, step {self.step + 1}"):
            return float(as_number(model.train_step(self.batch)["loss"]))


def _check_shapes(variables: Sequence[Variable], state: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Refuse a model whose Variables have other shapes than the recorded ones."""
    ours = [(v.path, tuple(v.shape)) for v in variables]
    kept = [(name, x.shape) for name, x in state.items()]
    for mine, recorded in zip_longest(ours, kept, fillvalue=("no Variable", None)):
        if mine[1] != recorded[1]:
            raise InvalidFileError(
                f"The model does not fit the record: it has {' '.join(map(str, mine))}, the record "
                f"{' '.join(map(str, recorded))}. Make and compile it by the program that was trained."
            )


def variables_of(model: Model) -> list[Variable]:
    """Return all Variables that a training step may change: of the model, its optimizers, metrics and generators."""
    holders = [model.optimizer, *vars(model).values()]
    found = [v for holder in holders for v in getattr(holder, "variables", ())]
    return unique(
        v for v in [*model._all_variables, *found, default_generator.get().state] if isinstance(v, Variable)
    )


# -- the file ------------------------------------------------------------------------------------------


def write(path: str | Path, record: NaNRecord) -> None:
    """Write a record to a file: a zip archive of `.npy` arrays, and `nan.json`."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    header = {name: to_plain(value, name, arrays) for name, value in vars(record).items()}
    with replacing(path) as file, Writer(file) as archive:
        archive.json(_HEADER, header)
        npy.write(archive, arrays)


def open_nan(path: str | os.PathLike[str]) -> NaNRecord:
    """Return the training step that `record_nan` wrote to a file.

    Args:
        path: the path of the file.

    Raises:
        InvalidFileError: the file is damaged, or of another format.

    >>> import tempfile
    >>> from hilevel.debug.nan_record import NaNRecord, write
    >>> path = tempfile.mkdtemp() + "/nan.zip"
    >>> write(path, NaNRecord(0, 4, float("nan"), (np.ones((2, 3)), None), {}, 7, {"hilevel": "0.1.0"}))
    >>> hilevel.debug.open_nan(path)
    <NaNRecord of epoch 1, step 5: loss=nan, batch (2, 3)>
    """
    with open(path, "rb") as file, reading(path, "record of NaN"):
        archive = Archive(file)
        arrays = npy.NpyArrays(archive)
        return NaNRecord(**{name: from_plain(v, arrays) for name, v in archive.json(_HEADER).items()})
