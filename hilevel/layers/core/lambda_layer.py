"""A layer made of a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from hilevel.layers.base.checks import (
    bad_setting,
)
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Lambda(Layer):
    """A function as a layer. It has no weights of its own.

    Args:
        function: a function of the inputs; it may take `mask` and `training`, too.
        output_shape: not needed: the shape is found by running the function on shapes.
        mask: the mask of the output, or a function `(inputs, mask)` that computes it.
        arguments: keyword arguments for the function.

    >>> import hilevel
    >>> hilevel.layers.Lambda(lambda x: x * 2)(np.array([1.0], "float32"))
    array([2.], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise bad_setting("Lambda", "function", "a function", function)
        if arguments is not None and not isinstance(arguments, dict):
            raise bad_setting("Lambda", "arguments", "a dict of keyword arguments", arguments)
        self.supports_masking = True
        self.function, self.output_shape = function, output_shape
        self.arguments = arguments or {}
        self.mask = mask

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """The function of the inputs."""
        import inspect

        takes = inspect.signature(self.function).parameters
        extra = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: v for k, v in extra.items() if k in takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask that the constructor was given, or what its function says; else that of the inputs."""
        if callable(self.mask):
            return self.mask(inputs, mask)
        return mask if self.mask is None else self.mask
