"""The importance of columns and inputs: `permutation_importance`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hilevel import losses, metrics, ops, random, tree
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import use_backend
from hilevel.engine.types import Structure
from hilevel.errors import NotCompiledError, ShapeError
from hilevel.explain.data import Data, NumpyArray
from hilevel.metrics import Metric
from hilevel.metrics.base import MetricLike
from hilevel.models.model import Model


def permutation_importance(
    model: Model, x: Structure, y: Structure, metric: MetricLike | None = None, repeats: int = 5,
    seed: int | None = None, batch_size: int = 32,
) -> Any:  # fmt: skip
    """Return the change of a metric if the values of a column are shuffled between the samples.

    An important column raises a loss, and lowers an accuracy. Columns that depend on each other share the importance.

    Source: Breiman, "Random forests", 2001.

    Args:
        model: a model; it is run on its own backend, and not changed.
        x: an array of shape `(samples, columns, ...)`, or a list or dict of inputs, each of which is shuffled as one.
        y: the targets of the samples; preferably of samples that were not trained on.
        metric: a name or object of `hilevel.metrics`, or a function `metric(y, outputs)`, whose mean is taken. By
            default the loss of `compile`.
        repeats: the number of shuffles, whose mean is returned.
        seed: an integer for the same shuffles in every run; None for the global generator.
        batch_size: the largest number of samples that are processed at once.

    Returns:
        A float32 array of shape `(columns,)`, or a list or dict with a float for each input.

    Raises:
        NotCompiledError: there is no metric, and the model has no loss.
        ShapeError: the inputs or targets have different numbers of samples, or a single input has no columns.
        UnknownNameError: no metric has this name.
        ValueError: there is less than one shuffle.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [0.0], [0.0]])])
    >>> x = np.random.default_rng(0).normal(size=(50, 3))
    >>> importance = hilevel.explain.permutation_importance(model, x, x[:, :1], "mean_squared_error", seed=0)
    >>> importance.argmax(), importance[1:]
    (np.int64(0), array([0., 0.], dtype=float32))
    """
    if repeats < 1:
        raise ValueError(f"permutation_importance needs at least one shuffle; got {repeats}.")
    with use_backend(model.backend):
        data = Data(model, x, batch_size)
        _check_targets(data, y)
        measure, generator = _measure(model, y, metric), random.SeedGenerator(seed)
        before = measure(data.predict(data.inputs))

        def change(position: int, column: int | None) -> float:
            orders = [_order(data.samples, generator) for _ in range(repeats)]
            inputs = [_shuffled(data.inputs, position, column, order) for order in orders]
            return float(np.mean([measure(data.predict(one)) - before for one in inputs]))

        if tree.is_nested(x):
            return tree.pack_sequence_as(x, [change(i, None) for i in range(len(data.inputs))])
        if data.inputs[0].ndim < 2:
            raise ShapeError(f"The input needs columns; got the shape {data.inputs[0].shape}.")
        return np.array([change(0, column) for column in range(data.inputs[0].shape[1])], np.float32)


def _check_targets(data: Data, y: Structure) -> None:
    counts = {len(to_host(leaf)) for leaf in tree.flatten(y)}
    if counts != {data.samples}:
        raise ShapeError(f"There are {data.samples} samples, and {', '.join(map(str, counts))} targets.")


def _order(samples: int, generator: random.SeedGenerator) -> NumpyArray:
    return np.asarray(to_host(random.shuffle(np.arange(samples), seed=generator)))


def _shuffled(
    inputs: list[NumpyArray], position: int, column: int | None, order: NumpyArray
) -> list[NumpyArray]:
    """Return inputs of which one, or one of its columns, is in another order of the samples."""
    x = inputs[position].copy()
    place = (slice(None),) if column is None else (slice(None), column)
    x[place] = x[order][place]
    return [*inputs[:position], x, *inputs[position + 1 :]]


def _measure(model: Model, y: Structure, metric: MetricLike | None) -> Callable[[Any], float]:
    """Return a function of the outputs that returns the value of a metric."""
    if metric is None or (callable(metric) and not isinstance(metric, (Metric, type))):
        function: Any = _loss(model) if metric is None else metric
        return lambda outputs: float(ops.mean(function(y, outputs)))

    def measure(outputs: Any) -> float:
        shapes = [np.shape(to_host(tree.flatten(part)[0])) for part in (y, outputs)]
        given = metric.get_config() if isinstance(metric, Metric) else None
        found: Any = metrics.resolve(metric, *shapes) if given is None else type(metric).from_config(given)  # type: ignore[union-attr]
        found.update_state(y, outputs)
        return float(found.result())

    return measure


def _loss(model: Model) -> Any:
    loss = getattr(model, "loss", None)
    if loss is None or tree.is_nested(loss):
        raise NotCompiledError("The model has no single loss. Give permutation_importance a metric.")
    return losses.get(loss)
