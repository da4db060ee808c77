"""Kernels divided by their spectral norm."""

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
    """Divides the kernel of another layer by its largest singular value in training. Miyato et al., 2018.

    The singular value is `v W u`, where `u` and `v` are found by power iteration: `v` is `u W^T`, `u` is `v W`, each
    brought to length 1. `u` is kept from step to step, and `v`, `u` count as constants in the gradient. The
    layer keeps the divided kernel. A kernel of zeros stays as it is.

    Args:
        layer: the other layer; it has a `kernel`, or `embeddings`.
        power_iterations: how many iterations are done at each training step.

    >>> import hilevel
    >>> layer = hilevel.layers.SpectralNormalization(hilevel.layers.Dense(1, kernel_initializer="ones"))
    >>> layer(np.array([[3.0, 4.0]]), training=True).round(4)
    array([[4.9497]], dtype=float32)

    Raises:
        ValueError: `power_iterations` is no positive integer, or the layer has no kernel.
    """

    kernel: Variable
    vector_u: Variable

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Unpack[Options]) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = positive("SpectralNormalization", "power_iterations", power_iterations)

    def build(self, input_shape: Shape) -> None:  # type: ignore[override]
        """Build the other layer, and make `u`."""
        super().build(input_shape)
        self._attribute = next((n for n in ("kernel", "embeddings") if hasattr(self.layer, n)), "")
        if not self._attribute:
            raise ValueError(
                f"SpectralNormalization normalises the kernel or the embeddings of a layer; "
                f"{type(self.layer).__name__} has neither."
            )
        self.kernel = getattr(self.layer, self._attribute)
        start = initializers.TruncatedNormal(stddev=0.02)
        self.vector_u = self.add_weight((1, self.kernel.shape[-1]), start, trainable=False, name="vector_u")
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1] or 0})

    def call(self, inputs: Tensor, training: bool | None = False) -> Tensor:
        """The other layer's output."""
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
        """The next `u`, and the kernel divided by its largest singular value."""
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
