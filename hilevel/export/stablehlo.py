"""Files of StableHLO, by `jax.export`."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from hilevel import tree
from hilevel.api.optional import import_optional
from hilevel.engine.backends import use_backend
from hilevel.engine.context import scope
from hilevel.engine.overlay import Overlay
from hilevel.errors import ExportError
from hilevel.utils.atomic import replacing


def export(
    model: Any, signature: Any, names: list[str], output_names: list[str] | None, path: Path,
    platforms: Any = ("cpu", "cuda", "tpu"),
) -> None:  # fmt: skip
    """Write a model to a file that `jax.export.deserialize` reads. The model is copied to JAX.

    The program takes the argument of the model's call, and returns its outputs, in the same structures.

    Args:
        model: the model.
        signature: the structure of its argument, with symbolic tensors.
        names, output_names: the names of the inputs and outputs. The file has none.
        path: the file, which is replaced.
        platforms: the platforms on which the file runs.

    Raises:
        ExportError: JAX cannot trace the model with unknown sizes.
        ImportError: JAX or flatbuffers, which it needs to write the file, is not installed.
    """
    jax, jax_export, _ = (
        import_optional(name, "hilevel[stablehlo]", "Exporting to StableHLO")
        for name in ("jax", "jax.export", "flatbuffers")
    )
    moved = deepcopy(model).to("jax")

    def predict(argument: Any) -> Any:
        with use_backend("jax"), Overlay(), scope(in_remat_layer=True, compiling=1):
            return moved(argument, training=False)

    try:
        exported = jax_export.export(jax.jit(predict), platforms=list(platforms))(
            _argument(jax_export, jax, signature)
        )
    except (TypeError, ValueError) as error:
        raise ExportError(
            f"{model._label()} cannot be exported to StableHLO: {str(error).splitlines()[0]} If it depends on an "
            "unknown size, give input_signature with sizes as integers."
        ) from error
    with replacing(path) as file:
        file.write(exported.serialize())


def _argument(jax_export: Any, jax: Any, signature: Any) -> Any:
    """Return the shapes and dtypes of the inputs, with symbolic sizes, in the structure of the argument."""
    symbols = jax_export.SymbolicScope()
    found = [
        jax.ShapeDtypeStruct(
            jax_export.symbolic_shape(
                ", ".join(_size(i, axis, n) for axis, n in enumerate(x.shape)), scope=symbols
            ),
            x.dtype,
        )
        for i, x in enumerate(tree.flatten(signature))
    ]
    return tree.pack_sequence_as(signature, found)


def _size(number: int, axis: int, n: int | None) -> str:
    if n is not None:
        return str(n)
    return "batch" if axis == 0 else f"n{number}_{axis}"
