"""Losses and metrics for one output, or several matched by name or position."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from hilevel import activations, losses, masks, metrics, tree
from hilevel.engine.graph import SymbolicTensor
from hilevel.engine.types import Structure, Tensor
from hilevel.errors import ConstantOutputWarning, unknown_name, warn
from hilevel.losses.base import Loss, LossLike
from hilevel.metrics.base import MetricLike
from hilevel.training.matching import Outputs

RESOLVED_LATER = ("accuracy", "acc", "crossentropy", "ce")
"""Names that stand for other losses and metrics by the shapes of targets and outputs."""

LossesLike: TypeAlias = LossLike | Sequence["LossesLike"] | Mapping[str, "LossesLike"]
"""The losses of the outputs as `compile` accepts them: one for all, or losses in lists, or in dicts by output name."""

MetricsLike: TypeAlias = MetricLike | Sequence["MetricsLike"] | Mapping[str, "MetricsLike"]
"""The metrics of the outputs as `compile` accepts them: one, or several in lists, or in dicts by output name."""

LossWeights: TypeAlias = float | Sequence["LossWeights"] | Mapping[str, "LossWeights"] | None
"""The factors of losses, in the structure of the losses."""


def as_loss(identifier: LossLike) -> Any:
    """Return a loss object for a name, a config, a function or an object; "crossentropy" is returned unchanged.

    Raises:
        UnknownNameError: no loss has the name.
    """
    if isinstance(identifier, str) and identifier in ("crossentropy", "ce"):
        return identifier
    return losses.resolve(identifier, (), ())


def check_probabilities(loss: Loss, output: SymbolicTensor | None) -> None:
    """Warn if a loss of probabilities is used with the output of a layer without activation."""
    if output is None or output.node is None:
        return
    layer = output.node.operation
    _check_softmax(loss, layer, output)
    if getattr(loss, "from_logits", True):
        return
    if getattr(layer, "activation", None) is activations.linear:
        ways = "sigmoid" if "Binary" in type(loss).__name__ else "softmax"
        warn(
            f"The loss {loss.name} expects probabilities, but {layer._label()} gives unbounded values (it has no "
            f'activation). Give it activation="{ways}"; or use the loss {type(loss).__name__}'
            "(from_logits=True), which is more exact."
        )


def _check_softmax(loss: Loss, layer: Any, output: SymbolicTensor) -> None:
    """Refuse a softmax over one unit as output, or warn of it.

    Raises:
        ValueError: the loss is a cross-entropy, which would be constant.
    """
    is_softmax = getattr(layer, "activation", None) is activations.softmax
    if not is_softmax or getattr(layer, "axis", -1) != -1 or output.shape[-1] != 1:
        return
    text = (
        f"{layer._label()} is a softmax over one unit: its output is always 1, and it cannot be trained. For two "
        'classes use activation="sigmoid" and binary_crossentropy; for more give it one unit for each class.'
    )
    if hasattr(loss, "from_logits"):
        raise ValueError(text)
    warn(text, ConstantOutputWarning)


class Term(NamedTuple):
    """A loss, its weight and its name in the history, with the position of its output, or a structure of positions."""

    output: Any
    loss: Loss
    weight: Any
    name: str


class OutputLosses:
    """The loss of a model: the weighted sum of its outputs' losses.

    Args:
        loss: a loss for all outputs, or losses in the structure of the outputs. A list of losses for one output is
            added up. A loss for a structure within the outputs gets structures of targets and predictions.
        weights: factors of the losses, in the same structure.
    """

    def __init__(self, loss: LossesLike, weights: LossWeights) -> None:
        self.given = tree.map_structure(as_loss, loss)
        self.given_weights = weights
        self.outputs: Outputs | None = None
        self.terms: list[Term] = []
        self._trackers: dict[str, Any] = {}

    @property
    def trackers(self) -> list[Any]:
        """The means of the terms; the losses of one output among several are added up."""
        return list(self._trackers.values())

    def build(self, y: Structure, y_pred: Structure, names: list[str] | None) -> None:
        """Match the losses with the outputs."""
        if self.outputs is not None:
            return
        outputs = Outputs(y_pred, names)
        given = list(_places_of(self.given, outputs, outputs.structure, is_top=True))
        given.sort(key=lambda item: min(tree.flatten(item[0])))
        weights = outputs.values_for(self.given_weights, "loss_weights", lambda x: not tree.is_nested(x))
        outputs.trained = sorted({i for place, _ in given for i in tree.flatten(place)})
        targets, predictions = outputs.tensors_for(y, "y"), tree.flatten(y_pred)
        self.terms = []
        for place, loss in given:
            if tree.is_nested(place):
                self.terms.append(Term(place, loss, None, outputs.name_of(place)))
            else:
                self.terms += _terms(
                    place, loss, weights[place], targets[place], predictions[place], outputs.names
                )
        self.outputs = outputs
        if len(self.terms) > 1:
            names = [term.name for term in self.terms]
            self._trackers = {name: metrics.Mean(name=f"{name}_loss") for name in names}

    def __call__(self, y: Structure, y_pred: Structure, sample_weight: Structure, batch: int) -> Any:
        """Return the loss of a batch of `batch` samples."""
        assert self.outputs is not None
        predictions = tree.flatten(y_pred)
        targets = self.outputs.tensors_for(y, "y")
        weights = self.outputs.tensors_for(sample_weight, "sample_weight")
        total: Any = None
        parts: dict[str, Any] = {}
        for term in self.terms:
            y_true, outputs, factors = (_at(term.output, x) for x in (targets, predictions, weights))
            value = self._value(term, y_true, outputs, factors)
            parts[term.name] = parts[term.name] + value if term.name in parts else value
            value = value if term.weight is None else value * term.weight
            total = value if total is None else total + value
        for name, tracker in self._trackers.items():
            tracker.update_state(parts[name], sample_weight=batch)
        return 0.0 if total is None else total

    def _value(self, term: Term, y: Tensor | None, y_pred: Tensor, sample_weight: Tensor | None) -> Tensor:
        assert self.outputs is not None
        if y is None:
            raise ValueError(
                f'The loss of the output "{term.name}" needs targets: y is None. Give y, or '
                "compile without a loss for it."
            )
        return term.loss(y, y_pred, sample_weight)

    def of_output(self, index: int) -> Any:
        """Return the first loss of an output, or None."""
        return next((term.loss for term in self.terms if term.output == index), None)


def _places_of(given: Any, outputs: Outputs, place: Any, is_top: bool = False) -> Iterator[tuple[Any, Any]]:
    """Yield the losses with their positions, each an integer or a structure of integers.

    A single loss for all outputs is yielded for each.
    """
    nested = tree.is_nested(place)
    if given is None:
        return
    if not nested and not isinstance(given, dict):
        several = list(given) if isinstance(given, (list, tuple)) else given
        yield place, several[0] if isinstance(several, list) and len(several) == 1 else several
    elif not tree.is_nested(given):
        yield from ((i, given) for i in tree.flatten(place)) if is_top else [(place, given)]
    elif _is_several(given, place):
        for part in given:
            yield from _places_of(part, outputs, place)
    else:
        for part, inner in outputs.parts(given, place, "loss"):
            yield from _places_of(part, outputs, inner)


def _is_several(given: Any, place: Any) -> bool:
    """Return whether a list has losses for the same outputs: it has structures, but another type than the outputs."""
    is_list = isinstance(given, (list, tuple)) and any(map(tree.is_nested, given))
    return is_list and isinstance(place, dict | tuple) and not isinstance(place, type(given))


def _at(place: Any, values: Sequence[Any]) -> Any:
    """Return the value at a position, or the values in a structure of positions; None if all are None."""
    if isinstance(place, int):
        return values[place]
    found = tree.map_structure(values.__getitem__, place)
    return None if all(x is None for x in tree.flatten(found)) else found


def _terms(
    index: int, loss: Any, weight: LossWeights, y: Tensor | None, y_pred: Tensor, names: list[str]
) -> list[Term]:
    """Return the terms of one output, for a loss or a list of losses.

    Raises:
        ValueError: the numbers of weights and losses differ.
    """
    several = loss if isinstance(loss, list) else [loss]
    weights: list[Any] = weight if isinstance(weight, list) else [weight] * len(several)
    if len(weights) != len(several):
        raise ValueError(
            f'loss_weights: the output "{names[index]}" has {len(several)} losses; got {len(weights)} weights.'
        )
    terms = []
    for one, factor in zip(several, weights, strict=True):
        if isinstance(one, str):
            one = losses.resolve(one, () if y is None else y.shape, y_pred.shape)
        if one is not None:
            one.widen(y_pred.dtype)
            name = names[index] if len(several) == 1 or len(names) > 1 else one.name
            terms.append(Term(index, one, factor, name))
    return terms


class OutputMetric:
    """A metric of one output, with its own name. It selects the data of the output."""

    def __init__(self, metric: metrics.Metric, index: int, outputs: Outputs, name: str) -> None:
        self.metric, self.index, self.outputs, self.name = metric, index, outputs, name

    def update_state(self, y_true: Structure, y_pred: Structure, sample_weight: Structure = None) -> None:
        """Accumulate the statistics of a batch of all outputs."""
        self.metric.update_state(
            self.outputs.tensors_for(y_true, "y")[self.index],
            tree.flatten(y_pred)[self.index],
            sample_weight=self.outputs.tensors_for(sample_weight, "sample_weight")[self.index],
        )

    def result(self) -> Any:
        """Return the result for all batches so far."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Reset the metric."""
        self.metric.reset_state()

    @property
    def variables(self) -> list[Any]:
        """The metric's Variables."""
        return self.metric.variables


class OutputMetrics:
    """The metrics of a model. They are made when the shapes of the outputs are known.

    Raises:
        UnknownNameError: no metric has a name.
    """

    def __init__(self, given: MetricsLike, weighted: MetricsLike) -> None:
        for identifier in (*tree.flatten(given), *tree.flatten(weighted)):
            if isinstance(identifier, str) and identifier not in RESOLVED_LATER:
                _check_name(identifier)
        self.given, self.weighted = given, weighted
        self.plain: list[Any] = []
        self.with_weights: list[Any] = []
        self.outputs: Outputs | None = None
        self.built = False

    @property
    def all(self) -> list[Any]:
        """All metrics, in order."""
        return self.plain + self.with_weights

    def build(
        self, y: Structure, y_pred: Structure, names: list[str] | None, loss: OutputLosses | None
    ) -> None:
        """Make the metrics for outputs and targets of these shapes."""
        if self.built:
            return
        self.outputs = Outputs(y_pred, names)
        if loss is not None and loss.outputs is not None:
            self.outputs.trained = loss.outputs.trained
        self.plain = self._make(self.given, y, y_pred, loss, set())
        self.with_weights = self._make(self.weighted, y, y_pred, loss, {metric.name for metric in self.plain})
        self.built = True

    def _make(
        self, given: MetricsLike, y: Structure, y_pred: Structure, loss: OutputLosses | None, taken: set[str]
    ) -> list[Any]:
        """Return the metrics of all outputs. A name that is taken gets the prefix `weighted_`, as in Keras."""
        if not given:
            return []
        assert self.outputs is not None
        targets = self.outputs.tensors_for(y, "y")
        made = []
        for i, (identifiers, p) in enumerate(zip(self._lists(given), tree.flatten(y_pred), strict=True)):
            for identifier in identifiers:
                metric = _as_metric(identifier, targets[i], p, loss.of_output(i) if loss else None)
                of = "" if len(self.outputs.names) == 1 else f"{self.outputs.names[i]}_"
                name = f"{of}weighted_{metric.name}" if of + metric.name in taken else of + metric.name
                made.append(metric if name == metric.name else OutputMetric(metric, i, self.outputs, name))
        return _distinct(made)

    def _lists(self, given: MetricsLike) -> list[list[Any]]:
        """Return the metrics of each output. A flat list whose length is not the number of outputs is for all."""
        assert self.outputs is not None
        count = len(self.outputs.names)
        if count == 1:
            return [tree.flatten(given)]
        if isinstance(given, (list, tuple)) and not any(map(tree.is_nested, given)) and len(given) != count:
            return [list(given)] * count
        found = self.outputs.values_for(given, "metrics", lambda x: not tree.is_nested(x))
        return [[] if m is None else tree.flatten(m) for m in found]

    def update(self, y: Structure, y_pred: Structure, sample_weight: Structure) -> None:
        """Update the metrics with a batch."""
        assert self.outputs is not None
        if len(self.outputs.names) == 1:
            (y,), (y_pred,) = self.outputs.tensors_for(y, "y"), tree.flatten(y_pred)
            (sample_weight,) = self.outputs.tensors_for(sample_weight, "sample_weight")
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


def _as_metric(identifier: MetricLike, y: Tensor | None, y_pred: Tensor, loss: Loss | None) -> Any:
    """Return a metric object. For "accuracy" and "crossentropy" it depends on the shapes of targets and output."""
    if isinstance(identifier, str) and identifier in RESOLVED_LATER:
        shape = tuple(y.shape) if y is not None else ()
        metric: Any = metrics.resolve(identifier, shape, tuple(y_pred.shape), loss)
        metric.name = identifier
    else:
        metric = _resolve_metric(identifier)
    if hasattr(metric, "build") and y is not None and not getattr(metric, "built", True):
        metric.build(tuple(y.shape), tuple(y_pred.shape))
    return metric


def _resolve_metric(identifier: MetricLike) -> Any:
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
    """Return the metrics. Raise ValueError if two have one name."""
    seen: set[str] = set()
    for metric in made:
        if metric.name in seen:
            raise ValueError(f'There are two metrics named "{metric.name}"; give one another name.')
        seen.add(metric.name)
    return made
