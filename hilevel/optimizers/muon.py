"""Muon: orthogonal steps for matrices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hilevel import ops
from hilevel.engine.types import Tensor
from hilevel.engine.variables import Variable
from hilevel.optimizers.adam import Adam, adam_rate
from hilevel.optimizers.base import Optimizer, update_variables
from hilevel.optimizers.options import LearningRateLike


class Muon(Optimizer):
    """Orthogonalized momentum for matrices, and `Adam` for the other weights.

    A few Newton-Schulz iterations bring the singular values of the momentum near 1. Source: Jordan et al., 2024; the
    scaling by `rms_rate`, Liu et al., 2025.

    Args:
        learning_rate: a float, a schedule, or a function without arguments.
        adam_beta_1, adam_beta_2, epsilon: the arguments of `Adam`.
        adam_weight_decay: the weight decay of the weights that Adam updates.
        weight_decay: the weight decay of the other matrices.
        exclude_layers: regular expressions; Adam updates the matrices whose path contains a match.
        exclude_embeddings: whether Adam updates the matrices with "embedding" in their path.
        muon_a, muon_b, muon_c: the coefficients of the iteration.
        adam_lr_ratio: the factor of the learning rate for Adam.
        momentum: the decay rate of the momentum, from 0 to 1.
        ns_steps: the number of iterations.
        nesterov: whether to use Nesterov momentum, the gradient at the position after the momentum step.
        rms_rate: the root mean square of a step, relative to the learning rate; None for no scaling.

    For the other arguments see `Optimizer`.

    >>> w = hilevel.Variable(np.eye(2, dtype="float32"))
    >>> hilevel.optimizers.Muon(0.1).apply([np.ones((2, 2), "float32")], [w])
    >>> w.numpy().shape
    (2, 2)
    """

    def __init__(
        self,
        learning_rate: LearningRateLike = 0.001,
        adam_beta_1: float = 0.9,
        adam_beta_2: float = 0.999,
        adam_weight_decay: float | None = 0.004,
        epsilon: float = 1e-7,
        weight_decay: float | None = 0.004,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        exclude_layers: Sequence[str] | None = None,
        exclude_embeddings: bool = True,
        muon_a: float = 3.4445,
        muon_b: float = -4.775,
        muon_c: float = 2.0315,
        adam_lr_ratio: float = 1,
        momentum: float = 0.95,
        ns_steps: int = 5,
        nesterov: bool = True,
        rms_rate: float | None = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate,
            weight_decay,
            clipnorm,
            clipvalue,
            global_clipnorm,
            use_ema,
            ema_momentum,
            ema_overwrite_frequency,
            loss_scale_factor,
            gradient_accumulation_steps,
            name,
            **kwargs,
        )
        self.adam_beta_1 = adam_beta_1
        self.adam_beta_2 = adam_beta_2
        self.adam_weight_decay = adam_weight_decay
        self.epsilon = epsilon
        self.exclude_layers = list(exclude_layers or ())
        self.exclude_embeddings = exclude_embeddings
        self.muon_a = muon_a
        self.muon_b = muon_b
        self.muon_c = muon_c
        self.adam_lr_ratio = adam_lr_ratio
        self.momentum = momentum
        self.ns_steps = ns_steps
        self.nesterov = nesterov
        self.rms_rate = rms_rate

    def _uses_adam(self, variable: Variable) -> bool:
        if len(variable.shape) != 2:
            return True
        if self.exclude_embeddings and "embedding" in variable.path.lower():
            return True
        return any(re.search(text, variable.path) for text in self.exclude_layers)

    def make_slots(self, variables: Sequence[Variable]) -> list[tuple[Variable, ...]]:
        """Return the momentum of each Variable and, for Adam, its mean square."""
        both, one = ("momentum", "velocity"), ("momentum",)
        return [
            tuple(self.add_variable_from_reference(v, n) for n in (both if self._uses_adam(v) else one))
            for v in variables
        ]

    def decays(self) -> bool:
        """Return True if either weight decay is set."""
        return bool(self.weight_decay or self.adam_weight_decay)

    def decay_of(self, variable: Variable) -> float | None:
        """Return the weight decay of a Variable, for Adam or Muon."""
        return self.adam_weight_decay if self._uses_adam(variable) else self.weight_decay

    def update_step(self, gradient: Tensor, variable: Variable, learning_rate: Tensor) -> None:
        """Update one Variable."""
        m, *square = self.slots_of(variable)
        if square:
            self._adam_step(gradient, variable, learning_rate * self.adam_lr_ratio)
            return
        m.assign(self.momentum * m + gradient)
        momentum = gradient + self.momentum * m if self.nesterov else m.read()
        step = self.lr_adjust(self.zeropower_via_newtonschulz5(momentum, self.ns_steps))
        variable.assign(variable - learning_rate * step)

    def lr_adjust(self, x: Tensor) -> Tensor:
        """Return a step times the square root of its longer side and `rms_rate`; the step itself without a rate."""
        return x if self.rms_rate is None else x * (max(x.shape) ** 0.5 * self.rms_rate)

    def zeropower_via_newtonschulz5(self, x: Tensor, steps: int) -> Tensor:
        """Return a matrix with the singular vectors of `x` and singular values near 1.

        Raises:
            ValueError: `x` has less than two axes.
        """
        if len(x.shape) < 2:
            raise ValueError(f"Muon: expected a matrix; got a tensor of shape {tuple(x.shape)}.")
        return orthogonalize(x, (self.muon_a, self.muon_b, self.muon_c), steps)

    def transpose_last_axis(self, X: Tensor) -> Tensor:
        """Return a tensor with its last two axes exchanged."""
        return ops.swapaxes(X, -1, -2)

    def _adam_step(self, gradient: Tensor, variable: Variable, rate: Tensor) -> None:
        beta_1, beta_2 = self.adam_beta_1, self.adam_beta_2
        rate = adam_rate(rate, self.iterations, beta_1=beta_1, beta_2=beta_2)
        row = (variable, gradient, *self.slots_of(variable))
        settings = {"beta_1": beta_1, "beta_2": beta_2, "epsilon": self.epsilon}
        update_variables(Adam.formula, [row], rate, settings)


def orthogonalize(x: Tensor, coefficients: tuple[float, float, float], steps: int) -> Tensor:
    """Return a matrix with the singular vectors of `x` and singular values near 1, by Newton-Schulz iterations.

    >>> from hilevel.optimizers.muon import orthogonalize
    >>> orthogonalize(np.eye(2), (1.5, -0.5, 0.0), 10).round(3)
    array([[1., 0.],
           [0., 1.]])
    """
    if x.shape[-2] > x.shape[-1]:
        return ops.transpose(orthogonalize(ops.transpose(x), coefficients, steps))
    a, b, c = coefficients
    x = x / (ops.sqrt(ops.sum(ops.square(x))) + 1e-7)
    for _ in range(steps):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return x
