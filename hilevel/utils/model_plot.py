"""Pictures of models: `plot_model`, `model_to_dot`, and the picture in a notebook."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import bad_setting, flags, number
from hilevel.models.model import Model
from hilevel.utils.model_plot_boxes import Contents, Diagram, diagram_of
from hilevel.utils.model_plot_dot import dot_of, has_graphviz
from hilevel.utils.model_plot_draw import save_figure, svg_of
from hilevel.utils.model_plot_layout import layout_of

_DIRECTIONS = ("TB", "BT", "LR", "RL")


class ModelPicture:
    """The picture of a model, which a notebook shows.

    `svg` is the text of the SVG, and `path` the file; None if no file was written.
    """

    def __init__(self, svg: str, path: Path | None) -> None:
        self.svg, self.path = svg, path

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<ModelPicture{f' in {self.path}' if self.path else ''}>"


def plot_model(
    model: Model,
    to_file: str | os.PathLike[str] | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> ModelPicture:
    """Draw a model: a box for each layer and each call of an op, and arrows for the data between them.

    A file that ends in `.svg` needs no package. Other endings, such as `.png` and `.pdf`, are drawn by pydot and
    Graphviz if both are installed, else by matplotlib (`pip install 'hilevel[plot]'`). A shared layer has one box. The
    layers of a subclassed model are drawn in order, joined by dashed lines, as its data flow is code.

    Args:
        model: a built model.
        to_file: the name of the file; None for no file.
        show_shapes: whether to show the shapes of inputs and outputs.
        show_dtype: whether to show the dtypes of outputs.
        show_layer_names: whether to show the names of layers before their classes.
        rankdir: the direction: `"TB"` from top to bottom, `"BT"`, `"LR"` from left to right, or `"RL"`.
        expand_nested: whether to draw the layers of nested models inside of their boxes.
        dpi: the resolution of pixel images, in dots per inch.
        show_layer_activations: whether to show the activations of layers.
        show_trainable: whether to show if layers with weights are trained.
        splines: the shape of edges in Graphviz. Other drawings have smooth curves.
        kwargs: none; for the message about unknown arguments.

    Returns:
        The picture, which a notebook shows.

    Raises:
        ArgumentError: an argument is invalid or unknown.
        ValueError: the model is not built or has no layers, or the format of the file is unknown.
        ImportError: neither matplotlib nor pydot with Graphviz is installed, and the file does not end in `.svg`.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(2)])
    >>> hilevel.utils.plot_model(model, "model.svg", show_shapes=True)
    <ModelPicture in model.svg>
    """
    contents = _contents(
        "plot_model", kwargs, shapes=show_shapes, dtypes=show_dtype, names=show_layer_names, nested=expand_nested,
        activations=show_layer_activations, trainable=show_trainable,
    )  # fmt: skip
    _check_style("plot_model", rankdir, dpi)
    path = None if to_file is None else _path(to_file)
    diagram = diagram_of(model, contents)
    picture = ModelPicture(svg_of(layout_of(diagram, rankdir)), path)
    if path is not None:
        _write(picture, diagram, path, rankdir, dpi, splines)
    return picture


def _write(
    picture: ModelPicture, diagram: Diagram, path: Path, rankdir: str, dpi: float, splines: str
) -> None:
    if path.suffix.lower() == ".svg":
        path.write_text(picture.svg, encoding="utf-8")
    elif has_graphviz():
        dot_of(diagram, rankdir, dpi, splines).write(str(path), format=path.suffix[1:].lower())
    else:
        save_figure(layout_of(diagram, rankdir), path, dpi)


def model_to_dot(
    model: Model,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: float = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
    **kwargs: Any,
) -> Any:
    """Return a model as a graph of pydot, for Graphviz.

    Args:
        model: a built model.
        subgraph: whether to return a `pydot.Cluster`, a part of a graph, instead of a `pydot.Dot`.
        show_shapes, show_dtype, show_layer_names, rankdir, expand_nested: as in `plot_model`.
        dpi, show_layer_activations, show_trainable, splines, kwargs: as in `plot_model`.

    Raises:
        ImportError: pydot is not installed.
        ArgumentError: an argument is invalid or unknown.
        ValueError: the model is not built or has no layers.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(2)])
    >>> graph = hilevel.utils.model_to_dot(model)  # doctest: +SKIP
    """
    contents = _contents(
        "model_to_dot", kwargs, shapes=show_shapes, dtypes=show_dtype, names=show_layer_names, nested=expand_nested,
        activations=show_layer_activations, trainable=show_trainable,
    )  # fmt: skip
    flags("model_to_dot", subgraph=subgraph)
    _check_style("model_to_dot", rankdir, dpi)
    diagram = diagram_of(model, contents, "model_to_dot")
    return dot_of(diagram, rankdir, dpi, splines, model.name if subgraph else None)


def _contents(user: str, unknown: dict[str, Any], **shown: bool) -> Contents:
    """Return the contents of boxes.

    Raises:
        ArgumentError: an argument is unknown, or a switch is no boolean.
    """
    if unknown:
        raise ArgumentError(f"{user} has no argument {', '.join(unknown)}.")
    flags(user, **shown)
    return Contents(**shown)


def _check_style(user: str, rankdir: str, dpi: float) -> None:
    """Raise ArgumentError for an unknown direction, or a resolution below 1."""
    if rankdir not in _DIRECTIONS:
        raise bad_setting(user, "rankdir", f"one of {', '.join(_DIRECTIONS)}", rankdir)
    number(user, "dpi", dpi, 1)


def _path(to_file: str | os.PathLike[str]) -> Path:
    path = Path(to_file)
    if not path.suffix:
        raise ValueError(f'plot_model: the name "{path}" has no ending, as .svg, .png or .pdf.')
    return path
