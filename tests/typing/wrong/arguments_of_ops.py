"""Wrong calls of ops."""

import numpy as np

from hilevel import ops, random

x = np.ones((2, 3))

ops.reshape(x)  # error
ops.sum(x, axis="0")  # error
ops.sum(x, axes=0)  # error
ops.sum(x, keepdims="yes")  # error
ops.sum()  # error
ops.matmul(x)  # error
ops.softmax(x, axis=None, temperature=2.0)  # error
ops.one_hot([0, 1])  # error
ops.transpose(x, axes=1.5)  # error
ops.expand_dims(x)  # error
ops.concatenate([x, x], axis="1")  # error
ops.cast(x)  # error
ops.relu(x, 2, 3)  # error
ops.where(x > 0, x, 0.0, x)  # error
ops.einsum(x, x)  # error
ops.mean(x, axis=1.0)  # error
ops.stack(x, axis=[0])  # error
ops.zeros()  # error
random.uniform((2, 2), minvalue=0)  # error
random.normal("shape")  # error
