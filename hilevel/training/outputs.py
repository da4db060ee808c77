"""Losses and metrics for one output, or several matched by name or position."""

from __future__ import annotations

from typing import Any, NamedTuple

from hilevel import activations, losses, masks, metrics, tree
from hilevel.engine.types import Tensor
from hilevel.errors import ConstantOutputWarning, unknown_name, warn
from hilevel.losses.base import Loss
from hilevel.training.matching import Outputs

RESOLVED_LATER = ("accuracy", "acc", "crossentropy", "ce")


def as_loss(identifier: Any) -> Any:
    """A loss object from a name, a config, a function or itself; "crossentropy" waits for the shapes.

    Raises:
        UnknownNameError: there is no loss of that name.
    """
    if isinstance(identifier, str) and identifier in ("crossentropy", "ce"):
        return identifier
    return losses.resolve(identifier, (), ())


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


class Term(NamedTuple):
    """One loss of one output: the output's position, the loss, its weight, and a name."""

    output: int
    loss: Loss
    weight: Any
    name: str


class OutputLosses:
    """The loss of a model: the weighted sum of its outputs' losses.

    Args:
        loss: a loss for all outputs, or losses in a structure like that of the outputs; those in a list for one output
            are added up.
        weights: factors of the losses, in the same structure.
    """

    def __init__(self, loss: Any, weights: Any) -> None:
        self.given = tree.map_structure(as_loss, loss)
        self.given_weights = weights
        self.outputs: Outputs | None = None
        self.terms: list[Term] = []
        self.trackers: list[Any] = []

    def build(self, y: Any, y_pred: Any, names: list[str] | None) -> None:
        """Match the losses with the outputs."""
        if self.outputs is not None:
            return
        outputs = Outputs(y_pred, names)
        given = outputs.given(self.given, "loss", lambda x: isinstance(x, (Loss, str)) or callable(x))
        weights = outputs.given(self.given_weights, "loss_weights", lambda x: not tree.is_nested(x))
        outputs.trained = [i for i, loss in enumerate(given) if loss is not None]
        targets, predictions = outputs.parts(y, "y"), tree.flatten(y_pred)
        self.terms = [
            term
            for i in outputs.trained
            for term in _terms(i, given[i], weights[i], targets[i], predictions[i], outputs.names)
        ]
        self.outputs = outputs
        if len(self.terms) > 1 or len(outputs.names) > 1:
            self.trackers = [metrics.Mean(name=f"{term.name}_loss") for term in self.terms]

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any, batch: Any) -> Any:
        """Return the loss of a batch."""
        assert self.outputs is not None
        predictions = tree.flatten(y_pred)
        targets = self.outputs.parts(y, "y")
        weights = self.outputs.parts(sample_weight, "sample_weight")
        total: Any = None
        for n, term in enumerate(self.terms):
            i = term.output
            value = self._one(term, targets[i], predictions[i], weights[i])
            if self.trackers:
                self.trackers[n].update_state(value, sample_weight=batch)
            value = value if term.weight is None else value * term.weight
            total = value if total is None else total + value
        return 0.0 if total is None else total

    def _one(self, term: Term, y: Any, y_pred: Any, sample_weight: Any) -> Tensor:
        assert self.outputs is not None
        if y is None:
            raise ValueError(
                f'The loss of the output "{self.outputs.names[term.output]}" needs targets: y is None. Give y, or '
                "compile without a loss for it."
            )
        return term.loss(y, y_pred, sample_weight)

    def of_output(self, index: int) -> Any:
        """Return the first loss of an output, or None."""
        return next((term.loss for term in self.terms if term.output == index), None)


def _terms(index: int, loss: Any, weight: Any, y: Any, y_pred: Any, names: list[str]) -> list[Term]:
    """Return the terms of one output, of one loss or of a list.

    Raises:
        ValueError: there are more or fewer weights than losses.
    """
    several = loss if isinstance(loss, list) else [loss]
    weights = weight if isinstance(weight, list) else [weight] * len(several)
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
            name = names[index] if len(several) == 1 else f"{names[index]}_{one.name}"
            terms.append(Term(index, one, factor, name))
    return terms


class OutputMetric:
    """A metric of one output under a name of its own. It picks the data of its output."""

    def __init__(self, metric: Any, index: int, outputs: Outputs, name: str) -> None:
        self.metric, self.index, self.outputs, self.name = metric, index, outputs, name

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch of all outputs."""
        self.metric.update_state(
            self.outputs.parts(y_true, "y")[self.index],
            tree.flatten(y_pred)[self.index],
            sample_weight=self.outputs.parts(sample_weight, "sample_weight")[self.index],
        )

    def result(self) -> Any:
        """Return the metric of all batches so far."""
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
        self.outputs: Outputs | None = None
        self.built = False

    @property
    def all(self) -> list[Any]:
        """All metrics, in order."""
        return self.plain + self.with_weights

    def build(self, y: Any, y_pred: Any, names: list[str] | None, loss: OutputLosses | None) -> None:
        """Make the metrics for outputs and targets of these shapes."""
        if self.built:
            return
        self.outputs = Outputs(y_pred, names)
        if loss is not None and loss.outputs is not None:
            self.outputs.trained = loss.outputs.trained
        self.plain = self._make(self.given, y, y_pred, loss, set())
        self.with_weights = self._make(self.weighted, y, y_pred, loss, {metric.name for metric in self.plain})
        self.built = True

    def _make(self, given: Any, y: Any, y_pred: Any, loss: OutputLosses | None, taken: set[str]) -> list[Any]:
        """Return the metrics of all outputs. One of a name that is taken is called `weighted_...`, as in Keras."""
        if not given:
            return []
        assert self.outputs is not None
        targets = self.outputs.parts(y, "y")
        made = []
        for i, (identifiers, p) in enumerate(zip(self._lists(given), tree.flatten(y_pred), strict=True)):
            for identifier in identifiers:
                metric = _as_metric(identifier, targets[i], p, loss.of_output(i) if loss else None)
                of = "" if len(self.outputs.names) == 1 else f"{self.outputs.names[i]}_"
                name = f"{of}weighted_{metric.name}" if of + metric.name in taken else of + metric.name
                made.append(metric if name == metric.name else OutputMetric(metric, i, self.outputs, name))
        return _distinct(made)

    def _lists(self, given: Any) -> list[list[Any]]:
        """Return the metrics of each output. A flat list of another length than the outputs is for all of them."""
        assert self.outputs is not None
        count = len(self.outputs.names)
        if count == 1:
            return [tree.flatten(given)]
        flat = isinstance(given, (list, tuple)) and not any(map(tree.is_nested, given))
        if flat and len(given) != count:
            return [list(given)] * count
        found = self.outputs.given(given, "metrics", lambda x: not tree.is_nested(x))
        return [[] if m is None else tree.flatten(m) for m in found]

    def update(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Take in a batch."""
        assert self.outputs is not None
        if len(self.outputs.names) == 1:
            (y,), (y_pred,) = self.outputs.parts(y, "y"), tree.flatten(y_pred)
            (sample_weight,) = self.outputs.parts(sample_weight, "sample_weight")
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
