"""Grids of images, with the names and arguments of `keras.visualization`."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hilevel.api.optional import import_optional
from hilevel.engine.types import TensorLike
from hilevel.errors import ArgumentError
from hilevel.layers.base.checks import number, positive
from hilevel.visualization.boxes import draw_bounding_boxes
from hilevel.visualization.images import Array, color_of, from_range, image_batch, plain, same_length
from hilevel.visualization.masks import draw_segmentation_masks


def plot_image_gallery(
    images: TensorLike,
    y_true: Any = None,
    y_pred: Any = None,
    label_map: Mapping[int, str] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    value_range: Sequence[float] = (0, 255),
    scale: float = 2,
    path: str | os.PathLike[str] | None = None,
    show: bool | None = None,
    transparent: bool = True,
    dpi: float = 60,
    legend_handles: Sequence[Any] | None = None,
    data_format: str | None = None,
) -> Any:
    """Draw images in a grid.

    It needs `pip install 'hilevel[plot]'`.

    Args:
        images: a tensor of shape `(images, height, width, channels)`.
        y_true, y_pred: the true and the predicted classes of shape `(images,)`, which are shown above the images.
        label_map: the names of the classes.
        rows, cols: the size of the grid; by default about a square. Further images are not drawn.
        value_range: the smallest and the largest value of images.
        scale: the size of an image in inches.
        path: the name of a file for the figure.
        show: whether to show the figure by `pyplot.show`; by default if there is no `path`.
        transparent: whether the file has a transparent background.
        dpi: the resolution of the file.
        legend_handles: objects of matplotlib for a legend.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.

    Returns:
        The figure; None if it was shown.

    Raises:
        ValueError: there are classes without `label_map`, `path` together with `show`, or a setting is invalid.
        ShapeError: shapes do not match.
        ImportError: matplotlib is not installed.

    >>> from hilevel.visualization import plot_image_gallery
    >>> names = {0: "cat", 1: "dog"}
    >>> figure = plot_image_gallery(np.zeros((2, 8, 8, 3)), y_true=[0, 1], label_map=names, show=False)
    >>> [axis.get_title() for axis in figure.axes]
    ['Label: cat', 'Label: dog']
    """
    user = "plot_image_gallery"
    if path is not None and show:
        raise ValueError(f"{user} writes to path, or shows the figure, not both.")
    pixels = from_range(user, image_batch(user, images, data_format), value_range)
    titles = _titles(user, len(pixels), y_true, y_pred, label_map)
    figure = _grid(
        user, pixels, titles, *_grid_size(user, len(pixels), rows, cols), number(user, "scale", scale, 0.1)
    )
    if legend_handles is not None:
        figure.legend(handles=legend_handles, loc="outside lower center", ncols=len(legend_handles))
    return _finish(figure, path, show, transparent=transparent, dpi=dpi)


def _titles(
    user: str, count: int, y_true: Any, y_pred: Any, label_map: Mapping[int, str] | None
) -> list[str]:
    """Return the titles of images, with the names of their classes."""
    given = [(word, y) for word, y in (("Label", y_true), ("Pred", y_pred)) if y is not None]
    if given and label_map is None:
        raise ValueError(f"{user}: y_true and y_pred need label_map, the names of the classes.")
    parts = []
    for word, y in given:
        classes = np.asarray(y).reshape(-1)
        same_length(user, images=range(count), classes=classes)
        parts.append([f"{word}: {(label_map or {}).get(k, 'Unknown')}" for k in classes.tolist()])
    return ["  ".join(words) for words in zip(*parts, strict=True)] or [""] * count


def _grid_size(user: str, count: int, rows: int | None, cols: int | None) -> tuple[int, int]:
    """Return the number of rows and columns, by default of a square that has space for all images."""
    if rows is None and cols is None:
        cols = math.ceil(math.sqrt(count)) or 1
    if rows is None:
        rows = math.ceil(count / positive(user, "cols", cols)) or 1
    if cols is None:
        cols = math.ceil(count / positive(user, "rows", rows)) or 1
    return positive(user, "rows", rows), positive(user, "cols", cols)


def _grid(user: str, pixels: Array, titles: list[str], rows: int, cols: int, scale: float) -> Any:
    pyplot = import_optional("matplotlib.pyplot", "hilevel[plot]", user)
    figure, grid = pyplot.subplots(
        rows, cols, figsize=(cols * scale, rows * scale), squeeze=False, layout="constrained"
    )
    axes = list(grid.flat)
    for axis, image, title in zip(axes, pixels, titles, strict=False):
        axis.imshow(image[..., 0] if image.shape[-1] == 1 else image, cmap="gray", vmin=0, vmax=255)
        axis.set_title(plain(title), size=8)
    for axis in axes:
        axis.axis("off")
    for unused in axes[len(pixels) :]:
        unused.remove()
    return figure


def _finish(figure: Any, path: str | os.PathLike[str] | None, show: bool | None, **saving: Any) -> Any:
    """Write or show the figure. Return it, unless it was shown."""
    pyplot = import_optional("matplotlib.pyplot", "hilevel[plot]", "plot_image_gallery")
    if path is not None:
        figure.savefig(path, bbox_inches="tight", pad_inches=0, **saving)
    elif show is None or show:
        pyplot.show()
        pyplot.close(figure)
        return None
    if path is not None or "inline" in pyplot.get_backend():
        pyplot.close(figure)
    return figure


def plot_bounding_box_gallery(
    images: TensorLike,
    bounding_box_format: str,
    y_true: Mapping[str, Any] | None = None,
    y_pred: Mapping[str, Any] | None = None,
    value_range: Sequence[float] = (0, 255),
    true_color: Sequence[int] = (0, 188, 212),
    pred_color: Sequence[int] = (255, 235, 59),
    line_thickness: int = 2,
    font_scale: float = 1.0,
    text_thickness: int | None = None,
    class_mapping: Mapping[int, str] | None = None,
    ground_truth_mapping: Mapping[int, str] | None = None,
    prediction_mapping: Mapping[int, str] | None = None,
    legend: bool = False,
    legend_handles: Sequence[Any] | None = None,
    rows: int | None = None,
    cols: int | None = None,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """Draw images in a grid, with true and predicted bounding boxes.

    It needs `pip install 'hilevel[plot]'`, and for names of classes `'hilevel[image]'`.

    Args:
        images: a tensor of shape `(images, height, width, channels)`.
        bounding_box_format: the format, as in `hilevel.utils.bounding_boxes.convert_format`.
        y_true, y_pred: the true and predicted boxes, dicts as in `draw_bounding_boxes`.
        value_range: the smallest and the largest value of images.
        true_color, pred_color: red, green and blue from 0 to 255.
        line_thickness, font_scale, text_thickness: as in `draw_bounding_boxes`; one pixel for None.
        class_mapping: the names of labels.
        ground_truth_mapping, prediction_mapping: other names of true and predicted labels; `class_mapping` for None.
        legend: whether to add a legend of both colours.
        legend_handles: objects of matplotlib for another legend.
        rows, cols, data_format, kwargs: as in `plot_image_gallery`.

    Returns:
        The figure; None if it was shown.

    Raises:
        ValueError: there are both `legend` and `legend_handles`, or a setting is invalid.
        ShapeError: shapes do not match.
        ImportError: matplotlib is not installed, or Pillow and there are names to write.

    >>> import hilevel
    >>> boxes = {"boxes": [[[1, 1, 6, 6]]], "labels": [[0]]}
    >>> images = np.zeros((1, 8, 8, 3))
    >>> figure = hilevel.visualization.plot_bounding_box_gallery(images, "xyxy", y_true=boxes, show=False)
    >>> len(figure.axes)
    1
    """
    user = "plot_bounding_box_gallery"
    if legend and legend_handles is not None:
        raise ArgumentError(f"{user} takes legend or legend_handles, not both.")
    pixels = from_range(user, image_batch(user, images, data_format), value_range)
    layers = (
        ("Ground truth", y_true, color_of(user, "true_color", true_color), ground_truth_mapping),
        ("Prediction", y_pred, color_of(user, "pred_color", pred_color), prediction_mapping),
    )
    for _, boxes, color, mapping in layers:
        if boxes is not None:
            pixels = draw_bounding_boxes(
                pixels, boxes, bounding_box_format, class_mapping if mapping is None else mapping, color,
                line_thickness, 1 if text_thickness is None else text_thickness, font_scale, "channels_last",
            )  # fmt: skip
    if legend:
        legend_handles = _handles(
            user, {name: color for name, boxes, color, _ in layers if boxes is not None}
        )
    return plot_image_gallery(
        pixels, rows=rows, cols=cols, legend_handles=legend_handles, data_format="channels_last", **kwargs
    )


def _handles(user: str, colors: Mapping[str, tuple[int, int, int]]) -> list[Any]:
    patch = import_optional("matplotlib.patches", "hilevel[plot]", user).Patch
    return [patch(color=np.array(color) / 255, label=name) for name, color in colors.items()]


def plot_segmentation_mask_gallery(
    images: TensorLike,
    num_classes: int,
    value_range: Sequence[float] = (0, 255),
    y_true: TensorLike | None = None,
    y_pred: TensorLike | None = None,
    color_mapping: Mapping[int, Sequence[int]] | None = None,
    blend: bool = True,
    alpha: float = 0.8,
    ignore_index: int = -1,
    data_format: str | None = None,
    **kwargs: Any,
) -> Any:
    """Draw a row for each image: the image, and the image with the true and with the predicted classes of its pixels.

    It needs `pip install 'hilevel[plot]'`.

    Args:
        images: a tensor of shape `(images, height, width, 3)`.
        num_classes: the number of classes.
        value_range: the smallest and the largest value of images.
        y_true, y_pred: the classes, integers of shape `(images, height, width)` or `(images, height, width, 1)`; None
            for no column of them.
        color_mapping, blend, alpha, ignore_index: as in `draw_segmentation_masks`.
        data_format: `"channels_last"` or `"channels_first"`; `hilevel.config.image_data_format()` by default.
        kwargs: as in `plot_image_gallery`.

    Returns:
        The figure; None if it was shown.

    Raises:
        ValueError: a setting is invalid.
        ShapeError: shapes do not match.
        ImportError: matplotlib is not installed.

    >>> import hilevel
    >>> images, masks = np.zeros((2, 8, 8, 3)), np.ones((2, 8, 8), int)
    >>> figure = hilevel.visualization.plot_segmentation_mask_gallery(images, 2, y_true=masks, show=False)
    >>> len(figure.axes)
    4
    """
    user = "plot_segmentation_mask_gallery"
    pixels = from_range(user, image_batch(user, images, data_format), value_range)
    columns = [pixels]
    for masks in (y_true, y_pred):
        if masks is not None:
            classes = _channels_last(user, masks, data_format)
            columns.append(
                draw_segmentation_masks(
                    pixels, classes, num_classes, color_mapping, alpha, blend, ignore_index, "channels_last"
                )
            )
    every = np.stack(columns, axis=1).reshape(-1, *pixels.shape[1:])
    return plot_image_gallery(
        every, rows=len(pixels), cols=len(columns), data_format="channels_last", **kwargs
    )


def _channels_last(user: str, masks: TensorLike, data_format: str | None) -> Any:
    return image_batch(user, masks, data_format) if np.ndim(masks) == 4 else masks
