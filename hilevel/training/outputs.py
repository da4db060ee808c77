"""Losses and metrics for one output, or several matched by name or position."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hilevel import activations, losses, masks, metrics, tree
from hilevel._types import Tensor
from hilevel.errors import ConstantOutputWarning, nearest, unknown_name, warn
from hilevel.losses.base import Loss

RESOLVED_LATER = ("accuracy", "acc", "crossentropy", "ce")


def as_loss(identifier: Any) -> Any:
    """A loss object from a name, a config, a function or itself; "crossentropy" waits for the shapes.

    Raises:
        UnknownNameError: there is no loss of that name.
    """
    if isinstance(identifier, str) and identifier in ("crossentropy", "ce"):
        return identifier
    return losses.resolve(identifier, (), ())


def split_by_output(given: Any, names: list[str], what: str, is_leaf: Callable[[Any], bool]) -> list[Any]:
    """What was given for the outputs, in their order: one for all, a list by position, or a dict by name.

    Raises:
        ValueError: unknown names, or another number than there are outputs.
    """
    if isinstance(given, dict):
        for name in given:
            if name not in names:
                raise ValueError(
                    f'{what}: there is no output "{name}".{nearest(str(name), names)} The outputs are '
                    f"{', '.join(names)}."
                )
        return [given.get(name) for name in names]
    if given is None or is_leaf(given):
        return [given] * len(names)
    if len(given) != len(names):
        raise ValueError(
            f"{what}: the model has {len(names)} outputs ({', '.join(names)}); got {len(given)}."
        )
    return list(given)


def targets_by_output(y: Any, names: list[str], what: str) -> list[Any]:
    """Targets, or sample weights, in the order of the outputs.

    Raises:
        ValueError: unknown or missing names, or another number than there are outputs.
    """
    if isinstance(y, dict):
        missing = [n for n in names if n not in y]
        if missing and what == "y":
            raise ValueError(
                f"y has no targets for the output {', '.join(missing)}; it has {', '.join(map(str, y))}."
            )
        return split_by_output(y, names, what, lambda leaf: False)
    if len(names) == 1 and not (isinstance(y, (list, tuple)) and len(y) == 1):
        return [y]
    return split_by_output(y, names, what, lambda leaf: hasattr(leaf, "shape"))


def names_of(y_pred: Any, known: list[str] | None) -> list[str]:
    """The names of the outputs: the keys of a dict, what the model knows, or numbers."""
    if isinstance(y_pred, dict):
        return [str(k) for k in y_pred]
    count = len(tree.flatten(y_pred))
    if known is not None and len(known) == count:
        return known
    return ["output"] if count == 1 else [f"output_{i}" for i in range(count)]


def check_probabilities(loss: Any, output: Any) -> None:
    """Refuse a loss of probabilities for the output of a layer that gives any numbers.

    Raises:
        ValueError: names the layer, and the two ways out.
    """
    if output is None or output.node is None:
        return
    _check_softmax(loss, output)
    if getattr(loss, "from_logits", True):
        return
    layer = output.node.operation
    if getattr(layer, "activation", None) is activations.linear:
        ways = "sigmoid" if "Binary" in type(loss).__name__ else "softmax"
        raise ValueError(
            f"The loss {loss.name} expects probabilities, but {layer._label()} gives any numbers (it has no "
            f'activation). Give it activation="{ways}"; or use the loss {type(loss).__name__}'
            "(from_logits=True), which is more exact."
        )


def _check_softmax(loss: Any, output: Any) -> None:
    """Refuse, or warn of, a softmax over one unit as output.

    Raises:
        ValueError: the loss is a cross-entropy, which needs probabilities that can change.
    """
    layer = output.node.operation
    is_softmax = getattr(layer, "activation", None) is activations.softmax
    if not is_softmax or getattr(layer, "axis", -1) != -1 or output.shape[-1] != 1:
        return
    text = (
        f"{layer._label()} is a softmax over one unit: its output is always 1, and it never learns. For two classes "
        'use activation="sigmoid" and binary_crossentropy; for more give it one unit for each class.'
    )
    if hasattr(loss, "from_logits"):
        raise ValueError(text)
    warn(text, ConstantOutputWarning)


class OutputLosses:
    """The loss of a model: the weighted sum of its outputs' losses.

    Args:
        loss: a loss, or a list or dict of them.
        weights: numbers that the losses are multiplied with, in the same way.
    """

    def __init__(self, loss: Any, weights: Any) -> None:
        self.given = tree.map_structure(as_loss, loss)
        self.given_weights = weights
        self.losses: list[Loss | None] = []
        self.weights: list[float | None] = []
        self.names: list[str] = []
        self.trackers: list[Any] = []

    def build(self, y: Any, y_pred: Any, names: list[str] | None) -> None:
        """Match the losses with the outputs."""
        if self.names:
            return
        names = names_of(y_pred, names)
        is_loss = lambda x: isinstance(x, (Loss, str))
        is_number = lambda x: isinstance(x, (int, float))
        shapes = zip(targets_by_output(y, names, "y"), tree.flatten(y_pred), strict=True)
        self.losses = [
            losses.resolve(loss, t.shape, p.shape) if isinstance(loss, str) else loss
            for loss, (t, p) in zip(split_by_output(self.given, names, "loss", is_loss), shapes, strict=True)
        ]
        for loss, p in zip(self.losses, tree.flatten(y_pred), strict=True):
            if isinstance(loss, Loss):
                loss.widen(p.dtype)
        self.weights = split_by_output(self.given_weights, names, "loss_weights", is_number)
        self.names = names
        if len(names) > 1:
            self.trackers = [
                metrics.Mean(name=f"{n}_loss")
                for n, loss in zip(names, self.losses, strict=True)
                if loss is not None
            ]

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any, batch: Any) -> Tensor:
        """The loss of a batch."""
        if len(self.names) == 1:
            value = self._one(0, tree.flatten(y_pred)[0], *_first(y, sample_weight))
            return self._weighted(0, value)
        predictions = tree.flatten(y_pred)
        targets = targets_by_output(y, self.names, "y")
        weights = targets_by_output(sample_weight, self.names, "sample_weight")
        total: Any = None
        trackers = iter(self.trackers)
        for i, (p, t, w) in enumerate(zip(predictions, targets, weights, strict=True)):
            if self.losses[i] is None:
                continue
            value = self._one(i, p, t, w)
            next(trackers).update_state(value, sample_weight=batch)
            value = self._weighted(i, value)
            total = value if total is None else total + value
        return 0.0 if total is None else total

    def _one(self, i: int, y_pred: Any, y: Any, sample_weight: Any) -> Tensor:
        loss = self.losses[i]
        if loss is None:
            return 0.0
        if y is None:
            raise ValueError(
                f'The loss of the output "{self.names[i]}" needs targets: y is None. Give y, or compile '
                "without a loss for it."
            )
        return loss(y, y_pred, sample_weight)

    def _weighted(self, i: int, value: Any) -> Tensor:
        weight = self.weights[i]
        return value if weight is None else value * weight


def _first(y: Any, sample_weight: Any) -> tuple[Any, Any]:
    pick: Callable[[Any], Any] = lambda v: (
        tree.flatten(v)[0] if isinstance(v, (dict, list, tuple)) and len(v) == 1 else v
    )
    return pick(y), pick(sample_weight)


class OutputMetric:
    """A metric of one output of several: it picks what it needs, and calls itself by the output's name."""

    def __init__(self, metric: Any, index: int, names: list[str]) -> None:
        self.metric, self.index, self.names = metric, index, names
        self.name = f"{names[index]}_{metric.name}"

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch of all outputs into account."""
        weights = targets_by_output(sample_weight, self.names, "sample_weight")
        self.metric.update_state(
            targets_by_output(y_true, self.names, "y")[self.index],
            tree.flatten(y_pred)[self.index],
            sample_weight=weights[self.index],
        )

    def result(self) -> Any:
        """What the metric says of all batches so far."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget all batches."""
        self.metric.reset_state()

    @property
    def variables(self) -> list[Any]:
        """The metric's Variables."""
        return self.metric.variables


class OutputMetrics:
    """The metrics of a model, made for its outputs when their shapes are known.

    Raises:
        UnknownNameError: at once, a name is misspelt.
    """

    def __init__(self, given: Any, weighted: Any) -> None:
        for identifier in (*tree.flatten(given), *tree.flatten(weighted)):
            if isinstance(identifier, str) and identifier not in RESOLVED_LATER:
                _check_name(identifier)
        self.given, self.weighted = given, weighted
        self.plain: list[Any] = []
        self.with_weights: list[Any] = []
        self.built = False

    @property
    def all(self) -> list[Any]:
        """All metrics, in order."""
        return self.plain + self.with_weights

    def build(self, y: Any, y_pred: Any, names: list[str] | None, loss: OutputLosses | None) -> None:
        """Make the metrics for outputs and targets of these shapes."""
        if self.built:
            return
        names = names_of(y_pred, names)
        self.plain = self._make(self.given, y, y_pred, names, loss)
        self.with_weights = self._make(self.weighted, y, y_pred, names, loss)
        self.built = True

    def _make(self, given: Any, y: Any, y_pred: Any, names: list[str], loss: Any) -> list[Any]:
        if not given:
            return []
        if len(names) == 1:
            lists = [tree.flatten(given)]
        else:
            flat = isinstance(given, (list, tuple)) and not any(map(tree.is_nested, given))
            one_for_each = flat and len(given) == len(names)
            per_output = [given] * len(names) if flat and not one_for_each else given
            split = split_by_output(per_output, names, "metrics", lambda x: isinstance(x, str))
            lists = [[] if m is None else tree.flatten(m) for m in split]
        targets = targets_by_output(y, names, "y") if y is not None else [None] * len(names)
        made = []
        for i, (identifiers, t, p) in enumerate(zip(lists, targets, tree.flatten(y_pred), strict=True)):
            for identifier in identifiers:
                metric = _as_metric(identifier, t, p, loss.losses[i] if loss and loss.losses else None)
                made.append(metric if len(names) == 1 else OutputMetric(metric, i, names))
        return _distinct(made)

    def update(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Take a batch into account."""
        for metric in self.plain:
            if masks.table and masks.mask_of(y_pred) is not None:
                metric.update_state(y, y_pred, sample_weight=masks.mask_of(y_pred))
            else:
                metric.update_state(y, y_pred)
        for metric in self.with_weights:
            metric.update_state(y, y_pred, sample_weight=sample_weight)


def _check_name(name: str) -> None:
    try:
        metrics.get(name)
        return
    except ValueError:
        pass
    try:
        losses.get(name)
    except ValueError:
        raise unknown_name("metric", name, [*metrics._registry.names(), *RESOLVED_LATER]) from None


def _as_metric(identifier: Any, y: Any, y_pred: Any, loss: Any) -> Any:
    """A metric object; "accuracy" and "crossentropy" by the shapes of targets and output."""
    if isinstance(identifier, str) and identifier in RESOLVED_LATER:
        shape = tuple(y.shape) if y is not None else ()
        metric: Any = metrics.resolve(identifier, shape, tuple(y_pred.shape), loss)
        metric.name = identifier
    else:
        metric = _from_anything(identifier)
    if hasattr(metric, "build") and y is not None and not getattr(metric, "built", True):
        metric.build(tuple(y.shape), tuple(y_pred.shape))
    return metric


def _from_anything(identifier: Any) -> Any:
    if isinstance(identifier, metrics.Metric):
        return identifier
    try:
        found = metrics.get(identifier)
    except ValueError:
        found = losses.get(identifier)
    if isinstance(found, metrics.Metric):
        if isinstance(identifier, str):
            found.name = identifier
        return found
    name = identifier if isinstance(identifier, str) else getattr(found, "__name__", "metric")
    return metrics.MeanMetricWrapper(found, name=name)


def _distinct(made: list[Any]) -> list[Any]:
    """Refuse two metrics of one name, of which one would hide the other."""
    seen: set[str] = set()
    for metric in made:
        if metric.name in seen:
            raise ValueError(f'There are two metrics named "{metric.name}"; give one another name.')
        seen.add(metric.name)
    return made
