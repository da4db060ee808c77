"""A call of every op of `hilevel.ops` on tensors of given dtypes, for the test of the dtype rules.

A case is a function of the op and one or two tensors. The tensors are matrices of ones, `(4, 4)`; an operand of a
binary op may be a Python number. The same calls run on `keras.ops` (data/make_dtypes.py), so no case uses a name of
hilevel.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Call = Callable[..., Any]


def words(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


DTYPES = words("bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 bfloat16 float32 float64")
NUMBERS = {"int": 2, "float": 0.5}
"""The types of Python numbers, and one of each."""
OPERANDS = [*DTYPES, *NUMBERS]
NARROW = [d for d in DTYPES if "64" not in d]

UNIT = np.eye(4, dtype=bool)
INDEX = np.array([0, 1], np.int32)
ROWS = np.array([[0], [1]], np.int32)
LABELS = np.array([0, 1, 0, 1], np.int32)


def _named(names: str) -> dict[str, Call]:
    return dict.fromkeys(words(names), lambda op, *tensors: op(*tensors))


UNARY: dict[str, Call] = _named(
    """abs absolute all amax amin angle any arccos arccosh arcsin arcsinh arctan arctanh argmax argmin argsort array
    bitwise_invert bitwise_not cbrt ceil celu conj conjugate convert_to_tensor copy corrcoef cos cosh count_nonzero cov
    cumprod cumsum deg2rad diag diagflat diagonal diff elu empty_like erf erfc erfinv exp exp2 expm1 fabs flip fliplr
    flipud floor gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh histogram i0 imag isfinite isinf isnan
    isneginf isposinf isreal layer_normalization leaky_relu lgamma log log10 log1p log2 log_sigmoid log_softmax logical_not
    logsumexp max mean median min mish nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean
    nanmedian nanmin nanprod nanstd nansum nanvar negative nonzero
    norm normalize ones_like prod ptp rad2deg ravel real reciprocal relu relu6 rfft rms_normalization rot90 round rsqrt selu
    sigmoid sign signbit silu sin sinc sinh size soft_shrink softmax softplus softsign sort sparse_plus sparse_sigmoid
    sparsemax sqrt square squareplus squeeze standardize std stop_gradient sum swish tan tanh tanh_shrink trace
    transpose trapezoid tril triu trunc unique unstack var view view_as_real zeros_like"""
) | {
    "adaptive_average_pool": lambda op, x: op(x[None], 2),
    "adaptive_max_pool": lambda op, x: op(x[None], 2),
    "argpartition": lambda op, x: op(x, 1),
    "array_split": lambda op, x: op(x, 2),
    "associative_scan": lambda op, x: op(lambda a, b: b, x),
    "average_pool": lambda op, x: op(x[None], 2, padding="same"),
    "broadcast_to": lambda op, x: op(x, (2, 4, 4)),
    "clip": lambda op, x: op(x, 0, 1),
    "ctc_decode": lambda op, x: op(x[None], ROWS[:1, 0]),
    "ctc_loss": lambda op, x: op(ROWS[:1], x[None], ROWS[:1, 0], ROWS[1:, 0]),
    "depth_to_space": lambda op, x: op(x[None, None], 2),
    "dsplit": lambda op, x: op(x[None], 2),
    "drop": lambda op, x: op(x, np.ones((4, 4), bool), scale=2.0),
    "expand_dims": lambda op, x: op(x, 0),
    "fft": lambda op, x: op((x, x)),
    "fft2": lambda op, x: op((x, x)),
    "extract_sequences": lambda op, x: op(x, 2, 1),
    "fold": lambda op, x: op(x[None], (3, 3), 2),
    "full_like": lambda op, x: op(x, 1),
    "get_item": lambda op, x: op(x, 0),
    "getitem": lambda op, x: op(x, 0),
    "hsplit": lambda op, x: op(x, 2),
    "ifft2": lambda op, x: op((x, x)),
    "irfft": lambda op, x: op((x, x)),
    "istft": lambda op, x: op((x[:, :2], x[:, :2]), 2, 1, 2),
    "linspace": lambda op, x: op(x, 1, 3),
    "logspace": lambda op, x: op(x, 1, 3),
    "geomspace": lambda op, x: op(x, 1, 3),
    "map": lambda op, x: op(lambda row: row, x),
    "max_pool": lambda op, x: op(x[None], 2, padding="same"),
    "moments": lambda op, x: op(x, [0]),
    "moveaxis": lambda op, x: op(x, 0, 1),
    "multi_hot": lambda op, x: op(x, 3),
    "nanpercentile": lambda op, x: op(x, 50.0),
    "nanquantile": lambda op, x: op(x, 0.5),
    "one_hot": lambda op, x: op(x, 3),
    "pad": lambda op, x: op(x, ((1, 1), (0, 0))),
    "percentile": lambda op, x: op(x, 50.0),
    "scatter_add": lambda op, x: op(x, INDEX.repeat(2), shape=(4, 4)),
    "quantile": lambda op, x: op(x, 0.5),
    "rearrange": lambda op, x: op(x, "a b -> (b a)"),
    "repeat": lambda op, x: op(x, 2),
    "reshape": lambda op, x: op(x, (2, 8)),
    "roll": lambda op, x: op(x, 1),
    "scan": lambda op, x: op(lambda carry, row: (carry, row), x[0], x),
    "segment_max": lambda op, x: op(x, LABELS, 2),
    "segment_min": lambda op, x: op(x, LABELS, 2),
    "segment_prod": lambda op, x: op(x, LABELS, 2),
    "segment_sum": lambda op, x: op(x, LABELS, 2),
    "slice": lambda op, x: op(x, (0, 0), (2, 2)),
    "space_to_depth": lambda op, x: op(x[None, ..., None], 2),
    "split": lambda op, x: op(x, 2),
    "stft": lambda op, x: op(x, 2, 1, 2),
    "swapaxes": lambda op, x: op(x, 0, 1),
    "take": lambda op, x: op(x, INDEX, axis=0),
    "take_along_axis": lambda op, x: op(x, LABELS[:, None], axis=1),
    "threshold": lambda op, x: op(x, 0.5, 1.0),
    "tile": lambda op, x: op(x, 2),
    "top_k": lambda op, x: op(x, 2),
    "unfold": lambda op, x: op(x[None, None], 2),
    "unravel_index": lambda op, x: op(x, (2, 2)),
    "vander": lambda op, x: op(x[0]),
    "vectorized_map": lambda op, x: op(lambda row: row, x),
    "vectorize": lambda op, x: op(lambda a: a)(x),
    "view_as_complex": lambda op, x: op(x[:, :2]),
    "vsplit": lambda op, x: op(x, 2),
}

SQUARE = words("cholesky cholesky_inverse det eig eigh inv logdet lu_factor matrix_rank pinv qr slogdet svd")
UNARY |= {name: lambda op, x: op(x * UNIT) for name in SQUARE} | {
    "matrix_power": lambda op, x: op(x * UNIT, 2)
}
"""Ops of square matrices: identity matrices."""

WITH_NUMBERS: dict[str, Call] = _named(
    """add allclose arctan2 bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift bitwise_xor
    binary_crossentropy categorical_crossentropy copysign divide divide_no_nan equal float_power floor_divide fmax fmin fmod gammainc gcd
    greater greater_equal heaviside hypot isclose isin lcm ldexp left_shift less less_equal logaddexp logaddexp2
    logical_and logical_or logical_xor maximum minimum mod multiply nextafter not_equal power right_shift subtract true_divide"""
) | {
    "select": lambda op, x, y: op([np.ones((4, 4), bool)], [x], y),
    "where": lambda op, x, y: op(np.ones((4, 4), bool), x, y),
}
"""Ops of two tensors, one of which may be a Python number."""

BINARY: dict[str, Call] = WITH_NUMBERS | {
    "append": lambda op, x, y: op(x, y),
    "average": lambda op, x, y: op(x, weights=y),
    "bincount": lambda op, x, y: op(x[0], weights=y[0], minlength=3),
    "cdist": lambda op, x, y: op(x, y),
    "column_stack": lambda op, x, y: op([x, y]),
    "concatenate": lambda op, x, y: op([x, y]),
    "conv": lambda op, x, y: op(x[None], y[None]),
    "conv_transpose": lambda op, x, y: op(x[None], y[None]),
    "correlate": lambda op, x, y: op(x[0], y[0]),
    "cross": lambda op, x, y: op(x[:, :3], y[:, :3]),
    "dense": lambda op, x, y: op(x, y),
    "depthwise_conv": lambda op, x, y: op(x[None], y[None]),
    "digitize": lambda op, x, y: op(x, y[0]),
    "dot": lambda op, x, y: op(x, y),
    "dot_product_attention": lambda op, x, y: op(x[None, :, None], y[None, :, None], y[None, :, None]),
    "dstack": lambda op, x, y: op([x, y]),
    "einsum": lambda op, x, y: op("ij,jk->ik", x, y),
    "hstack": lambda op, x, y: op([x, y]),
    "in_top_k": lambda op, x, y: op(x[0], y, 2),
    "inner": lambda op, x, y: op(x, y),
    "kron": lambda op, x, y: op(x, y),
    "lstsq": lambda op, x, y: op(x * UNIT, y),
    "matmul": lambda op, x, y: op(x, y),
    "meshgrid": lambda op, x, y: op(x[0], y[0]),
    "outer": lambda op, x, y: op(x, y),
    "polar": lambda op, x, y: op(x, y),
    "psnr": lambda op, x, y: op(x, y, 1.0),
    "recurrent": lambda op, x, y: op(x[None], y, y, None, None, y[:1], cell="simple"),
    "scatter": lambda op, x, y: op(ROWS, y[:2], (4, 4)),
    "scatter_update": lambda op, x, y: op(x, ROWS, y[:2]),
    "searchsorted": lambda op, x, y: op(x[0], y[0]),
    "separable_conv": lambda op, x, y: op(x[None], y[None], y[None]),
    "slice_update": lambda op, x, y: op(x, (0, 0), y),
    "solve": lambda op, x, y: op(x * UNIT, y),
    "solve_triangular": lambda op, x, y: op(x * UNIT, y),
    "sparse_categorical_crossentropy": lambda op, x, y: op(x[0], y),
    "stack": lambda op, x, y: op([x, y]),
    "tensordot": lambda op, x, y: op(x, y, axes=1),
    "vdot": lambda op, x, y: op(x, y),
    "vstack": lambda op, x, y: op([x, y]),
}

HOST_ONLY = {"nonzero", "unique", "linspace", "logspace", "geomspace"}
"""Ops whose results, or their shapes, depend on data on the host: not in compiled functions, nor on shapes."""

WITHOUT_TENSORS = words(
    """Composite Op arange bartlett batch_normalization blackman cast composite cond convert_to_numpy custom_gradient dtype empty eye
    fori_loop full hamming hanning identity is_tensor jvp kaiser ndim ones op saturate_cast shape switch tri while_loop zeros"""
)
"""Public names whose results' dtypes do not follow from one or two tensors."""


def pairs(name: str, dtypes: list[str] = NARROW) -> list[tuple[str, str]]:
    """The pairs of operands of a binary op."""
    operands = [*dtypes, *(NUMBERS if name in WITH_NUMBERS else [])]
    return [p for p in itertools.product(operands, operands) if not set(p) <= set(NUMBERS)]


def operand(name: str, as_dtype: Call) -> Any:
    """The operand of a dtype, or of a Python type, as an array of NumPy."""
    return NUMBERS[name] if name in NUMBERS else np.ones((4, 4), as_dtype(name))


def signature(result: Any) -> str:
    """The names of the dtypes of a result, however nested."""
    if isinstance(result, (list, tuple)):
        return " ".join(map(signature, result))
    return str(getattr(result, "dtype", type(result).__name__))
