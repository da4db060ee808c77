"""Checking the gradients of a layer of one's own, against finite differences.

The layer has an op with a gradient written by hand. Written wrongly, it would still train, only worse; the check finds it.
"""

import numpy as np
from options import expect, options

import hilevel
from hilevel import layers, ops
from hilevel.testing import check_gradients


@hilevel.custom_gradient
def cube(x):
    """x^3, with its gradient."""
    return x**3, lambda g: g * 3 * x**2


@hilevel.custom_gradient
def cube_with_a_mistake(x):
    """x^3, with the gradient of another function."""
    return x**3, lambda g: g * 2 * x**2


class Cubes(layers.Layer):
    """sum_j w_j x_j^3."""

    def __init__(self, function, **kwargs):
        super().__init__(**kwargs)
        self.function = function

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], 1), initializer="glorot_uniform", name="w")

    def call(self, x):
        return ops.matmul(self.function(x), self.w)


def main() -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))

    layer = Cubes(cube, dtype="float64")
    layer(x)
    weight = layer.w.numpy()

    def output(x, w):
        layer.w.assign(w)
        return ops.sum(layer(x) ** 2)

    check_gradients(lambda x: ops.sum(layer(x) ** 2), x)
    print("The gradient of the inputs agrees with finite differences.")
    check_gradients(lambda w: ops.sum(ops.matmul(cube(x), w) ** 2), weight)
    print("And so does that of the weights.")

    wrong = Cubes(cube_with_a_mistake, dtype="float64")
    try:
        check_gradients(lambda x: ops.sum(wrong(x)), x)
    except AssertionError as error:
        expect("finite differences say" in str(error), f"the mistake is found: {error}")
    else:
        expect(False, "the mistake was not found")


if __name__ == "__main__":
    options(__doc__, epochs=1)
    main()
