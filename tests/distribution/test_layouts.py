"""Meshes, layouts and distributions. On one device they change nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.distribution import (
    DataParallel,
    DeviceMesh,
    Distribution,
    LayoutMap,
    ModelParallel,
    TensorLayout,
    distribute_tensor,
    distribution,
    fully_sharded,
    initialize,
    list_devices,
    set_distribution,
)


def mesh_of(*names: str) -> DeviceMesh:
    return DeviceMesh((1,) * len(names), list(names), list_devices()[:1])


def test_a_mesh(backend: str) -> None:
    mesh = DeviceMesh((2, 3), ["batch", "model"], [f"cpu:{i}" for i in range(6)])
    assert mesh.shape == (2, 3) and mesh.axis_names == ["batch", "model"]
    assert mesh.devices.tolist() == [["cpu:0", "cpu:1", "cpu:2"], ["cpu:3", "cpu:4", "cpu:5"]]
    assert (mesh.size_of("batch"), mesh.size_of("model")) == (2, 3)
    assert "batch" in repr(mesh)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((), ["a"], ["cpu:0"]), "cannot be empty"),
        (((1, 1), ["a"], ["cpu:0"]), "same size"),
        (((2,), ["a"], ["cpu:0"]), "does not match the number of devices"),
    ],
)
def test_wrong_meshes(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeviceMesh(*arguments)


def test_layouts() -> None:
    mesh = mesh_of("batch", "model")
    layout = TensorLayout([None, "model"])
    layout.device_mesh = mesh
    assert layout.axes == (None, "model") and layout.is_divided
    assert "model" in repr(layout)
    with pytest.raises(ValueError, match="Cannot override device mesh"):
        layout.device_mesh = mesh
    with pytest.raises(ValueError, match="Invalid axis names"):
        TensorLayout(["rows"], mesh)
    with pytest.raises(ValueError, match="device mesh is not set"):
        _ = TensorLayout(["rows"]).backend_layout
    wide = TensorLayout(["batch"], DeviceMesh((4,), ["batch"], [f"cpu:{i}" for i in range(4)]))
    assert wide.divides((8,)) and not wide.divides((6,))


def test_a_map_of_layouts() -> None:
    mesh = mesh_of("batch", "model")
    layouts = LayoutMap(mesh)
    layouts["dense/kernel"] = TensorLayout([None, "model"])
    layouts["dense.*bias"] = ("model",)
    assert len(layouts) == 2 and list(layouts) == ["dense/kernel", "dense.*bias"]
    assert layouts["dense/kernel"].device_mesh is mesh
    assert layouts["block/dense_1/bias"].axes == ("model",)
    assert layouts["conv/kernel"] is None
    with pytest.raises(ValueError, match="already exist"):
        layouts["dense/kernel"] = (None, None)
    with pytest.raises(ValueError, match="should be a TensorLayout"):
        layouts["x"] = 3  # type: ignore[assignment]
    layouts["bias$"] = (None,)
    with pytest.raises(ValueError, match="matches multiple"):
        _ = layouts["dense/bias"]
    del layouts["bias$"]
    with pytest.raises(KeyError):
        del layouts["nothing"]


def test_the_distribution_of_the_process(backend: str) -> None:
    first, second = DataParallel(devices=list_devices()[:1]), Distribution(mesh_of("batch"))
    assert distribution() is None
    with first.scope():
        assert distribution() is first
        with second.scope():
            assert distribution() is second
        assert distribution() is first
    assert distribution() is None
    set_distribution(first)
    try:
        assert distribution() is first
    finally:
        set_distribution(None)


def test_layouts_of_variables_and_batches(backend: str) -> None:
    mesh = mesh_of("data", "model")
    layouts = LayoutMap(mesh)
    layouts["kernel"] = (None, "model")
    parallel = ModelParallel(layout_map=layouts, batch_dim_name="data")
    kernel, bias = hilevel.Variable(np.ones((2, 4)), name="kernel"), hilevel.Variable(np.ones(4), name="bias")
    assert parallel.get_variable_layout(kernel).axes == (None, "model")
    assert parallel.get_variable_layout(bias).axes == (None,)
    assert parallel.get_data_layout((4, 2, 2)).axes == ("data", None, None)
    assert parallel.get_tensor_layout("block/kernel").axes == (None, "model")
    assert parallel.get_tensor_layout("output") is None
    own = hilevel.Variable(np.ones(4), layout=TensorLayout(["data"], mesh))
    assert parallel.get_variable_layout(own) is own.layout
    assert parallel.distribute_dataset("data") == "data"
    assert (parallel.num_processes, parallel.num_model_replicas, parallel.data_shard_id) == (1, 1, 0)
    assert parallel.auto_shard_dataset and parallel.batch_dim_name == "data"
    with pytest.raises(ValueError, match="must be a `LayoutMap`"):
        ModelParallel(layout_map={})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not the mesh"):
        ModelParallel(layout_map=layouts, device_mesh=mesh_of("data", "model"))


def test_a_layout_that_does_not_fit_is_named(backend: str) -> None:
    mesh = DeviceMesh((2,), ["model"], ["cpu:0", "cpu:1"])
    layouts = LayoutMap(mesh)
    layouts["kernel"] = (None, "model")
    with (
        ModelParallel(layout_map=layouts).scope(),
        pytest.raises(ValueError, match=r'"kernel" of shape \(2, 3\) cannot be divided'),
    ):
        hilevel.Variable(np.ones((2, 3)), name="kernel")


def test_one_device_changes_nothing(backend: str) -> None:
    def trained(parallel: Distribution | None) -> Any:
        hilevel.utils.set_random_seed(1)
        set_distribution(parallel)
        try:
            model = hilevel.Sequential([hilevel.Input((3,)), layers.Dense(4), layers.Dense(1)])
            model.compile("adam", "mse")
            model.fit(np.ones((10, 3)), np.ones((10, 1)), verbose=0, batch_size=4)
            return [*model.get_weights(), model.predict(np.ones((3, 3)), verbose=0)]
        finally:
            set_distribution(None)

    mesh = mesh_of("batch")
    alone = trained(None)
    for parallel in (DataParallel(mesh), ModelParallel(layout_map=fully_sharded(mesh))):
        for ours, expected in zip(trained(parallel), alone, strict=True):
            np.testing.assert_array_equal(ours, expected)


def test_several_devices_need_a_backend_with_several() -> None:
    with hilevel.use_backend("numpy"):
        assert list_devices() == list_devices("cpu") == ["cpu:0"] and list_devices("gpu") == []
        mesh = DeviceMesh((2,), ["batch"], ["cpu:0", "cpu:1"])
        with pytest.raises(
            hilevel.errors.DistributionError, match=r"runs on one device.*HILEVEL_BACKEND=jax"
        ):
            _ = mesh.backend_mesh
        with DataParallel(mesh).scope(), pytest.raises(hilevel.errors.DistributionError, match="2 devices"):
            hilevel.Variable(np.ones(3))
        with pytest.raises(hilevel.errors.DistributionError, match="2 processes"):
            initialize("a:1,b:1", 2, 0)


def test_addresses_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    with hilevel.use_backend("numpy") as backend:
        monkeypatch.setattr(backend.placement, "initialize", lambda *given: seen.append(given))
        for name, value in [("JOB_ADDRESSES", "a:1, b:1"), ("NUM_PROCESSES", "2"), ("PROCESS_ID", "1")]:
            monkeypatch.setenv(f"HILEVEL_DISTRIBUTION_{name}", value)
        initialize()
        initialize("c:1", 3, 2)
    assert seen == [(["a:1", "b:1"], 2, 1), (["c:1"], 3, 2)]


def test_a_tensor_in_a_layout(backend: str) -> None:
    layout = TensorLayout(["batch"], mesh_of("batch"))
    x = distribute_tensor(np.arange(3.0), layout)
    assert np.array_equal(hilevel.ops.convert_to_numpy(x), [0.0, 1.0, 2.0])
    doubled = hilevel.jit(lambda t: distribute_tensor(2.0 * t, layout))(x)
    assert np.array_equal(hilevel.ops.convert_to_numpy(doubled), [0.0, 2.0, 4.0])


def test_copies_of_a_variable_keep_the_layout(backend: str) -> None:
    import copy
    import pickle

    with DataParallel(mesh_of("batch")).scope():
        v = hilevel.Variable(np.ones(3), name="v")
        same, other = copy.deepcopy(v), pickle.loads(pickle.dumps(v))
    assert same.layout is v.layout
    assert other.layout.axes == v.layout.axes
    assert pickle.loads(pickle.dumps(v)).layout is None
    v.assign(np.zeros(3))
    assert not v.numpy().any()
