"""Ops on arrays and Variables, and an op of one's own."""

from typing import Any

import numpy as np

import hilevel
from hilevel import ops
from hilevel.ops import op

x = np.arange(6.0).reshape(2, 3)
assert ops.sum(x) == 15.0
assert ops.sum(x, axis=0).shape == (3,)
assert ops.mean(x, axis=(0, 1), keepdims=True).shape == (1, 1)
assert ops.reshape(x, (3, 2)).shape == ops.reshape([1, 2, 3, 4, 5, 6], (3, -1)).shape
assert ops.transpose(x).shape == ops.transpose(x, (1, 0)).shape
assert ops.matmul(x, x.T).shape == (2, 2)
assert ops.concatenate([x, x], axis=1).shape == ops.concatenate((x, x), 1).shape
assert ops.stack([x, x]).shape == (2, 2, 3)
assert ops.where(x > 2, x, 0.0).max() == 5
assert ops.argmax(x, axis=-1).shape == (2,)
assert ops.one_hot([0, 2], 3).shape == (2, 3)
assert ops.cast(x, "int32").dtype == "int32"
assert ops.einsum("ij,kj->ik", x, x).shape == (2, 2)
assert ops.softmax(x, axis=-1).shape == ops.relu(x).shape == ops.zeros((2, 3)).shape
assert ops.convert_to_numpy(ops.convert_to_tensor([1, 2])).tolist() == [1, 2]
assert ops.split(x, 3, axis=1)[0].shape == (2, 1)
assert ops.expand_dims(x, 0).shape == (1, 2, 3)
assert hilevel.random.uniform((2, 2), seed=1).shape == (2, 2)
first, second = ops.max(x), ops.min(x)
assert float(first - second) == 5.0 and int(ops.size(x)) == 6

total = hilevel.Variable(np.zeros(3), dtype="float32", name="total", trainable=False)
total.assign_add([1.0, 2.0, 3.0])
total.assign(total * 2)
assert total.numpy().sum() == 12.0 and total.shape == (3,) and total.dtype == "float32"
assert (1 + total)[0] == 3.0


@op(dtype="float", shape=lambda x: x)
def softsquare(xp: Any, x: Any) -> Any:
    """`x * x / (1 + x * x)`, element-wise."""
    return x * x / (1 + x * x)


@softsquare.gradient
def _(xp: Any, g: Any, y: Any, x: Any) -> Any:
    return g * 2 * x / (1 + x * x) ** 2


assert softsquare(1.0) == 0.5
assert hilevel.grad(lambda x: ops.sum(softsquare(x)))(x).shape == (2, 3)
