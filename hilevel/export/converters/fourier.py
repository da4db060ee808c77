"""Converters of Fourier transforms of axes of known size, to products with matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from hilevel.export.converters.table import converter
from hilevel.export.graph import Graph, Value
from hilevel.ops.math import fourier


def _waves(n: int, count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the cosines and the sines of `count` frequencies at `n` places, of shape `(n, count)`."""
    angles = 2 * np.pi * (np.outer(np.arange(n), np.arange(count)) % n) / n
    return np.cos(angles), np.sin(angles)


@converter(fourier._of_real)
def _(graph: Graph, y: Any, x: Value) -> Any:
    cosines, sines = _waves(x.shape[-1], x.shape[-1] // 2 + 1)
    return graph.MatMul(x, cosines.astype(x.dtype)), graph.MatMul(x, (-sines).astype(x.dtype))


@converter(fourier._to_real)
def _(graph: Graph, y: Any, real: Value, imag: Value, n: int) -> Any:
    """Convert by counting each frequency twice, but 0 and `n / 2`."""
    count = real.shape[-1]
    cosines, sines = _waves(n, count)
    factors = np.where(2 * np.arange(count) % n == 0, 1, 2) * (np.arange(count) <= n // 2) / n
    parts = [(wave * factors).T.astype(real.dtype) for wave in (cosines, sines)]
    return graph.Sub(graph.MatMul(real, parts[0]), graph.MatMul(imag, parts[1]))


@converter(fourier._transform)
def _(graph: Graph, y: Any, real: Value, imag: Value, axes: tuple[int, ...], inverse: bool) -> Any:
    re: Any = real
    im: Any = imag
    for axis in axes:
        n = real.shape[axis]
        cosines, sines = (w.astype(real.dtype) for w in _waves(n, n))
        if inverse:
            cosines, sines = cosines / n, -sines / n
        order = [i for i in range(real.rank) if i != axis % real.rank] + [axis % real.rank]
        re, im = graph.transposed(re, order), graph.transposed(im, order)
        re, im = (
            graph.Add(graph.MatMul(re, cosines), graph.MatMul(im, sines)),
            graph.Sub(graph.MatMul(im, cosines), graph.MatMul(re, sines)),
        )
        re, im = (graph.transposed(part, np.argsort(order)) for part in (re, im))
    return re, im
