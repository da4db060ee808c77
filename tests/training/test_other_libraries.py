"""The data of other libraries. The tests of a library need it: `pip install --group interop` for most."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.training.data import adapt
from hilevel.training.data.datasets import DatasetBatches, SampleBatches
from hilevel.training.data.rows import Rows
from hilevel.training.data.streams import StreamBatches

X = np.random.default_rng(0).normal(size=(24, 2)).astype("float32")
Y = (X[:, 0] * 2).astype("float32")


def model() -> Any:
    hilevel.set_random_seed(0)
    made = hilevel.Sequential([layers.Input((2,)), layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


def losses(*data: Any, **options: Any) -> list[float]:
    return model().fit(*data, epochs=2, verbose=0, shuffle=False, **options).history["loss"]


@pytest.fixture(scope="module")
def wanted() -> list[float]:
    """The losses with NumPy's arrays."""
    return losses(X, Y, batch_size=8)


# -- tables --------------------------------------------------------------------------------------------


def test_polars(wanted: list[float]) -> None:
    polars = pytest.importorskip("polars")
    table = polars.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y})
    assert losses(table[["a", "b"]], table["y"], batch_size=8) == wanted
    whole = polars.DataFrame({"i": [1, 2], "f": [0.5, 1.5], "t": [True, False]})
    np.testing.assert_array_equal(adapt(whole).first(), [[1, 0.5, 1], [2, 1.5, 0]])
    pairs = polars.Series("p", [[1, 2], [3, 4]], dtype=polars.Array(polars.Int64, 2))
    np.testing.assert_array_equal(adapt({"p": pairs}).first()["p"], [[1, 2], [3, 4]])
    for values, error, words in (
        ([1, None], ValueError, '"a" of dtype Int64 has 1 missing values. Use fill_null or drop_nulls'),
        (["x", "y"], TypeError, '"a" of dtype String is not numeric'),
    ):
        for data in (polars.DataFrame({"a": values}), polars.Series("a", values)):
            with pytest.raises(error, match=words):
                adapt(data)
    with pytest.raises(ValueError, match=r'"p" is an array of shape \(2,\)'):
        adapt(polars.DataFrame({"p": pairs}))


def test_arrow(wanted: list[float]) -> None:
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"a": X[:, 0], "b": X[:, 1], "y": Y})
    for made in (table, table.to_batches()[0]):
        assert losses(made.select(["a", "b"]), made["y"], batch_size=8) == wanted
    chunked = arrow.chunked_array([Y[:5], Y[5:]])
    np.testing.assert_array_equal(adapt(chunked, batch_size=24).first(), Y)
    pairs = arrow.FixedSizeListArray.from_arrays(arrow.array(X.ravel()), 2)
    for column in (pairs, arrow.chunked_array([pairs]), arrow.chunked_array([pairs[:3], pairs[3:]])):
        np.testing.assert_array_equal(adapt(column, batch_size=24).first(), X)
    images = arrow.FixedShapeTensorArray.from_numpy_ndarray(X.reshape(4, 3, 4))
    np.testing.assert_array_equal(adapt(arrow.chunked_array([images])).first(), X.reshape(4, 3, 4))
    np.testing.assert_array_equal(adapt(arrow.array([True, False])).first(), [True, False])
    for values, error, words in (
        ([1, None], ValueError, "int64 has 1 missing values. Use fill_null or drop_null"),
        (["x", "y"], TypeError, "string is not numeric"),
        ([[1], [2, 3]], TypeError, "is not numeric"),
    ):
        for data in (arrow.table({"a": values}), arrow.array(values)):
            with pytest.raises(error, match=words):
                adapt(data)


# -- PyTorch -------------------------------------------------------------------------------------------


def test_tensors_of_torch(wanted: list[float]) -> None:
    torch = pytest.importorskip("torch")
    x = torch.tensor(X, requires_grad=True)
    assert losses(x, torch.tensor(Y), batch_size=8) == wanted
    small = adapt(torch.ones(3, 2, dtype=torch.bfloat16)).first()
    assert small.dtype == "float32" and small.shape == (3, 2)


def test_data_sets_of_torch(wanted: list[float]) -> None:
    torch = pytest.importorskip("torch")
    data = torch.utils.data
    samples = data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    assert isinstance(adapt(samples), SampleBatches)
    assert losses(samples, batch_size=8) == wanted
    for workers in (0, 2):
        loader = data.DataLoader(samples, batch_size=8, num_workers=workers)
        assert adapt(loader).steps == 3
        assert losses(loader) == wanted

    class Stream(data.IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            return iter(samples)

    with pytest.raises(TypeError, match="DataLoader"):
        adapt(Stream())
    assert losses(data.DataLoader(Stream(), batch_size=8)) == wanted


class Dataset:
    """A data set with the methods of PyTorch's, which need not be installed."""

    __module__ = "torch.utils.data.dataset"

    def __len__(self) -> int:
        return len(X)

    def __getitem__(self, i: int) -> Any:
        return {"x": X[i]}, float(Y[i])


def test_samples_are_shuffled_one_by_one() -> None:
    def order(number: int, start: int = 0) -> list[float]:
        batches = adapt(Dataset(), batch_size=7, shuffle=True, seed=2)
        return np.concatenate([y for _, y in batches.epoch(number, start)]).tolist()

    assert adapt(Dataset(), batch_size=7).steps == 4
    assert sorted(order(0)) == sorted(Y.tolist()) and order(0) == order(0) != order(1)
    assert order(1, 2) == order(1)[14:]
    x, y = adapt(Dataset(), batch_size=7).first()
    np.testing.assert_array_equal(x["x"], X[:7])
    assert y.dtype == "float32" and y.shape == (7,)


# -- Hugging Face, Grain, TensorFlow -------------------------------------------------------------------


def test_data_sets_of_hugging_face(wanted: list[float], tmp_path: Any) -> None:
    pytest.importorskip("datasets.load")  # tests/datasets is a package of the name, too
    datasets = importlib.import_module("datasets")
    made = datasets.Dataset.from_dict({"x": X, "y": Y, "text": ["a"] * 24})
    made.save_to_disk(str(tmp_path / "data"))
    for data in (made, datasets.load_from_disk(str(tmp_path / "data"))):
        batches = adapt(data["x"], data["y"])
        assert all(isinstance(column, Rows) for column in batches.data)
        assert losses(data["x"], data["y"], batch_size=8) == wanted
        for shuffle in (True, "batch"):
            for x, y in adapt(data["x"], data["y"], shuffle=shuffle, batch_size=5).epoch(0):
                np.testing.assert_allclose(y, x[:, 0] * 2, rtol=1e-6)
        first = adapt(data.select_columns(["x", "y"]), batch_size=3).first()
        np.testing.assert_array_equal(first["x"], X[:3])
    with pytest.raises(TypeError, match="expected numeric values"):
        adapt(made["text"])
    stream = made.select_columns(["x", "y"]).with_format("numpy").to_iterable_dataset().batch(5)
    assert_continues(lambda: adapt(stream))


def test_grain(wanted: list[float]) -> None:
    grain = pytest.importorskip("grain")
    source = grain.MapDataset.source(range(24)).map(lambda i: (X[i], Y[i])).batch(8)
    assert isinstance(adapt(source), DatasetBatches) and losses(source) == wanted
    assert losses(source.to_iter_dataset()) == wanted
    assert losses(source.repeat(), steps_per_epoch=3) == wanted
    loader = grain.DataLoader(
        data_source=list(zip(X, Y, strict=True)),
        sampler=grain.samplers.SequentialSampler(24, grain.sharding.NoSharding()),
        operations=[grain.transforms.Batch(8)],
    )
    assert losses(loader) == wanted
    for made in (source.to_iter_dataset(), loader):
        assert_continues(lambda made=made: adapt(made))
        assert_continues(lambda made=made: adapt(iter(made)))


def assert_continues(make: Any) -> None:
    """Check that a state, also of a batch before the last one that was read, is continued by new batches."""

    def rest(batches: Any, start: int = 0) -> list[Any]:
        return [hilevel.tree.flatten(batch)[0].tolist() for batch in batches.epoch(0, start)]

    whole = rest(make())
    for used in range(len(whole) + 1):
        batches = make()
        for i, _ in enumerate(batches.epoch(0)):
            if i == used:
                break
            batches.mark_used()
        state = batches.get_state()
        batches.close()
        again = make()
        again.first()
        again.set_state(state)
        assert rest(again, used) == whole[used:]
        again.close()


class Stateful:
    """An iterable with the state of its next iterator, as PyTorch's stateful loader and Hugging Face's streams have."""

    def __init__(self) -> None:
        self.at = self.begin = 0
        self.read = 0

    def state_dict(self) -> dict[str, int]:
        return {"at": self.at}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.begin = state["at"]

    def __iter__(self) -> Any:
        self.at, self.begin = self.begin, 0
        while self.at < 5:
            self.at += 1
            self.read += 1
            yield np.full((2, 1), self.at), np.zeros((2, 1))


class Plain:
    def __iter__(self) -> Any:
        return ((np.full((2, 1), i), np.zeros((2, 1))) for i in range(5))


@pytest.mark.parametrize("kind", [Stateful, Plain, lambda: iter(Plain())])
def test_streams_continue_from_their_state(kind: Any) -> None:
    assert_continues(lambda: adapt(kind()))


def test_a_source_with_a_state_is_not_read_from_its_begin() -> None:
    source = Stateful()
    batches = adapt(source)
    batches.set_state({"index": 3, "source": {"at": 3}})
    assert len(list(batches.epoch(0, 3))) == 2 and source.read == 2
    assert len(list(batches.epoch(1))) == 5


def test_the_progress_of_fit_has_the_state_of_a_stream() -> None:
    states: list[Any] = []

    class Keep(hilevel.callbacks.Callback):
        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            states.append(self.model._training.progress())

        on_train_batch_end = on_train_batch_begin

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            states.append(self.model._training.progress())

    made = hilevel.Sequential([layers.Input((1,)), layers.Dense(1)])
    made.compile("sgd", "mse")
    made.fit(Stateful(), epochs=2, verbose=0, callbacks=[Keep()])
    used = [0, *(i for i in range(1, 6) for _ in (0, 1))]
    assert [s["batch"] for s in states] == [s["position"]["index"] for s in states] == used * 2


class Tensor:
    """A tensor with the attributes of TensorFlow's: a shape and a dtype of its own kinds."""

    __module__ = "tensorflow.python.framework.ops"

    def __init__(self, array: Any) -> None:
        self.array, self.shape, self.dtype = array, tuple(array.shape), f"<dtype: {array.dtype}>"

    def __getitem__(self, rows: Any) -> Any:
        return Tensor(self.array[rows])

    def numpy(self) -> Any:
        return self.array

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.array, dtype)


class TensorFlowDataset:
    """A data set with the methods of `tf.data.Dataset`, which is too large to be installed for tests."""

    __module__ = "tensorflow.python.data.ops.dataset_ops"
    element_spec = None

    def __init__(self, batches: int | None) -> None:
        self.batches = batches

    def __len__(self) -> int:
        if self.batches is None:
            raise TypeError("The dataset is infinite.")
        return self.batches

    def __iter__(self) -> Any:
        i = 0
        while self.batches is None or i < self.batches:
            rows = slice(i % 3 * 8, i % 3 * 8 + 8)
            yield Tensor(X[rows]), Tensor(Y[rows])
            i += 1


def test_data_sets_like_those_of_tensorflow(wanted: list[float]) -> None:
    batches = adapt(TensorFlowDataset(3))
    assert isinstance(batches, StreamBatches) and batches.steps == 3
    assert losses(TensorFlowDataset(3)) == wanted
    assert losses(TensorFlowDataset(None), steps_per_epoch=3) == wanted
    assert losses(Tensor(X), Tensor(Y), batch_size=8) == wanted
