"""Ops on symbolic tensors with unknown sizes, and the errors of shapes and settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops, tree


def symbolic(*shape: int | None, dtype: str = "float32") -> Any:
    return hilevel.Input(batch_shape=shape, dtype=dtype)


SHAPES: dict[str, tuple[Callable[[], Any], Any]] = {
    "rfft": (lambda: ops.rfft(symbolic(None, None), 5), [(None, 3)] * 2),
    "rfft of unknown length": (lambda: ops.rfft(symbolic(2, None)), [(2, None)] * 2),
    "irfft": (lambda: ops.irfft([symbolic(None, 5)] * 2), [(None, 8)]),
    "stft": (lambda: ops.stft(symbolic(None, None), 400, 200, 800), [(None, None, 401)] * 2),
    "istft": (lambda: ops.istft([symbolic(None, None, 5)] * 2, 4, 2, 8), [(None, None)]),
    "istft of a length": (lambda: ops.istft([symbolic(None, None, 5)] * 2, 4, 2, 8, length=20), [(None, 20)]),
    "cholesky": (lambda: ops.cholesky(symbolic(None, None, None)), [(None, None, None)]),
    "svd": (lambda: ops.svd(symbolic(None, 3, 2)), [(None, 3, 3), (None, 2), (None, 2, 2)]),
    "lu_factor": (lambda: ops.lu_factor(symbolic(None, 2, 3)), [(None, 2, 3), (None, 2)]),
    "solve": (lambda: ops.solve(symbolic(None, 4, 4), symbolic(None, 4)), [(None, 4)]),
    "segment_max": (lambda: ops.segment_max(symbolic(10, 4), symbolic(10, dtype="int32")), [(None, 4)]),
    "segment_sum": (lambda: ops.segment_sum(symbolic(None, 4), symbolic(5, dtype="int32")), [(None, 4)]),
    "segment_prod": (lambda: ops.segment_prod(symbolic(None), symbolic(None, dtype="int32"), 3), [(3,)]),
    "ctc_loss": (
        lambda: ops.ctc_loss(
            symbolic(None, 3, dtype="int32"), symbolic(None, 7, 5), *[symbolic(None, dtype="int32")] * 2
        ),
        [(None,)],
    ),
    "ctc_decode": (
        lambda: ops.ctc_decode(
            symbolic(None, None, 5), symbolic(None, dtype="int32"), "beam_search", top_paths=2
        ),
        [(2, None, None), (None, 2)],
    ),
    "associative_scan": (lambda: ops.associative_scan(lambda a, b: [a[0] + b[0]], [symbolic(None, 3)]), [(None, 3)]),
    "rearrange": (lambda: ops.rearrange(symbolic(None, None, 4), "b (h w) c -> b h (w c)", h=2), [(None, 2, None)]),
    "vectorize": (
        lambda: ops.vectorize(ops.dot, signature="(n),(n)->()")(symbolic(None, 3), symbolic(3)), [(None,)]
    ),
    "nanquantile": (lambda: ops.nanquantile(symbolic(None, 3), symbolic(2), axis=1), [(2, None)]),
    "nancumsum": (lambda: ops.nancumsum(symbolic(None, 3)), [(None,)]),
    "vander": (lambda: ops.vander(symbolic(None)), [(None, None)]),
    "view": (lambda: ops.view(symbolic(None, 3, dtype="int32"), "int16"), [(None, 6)]),
    "depth_to_space": (lambda: ops.depth_to_space(symbolic(None, None, 2, 8), 2), [(None, None, 4, 2)]),
    "fold": (lambda: ops.fold(symbolic(None, 8, 4), (3, 3), 2), [(None, 2, 3, 3)]),
    "argsort of all": (lambda: ops.argsort(symbolic(None, 3), axis=None), [(None,)]),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_unknown_sizes(name: str) -> None:
    call, expected = SHAPES[name]
    assert [tuple(y.shape) for y in tree.flatten(call())] == expected


ONES = np.ones((2, 3))
ERRORS: dict[str, Callable[[], Any]] = {
    "fft of one tensor": lambda: ops.fft(ONES),
    "fft of unequal parts": lambda: ops.fft((ONES, ONES[:1])),
    "fft of integers": lambda: ops.fft((np.arange(3), np.arange(3))),
    "fft2 of vectors": lambda: ops.fft2((ONES[0], ONES[0])),
    "fft of an unknown size": lambda: ops.fft([symbolic(2, None)] * 2),
    "rfft of length 0": lambda: ops.rfft(ONES, 0),
    "stft of a short transform": lambda: ops.stft(ONES, 8, 2, 4),
    "stft of a wrong window": lambda: ops.stft(np.ones(9), 4, 2, 8, window="round"),
    "stft of a long window": lambda: ops.stft(np.ones(9), 4, 2, 8, window=np.ones(5)),
    **{
        f"{name} of a rectangle": lambda name=name: getattr(ops, name)(ONES)
        for name in ("cholesky", "cholesky_inverse", "det", "eig", "eigh", "inv", "logdet", "slogdet")
    },
    **{
        f"{name} of a vector": lambda name=name: getattr(ops, name)(ONES[0])
        for name in ("inv", "lu_factor", "matrix_rank", "pinv", "qr", "svd")
    },
    "cholesky of an indefinite matrix": lambda: ops.cholesky(np.array([[1.0, 2.0], [2.0, 1.0]])),
    "qr of a wrong mode": lambda: ops.qr(ONES, "raw"),
    "qr of unknown size": lambda: ops.qr(symbolic(None, 3)),
    "solve of other rows": lambda: ops.solve(np.eye(3), np.ones(2)),
    "lstsq of several matrices": lambda: ops.lstsq(np.ones((2, 3, 3)), np.ones((2, 3))),
    "view of a part": lambda: ops.view(np.ones(3, "int16"), "int32"),
    "histogram of a matrix": lambda: ops.histogram(ONES),
    "vander of a matrix": lambda: ops.vander(ONES),
    "correlate of matrices": lambda: ops.correlate(ONES, ONES),
    "view_as_complex of three parts": lambda: ops.view_as_complex(ONES),
    "cdist of other features": lambda: ops.cdist(ONES, np.ones((2, 4))),
    "psnr of other shapes": lambda: ops.psnr(ONES, ONES[:1], 1.0),
    "fold of other channels": lambda: ops.fold(np.ones((1, 5, 4)), (3, 3), 2),
    "depth_to_space of a block": lambda: ops.depth_to_space(np.ones((1, 2, 2, 4)), 1),
    "space_to_depth of odd images": lambda: ops.space_to_depth(np.ones((1, 3, 2, 4)), 2),
    "segments of a matrix": lambda: ops.segment_sum(np.ones(4), np.zeros((2, 2), int), 2),
    "segments of other rows": lambda: ops.segment_max(np.ones(3), np.zeros(4, int), 2),
    "ctc_decode of no strategy": lambda: ops.ctc_decode(np.ones((1, 2, 3)), [2], "best"),
    "ctc_loss of a vector": lambda: ops.ctc_loss(np.ones(2, int), np.ones((1, 2, 3)), [2], [2]),
    "associative_scan of lengths": lambda: ops.associative_scan(ops.add, (np.ones(2), np.ones(3))),
    "rearrange of other names": lambda: ops.rearrange(ONES, "a b -> a c"),
    "rearrange of a wrong length": lambda: ops.rearrange(ONES, "a (b c) -> a b c", b=2),
    "vectorize of a wrong signature": lambda: ops.vectorize(ops.add, signature="(n->"),
    "vectorize of other sizes": lambda: ops.vectorize(ops.dot, signature="(n),(n)->()")(ONES, np.ones(2)),
    "nanquantile of no method": lambda: ops.nanquantile(ONES, 0.5, method="mean"),
    "reflected constants": lambda: ops.pad(ONES, 1, "reflect", 1.0),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    with pytest.raises(ValueError):
        ERRORS[name]()


def test_errors_of_types_and_of_missing_gradients() -> None:
    for call in (
        lambda: ops.stft(np.arange(9), 4, 2, 8), lambda: ops.associative_scan(1, ONES),
        lambda: ops.matrix_power(np.eye(2), 0.5), lambda: ops.hanning(symbolic()),
    ):  # fmt: skip
        with pytest.raises(TypeError):
            call()
    for function in (
        lambda x: ops.sum(ops.qr(x, "complete")[0]), lambda x: ops.sum(ops.svd(x)[0]),
        lambda x: ops.sum(ops.lu_factor(x)[0]),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError, match="gradient"):
            hilevel.grad(function)(np.arange(6.0).reshape(3, 2))


def test_vectorize_with_arguments_by_name_and_several_results() -> None:
    double = ops.vectorize(lambda x, factor=2.0: (x * factor, x))
    for y in double(np.ones((2, 3))), double(ONES, factor=2.0):
        np.testing.assert_array_equal(y[0], 2 * ONES)
    scaled = ops.vectorize(lambda x, factor: x * factor[0], excluded={"factor"})
    np.testing.assert_array_equal(scaled(ONES, factor=[3.0]), 3 * ONES)
