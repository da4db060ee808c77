"""The scores of probabilities: the logits that a layer's softmax got, from which a loss is more exact.

The softmax rounds the probability of an unlikely class to 0, and its gradient to 0. So a network with large scores,
such as one of unscaled images, would not learn. A cross-entropy of the scores has no such limit.
"""

from __future__ import annotations

import weakref
from typing import Any

from hilevel.engine.context import context
from hilevel.engine.types import Function, Tensor
from hilevel.ops.nn.activations import softmax

_scores: dict[int, tuple[weakref.ref[Any], Tensor]] = {}
"""The scores by the `id` of the probabilities, for as long as these live."""


def activate(activation: Function, x: Tensor) -> Any:
    """Return `activation(x)`. Of a softmax in a step of training or evaluation, keep the scores for the loss.

    >>> from hilevel.ops.nn.scores import activate
    >>> activate(ops.relu, np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    y = activation(x)
    if activation is softmax and context.training is not None:
        key = id(y)
        _scores[key] = weakref.ref(y, lambda _: _scores.pop(key, None)), x
    return y


def scores_of(y: Tensor) -> Any:
    """Return the scores of probabilities; None if they are unknown."""
    reference, x = _scores.get(id(y), (None, None))
    return x if reference is not None and reference() is y else None
