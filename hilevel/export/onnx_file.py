"""Files of ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.engine.spec import UnknownSize
from hilevel.errors import ArgumentError, ExportError
from hilevel.export.graph import Body, Graph, Node, Value
from hilevel.export.passes import narrow, simplify
from hilevel.export.quantize import quantize
from hilevel.export.trace import trace
from hilevel.utils.atomic import replacing

OPSET = 18
"""The version of ONNX's operators in which graphs are built, and the smallest that is accepted."""
_LIMIT = 2**31 - 1


def export(
    model: Any, signature: Any, names: list[str], output_names: list[str] | None, path: Path,
    opset_version: int | None = None, weights: str | None = None,
) -> None:  # fmt: skip
    """Write a model to a file.

    Args:
        model, signature, names, output_names: as in `hilevel.export.trace.trace`.
        path: the file, which is replaced.
        opset_version: the version of ONNX's operators; 18 by default.
        weights: `"int8"` to store kernels as 8-bit integers.

    Raises:
        ExportError: the model has a part without a form in ONNX, or the file would be larger than 2 GiB.
        ArgumentError: an option has a wrong value.
        ImportError: the package onnx is not installed.
    """
    onnx = import_optional("onnx", "hilevel[onnx]", "Exporting to ONNX")
    version, largest = OPSET if opset_version is None else opset_version, onnx.defs.onnx_opset_version()
    if not OPSET <= version <= largest:
        raise ArgumentError(f"export: opset_version must be from {OPSET} to {largest}; got {version}.")
    if weights not in (None, "int8"):
        raise ArgumentError(f'export: weights must be "int8" or None; got {weights!r}.')
    graph = trace(model, signature, names, output_names)
    simplify(graph)
    if weights == "int8":
        quantize(graph)
    narrow(graph)
    save(onnx, graph, path, model.name, version)


def save(onnx: Any, graph: Graph, path: Path, name: str, version: int) -> None:
    """Write a graph to a file."""
    size = sum(array.nbytes for array in graph.constants.values())
    if size > _LIMIT:
        raise ExportError(f"The constants need {size} bytes. An ONNX file has at most {_LIMIT}.")
    imports = [onnx.helper.make_opsetid("", version)]
    model = onnx.helper.make_model(
        _graph_proto(onnx, graph, name),
        opset_imports=imports,
        producer_name="hilevel",
        ir_version=onnx.helper.find_min_ir_version_for(imports),
    )
    with replacing(path) as file:
        file.write(model.SerializeToString())


def _graph_proto(onnx: Any, graph: Graph, name: str) -> Any:
    return onnx.helper.make_graph(
        [_node_proto(onnx, node) for node in graph.nodes],
        name,
        [_info(onnx, value) for value in graph.inputs],
        [_info(onnx, value) for value in graph.outputs],
        [onnx.numpy_helper.from_array(array, key) for key, array in graph.constants.items()],
    )


def _node_proto(onnx: Any, node: Node) -> Any:
    attributes = {key: _attribute(onnx, value) for key, value in node.attributes.items()}
    return onnx.helper.make_node(node.kind, node.inputs, node.outputs, **attributes)


def _attribute(onnx: Any, value: Any) -> Any:
    """Return an attribute with the number of a dtype, or the graph of a body."""
    if isinstance(value, Body):
        infos = [
            [
                onnx.helper.make_tensor_value_info(name, _element_type(onnx, dtype), None)
                for name, dtype in side
            ]
            for side in (value.inputs, value.outputs)
        ]
        return onnx.helper.make_graph([_node_proto(onnx, node) for node in value.nodes], "body", *infos)
    return _element_type(onnx, value) if isinstance(value, np.dtype) else value


def _element_type(onnx: Any, dtype: Any) -> int:
    return int(onnx.helper.np_dtype_to_tensor_dtype(dtype))


def _info(onnx: Any, value: Value) -> Any:
    shape = [_size(value.name, axis, n) for axis, n in enumerate(value.shape)]
    return onnx.helper.make_tensor_value_info(value.name, _element_type(onnx, value.dtype), shape)


def _size(name: str, axis: int, n: int) -> int | str:
    """Return a size, or the name of an unknown size."""
    if not isinstance(n, UnknownSize):
        return n
    return "batch" if axis == 0 else f"{name}_{axis}"
