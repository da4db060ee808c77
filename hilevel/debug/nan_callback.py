"""`record_nan`: a callback that keeps the training step that makes NaN in a file."""

from __future__ import annotations

import importlib
import math
import os
import platform
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel import tree
from hilevel.callbacks.logs import BatchLogs, Logs
from hilevel.callbacks.stopping import TerminateOnNaN
from hilevel.debug.nan_record import NaNRecord, variables_of, write
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import current_backend
from hilevel.engine.dtypes import is_float
from hilevel.engine.names import distinct
from hilevel.engine.overlay import Overlay, arrays_of
from hilevel.training.loop import Execution, as_number
from hilevel.training.state import step_of

if TYPE_CHECKING:
    from hilevel.engine.variables import Variable
    from hilevel.models.model import Model


class record_nan(TerminateOnNaN):
    """A callback that ends training when the loss becomes NaN or infinite, and keeps the step that made it in a file.

    `open_nan` reads the file. It has the batch, the weights, slots and seeds before the step, and versions. A step
    whose loss is finite, but which makes NaN in weights or slots, is kept instead of the next one. Steps may be
    compiled and bundled: before each bundle the Variables are copied, and after NaN its steps run again one by one.
    The copies take the memory of two states of the model and its optimizer.

    Args:
        path: the path of the file.
        raise_error: whether to raise `hilevel.errors.NotFiniteError` instead of printing a message.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/nan.zip"
    >>> model = hilevel.Sequential([hilevel.Input((1,)), hilevel.layers.Dense(1, name="dense")], name="net")
    >>> model.compile("sgd", "mse")
    >>> x, y = np.array([[1.0], [2.0], [np.nan]]), np.zeros((3, 1))
    >>> record_nan = hilevel.debug.record_nan(path, raise_error=True)
    >>> try:
    ...     model.fit(x, y, batch_size=1, shuffle=False, verbose=0, callbacks=[record_nan])
    ... except FloatingPointError as error:
    ...     print(str(error).split(": ")[0])
    NaN or infinity began at epoch 1, step 3
    >>> record = hilevel.debug.open_nan(path)
    >>> record.batch
    (array([[nan]], dtype=float32), array([[0.]], dtype=float32))
    >>> try:
    ...     record.rerun(model)
    ... except FloatingPointError as error:
    ...     print(str(error).split(" Operands: ")[0])
    NaN in the data reached the op dense, in the layer Dense "net/dense", at epoch 1, step 3.
    """

    every_batch = False

    def __init__(self, path: str | os.PathLike[str], raise_error: bool = False) -> None:
        super().__init__(raise_error)
        self.path = Path(path)
        self._moments: deque[_Moment] = deque(maxlen=2)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget an earlier training."""
        self._moments.clear()

    def on_train_end(self, logs: Logs = None) -> None:
        """Free the copies."""
        self._moments.clear()

    def on_train_batch_begin(self, batch: int, logs: BatchLogs = None) -> None:
        """Copy the Variables."""
        if any(moment.backend is not self.model._backend for moment in self._moments):
            self._moments.clear()
        self._moments.append(_Moment(self.model, self.model._training.execution))

    def terminate(self, batch: int, loss: float) -> None:
        """Write the file, and end training."""
        record = self._find(loss)
        write(self.path, record)
        self._end(
            f"NaN or infinity began at epoch {record.epoch + 1}, step {record.step + 1}: training ends with the loss "
            f"{loss}. hilevel.debug.open_nan({str(self.path)!r}) can run the step again."
        )

    def _find(self, loss: float) -> NaNRecord:
        """Run the kept steps again, and return the first that makes NaN; the last, if none does so again."""
        model, last = self.model, None
        with np.errstate(all="ignore"), model._home_scope(), model._training.access.step(model):
            step = step_of(model, "train")
            for moment in self._moments:
                with Overlay(zip(moment.variables, moment.values, strict=True)):
                    for i, batch in enumerate(moment.batches()):
                        before = _copies(moment.variables)
                        found = as_number(step.run(batch)["loss"])
                        if not math.isfinite(found) or _became_nan(model, moment.variables, before):
                            return moment.record(model, i, batch, before, found)
                        last = moment, i, batch, before
        assert last is not None  # the training has run a step
        return last[0].record(model, *last[1:], loss)


class _Moment:
    """Copies of the Variables before an execution of steps, and copies of its batches."""

    def __init__(self, model: Model, execution: Execution) -> None:
        self.epoch, self.backend = model._training.epoch, model._backend
        self.execution = execution._replace(batches=tree.map_structure(_own, execution.batches))
        self.variables = variables_of(model)
        self.values = _copies(self.variables)

    def batches(self) -> Iterator[Any]:
        """Yield the batches of the steps."""
        if not self.execution.bundled:
            yield from self.execution.batches
        for i in range(self.execution.bundled):
            yield tree.map_structure(lambda x, i=i: None if x is None else x[i], self.execution.batches[0])

    def record(self, model: Model, i: int, batch: Any, before: list[Any], loss: float) -> NaNRecord:
        """Return the record of the step `i` of the execution."""
        state: dict[str, Any] = {}
        for v, x in zip(self.variables, before, strict=True):
            state[distinct(v.path, state)] = to_host(x)
        host = tree.map_structure(_on_host, batch)
        seed = model._training.seed
        return NaNRecord(self.epoch, self.execution.first + i, loss, host, state, seed, _versions(model))


def _own(x: Any) -> Any:
    """Return a copy of an array of the host, whose memory the data may use again."""
    return x.copy() if isinstance(x, np.ndarray) else x


def _on_host(x: Any) -> Any:
    return to_host(x) if hasattr(x, "shape") else None if x is None else np.asarray(x)


def _copies(variables: Sequence[Variable]) -> list[Any]:
    return [v.backend.copy(x) for v, x in zip(variables, arrays_of(variables), strict=True)]


def _became_nan(model: Model, variables: Sequence[Variable], before: Sequence[Any]) -> bool:
    """Return True if a weight or a slot that was finite before the step is not finite now."""
    metrics = {id(v) for v in model.metrics_variables}
    kept = zip(variables, before, strict=True)
    pairs = [(v, x) for v, x in kept if is_float(v.dtype) and id(v) not in metrics]
    return any(_is_finite(x) and not _is_finite(v.array) for v, x in pairs)


def _is_finite(x: Any) -> bool:
    return bool(np.isfinite(to_host(x).astype("float64")).all())


def _versions(model: Model) -> dict[str, str]:
    backend = model._backend or current_backend()
    own = {
        "hilevel": importlib.import_module("hilevel").__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    return own | {backend.requires or backend.name: backend.version()}
