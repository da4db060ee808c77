"""Attributions by gradients: `saliency`, `smooth_grad`, `integrated_gradients`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hilevel import random, tree
from hilevel.engine.autodiff.tape import to_host
from hilevel.engine.backends import use_backend
from hilevel.engine.types import Structure
from hilevel.errors import ShapeError, warn
from hilevel.explain.calls import Run, layers_of
from hilevel.explain.data import Data, NumpyArray, Score, Target
from hilevel.layers.core.embedding import Embedding
from hilevel.models.model import Model

LARGEST_FACTOR = 32
"""The factor by which `integrated_gradients` multiplies the number of steps at most."""


class Batch:
    """A part of the samples, whose scores are a function of `values`.

    A value is an input of floats, or the vectors that an `Embedding` returns for an input of indices.
    """

    def __init__(self, explained: Explained, part: slice, rows: NumpyArray) -> None:
        self.explained, self.part, self.rows = explained, part, rows
        self.values = explained.values(explained.data.inputs, rows)

    def scores(self, values: list[NumpyArray]) -> NumpyArray:
        """Return the score of each sample for other values."""
        return np.asarray(to_host(self.explained.run.scores(*self._arguments(values))), np.float64)

    def gradient(self, values: list[NumpyArray]) -> list[NumpyArray]:
        """Return the gradient of the scores at other values."""
        found = tree.flatten(self.explained.run.gradients(*self._arguments(values)))
        return [np.asarray(to_host(g), np.float64) for g in found]

    def _arguments(self, values: list[NumpyArray]) -> Any:
        own, rest = self.explained, iter(values)
        floats = {str(i): next(rest) for i in own.floats}
        vectors = [None if i is None else next(rest) for i in own.owners]
        return floats, vectors, [a[self.rows] for a in own.data.inputs], own.score.weights_of(self.rows)


def saliency(model: Model, x: Structure, target: Target = None, batch_size: int = 32) -> Any:
    """Return the absolute gradient of an output with respect to the inputs.

    Source: Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2013.

    Args:
        model: a model; it is run for inference on its own backend, and not changed.
        x: an array of shape `(samples, ...)`, or a list or dict of arrays. Integers that an `Embedding` maps to vectors
            are explained by these vectors.
        target: an index of the last axis of the output, or an array of one index for each sample. None chooses the
            largest output of a sample. A function returns a value for each sample from the outputs.
        batch_size: the largest number of samples that are processed at once.

    Returns:
        A float32 array in the shape of `x`, or a list or dict of them. The value of a token is the Euclidean norm of
        the gradient of its vector.

    Raises:
        OutOfRangeError: a target is out of range.
        ShapeError: the number of targets is not the number of samples, or inputs have different numbers of samples.
        TypeError: the model is no `Model`, or a target is no integer.
        ValueError: the model has several outputs, and the target is no function; or no `Embedding` maps the integers
            of an `Input` to vectors.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [0.0], [-2.0]])])
    >>> hilevel.explain.saliency(model, np.ones((1, 3)))
    array([[1., 0., 2.]], dtype=float32)
    """
    return smooth_grad(model, x, target, samples=1, noise=0.0, batch_size=batch_size)


def smooth_grad(
    model: Model, x: Structure, target: Target = None, samples: int = 25, noise: float = 0.1, seed: int | None = None,
    batch_size: int = 32,
) -> Any:  # fmt: skip
    """Return the absolute value of the mean gradient at noisy copies of the inputs.

    Source: Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017.

    Args:
        model, x, target, batch_size: as in `saliency`.
        samples: the number of noisy copies.
        noise: the standard deviation of the noise, as a fraction of the range of each sample's values.
        seed: an integer for the same noise in every run; None for the global generator.

    Returns:
        A float32 array in the shape of `x`, or a list or dict of them, as of `saliency`.

    Raises:
        ValueError: the number of copies is less than 1, or the noise is negative.

    For other errors, see `saliency`.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> hilevel.explain.smooth_grad(model, np.array([[3.0, 4.0]]), samples=5, seed=0)
    array([[1., 2.]], dtype=float32)
    """
    if samples < 1 or noise < 0:
        raise ValueError(
            f"smooth_grad needs at least one sample and noise of at least 0; got {samples} and {noise}."
        )
    with use_backend(model.backend):
        explained = Explained(model, x, target, batch_size)
        generator = random.SeedGenerator(seed)
        for batch in explained.batches():
            copies = ([_noisy(v, noise, generator) for v in batch.values] for _ in range(samples))
            means = _weighted_sum((1 / samples, batch.gradient(values)) for values in copies)
            explained.add(batch, means, np.linalg.norm)
        return explained.result()


def integrated_gradients(
    model: Model, x: Structure, target: Target = None, baseline: Structure = None, steps: int = 50,
    tolerance: float = 1e-3, batch_size: int = 32,
) -> Any:  # fmt: skip
    """Return the integral of the gradient on the straight path from a baseline, times the distance from the baseline.

    The attributions of a sample sum up to the difference of the scores at the sample and at the baseline. The points
    on the path are Gauss-Legendre nodes, of which 50 suffice for smooth models. ReLU and maxima have kinks, which need
    more. The number of points is doubled, up to 32 times `steps`, until the sums reach the tolerance.

    Source: Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017.

    Args:
        model, x, target, batch_size: as in `saliency`. With None, the target is the largest output at `x`.
        baseline: inputs without information, in the structure of `x`: arrays of the shape of `x`, of one sample, or
            scalars. By default zeros, and for tokens vectors of zeros. Integers in place of tokens stand for their
            vectors; the mask of `x` is used.
        steps: the first number of points on the path.
        tolerance: the largest difference of a sum, relative to differences of scores above 1; infinity for no doubling.

    Returns:
        A float32 array in the shape of `x`, or a list or dict of them.

    Warns:
        HilevelWarning: the sums do not reach the tolerance.

    Raises:
        ShapeError: the baseline cannot be broadcast to `x`.
        ValueError: the number of steps is less than 1, or the baseline has another structure.

    For other errors, see `saliency`.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1, use_bias=False)])
    >>> model.set_weights([np.array([[1.0], [-2.0]])])
    >>> hilevel.explain.integrated_gradients(model, np.array([[3.0, 4.0]]))
    array([[ 3., -8.]], dtype=float32)
    """
    if steps < 1:
        raise ValueError(f"integrated_gradients needs at least one step; got {steps}.")
    with use_backend(model.backend):
        explained = Explained(model, x, target, batch_size)
        start = None if baseline is None else _like_inputs(explained.data, baseline)
        for batch in explained.batches():
            origin = [np.zeros_like(v) for v in batch.values]
            if start is not None:
                origin = explained.values(start, batch.rows)
            explained.add(batch, _integrals(batch, origin, steps, tolerance), np.sum)
        return explained.result()


def _integrals(batch: Batch, origin: list[NumpyArray], steps: int, tolerance: float) -> list[NumpyArray]:
    """Return the attributions of the values of a batch, with more and more points until the sums are right."""
    difference = batch.scores(batch.values) - batch.scores(origin)
    distances = [v - o for v, o in zip(batch.values, origin, strict=True)]
    for power in range(LARGEST_FACTOR.bit_length()):
        means = _mean_on_path(batch, origin, distances, steps * 2**power)
        parts = [m * d for m, d in zip(means, distances, strict=True)]
        sums = sum(part.reshape(len(batch.rows), -1).sum(axis=1) for part in parts)
        error = float(np.max(np.abs(sums - difference) / np.maximum(1, np.abs(difference))))
        if not error > tolerance:
            return parts
    warn(
        f"integrated_gradients: a sum of attributions is wrong by {error:.2g}. Give more steps than {steps}."
    )
    return parts


def _mean_on_path(
    batch: Batch, origin: list[NumpyArray], distances: list[NumpyArray], steps: int
) -> list[NumpyArray]:
    """Return the mean gradient between `origin` and `origin + distances`, by Gauss-Legendre quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    points = (
        [(o + (t + 1) / 2 * d).astype(d.dtype) for o, d in zip(origin, distances, strict=True)] for t in nodes
    )
    return _weighted_sum((w / 2, batch.gradient(p)) for w, p in zip(weights, points, strict=True))


class Explained:
    """The attributions of a model's inputs, while they are computed batch by batch.

    The first run finds the `Embedding` calls whose indices are an input. Their vectors are explained in its place.
    """

    def __init__(self, model: Model, x: Structure, target: Target, batch_size: int) -> None:
        self.data = Data(model, x, batch_size)
        self.score = Score(self.data, target)
        self.run = Run(self.data, layers_of(self.data, Embedding), self.score)
        _, rows = next(self.data.parts())
        with np.errstate(all="ignore"):  # of zeros, which may all be masked
            self.owners = self._owners([a[rows] for a in self.data.inputs])
        self.floats = [i for i in range(len(self.data.inputs)) if i not in self.owners]
        _check_integers(model, {i for i in self.owners if i is not None})
        self.attributions = [np.zeros(a.shape, np.float32) for a in self.data.inputs]

    def _owners(self, inputs: list[NumpyArray]) -> list[int | None]:
        """Return the input that each call of an `Embedding` gets as indices; None for other indices.

        The model runs on zeros, and on each input with zeros for the others.
        """
        zeros = [np.zeros_like(x) for x in inputs]
        calls = [indices for indices, _ in self._embedded(zeros)]
        owners: list[int | None] = [None] * len(calls)
        for i, x in enumerate(inputs):
            probe = x if x.any() else np.ones_like(x)
            after = self._embedded([*zeros[:i], probe, *zeros[i + 1 :]])
            for n, (before, (indices, _)) in enumerate(zip(calls, after, strict=True)):
                if _has_values(indices, probe) and not _has_values(before, probe):
                    owners[n] = i
        return owners

    def _embedded(self, inputs: list[NumpyArray]) -> list[Any]:
        """Return the indices and the vectors of each call of an `Embedding`."""
        return tree.map_structure(to_host, self.run.record(inputs)) if self.run.layers else []

    def values(self, inputs: list[NumpyArray], rows: NumpyArray) -> list[NumpyArray]:
        """Return the values of some samples: the inputs of floats, then the vectors of the others."""
        inputs = [a[rows] for a in inputs]
        vectors = [y for i, (_, y) in zip(self.owners, self._embedded(inputs), strict=True) if i is not None]
        return [inputs[i].astype(self.data.dtype) for i in self.floats] + vectors

    def batches(self) -> Iterator[Batch]:
        """Yield the batches of the data."""
        for part, rows in self.data.parts():
            yield Batch(self, part, rows)

    def add(self, batch: Batch, values: list[NumpyArray], reduce: Callable[..., NumpyArray]) -> None:
        """Add the attributions of a batch. `reduce` maps a vector to a value; a float is a vector of one value."""
        places = [*self.floats, *(i for i in self.owners if i is not None)]
        for i, value in zip(places, values, strict=True):
            result = self.attributions[i]
            vectors = value.reshape(len(batch.rows), *result.shape[1:], -1)
            result[batch.part] += reduce(vectors, axis=-1)[: batch.part.stop - batch.part.start]

    def result(self) -> Any:
        """Return the attributions in the structure of the inputs."""
        return self.data.pack(self.attributions)


def _check_integers(model: Model, embedded: set[int]) -> None:
    """Raise an error if the model has more inputs of integers than there are inputs with vectors."""
    names = [x.name for x in model.inputs if np.dtype(x.dtype).kind in "iub"]
    if len(names) > len(embedded):
        raise ValueError(
            f"No Embedding maps the integers of an input ({', '.join(names)}) to vectors, and integers have no "
            "gradient. Use explain.occlusion, or an Input of floats."
        )


def _has_values(indices: NumpyArray, x: NumpyArray) -> bool:
    """Return whether indices are an input, in any shape."""
    return indices.size == x.size and np.array_equal(indices.ravel(), x.ravel())


def _like_inputs(data: Data, baseline: Structure) -> list[NumpyArray]:
    """Return a baseline in the shapes and dtypes of the inputs."""
    if tree.is_nested(data.structure):
        tree.assert_same_structure(data.structure, baseline)
    arrays = [to_host(b) for b in tree.flatten(baseline)]
    try:
        return [np.broadcast_to(np.asarray(b), x.shape) for b, x in zip(arrays, data.inputs, strict=True)]
    except ValueError as error:
        raise ShapeError(f"The baseline does not fit the inputs: {error}.") from error


def _noisy(values: NumpyArray, noise: float, generator: random.SeedGenerator) -> NumpyArray:
    """Return values plus normal noise in proportion to the range of each sample."""
    if noise == 0:
        return values
    axes = tuple(range(1, values.ndim))
    spread = noise * np.ptp(values, axis=axes, keepdims=True)
    draws: NumpyArray = to_host(random.normal(values.shape, seed=generator))
    return values + (spread * draws).astype(values.dtype)


def _weighted_sum(terms: Iterator[tuple[float, list[NumpyArray]]]) -> list[NumpyArray]:
    """Return the sum of gradients times weights."""
    total: Any = 0.0
    for weight, gradients in terms:
        parts = [weight * g for g in gradients]
        total = parts if isinstance(total, float) else [a + b for a, b in zip(total, parts, strict=True)]
    return total
