"""Class weights: the forms they may have, and what is refused."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
LABELS = np.arange(12) % 3


def model(outputs: int = 1) -> Any:
    hilevel.set_random_seed(0)
    x = hilevel.Input((4,))
    heads = [layers.Dense(3, activation="softmax", name=f"head{i}")(x) for i in range(outputs)]
    made = hilevel.Model(x, heads)
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


class Data(hilevel.utils.PyDataset):
    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        return X[4 * i : 4 * i + 4], LABELS[4 * i : 4 * i + 4]


def on_arrays(w: Any) -> Any:
    return model().fit(X, LABELS, class_weight=w, batch_size=4, shuffle=False, verbose=0)


def on_a_data_set(w: Any) -> Any:
    return model().fit(Data(), class_weight=w, shuffle=False, verbose=0)


def on_a_generator(w: Any) -> Any:
    return model().fit((Data()[i] for i in range(3)), class_weight=w, verbose=0)


def on_a_batch(w: Any) -> Any:
    return model().train_on_batch(X, LABELS, class_weight=w)


WAYS = [on_arrays, on_a_data_set, on_a_generator, on_a_batch]

REFUSED: dict[str, tuple[Any, type[Exception], list[str]]] = {
    "a list": ([1.0, 2.0, 3.0], TypeError, ["list", "dict(enumerate(weights))"]),
    "a tuple": ((1.0, 2.0, 3.0), TypeError, ["tuple", "dict(enumerate(weights))"]),
    "an array": (np.ones(3), TypeError, ["ndarray", "dict(enumerate(weights))"]),
    "text": ("balanced", TypeError, ["str", "dict"]),
    "text keys": ({"cat": 1.0, "dog": 2.0}, ValueError, ["'cat' (str)", "integer"]),
    "numbers as text": ({"0": 1.0}, ValueError, ["'0' (str)", "integer"]),
    "fractions as keys": ({0: 1.0, 0.5: 2.0}, ValueError, ["0.5 (float)", "integer"]),
    "NaN as a key": ({float("nan"): 1.0}, ValueError, ["nan (float)"]),
    "tuples as keys": ({(0, 1): 1.0}, ValueError, ["(0, 1) (tuple)"]),
    "text as a weight": ({0: "heavy"}, ValueError, ["'heavy'", "class 0", "number"]),
    "None as a weight": ({0: 1.0, 1: None}, ValueError, ["None", "class 1"]),
    "a list as a weight": ({0: [1.0]}, ValueError, ["[1.0]", "class 0"]),
    "a negative weight": ({0: 1.0, 2: -0.5}, ValueError, ["-0.5", "class 2", "not negative"]),
    "a weight of NaN": ({0: float("nan")}, ValueError, ["nan", "class 0"]),
    "an infinite weight": ({0: np.inf}, ValueError, ["inf", "finite"]),
    "an output's weights as a list": ({"head0": {0: 1.0}, "head1": [1.0, 2.0]}, TypeError, ["head1", "enumerate"]),
    "an output's classes as text": ({"head0": {"a": 1.0}}, ValueError, ["class_weight['head0']", "'a' (str)"]),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str, way: Any, backend: Any) -> None:
    weights, kind, words = REFUSED[case]
    with pytest.raises(kind) as error:
        way(weights)
    assert type(error.value) is kind and "class_weight" in str(error.value)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("weights", [
    {0: 1.0, 1: 2.0, 2: 0.5}, {0: 1, 1: 2, 2: 0.5}, {0.0: 1.0, 1.0: 2.0, 2.0: 0.5}, {1: 2.0, 2: 0.5},
    {np.int64(1): np.float32(2), np.uint8(2): np.array(0.5)},
])  # fmt: skip
def test_forms_of_the_same_weights(weights: Any, way: Any, backend: Any) -> None:
    result = way(weights)
    sample_weight = np.array([1.0, 2.0, 0.5])[LABELS]
    if way is on_a_batch:
        assert result == pytest.approx(model().train_on_batch(X, LABELS, sample_weight), rel=1e-6)
    else:
        expected = model().fit(X, LABELS, sample_weight=sample_weight, batch_size=4, shuffle=False, verbose=0)
        assert result.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-5)


@pytest.mark.parametrize("y", [LABELS, LABELS[:, None], LABELS + 0.2, np.eye(4)[LABELS]])
def test_classes_that_never_occur_are_warned_of_once(y: Any, backend: Any) -> None:
    made = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(y.shape[-1] if y.ndim > 1 else 1)])
    made.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="class_weight .* never occur in the targets: 3, 7. Check") as found:
        made.fit(X, y, class_weight={0: 1.0, 7: 2.0, 3: 2.0}, epochs=3, verbose=0)
    assert len(found) == 1 and found[0].filename == __file__


def test_classes_that_never_occur_in_one_of_several_outputs(backend: Any) -> None:
    weights = {"head0": {0: 1.0, 5: 1.0}, "head1": {1: 1.0}}
    for y in ([LABELS, LABELS], {"head0": LABELS, "head1": LABELS}):
        with pytest.warns(UserWarning, match='never occur in the targets: 5 of output "head0"') as found:
            model(2).fit(X, y, class_weight=weights, verbose=0)
        assert len(found) == 1


def test_batches_and_streams_may_lack_a_class(backend: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        on_a_data_set({0: 1.0, 9: 2.0})
        on_a_generator({0: 1.0, 9: 2.0})
        on_a_batch({0: 1.0, 9: 2.0})
        on_arrays({0: 1.0})


def test_targets_of_nan_count_one(backend: Any) -> None:
    made = hilevel.Sequential([hilevel.Input((4,)), layers.Dense(1)])
    made.compile("sgd", "mse")
    y = LABELS.astype("float32")
    y[0] = np.nan
    with pytest.warns(RuntimeWarning, match="loss became NaN"):
        made.fit(X, y, class_weight={0: 1.0, 1: 2.0}, verbose=0)
