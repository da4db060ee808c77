"""Cases of scans, patterns of axes, and connectionist temporal classification."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special

Make = Callable[..., np.ndarray[Any, Any]]


def add_cases(case: Callable[..., None], normal: Make) -> None:
    """Add the cases by `case`."""
    for n, reverse in ((5, False), (6, True), (1, False)):
        case("associative_scan", lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (normal(n, 2), normal(n, 2)),
             reverse=reverse, expected=_recurrence)  # fmt: skip
    case(
        "associative_scan",
        lambda a, b: a + b,
        normal(2, 7),
        axis=-1,
        expected=lambda f, x, axis: np.cumsum(x, axis),
    )
    case("vectorize", lambda x, y: x * y, excluded={0}, order=0, traceable=False, abstract=False,
         expected=lambda f, excluded: None)  # fmt: skip
    x = normal(2, 6, 3)
    case(
        "rearrange",
        x,
        "b (h w) c -> b c h w",
        h=2,
        expected=lambda x, p, h: x.reshape(2, 2, 3, 3).transpose(0, 3, 1, 2),
    )
    case("rearrange", x, "a ... c -> (c ...) a 1",
         expected=lambda x, p: x.transpose(2, 1, 0).reshape(18, 2, 1))  # fmt: skip
    target, lengths, steps = np.array([[1, 2], [2, 2], [2, 1]]), np.array([2, 2, 0]), np.array([4, 3, 2])
    case("ctc_loss", target, normal(3, 4, 3), lengths, steps, expected=_ctc_loss)
    case(
        "ctc_loss",
        1 - np.minimum(target, 1),
        normal(3, 4, 3),
        lengths * 0 + 1,
        steps,
        mask_index=2,
        expected=_ctc_loss,
    )
    best = np.array([[0, 1, 1, 0, 1, 2], [2, 2, 0, 1, 1, 1]])
    logits = normal(2, 6, 3) + 9 * np.eye(3)[best]
    for merge, labels in ((True, [[1, 1, 2, -1, -1, -1], [2, 1, -1, -1, -1, -1]]),
                          (False, [[1, 1, 1, 2, -1, -1], [2, 2, 1, -1, -1, -1]])):  # fmt: skip
        case("ctc_decode", logits, np.array([6, 4]), merge_repeated=merge, order=0,
             expected=lambda x, n, merge_repeated, labels=labels: (
                 np.array([labels]), -np.stack([x[0].max(-1).sum(), x[1, :4].max(-1).sum()])[:, None]))  # fmt: skip
    case("ctc_decode", normal(2, 4, 3), np.array([4, 2]), strategy="beam_search", top_paths=3, mask_index=None, order=0,
         expected=_most_probable)  # fmt: skip


def _recurrence(f: Any, x: Any, reverse: bool) -> Any:
    found, order = [(x[0][-1 if reverse else 0], x[1][-1 if reverse else 0])], range(1, len(x[0]))
    for i in order:
        k = len(x[0]) - 1 - i if reverse else i
        found.append(f(found[-1], (x[0][k], x[1][k])))
    return tuple(np.stack(part)[:: -1 if reverse else 1] for part in zip(*found, strict=True))


def _alignments(logits: Any, blank: int) -> dict[tuple[int, ...], float]:
    """The probability of each sequence of labels, by the sum over all alignments."""
    p = scipy.special.softmax(logits, axis=-1)
    found: dict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        labels = tuple(k for k, _ in itertools.groupby(path) if k != blank)
        found[labels] += np.prod(p[np.arange(len(p)), list(path)])
    return found


def _ctc_loss(target: Any, output: Any, lengths: Any, steps: Any, mask_index: int = 0) -> Any:
    rows = zip(target, output, lengths, steps, strict=True)
    return np.array([-np.log(_alignments(x[:t], mask_index)[tuple(y[:n].tolist())]) for y, x, n, t in rows])


def _most_probable(x: Any, steps: Any, strategy: str, top_paths: int, mask_index: int | None) -> Any:
    labels, scores = np.full((top_paths, len(x), x.shape[1]), -1), np.zeros((len(x), top_paths))
    for i, (logits, t) in enumerate(zip(x, steps, strict=True)):
        found = sorted(_alignments(logits[:t], logits.shape[-1] - 1).items(), key=lambda item: -item[1])
        for k, (path, p) in enumerate(found[:top_paths]):
            labels[k, i, : len(path)], scores[i, k] = path, np.log(p)
    return labels, scores
