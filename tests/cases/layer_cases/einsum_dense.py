"""Dense layers in Einstein's notation: `name: (class, arguments, inputs, arguments of the call)`."""

from __future__ import annotations

from typing import Any


def layer(equation: str, output_shape: Any, *inputs: Any, **arguments: Any) -> Any:
    return "EinsumDense", {"equation": equation, "output_shape": output_shape, **arguments}, list(inputs)


CASES: dict[str, Any] = {
    "a matrix": layer("ab,bc->ac", 3, (4, 5), bias_axes="c", activation="tanh"),
    "heads apart": layer("abc,cde->abde", (None, 2, 3), (4, 3, 5), bias_axes="de"),
    "heads together": layer("abde,dec->abc", (None, 5), (4, 3, 2, 3), bias_axes="c"),
    "dots on the left": layer("...x,xy->...y", 3, (2, 3, 4), bias_axes="y"),
    "dots on the left, two letters": layer("...ab,bc->...ac", (2, 5), (3, 4, 2, 3), bias_axes="c"),
    "dots on the right": layer("ab...,bc->ac...", 3, (4, 5, 2, 2), bias_axes="c"),
    "two axes of the bias": layer("abc,cde->abde", (3, 2, 4), (4, 3, 5), bias_axes="bd"),
    "the axes turned round": layer("abc,cd->adb", (4, 3), (2, 3, 5), bias_axes="d"),
    "a kernel for each step": layer("abc,bcd->abd", (3, 4), (2, 3, 5)),
}
