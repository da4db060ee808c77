"""The least work of a training step: its multiplications, and the bytes it moves.

It is counted from the shapes of the layers. A product is done three times: forward, and backward for each of its
operands. A first layer does it twice, without the gradient of the data. Each time it reads two of its three arrays and
writes the third. An optimizer reads and writes each parameter and its slots. Elementwise ops move nothing, as if they
were fused with the products. A library that stores their results moves more bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

ADAM, MOMENTUM = (
    7,
    5,
)  # values read and written by an update: parameter, gradient and slots; parameter and slots


@dataclass(frozen=True)
class Part:
    """A layer's share of a step.

    Args:
        multiplications: the number in its products.
        numbers: the values that its products read and write.
        parameters: its weights, without biases.
    """

    multiplications: int
    numbers: int
    parameters: int = 0


def dense(rows: int, inputs: int, outputs: int, passes: int = 3) -> Part:
    """Count a product of `rows` rows with a kernel."""
    kernel = inputs * outputs
    return Part(passes * rows * kernel, passes * (rows * (inputs + outputs) + kernel), kernel)


def chain(rows: int, *widths: int) -> list[Part]:
    """Count dense layers, the first of them on data."""
    return [dense(rows, a, b, 3 if i else 2) for i, (a, b) in enumerate(pairwise(widths))]


def conv(batch: int, seen: int, made: int, inputs: int, outputs: int, size: int = 3, passes: int = 3) -> Part:
    """Count a convolution of images with `seen` pixels to ones with `made`."""
    kernel = size * size * inputs * outputs
    numbers = batch * (seen * inputs + made * outputs) + kernel
    return Part(passes * batch * made * kernel, passes * numbers, kernel)


def lstm(batch: int, steps: int, inputs: int, units: int, passes: int = 3) -> list[Part]:
    """Count the products with the inputs, and with the states before."""
    return [
        dense(batch * steps, inputs, 4 * units, passes),
        dense(batch * steps, units, 4 * units),
    ]


def attention(batch: int, steps: int, width: int) -> Part:
    """Count all scores, also masked ones, and the values weighted by them; the scores are not stored."""
    return Part(3 * 2 * batch * steps * steps * width, 3 * 4 * batch * steps * width)


def table(rows: int, words: int, width: int) -> Part:
    """Count an embedding: rows read and written, and the gradient of the whole table."""
    return Part(0, 4 * rows * width + words * width, words * width)


def residual(batch: int, pixels: int, inputs: int, outputs: int) -> list[Part]:
    """Count a block on images with so many pixels on a side."""
    if inputs == outputs:
        return [conv(batch, pixels**2, pixels**2, inputs, outputs)] * 2
    made = (pixels // 2) ** 2
    return [
        conv(batch, pixels**2, made, inputs, outputs),
        conv(batch, made, made, outputs, outputs),
        conv(batch, made, made, inputs, outputs, 1),
    ]


def transformer(b: int, w: int) -> list[Part]:
    """Count two blocks on 128 tokens."""
    rows = 128 * b
    block = [dense(rows, w, w)] * 4 + [attention(b, 128, w), dense(rows, w, 4 * w), dense(rows, 4 * w, w)]
    return [table(rows, 5000, w), table(128, 128, w), *block, *block, dense(rows, w, 5000)]


def gan(b: int, w: int) -> list[Part]:
    """Count a step: the discriminator sees two batches; the generator's gradient goes through it, its own does not."""
    return [*chain(b, 64, w, 784), dense(b, 784, w, 5), dense(b, w, 1, 7)]


PARTS: dict[str, Callable[[int, int], list[Part]]] = {
    "mlp": lambda b, w: chain(b, 784, w, 10),
    "cnn": lambda b, w: [
        conv(b, 28**2, 26**2, 1, w, passes=2), dense(b, 13 * 13 * w, 128), dense(b, 128, 10)],
    "lstm_small": lambda b, w: [*lstm(b, 10, 1, w, passes=2), dense(b, w, 1)],
    "lstm": lambda b, w: [table(80 * b, 5000, w // 2), *lstm(b, 80, w // 2, w), dense(b, w, 1)],
    "lstm_attention": lambda b, w: [*lstm(b, 50, 16, w, passes=2), attention(b, 50, w), dense(b, w, 1)],
    "resnet_small": lambda b, w: [
        conv(b, 32**2, 32**2, 3, w, passes=2), *residual(b, 32, w, w), *residual(b, 32, w, 2 * w),
        *residual(b, 16, 2 * w, 4 * w), dense(b, 4 * w, 10)],
    "transformer": transformer,
    "gan_step": gan,
    "deep_narrow": lambda b, w: chain(b, 64, *[w] * 19, 64),
}  # fmt: skip
"""The parts of each workload, for a batch and a width."""


def operations(name: str, batch: int, width: int) -> int:
    """Return the multiplications and additions of the products of a step."""
    return 2 * sum(part.multiplications for part in PARTS[name](batch, width))


def bytes_moved(name: str, batch: int, width: int) -> int:
    """Return the bytes read and written in a step, in float32."""
    update = MOMENTUM if name == "resnet_small" else ADAM
    return 4 * sum(part.numbers + update * part.parameters for part in PARTS[name](batch, width))
