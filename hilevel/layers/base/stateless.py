"""Calls of layers without side effects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hilevel.engine.stateless import run_stateless
from hilevel.engine.types import Tensor


class StatelessCalls:
    """The methods of a layer that take the values of its Variables, and return their new values."""

    def stateless_call(
        self: Any,
        trainable_variables: Sequence[Tensor],
        non_trainable_variables: Sequence[Tensor],
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer with other values of its Variables, which stay as they are.

        Args:
            trainable_variables, non_trainable_variables: values for the Variables of these attributes.
            args, kwargs: the arguments of the call.
            return_losses: whether to return the losses, too.

        Returns:
            The outputs, the values of `non_trainable_variables` after the call, and on request the list of losses.

        Raises:
            ValueError: the layer is not built, or the number of values is wrong.

        >>> import hilevel
        >>> layer = hilevel.layers.Dense(1, use_bias=False)
        >>> layer.build((None, 2))
        >>> layer.stateless_call([np.ones((2, 1))], [], np.ones((1, 2)))
        (array([[2.]], dtype=float32), [])
        """
        if not self.built:
            raise ValueError(f"{type(self).__name__} is not built. Call it, or its method build, first.")
        groups = [
            ("trainable_variables", self.trainable_variables, trainable_variables),
            ("non_trainable_variables", self.non_trainable_variables, non_trainable_variables),
        ]

        def run() -> tuple[Any, Any]:
            return self(*args, **kwargs), self.losses if return_losses else None

        (outputs, losses), (_, state) = run_stateless(groups, run)
        return (outputs, state, losses) if return_losses else (outputs, state)
