"""The export of a model to a file of another format."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hilevel import tree
from hilevel.engine.graph import SymbolicTensor
from hilevel.errors import ExportError, unknown_argument
from hilevel.export import onnx_file, stablehlo
from hilevel.layers.base.input_spec import InputSpec

FORMATS: dict[str, Callable[..., None]] = {"onnx": onnx_file.export, "stablehlo": stablehlo.export}
"""The formats. Each function takes the model, its signature, the names of inputs and outputs, and the file."""
OTHER_FORMATS = {
    "tf_saved_model": "convert the ONNX file with the package onnx2tf",
    "litert": "convert the ONNX file with the package onnx2tf",
    "openvino": "OpenVINO reads ONNX files: openvino.convert_model('m.onnx')",
    "torch": "the package onnx2torch reads ONNX files",
}
"""The formats of Keras that hilevel lacks, with the way from an ONNX file."""


def export_model(
    model: Any,
    filepath: str | Path,
    format: str | None = None,
    verbose: bool | None = None,
    input_signature: Any = None,
    **kwargs: Any,
) -> None:
    """Write a model for predictions to a file that needs neither hilevel nor Python.

    The size of the batch, and each other size that is None in an `Input`, stay unknown. The file is replaced when the
    new one is whole.

    Args:
        model: a model, or a layer that has been called.
        filepath: the file.
        format: `"onnx"` (needs the package onnx) or `"stablehlo"` (needs JAX and flatbuffers); by default the ending
            of the name.
        verbose: whether to print the format and the size of the file.
        input_signature: the structure of the model's argument, with an object of a `shape` and a `dtype` for each
            tensor, such as `InputSpec`. A list of one such structure is accepted, too. By default the inputs of a
            functional model, or the shapes with which the model was built, in its compute dtype.
        kwargs: options of the format. For ONNX: `opset_version`, 18 by default, and `weights="int8"` to store kernels
            as 8-bit integers with a scale for each channel. For StableHLO: `platforms`, `("cpu", "cuda", "tpu")` by
            default.

    Raises:
        ExportError: the format is unknown, or the model has a part without a form in it. The message names the op and
            the layer.
        ValueError: the model was not built, and has no `input_signature`.
        TypeError: the format lacks an option.
        ImportError: a package is not installed.

    >>> import hilevel, tempfile, pathlib
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> hilevel.export.export_model(model, "model.pb")
    Traceback (most recent call last):
    hilevel.errors.ExportError: There is no format "pb". Expected "onnx" or "stablehlo".
    """
    path = Path(filepath)
    write = _writer(format or path.suffix.removeprefix("."))
    options = list(inspect.signature(write).parameters)[5:]
    for name in kwargs:
        if name not in options:
            raise unknown_argument("export", name, options)
    signature = signature_of(model, input_signature)
    write(
        model, signature, input_names(model, signature), getattr(model, "output_names", None), path, **kwargs
    )
    if verbose:
        print(f"Exported {model.name} to {path}: {path.stat().st_size:,} bytes.")


def _writer(format: str) -> Callable[..., None]:
    if format not in FORMATS:
        known = " or ".join(f'"{name}"' for name in FORMATS)
        advice = f" Export to ONNX: {OTHER_FORMATS[format]}." if format in OTHER_FORMATS else ""
        raise ExportError(f'There is no format "{format}". Expected {known}.{advice}')
    return FORMATS[format]


def signature_of(model: Any, given: Any = None) -> Any:
    """Return the structure of a model's argument, with symbolic tensors."""
    if given is None and getattr(model, "inputs", None):
        return model.input
    if given is None:
        shapes = list((model._record.build_shapes or {}).values())
        if not shapes:
            raise ValueError(
                f"export: {model._label()} is not built. Call it on data, or give input_signature, such as "
                '[InputSpec(shape=(None, 8), dtype="float32")].'
            )
        given = _with_unknown_batch(shapes[0])
    if (
        isinstance(given, (list, tuple))
        and len(given) == 1
        and not isinstance(getattr(model, "input", None), list)
    ):
        given = given[0]
    return tree.map_structure(
        lambda x: SymbolicTensor(x.shape, x.dtype or model.compute_dtype, name="input"), given
    )


def _with_unknown_batch(shape: Any) -> Any:
    """Return objects with shapes and without dtypes for the shapes that a model was built with."""
    if isinstance(shape, dict):
        return {key: _with_unknown_batch(value) for key, value in shape.items()}
    if shape and not all(n is None or isinstance(n, int) for n in shape):
        return [_with_unknown_batch(value) for value in shape]
    return InputSpec(shape=(None, *shape[1:]))


def input_names(model: Any, signature: Any) -> list[str]:
    """Return the names of a model's inputs: of its `Input`s, the keys of a dict, or `input`, `input_1`, ..."""
    names = getattr(model, "input_names", [])
    if names:
        return names
    paths = [path for path, _ in tree.flatten_with_path(signature)]
    if isinstance(signature, dict):
        return ["/".join(map(str, path)) for path in paths]
    return ["input" if i == 0 else f"input_{i}" for i in range(len(paths))]
