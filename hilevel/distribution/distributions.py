"""Distributions: the layouts of Variables and batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hilevel import tree
from hilevel.distribution.layouts import DeviceMesh, LayoutMap, TensorLayout
from hilevel.distribution.processes import list_devices
from hilevel.engine.settings import settings
from hilevel.engine.types import Shape, Structure
from hilevel.engine.variables import Variable


class Distribution:
    """Base class of distributions, which decide the layouts of Variables and batches.

    Args:
        device_mesh: the mesh of devices.
        batch_dim_name: the axis of the mesh that batches are divided over; the first by default.
        auto_shard_dataset: whether each process has the whole data and takes its rows of each batch. With False the
            batches of a `PyDataset` or an iterable are the rows of this process only.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    >>> hilevel.distribution.Distribution(mesh).num_processes
    1
    """

    def __init__(
        self, device_mesh: DeviceMesh, batch_dim_name: str | None = None, auto_shard_dataset: bool = True
    ) -> None:
        self._mesh = device_mesh
        self._batch_axis = batch_dim_name or device_mesh.axis_names[0]
        self._auto_shard = auto_shard_dataset
        self._process_id = settings.process

    @property
    def device_mesh(self) -> DeviceMesh:
        """The mesh of devices."""
        return self._mesh

    @property
    def batch_dim_name(self) -> str:
        """The axis of the mesh that batches are divided over."""
        return self._batch_axis

    @property
    def auto_shard_dataset(self) -> bool:
        """False if the batches of data sets are the rows of one process only."""
        return self._auto_shard

    @property
    def num_processes(self) -> int:
        """The number of processes of the program."""
        return settings.processes

    @property
    def num_model_replicas(self) -> int:
        """The number of parts that a batch is divided into."""
        return self._mesh.size_of(self._batch_axis)

    @property
    def data_shard_id(self) -> int:
        """The index of the part of the data that this process reads, if each process reads a part."""
        sharing = max(1, self.num_processes // self.num_model_replicas)
        return self._process_id // sharing

    def get_data_layout(self, data_shape: Shape) -> TensorLayout:
        """Return the layout of an array of a batch, whose first axis is divided."""
        axes = [self._batch_axis, *[None] * (len(data_shape) - 1)] if len(data_shape) else []
        return TensorLayout(axes, self._mesh)

    def get_variable_layout(self, variable: Variable) -> TensorLayout:
        """Return the layout of a Variable: its own, or one without a division."""
        return getattr(variable, "layout", None) or self.undivided(variable.shape)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout for the output of the layer of a path; None if the array library chooses it."""
        return None

    def distribute_dataset(self, dataset: Any) -> Any:
        """Return a data set for this process: the same one, as each batch is divided when a step gets it."""
        return dataset

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Return a block in which this is the distribution of the process."""
        before = distribution()
        set_distribution(self)
        try:
            yield
        finally:
            set_distribution(before)

    # -- for the engine ----------------------------------------------------------------------------

    def undivided(self, shape: Shape) -> TensorLayout:
        """Return the layout of an array that each device has whole."""
        return TensorLayout([None] * len(shape), self._mesh)

    def layout_for(self, variable: Variable) -> TensorLayout | None:
        """Return the layout of a Variable of the mesh's backend; None for another backend.

        Raises:
            ValueError: the layout does not fit the Variable's shape.
        """
        if variable.backend is not self._mesh.backend:
            return None
        layout = self.get_variable_layout(variable)
        if len(layout.axes) != len(variable.shape) or not layout.divides(variable.shape):
            raise ValueError(
                f'The Variable "{variable.path}" of shape {variable.shape} cannot be divided by the layout '
                f"{layout.axes} on the mesh {dict(zip(self._mesh.axis_names, self._mesh.shape, strict=True))}. Each "
                "size must be a multiple of the number of devices. Change the key or the axes in the LayoutMap."
            )
        return layout

    def parts_of(self, samples: int) -> int:
        """Return the number of parts that a batch is divided into: 1 if the devices do not divide it."""
        count = self._mesh.size_of(self._batch_axis)
        return 1 if samples % count else count

    def place_batch(
        self, batch: Structure, local: bool = False, bundled: bool = False, divided: bool = True
    ) -> Any:
        """Return a batch with its arrays on the devices.

        A batch that the devices do not divide is placed whole on each of them, which gives the same results.

        Args:
            batch: arrays with a first axis of samples, in a structure.
            local: whether they are the rows of this process only.
            bundled: whether there is another axis before the axis of samples: of the batches of a bundle.
            divided: whether the devices get parts of the batch, and not the whole. A local batch is always divided.
        """
        return tree.map_structure(lambda x: self._place(x, local, int(bundled), divided), batch)

    def _place(self, x: Any, local: bool, axis: int, divided: bool) -> Any:
        shape = getattr(x, "shape", ())
        if len(shape) <= axis:
            return x
        placement = self._mesh.backend.placement
        if local:
            return placement.place_local(x, self.get_data_layout(shape))
        axes = [None] * axis + list(self.get_data_layout(shape[axis:]).axes)
        layout = TensorLayout(axes, self._mesh)
        is_divided = divided and layout.divides(shape)
        return placement.place(x, layout if is_divided else self.undivided(shape))


class DataParallel(Distribution):
    """Data parallelism: each device has all weights and a part of each batch.

    The results equal the results on one device. Losses, gradients, metrics and the statistics of `BatchNormalization`
    are computed over the whole batch.

    Args:
        device_mesh: the mesh; by default one axis `"batch"` of all devices.
        devices: the names of the devices, in place of the mesh.
        auto_shard_dataset: as in `Distribution`.

    >>> import hilevel
    >>> hilevel.distribution.DataParallel(devices=["cpu:0"]).num_model_replicas
    1
    """

    def __init__(
        self,
        device_mesh: DeviceMesh | None = None,
        devices: Sequence[str] | None = None,
        auto_shard_dataset: bool = True,
    ) -> None:
        if device_mesh is None:
            names = list_devices() if devices is None else list(devices)
            device_mesh = DeviceMesh((len(names),), ["batch"], names)
        super().__init__(device_mesh, None, auto_shard_dataset)

    @property
    def num_model_replicas(self) -> int:
        """The number of devices."""
        return int(self._mesh.devices.size)


class ModelParallel(Distribution):
    """Model parallelism: Variables are divided over the devices by a `LayoutMap`, and batches by an axis of the mesh.

    Args:
        layout_map: the layouts of Variables by their paths. Other Variables are not divided.
        batch_dim_name: the axis of the mesh that batches are divided over; the first by default.
        auto_shard_dataset: as in `Distribution`.
        kwargs: `device_mesh`, as older programs give it. It must be the mesh of the map.

    Raises:
        ValueError: there is no map, another mesh, or the numbers of processes and of parts of a batch do not fit.

    >>> import hilevel
    >>> mesh = hilevel.distribution.DeviceMesh((1, 1), ["batch", "model"], ["cpu:0"])
    >>> layouts = hilevel.distribution.LayoutMap(mesh)
    >>> layouts["kernel"] = (None, "model")
    >>> parallel = hilevel.distribution.ModelParallel(layout_map=layouts, batch_dim_name="batch")
    >>> with parallel.scope():
    ...     hilevel.Variable(np.ones((2, 4)), name="kernel").layout.axes
    (None, 'model')
    """

    def __init__(
        self,
        *,
        layout_map: LayoutMap | None = None,
        batch_dim_name: str | None = None,
        auto_shard_dataset: bool = True,
        **kwargs: Any,
    ) -> None:
        mesh = kwargs.pop("device_mesh", None)
        if kwargs:
            raise ValueError(f"ModelParallel has no arguments {', '.join(kwargs)}.")
        if not isinstance(layout_map, LayoutMap):
            raise ValueError(f"Argument `layout_map` must be a `LayoutMap` instance; got {layout_map!r}.")
        if mesh is not None and mesh is not layout_map.device_mesh:
            raise ValueError("ModelParallel: device_mesh is not the mesh of layout_map.")
        super().__init__(layout_map.device_mesh, batch_dim_name, auto_shard_dataset)
        self._layout_map = layout_map
        replicas, processes = self.num_model_replicas, self.num_processes
        if max(replicas, processes) % min(replicas, processes):
            raise ValueError(
                f"ModelParallel: a batch has {replicas} parts for {processes} processes. One of both must be a "
                "multiple of the other."
            )

    def get_variable_layout(self, variable: Variable) -> TensorLayout:
        """Return the layout of a Variable: its own, the layout of the map, or one without a division."""
        own: TensorLayout | None = getattr(variable, "layout", None)
        if own is not None:
            return own
        return self._layout_map.layout_of(variable) or self.undivided(variable.shape)

    def get_tensor_layout(self, path: str) -> TensorLayout | None:
        """Return the layout of the map for a path; None if it has none."""
        return self._layout_map[path]


def distribution() -> Distribution | None:
    """Return the distribution of the process; None for one device.

    >>> import hilevel
    >>> hilevel.distribution.distribution() is None
    True
    """
    current: Distribution | None = settings.distribution
    return current


def set_distribution(value: Distribution | None) -> None:
    """Set the distribution of the process. Variables that are created from now on are placed by it.

    Args:
        value: the distribution; None for one device.

    >>> import hilevel
    >>> hilevel.distribution.set_distribution(hilevel.distribution.DataParallel(devices=["cpu:0"]))
    >>> hilevel.distribution.set_distribution(None)
    """
    settings.distribution = value
