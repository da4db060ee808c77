"""Grad-CAM: heat maps of convolutions."""

from __future__ import annotations

import numpy as np

from hilevel import ops, tree
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import use_backend
from hilevel.engine.types import Structure
from hilevel.errors import nearest
from hilevel.explain.calls import Run, layers_of
from hilevel.explain.data import Data, NumpyArray, Score, Target
from hilevel.layers.base.layer import Layer
from hilevel.layers.convolutional.base import BaseConvolution
from hilevel.models.model import Model


def grad_cam(
    model: Model, x: Structure, layer: str | None = None, target: Target = None, batch_size: int = 32
) -> NumpyArray:
    """Return a heat map of the places where the channels of a layer raise an output.

    Each channel is weighted with the mean of its gradient. The positive part of the sum over channels is resized to
    the image, bilinearly.

    Source: Selvaraju et al., "Grad-CAM: visual explanations from deep networks", 2017.

    Args:
        model, x, target, batch_size: as in `saliency`; one of the inputs has as many axes as the layer's output.
        layer: the name of a layer with outputs of shape `(samples, ..., channels)`, also in a nested model. By default
            the last convolution.

    Returns:
        A float32 array with a value for each position, of shape `(samples, height, width)` for images and
        `(samples, steps)` for sequences.

    Raises:
        ValueError: there is no layer of this name, or no convolution; or no input has the axes of its output.

    For other errors, see `saliency`.

    >>> import hilevel
    >>> from hilevel import layers
    >>> model = hilevel.Sequential([hilevel.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)])
    >>> hilevel.explain.grad_cam(model, np.ones((2, 8, 8, 1)), target=0).shape
    (2, 8, 8)
    """
    with use_backend(model.backend):
        data = Data(model, x, batch_size)
        score = Score(data, target)
        chosen = _layer(data, layer)
        run = Run(data, [chosen], score)
        return np.concatenate([_maps(run, score, part, rows) for part, rows in data.parts()])


def _maps(run: Run, score: Score, part: slice, rows: NumpyArray) -> NumpyArray:
    """Return the heat maps of a batch."""
    inputs = [a[rows] for a in run.data.inputs]
    layer, outputs = run.layers[0], [y for _, y in run.record(inputs)]
    if not outputs or tree.is_nested(outputs[-1]):
        raise ValueError(f'The layer "{layer.name}" must return one tensor when the model is called.')
    found = run.gradients({}, [*(None for _ in outputs[1:]), outputs[-1]], inputs, score.weights_of(rows))
    y, gradient = (_channels_last(layer, to_host(a)) for a in (outputs[-1], found[1][0]))
    places = tuple(range(1, y.ndim - 1))
    cam = np.maximum((y * gradient.mean(axis=places, keepdims=True)).sum(axis=-1), 0)
    return _resized(cam, _size_of_input(layer, inputs, y.ndim))[: part.stop - part.start]


def _layer(data: Data, name: str | None) -> Layer:
    """Return the layer of a name, or the last convolution."""
    if name is None:
        found = layers_of(data, BaseConvolution)
        if not found:
            raise ValueError(f"{data.model!r} has no convolution. Give the name of a layer.")
        return found[-1]
    layers = {layer.name: layer for layer in layers_of(data, Layer)}
    if name not in layers:
        raise ValueError(
            f'The model has no layer "{name}".{nearest(name, layers)} Its layers: {", ".join(layers)}.'
        )
    return layers[name]


def _channels_last(layer: Layer, x: NumpyArray) -> NumpyArray:
    first = getattr(layer, "data_format", None) == "channels_first"
    return np.moveaxis(np.asarray(x, np.float32), 1 if first else -1, -1)


def _size_of_input(layer: Layer, inputs: list[NumpyArray], rank: int) -> tuple[int, ...]:
    """Return the size of the first input with these axes, without channels."""
    for x in inputs:
        if x.ndim == rank:
            return _channels_last(layer, x[:1]).shape[1:-1]
    raise ValueError(f'The layer "{layer.name}" returns {rank} axes, and no input has as many.')


def _resized(maps: NumpyArray, size: tuple[int, ...]) -> NumpyArray:
    """Return maps `(samples, ...)` in another size, each pair of axes resized as an image."""
    if len(size) > 2:
        raise ValueError(
            f"grad_cam supports images and sequences; got inputs with {len(size)} axes of places."
        )
    images = maps.reshape(len(maps), -1, maps.shape[-1], 1)
    resized = to_host(ops.image.resize(images, (size[0] if len(size) == 2 else 1, size[-1])))
    return np.asarray(resized, np.float32).reshape(len(maps), *size)
