"""What batches are made of: arrays, streams, data sets, weights; the order of samples; wrong data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import ops
from hilevel.errors import HilevelWarning, ShapeError
from hilevel.training.data import ArrayBatches, PyDataset, adapt, unpack_x_y_sample_weight
from hilevel.training.data.adapters import ContinuedBatches
from hilevel.training.data.weights import class_to_sample_weight

X = np.arange(10.0).reshape(10, 1)


def order(number: int, seed: int = 3, shuffle: bool = True) -> list[float]:
    batches = ArrayBatches(X, batch_size=4, shuffle=shuffle, seed=seed)
    return np.concatenate([x[:, 0] for x in batches.epoch(number)]).tolist()


def test_arrays_are_cut_into_batches_of_which_the_last_is_smaller() -> None:
    batches = ArrayBatches(X, {"a": X, "b": 2 * X}, X[:, 0], batch_size=4)
    assert (batches.steps, batches.samples) == (3, 10)
    found = list(batches.epoch(0))
    assert [len(x) for x, _, _ in found] == [4, 4, 2]
    np.testing.assert_array_equal(found[2][1]["b"], [[16.0], [18.0]])
    np.testing.assert_array_equal(found[2][2], [8.0, 9.0])
    assert len(batches.first()[0]) == 4


def test_the_order_of_samples(backend: Any) -> None:
    assert order(0) == order(0) and sorted(order(0)) == order(0, shuffle=False) == list(range(10))
    assert order(0) != order(1) != order(2) and order(0) != order(0, seed=4)
    with hilevel.use_backend("numpy"):
        on_numpy = order(0)
    assert order(0) == on_numpy


def test_x_and_y_stay_together() -> None:
    for x, y, w in ArrayBatches(X, 2 * X, 3 * X[:, 0], batch_size=3, shuffle=True, seed=1).epoch(0):
        np.testing.assert_array_equal(2 * x, y)
        np.testing.assert_array_equal(3 * x[:, 0], w)


class Frame:
    """Like a pandas DataFrame: no tensor, but it can be made an array."""

    shape = (10, 1)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(X, dtype)


@pytest.mark.parametrize(
    "data",
    [
        X,
        X.tolist(),
        Frame(),
        [Frame()],
        (X,),
        {"x": X},
        X.astype("float32"),
        X.astype("float16"),
        [[v] for v in range(10)],
    ],
    ids=lambda v: type(v).__name__,
)
def test_anything_that_holds_numbers_will_do(data: Any) -> None:
    (array,) = hilevel.tree.flatten(adapt(data, batch_size=10).first())
    assert isinstance(array, np.ndarray) and array.shape == (10, 1)
    assert array.dtype.name in ("float32", "int64")
    np.testing.assert_array_equal(array, X)


def test_arrays_of_a_backend_will_do(backend: Any) -> None:
    x, y = adapt(ops.convert_to_tensor(X), ops.convert_to_tensor(X[:, 0])).first()
    assert isinstance(x, np.ndarray) and isinstance(y, np.ndarray)


def test_floats_are_cast_and_integers_kept() -> None:
    x, y, w = ArrayBatches(X, np.arange(10), np.ones(10), dtype="float64").first()
    assert (x.dtype, y.dtype, w.dtype) == ("float64", "int64", "float64")


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: adapt(None), ValueError, "x is None"),
        (lambda: adapt(X, X[:9]), ValueError, "x: 10, y: 9"),
        (lambda: adapt([X, X[:9]]), ValueError, r"x\[0\]: 10, x\[1\]: 9"),
        (lambda: adapt(X[:0]), ValueError, "empty"),
        (lambda: adapt(X, batch_size=0), ValueError, "batch_size"),
        (lambda: adapt(X, batch_size=-1), ValueError, "batch_size"),
        (lambda: adapt(np.array(["a", "b"])), TypeError, "text"),
        (lambda: adapt(np.array([None, 1])), ValueError, "None, but the input is not optional"),
        (lambda: adapt(np.array([{}, 1])), TypeError, "object"),
        (lambda: adapt(np.array(1.0)), ValueError, "first axis"),
        (lambda: adapt(3), TypeError, "int"),
        (lambda: adapt(Numbers), TypeError, r"the class Numbers\..*Numbers\(\.\.\.\)"),
        (lambda: adapt(iter([X]), X), ValueError, "cannot be given"),
        (lambda: adapt(iter([])).first(), ValueError, "no batch"),
        (lambda: unpack_x_y_sample_weight((1, 2, 3, 4)), ValueError, "4 items"),
        (lambda: ArrayBatches(X).split(1.5), ValueError, "between 0 and 1"),
        (lambda: ArrayBatches(X).split(0.95), ValueError, "none for training"),
        (lambda: PyDataset(workers=-1), ValueError, "workers must be at least 0"),
        (lambda: adapt(X, shuffle="blocks"), ValueError, 'True, False or "batch"'),
    ],
)
def test_wrong_data_are_named(make: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_a_generator_goes_on_where_it_stopped() -> None:
    batches = adapt((X[i : i + 1] for i in range(6)), steps=2)
    assert batches.first()[0, 0] == 0
    epochs = [[float(x[0, 0]) for x in batches.epoch(i)] for i in range(3)]
    assert epochs == [[0, 1], [2, 3], [4, 5]]
    assert batches.not_finite() == []


def test_an_iterable_begins_again() -> None:
    class Source:
        def __iter__(self) -> Any:
            return iter([(X[:5], X[:5]), (X[5:], X[5:])])

    batches = adapt(Source())
    batches.first()
    assert [[len(x) for x, _ in batches.epoch(i)] for i in range(2)] == [[5, 5], [5, 5]]


def test_a_data_set_is_told_of_its_epochs() -> None:
    told: list[str] = []

    class Data(PyDataset):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> Any:
            return X[i : i + 1], X[i : i + 1]

        def on_epoch_begin(self) -> None:
            told.append("begin")

        def on_epoch_end(self) -> None:
            told.append("end")

    batches = adapt(Data(), shuffle=True, seed=2)
    assert batches.steps == 3
    orders = [[float(x[0, 0]) for x, _ in batches.epoch(i)] for i in range(4)]
    assert all(sorted(o) == [0, 1, 2] for o in orders) and len({tuple(o) for o in orders}) > 1
    assert told == ["begin", "end"] * 4


class Numbers(PyDataset):
    def __init__(self) -> None:
        super().__init__()
        self.made: list[int] = []

    def __len__(self) -> int:
        return 5

    def __getitem__(self, i: int) -> Any:
        self.made.append(i)
        return np.full((2, 1), i)


def test_an_error_of_a_data_set_names_the_batch() -> None:
    class Lost(Numbers):
        def __getitem__(self, i: int) -> Any:
            return {}[i] if i == 3 else super().__getitem__(i)

    with pytest.raises(KeyError) as caught:
        list(adapt(Lost()).epoch(0))
    assert caught.value.__notes__ == ["Lost.__getitem__ raised this error for batch 3."]


def test_an_error_of_a_later_step_names_it_and_the_shapes_of_its_batch(backend: Any) -> None:
    class Uneven(Numbers):
        def __getitem__(self, i: int) -> Any:
            return np.ones((4, 3 if i < 2 else 5), "float32"), np.ones((4, 1), "float32")

    model = hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError, match=r"data of shape \(4, 5\)") as caught:
        model.fit(Uneven(), shuffle=False, verbose=0)
    assert caught.value.__notes__[-1] == "This happened in step 3, with a batch of the shapes (4, 5), (4, 1)."


def test_a_batch_size_beside_batches_is_ignored_with_a_warning() -> None:
    with pytest.warns(
        HilevelWarning, match="The batch size 7 is ignored: the Numbers makes its batches itself"
    ):
        adapt(Numbers(), batch_size=7)
    # As validation data are, beside arrays in batches of 7.
    assert adapt(Numbers(), default_batch_size=7).steps == 5
    assert adapt(np.ones(9), default_batch_size=7).steps == 2
    assert adapt(np.ones(9), batch_size=3, default_batch_size=7).steps == 3


class Again:
    def __iter__(self) -> Any:
        return (np.full((2, 1), i) for i in range(5))


KINDS: dict[str, Any] = {
    "arrays": lambda: adapt(np.arange(10), batch_size=2),
    "shuffled": lambda: adapt(np.arange(9), batch_size=2, shuffle=True, seed=4),
    "dataset": lambda: adapt(Numbers(), shuffle=True, seed=4),
    "iterable": lambda: adapt(Again()),
    "iterable with steps": lambda: adapt(Again(), steps=4),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", [0, 1, 4, 5])
def test_an_epoch_begins_with_any_of_its_batches(kind: str, start: int) -> None:
    whole, rest = list(KINDS[kind]().epoch(3)), list(KINDS[kind]().epoch(3, start))
    assert len(rest) == max(len(whole) - start, 0)
    assert all(map(np.array_equal, rest, whole[start:]))


def test_a_generator_drops_the_batches_before_the_start() -> None:
    batches = adapt((X[i : i + 1] for i in range(6)), steps=3)
    batches.first()
    assert [float(x[0, 0]) for x in batches.epoch(0, 1)] == [1, 2]
    assert [float(x[0, 0]) for x in batches.epoch(1, 2)] == [5]
    assert batches.count == 6


def test_a_data_set_does_not_make_the_batches_before_the_start() -> None:
    numbers = Numbers()
    assert len(list(adapt(numbers).epoch(0, 3))) == 2 and numbers.made == [3, 4]


@pytest.mark.parametrize("kind", ["arrays", "shuffled", "dataset"])
def test_epochs_of_some_steps_go_on_from_a_state_that_is_set(kind: str) -> None:
    whole = ContinuedBatches(KINDS[kind](), 3)
    with pytest.warns(HilevelWarning, match="The data ended after 2 of 3 steps"):
        epochs = [list(whole.epoch(number)) for number in range(3)]
    assert list(map(len, epochs)) == [3, 2, 3] and whole.get_state() == (0, 0)
    whole.mark_used()
    assert whole.get_state() == (1, 3)
    first_pass = KINDS[kind]().epoch(0)
    assert all(map(np.array_equal, epochs[0] + epochs[1], first_pass))
    second = ContinuedBatches(KINDS[kind](), 3)
    second.set_state((0, 2))
    with pytest.warns(HilevelWarning):
        rest = [*second.epoch(0, 2), *second.epoch(1), *second.epoch(2)]
    assert len(rest) == 6 and all(map(np.array_equal, rest, [*epochs[0], *epochs[1], *epochs[2]][2:]))


def test_class_weights_become_sample_weights() -> None:
    table = {0: 1.0, 2: 5.0}
    labels = np.array([0, 1, 2, 2])
    wanted = [1, 1, 5, 5]
    one_hot = np.eye(3)[labels]
    for y in (labels, labels[:, None], one_hot):
        np.testing.assert_array_equal(class_to_sample_weight(table, y, None, None, "float32"), wanted)
    both = class_to_sample_weight(table, labels, np.array([1.0, 2, 3, 4]), None, "float32")
    np.testing.assert_array_equal(both, [1, 2, 15, 20])
    several = class_to_sample_weight({"b": table}, {"a": labels, "b": labels}, None, ["a", "b"], "float32")
    np.testing.assert_array_equal(several["a"], [1, 1, 1, 1])
    np.testing.assert_array_equal(several["b"], wanted)
    for wrong, y, words in (
        (table, None, "requires targets"), (table, [labels, labels], "several outputs"), ({"c": table}, {"a": labels}, '"c"'),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            class_to_sample_weight(wrong, y, None, ["a", "b"], "float32")


def test_what_is_not_finite_is_counted() -> None:
    x = X.copy()
    x[3], x[4] = np.nan, np.inf
    assert ArrayBatches(x, X).not_finite() == ["x holds 1 NaN and 1 infinite values"]
    assert adapt([(x, X)]).first() is not None
