"""Meshes of devices, and the layouts of arrays on them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, MutableMapping, Sequence
from typing import Any

import numpy as np

from hilevel.distribution.processes import list_devices
from hilevel.engine.backends import current_backend
from hilevel.engine.op import to_array
from hilevel.engine.types import Array, TensorLike
from hilevel.engine.variables import Variable

AxesLike = Sequence[str | None]


class DeviceMesh:
    """Devices in a grid with named axes.

    Args:
        shape: the number of devices along each axis, such as `(4, 2)`.
        axis_names: the names of the axes, such as `("batch", "model")`.
        devices: the names of the devices, such as `"gpu:0"`, in the order of the grid; by default all of
            `list_devices`.

    Raises:
        ValueError: the shape is empty, or does not fit the names or the devices.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> mesh.shape, mesh.axis_names
    ((1,), ['batch'])
    """

    def __init__(
        self, shape: Sequence[int], axis_names: Sequence[str], devices: Sequence[str] | None = None
    ) -> None:
        if not shape or not axis_names:
            raise ValueError(
                f"Shape and axis_names of a DeviceMesh cannot be empty; got {shape} and {axis_names}."
            )
        if len(shape) != len(axis_names):
            raise ValueError(
                f"Shape and axis_names of a DeviceMesh should have same size; got {shape} and {axis_names}."
            )
        self.backend = current_backend()
        devices = list_devices() if devices is None else devices
        if math.prod(shape) != len(np.asarray(devices).ravel()):
            raise ValueError(
                f"Shape {tuple(shape)} does not match the number of devices, {len(devices)}: {devices}."
            )
        self._shape, self._names = tuple(map(int, shape)), list(axis_names)
        self._devices = np.array(devices).reshape(self._shape)
        self._object: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of devices along each axis."""
        return self._shape

    @property
    def axis_names(self) -> list[str]:
        """The names of the axes."""
        return self._names

    @property
    def devices(self) -> np.ndarray[Any, Any]:
        """The names of the devices, an array of the mesh's shape."""
        return self._devices

    @property
    def backend_mesh(self) -> Any:
        """The array library's own object for the mesh; None where there is only one device."""
        if self._object is None:
            names = self._devices.ravel().tolist()
            self._object = self.backend.placement.mesh(self._shape, self._names, names)
        return self._object

    def size_of(self, axis: str) -> int:
        """Return the number of devices along an axis."""
        return self._shape[self._names.index(axis)]

    def __repr__(self) -> str:
        return f"<DeviceMesh shape={self._shape}, axis_names={self._names}, devices={self._devices.tolist()}>"


class TensorLayout:
    """The division of the axes of an array over the axes of a mesh.

    Args:
        axes: for each axis of the array the name of the axis of the mesh that it is divided over. None is for an axis
            that is not divided.
        device_mesh: the mesh; it may be set later.

    Raises:
        ValueError: the mesh has no axis of a name.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> hilevel.distribution.TensorLayout(["batch", None], mesh).axes
    ('batch', None)
    """

    def __init__(self, axes: AxesLike, device_mesh: DeviceMesh | None = None) -> None:
        self._axes = tuple(axes)
        self._mesh: DeviceMesh | None = None
        self._object: Any = None
        if device_mesh is not None:
            self.device_mesh = device_mesh

    @property
    def axes(self) -> tuple[str | None, ...]:
        """The name of an axis of the mesh, or None, for each axis of the array."""
        return self._axes

    @property
    def device_mesh(self) -> DeviceMesh | None:
        """The mesh. It can be set once."""
        return self._mesh

    @device_mesh.setter
    def device_mesh(self, mesh: DeviceMesh) -> None:
        if self._mesh is not None:
            raise ValueError(f"Cannot override device mesh value: the layout has {self._mesh} already.")
        for name in self._axes:
            if name is not None and name not in mesh.axis_names:
                raise ValueError(
                    f"Invalid axis names for Layout. Valid axis names: {mesh.axis_names}; got {name!r}."
                )
        self._mesh = mesh

    @property
    def backend_layout(self) -> Any:
        """The array library's own object for the layout; None where there is only one device."""
        if self._object is None:
            if self._mesh is None:
                raise ValueError("Cannot create sharding when device mesh is not set for TensorLayout.")
            self._object = self._mesh.backend.placement.layout(self)
        return self._object

    @property
    def is_divided(self) -> bool:
        """True if some axis is divided."""
        return any(name is not None for name in self._axes)

    def divides(self, shape: Sequence[int | None]) -> bool:
        """Return whether the sizes of an array are multiples of the sizes of the mesh that divide them."""
        mesh = self._mesh
        assert mesh is not None
        return all(
            name is None or (size or 0) % mesh.size_of(name) == 0
            for size, name in zip(shape, self._axes, strict=True)
        )

    def __repr__(self) -> str:
        return f"<TensorLayout axes={self._axes}, device_mesh={self._mesh}>"


class LayoutMap(MutableMapping[str, TensorLayout]):
    """The layouts of Variables by their paths, for `ModelParallel`.

    A key is a path, such as `"dense/kernel"`, or a regular expression that is searched in the path. A value is a
    `TensorLayout`, or the tuple of its axes. A path without a key is not divided.

    Args:
        device_mesh: the mesh of the layouts.

    Raises:
        ValueError: a key is set twice, a value is no layout, or a path matches several expressions.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    >>> layouts = hilevel.distribution.LayoutMap(mesh)
    >>> layouts["dense.*kernel"] = (None, "model")
    >>> layouts["model/dense_1/kernel"].axes
    (None, 'model')
    """

    def __init__(self, device_mesh: DeviceMesh) -> None:
        self._mesh = device_mesh
        self._layouts: dict[str, TensorLayout] = {}

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh of the layouts."""
        return self._mesh

    def __getitem__(self, key: str) -> Any:
        """Return the layout of a path; None if no key is equal to it or found in it."""
        if key in self._layouts:
            return self._layouts[key]
        matching = [pattern for pattern in self._layouts if re.search(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"Path '{key}' matches multiple layout specification keys: {matching}.")
        return self._layouts[matching[0]] if matching else None

    def layout_of(self, variable: Variable) -> TensorLayout | None:
        """Return the layout of a Variable by its path; None if no key fits."""
        found: TensorLayout | None = self[variable.path]
        return found

    def __setitem__(self, key: str, layout: TensorLayout | AxesLike) -> None:
        if key in self._layouts:
            raise ValueError(f"{key} already exist in the LayoutMap with value {self._layouts[key]}.")
        if isinstance(layout, (tuple, list)):
            layout = TensorLayout(tuple(layout))
        if not isinstance(layout, TensorLayout):
            raise ValueError(f"{layout} should be a TensorLayout type, got {type(layout).__name__}.")
        if layout.device_mesh is None:
            layout.device_mesh = self._mesh
        self._layouts[key] = layout

    def __delitem__(self, key: str) -> None:
        del self._layouts[key]

    def __len__(self) -> int:
        return len(self._layouts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._layouts)


def distribute_tensor(tensor: TensorLike, layout: TensorLayout) -> Array:
    """Return a tensor in a layout. In a compiled function the layout constrains the result of the computation.

    Args:
        tensor: a tensor, whose values are the same in all processes.
        layout: its layout.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> hilevel.distribution.distribute_tensor(np.ones(2), hilevel.distribution.TensorLayout([None], mesh))
    array([1., 1.])
    """
    backend = current_backend()
    array = to_array(tensor)
    if backend.is_array(array) and not backend.is_concrete(array):
        return backend.placement.constrain(array, layout)
    return backend.placement.place(array, layout)


def fully_sharded(device_mesh: DeviceMesh, axis: str | None = None) -> FullySharded:
    """Return the layouts that divide every weight over the devices that a batch is divided over (FSDP).

    Each device stores its part of the weights and of the optimizer's state, and receives the rest when it needs it.
    Use it as `ModelParallel(layout_map=fully_sharded(mesh))`.

    Args:
        device_mesh: the mesh.
        axis: its axis of batches; the first by default.

    Source: Zhao et al., PyTorch FSDP, 2023, https://arxiv.org/abs/2304.11277.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> len(hilevel.distribution.fully_sharded(mesh))
    0
    """
    return FullySharded(device_mesh, axis or device_mesh.axis_names[0])


class FullySharded(LayoutMap):
    """The map of `fully_sharded`, which divides the largest axis of a Variable that the devices divide.

    Args:
        device_mesh: the mesh.
        axis: its axis of batches.
    """

    def __init__(self, device_mesh: DeviceMesh, axis: str) -> None:
        super().__init__(device_mesh)
        self.axis = axis

    def layout_of(self, variable: Variable) -> TensorLayout | None:
        """Return the layout of a Variable by its path, else by its shape; None if no axis can be divided."""
        count, shape = self.device_mesh.size_of(self.axis), variable.shape
        sizes = [(size, -i) for i, size in enumerate(shape) if size % count == 0 and size >= count]
        if self[variable.path] is not None or not sizes:
            return super().layout_of(variable)
        axes: list[str | None] = [None] * len(shape)
        axes[-max(sizes)[1]] = self.axis
        return TensorLayout(axes, self.device_mesh)
