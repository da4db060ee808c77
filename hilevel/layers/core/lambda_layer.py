"""A layer that calls a function."""

from __future__ import annotations

import importlib
import inspect
from contextlib import nullcontext
from typing import Any, Self, Unpack

from hilevel import ops
from hilevel.api.custom_objects import custom_object_scope
from hilevel.api.serialization import deserialize, find, restoring
from hilevel.engine.types import Config, Function, Shape, Tensor
from hilevel.layers.base.checks import bad_setting
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options


class Lambda(Layer):
    """A function as a layer, without weights.

    Args:
        function: a function of the inputs, which may have parameters `mask` and `training`.
        output_shape: not used, because the shape is inferred from the function.
        mask: the mask of the output, or a function `(inputs, mask)` that computes it.
        arguments: keyword arguments of the function.

    >>> import hilevel
    >>> hilevel.layers.Lambda(lambda x: x * 2)(np.array([1.0], "float32"))
    array([2.], dtype=float32)

    Raises:
        ValueError: `function` is not callable, or `arguments` is no dict.
    """

    def __init__(
        self,
        function: Function,
        output_shape: Shape | Function | None = None,
        mask: Tensor | Function | None = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Unpack[Options],
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise bad_setting("Lambda", "function", "a function", function)
        if arguments is not None and not isinstance(arguments, dict):
            raise bad_setting("Lambda", "arguments", "a dict of keyword arguments", arguments)
        self.supports_masking = mask is not None
        self.function, self.output_shape = function, output_shape
        self.arguments = arguments or {}
        self.mask = mask if mask is None or callable(mask) else ops.convert_to_tensor(mask)

    def get_config(self) -> Config:
        """Return the arguments as plain data. A lambda is stored as code, loaded only with `safe_mode=False`."""
        lambdas = self._lambdas()
        if not lambdas:
            return super().get_config()
        code = importlib.import_module("hilevel.saving.code")
        return super().get_config() | {name: code.description_of(f) for name, f in lambdas.items()}

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | dict.fromkeys(self._lambdas())

    def _lambdas(self) -> dict[str, Any]:
        functions = {name: getattr(self, name) for name in ("function", "output_shape", "mask")}
        return {name: f for name, f in functions.items() if getattr(f, "__name__", "") == "<lambda>"}

    @classmethod
    def from_config(
        cls, config: Config, custom_objects: dict[str, Any] | None = None, safe_mode: bool | None = None
    ) -> Self:
        """Return a layer from a config of `get_config`. Its functions are public, registered, or code.

        Args:
            config: the config.
            custom_objects: functions by name.
            safe_mode: whether to refuse code; by default the setting of the loading function, else True.
        """
        name = config["function"]
        with (
            nullcontext() if safe_mode is None else restoring(safe_mode),
            custom_object_scope(custom_objects or {}),
        ):
            function = find(name) if isinstance(name, str) else deserialize(name)
            return cls(**{**deserialize(config), "function": function})

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        """Return the result of the function."""
        takes = inspect.signature(self.function).parameters
        extra = {"mask": mask, "training": training}
        return self.function(inputs, **self.arguments, **{k: v for k, v in extra.items() if k in takes})

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return the mask of the constructor, or the result of its function; by default the mask of the inputs."""
        if callable(self.mask):
            return self.mask(inputs, mask)
        return mask if self.mask is None else self.mask
