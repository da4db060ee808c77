"""The layouts of Variables and batches by the distribution of the process. Without one they have none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from hilevel.engine.backends import current_backend
from hilevel.engine.context import context
from hilevel.engine.settings import settings


def layout_of(variable: Any) -> Any:
    """Return the layout of a Variable: its own, or by the distribution of the process; None without either."""
    distribution = settings.distribution
    if variable.layout is not None or distribution is None:
        return variable.layout
    return distribution.layout_for(variable)


def undivided_layout(shape: Sequence[int], backend: Any) -> Any:
    """Return the layout of an array that each device has whole; None without a distribution on this backend."""
    distribution = settings.distribution
    if distribution is None or distribution.device_mesh.backend is not backend:
        return None
    return distribution.undivided(shape)


def place_variables(variables: Iterable[Any]) -> None:
    """Move Variables without a layout to the devices of the distribution, if they were made before it was set."""
    for v in variables:
        layout = layout_of(v)
        if layout is not v.layout:
            v.layout, move = layout, partial(v.backend.placement.place, layout=layout)
            v._array = move(v._array)
            if context.overlay is not None:
                context.overlay.move(v, move)


def place_batch(batch: Any, local: bool = False, bundled: bool = False, divided: bool = True) -> Any:
    """Return a batch on the devices of the distribution, if there is one on this backend; else the same batch.

    Args:
        batch: arrays with a first axis of samples, in a structure.
        local: whether they are the rows of this process only.
        bundled: whether there is another axis before the axis of samples: of the batches of a bundle.
        divided: whether the devices get parts of the batch, and not the whole.
    """
    distribution = settings.distribution
    if distribution is None or distribution.device_mesh.backend is not current_backend():
        return batch
    return distribution.place_batch(batch, local, bundled, divided)
