"""`SwapEMAWeights`: evaluation with the moving averages of the weights."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hilevel.callbacks.base import Callback
from hilevel.callbacks.logs import Logs

if TYPE_CHECKING:
    from hilevel.models.model import Model


class SwapEMAWeights(Callback):
    """A callback that replaces the weights by their moving averages during evaluation and prediction.

    The optimizer keeps the averages with `use_ema=True`. The weights are restored after each evaluation, also after an
    error or Ctrl-C. Before the first step there are no averages, and the weights stay.
    Source: Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992).

    Args:
        swap_on_epoch: whether the averages also replace the weights from the end of an epoch to the beginning of the
            next. List it before the callbacks that use the averages, such as a checkpoint.

    Raises:
        ValueError: the optimizer has no `use_ema=True`.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((1,)), hilevel.layers.Dense(1, kernel_initializer="zeros")])
    >>> model.compile(hilevel.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.5), "mse")
    >>> x, y = np.ones((2, 1)), np.ones((2, 1))
    >>> [model.train_on_batch(x, y) for _ in range(2)]
    [1.0, 1.0]
    >>> model.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0, callbacks=[hilevel.callbacks.SwapEMAWeights()])
    (1.0, 0.0)
    """

    every_batch = False
    state_names = ("kept",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self.kept: list[list[Any]] = []
        self._handled: BaseException | None = None

    def set_model(self, model: Model) -> None:
        """Set the model, whose optimizer must keep averages."""
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        if not getattr(optimizer, "use_ema", False):
            raise ValueError(
                f"SwapEMAWeights needs an optimizer with use_ema=True; the optimizer is {optimizer!r}."
            )
        super().set_model(model)

    def _swap(self) -> None:
        """Keep copies of the weights, and replace the weights by their averages."""
        weights = self.model.trainable_variables
        self.kept.append([v.numpy() for v in weights])
        if int(self.model.optimizer.iterations) > 0:
            self.model.optimizer.finalize_variable_values(weights)

    def _restore(self) -> None:
        """Restore the weights that `_swap` kept last, if there are any."""
        if self.kept:
            for v, value in zip(self.model.trainable_variables, self.kept.pop(), strict=True):
                v.assign(value)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Note the exception that is handled already."""
        self._handled = sys.exception()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Restore the weights, with `swap_on_epoch`."""
        if self.swap_on_epoch:
            self._restore()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Replace the weights by their averages, with `swap_on_epoch`."""
        if self.swap_on_epoch:
            self._swap()

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave the averages in the model, as `use_ema` does; after an error restore the weights."""
        if sys.exception() is not self._handled:
            self.kept = self.kept[:1]
            self._restore()
        self.kept = []

    def on_test_begin(self, logs: Logs = None) -> None:
        """Replace the weights by their averages."""
        self._swap()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Replace the weights by their averages."""
        self._swap()

    def on_test_end(self, logs: Logs = None) -> None:
        """Restore the weights."""
        self._restore()

    def on_predict_end(self, logs: Logs = None) -> None:
        """Restore the weights."""
        self._restore()
