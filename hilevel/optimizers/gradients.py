"""Gradients as they come to an optimizer: checked against their Variables, and those without effect left out."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

from hilevel.errors import warn as _warn
from hilevel.variables import Variable


def check_pairs(
    name: str, grads: Sequence[Any], variables: Sequence[Variable], known: Container[int]
) -> None:
    """Refuse gradients that do not belong to Variables the optimizer called `name` knows, by id.

    Raises:
        ValueError: the numbers differ, or a Variable is unknown.
    """
    if len(grads) != len(variables):
        raise ValueError(
            f'"{name}" got {len(grads)} gradients for {len(variables)} Variables; expected one '
            "for each, None where there is none."
        )
    for v in variables:
        if id(v) not in known:
            raise ValueError(
                f'The optimizer "{name}" was built on other Variables than "{v.path}". Create a '
                "new optimizer for them, or build it on all Variables first."
            )


def without_missing(
    name: str, grads: Sequence[Any], variables: Sequence[Variable], warn: bool
) -> tuple[list[Any], list[Variable]]:
    """The gradients there are, with their Variables.

    Raises:
        ValueError: there is none at all.
    """
    pairs = list(zip(grads, variables, strict=True))
    missing = [v.path for g, v in pairs if g is None]
    if len(missing) == len(pairs):
        raise ValueError(
            f'"{name}" got no gradient for any Variable. Was the loss computed from them, inside of the tape?'
        )
    if warn:
        _warn(
            f"No gradient for {', '.join(missing)}: the loss does not depend on them, and they stay "
            "as they are.",
        )
    return [g for g in grads if g is not None], [v for g, v in pairs if g is not None]
