"""Spectral normalization of kernels."""

from __future__ import annotations

from typing import Any, Unpack

from hilevel import initializers, ops
from hilevel.engine.overlay import Overlay
from hilevel.engine.types import Shape, Tensor
from hilevel.engine.variables import Variable
from hilevel.layers.base.checks import positive
from hilevel.layers.base.input_spec import InputSpec
from hilevel.layers.base.layer import Layer
from hilevel.layers.base.settings import Options
from hilevel.layers.core.wrapper import Wrapper


class SpectralNormalization(Wrapper):
    """A wrapper that divides the kernel of a layer by its spectral norm in training. Miyato et al., 2018.

    The spectral norm is the largest singular value, `v W u`. A power iteration computes `v = u W^T` and `u = v W`, each
    scaled to norm 1. `u` persists between steps, and both vectors are constants in the gradient. The layer stores the
    divided kernel, in its shape. A kernel of zeros does not change.

    Args:
        layer: the wrapped layer, with an attribute `kernel` or `embeddings`.
        power_iterations: the number of iterations at each training step.

    >>> import hilevel
    >>> layer = hilevel.layers.SpectralNormalization(hilevel.layers.Dense(1, kernel_initializer="ones"))
    >>> layer(np.array([[3.0, 4.0]]), training=True).round(4)
    array([[4.9497]], dtype=float32)

    Raises:
        ValueError: `power_iterations` is not a positive integer, or the layer has no kernel.
    """

    kernel: Variable
    vector_u: Variable

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Unpack[Options]) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive("SpectralNormalization", "power_iterations", power_iterations)

    def build(self, input_shape: Shape) -> None:  # type: ignore[override]
        """Build the wrapped layer, and make `u`."""
        super().build(input_shape)
        self._attribute = next((n for n in ("kernel", "embeddings") if hasattr(self.layer, n)), "")
        if not self._attribute:
            raise ValueError(
                f"SpectralNormalization normalizes the kernel or the embeddings of a layer; "
                f"{type(self.layer).__name__} has neither."
            )
        self.kernel = getattr(self.layer, self._attribute)
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight((1, self.kernel.shape[-1]), start, trainable=False, name="vector_u")
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1] or 0})

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """Return the output of the wrapped layer."""
        if not training:
            return self.layer(inputs).astype(inputs.dtype)
        u, kernel = self.normalized_weights()
        self.vector_u.assign(u)
        with Overlay([(self.kernel, kernel)]) as overlay:
            output = self.layer(inputs)
        overlay.commit()
        self.kernel.assign(kernel)
        return output.astype(inputs.dtype)

    def normalized_weights(self) -> tuple[Tensor, Tensor]:
        """Return the next `u`, and the kernel divided by its spectral norm."""
        weights = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        fixed = ops.stop_gradient(weights)
        u: Any = self.vector_u
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(fixed)), axis=None)
            u = ops.normalize(ops.matmul(v, fixed), axis=None)
        some = ops.any(ops.not_equal(fixed, 0))
        value = ops.sum(ops.matmul(v, weights) * u)
        u = ops.where(some, u, self.vector_u)
        return u, self.kernel / ops.where(some, value, 1.0)
