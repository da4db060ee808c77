"""The agreement of several processes that train one model. One process agrees with itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from hilevel import tree
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import current_backend
from hilevel.engine.settings import settings
from hilevel.errors import DistributionError, warn
from hilevel.training.data.batches import Batches

if TYPE_CHECKING:
    from hilevel.training.loop import Interrupts
    from hilevel.training.trainer import Trainer

_END = object()


def is_local(batches: Batches) -> bool:
    """Return whether each process has other batches, which are its rows of the batches of the step."""
    distribution = settings.distribution
    if settings.processes == 1 or distribution is None or batches.kind == "arrays":
        return False
    return batches.kind == "stream" or not distribution.auto_shard_dataset


class Votes:
    """The agreement of several processes to stop after the same step. One process agrees with itself.

    Args:
        model: the model.
        stop: the name of the attribute by which callbacks end the loop.
        interrupts: the handler of Ctrl-C.
    """

    def __init__(self, model: Trainer, stop: str, interrupts: Interrupts) -> None:
        self.state, self.stop, self.interrupts = model._training, stop, interrupts

    def cast(self) -> None:
        """Stop or interrupt the loop here if some process does."""
        if settings.processes == 1:
            return
        mine = [getattr(self.state, self.stop), self.interrupts.came]
        every = current_backend().placement.gathered(np.array(mine))
        if every[:, 0].any():
            setattr(self.state, self.stop, True)
        self.interrupts.came = bool(every[:, 1].any())

    def while_all_have(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield the items until some process has no more, with a warning if this process has."""
        following = iter(items)
        while True:
            item = next(following, _END)
            every = current_backend().placement.gathered(np.array([item is not _END]))
            if not every.all():
                break
            yield item
        if item is not _END:
            warn(
                f"The data of process {int(np.argmin(every))} have ended, and this process has more. The epoch ends "
                "here, as each process needs a part of each batch. Give all processes the same number of batches."
            )


def check_agreement(model: Trainer, kind: str, batches: Batches, batch: Any) -> None:
    """Check before the first step that all processes have the same model and data.

    Raises:
        DistributionError: they differ; the message names the difference and the process.
    """
    if settings.processes == 1:
        return
    shapes = [
        (x.shape[is_local(batches) :], str(x.dtype)) for x in tree.flatten(batch) if hasattr(x, "shape")
    ]
    whole = [v for v in model.variables if v.layout is None or not v.layout.is_divided]
    parts = {
        "kind of step": kind.encode(),
        "shapes of the data": repr(shapes).encode(),
        "number of batches": repr(batches.steps).encode(),
        "weights of the model": repr([(v.path, v.shape, str(v.dtype)) for v in model.variables]).encode(),
        "settings of the optimizer": repr(_settings(model.optimizer)).encode(),
        "values of the weights": b"".join(v.numpy().tobytes() for v in whole),
        "order of the samples": repr(getattr(batches, "seed", None)).encode(),
        "values of the data": b"" if is_local(batches) else _bytes(batch),
    }
    found = current_backend().placement.first_that_differs(list(parts.values()))
    if found is not None:
        raise DistributionError(
            f"The {list(parts)[found[0]]} differ between process 0 and process {found[1]}. Run the same program in all "
            "processes, with the same seed and data. If each process reads its own part of the data, set "
            "auto_shard_dataset=False."
        )


def _settings(optimizer: Any) -> Any:
    return None if optimizer is None else optimizer.get_config()


def _bytes(batch: Any) -> bytes:
    """Return the bytes of the arrays of a batch."""
    return b"".join(np.ascontiguousarray(to_host(x)).tobytes() for x in tree.flatten(batch) if x is not None)
