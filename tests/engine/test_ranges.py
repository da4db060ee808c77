"""Labels and indices outside their range: one message everywhere, and NaN where only the device has the numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers, losses, ops
from hilevel.engine.ranges import Range
from hilevel.errors import OutOfRangeError

X = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
LABELS = np.arange(12) % 3
TOKENS = np.arange(24).reshape(12, 2) % 5


class Batched(hilevel.utils.PyDataset):
    def __init__(self, x: Any, y: Any) -> None:
        super().__init__()
        self.x, self.y = x, y

    def __len__(self) -> int:
        return 3

    def __getitem__(self, i: int) -> Any:
        return self.x[4 * i : 4 * i + 4], self.y[4 * i : 4 * i + 4]


FEEDS: dict[str, Any] = {
    "arrays": lambda x, y: (x, y),
    "a data set": lambda x, y: (Batched(x, y),),
    "a generator": lambda x, y: ((Batched(x, y)[i] for i in range(3)),),
}


def size(feed: str) -> dict[str, int]:
    """Return the argument `batch_size` for arrays, as the other data are batches."""
    return {"batch_size": 4} if feed == "arrays" else {}


def classifier(from_logits: bool = False) -> Any:
    hilevel.set_random_seed(0)
    last = layers.Dense(3, activation=None if from_logits else "softmax")
    model = hilevel.Sequential([layers.Input((4,)), last])
    model.compile("sgd", losses.SparseCategoricalCrossentropy(from_logits=from_logits))
    return model


def changed(array: Any, value: Any) -> Any:
    """The array with another value in its third batch."""
    array = np.array(array, "float64" if isinstance(value, float) else array.dtype)
    array.reshape(-1)[-1] = value
    return array


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("value", [3, -1, float("nan"), 2.0**31])
@pytest.mark.parametrize("from_logits", [False, True])
def test_labels(feed: str, value: Any, from_logits: bool, backend: Any) -> None:
    model = classifier(from_logits)
    before = model.get_weights()
    y = changed(LABELS, value)
    with pytest.raises(OutOfRangeError, match=rf"label {float(value):.0f}.* in y is outside 0..2"):
        model.fit(*FEEDS[feed](X, y), **size(feed), shuffle=False, verbose=0)
    if feed == "arrays":
        for old, new in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
    with pytest.raises(OutOfRangeError, match=r"is outside 0\.\.2"):
        model.evaluate(*FEEDS[feed](X, y), **size(feed), verbose=0)
    with pytest.raises(OutOfRangeError, match=r"is outside 0\.\.2"):
        model.train_on_batch(X, y)


@pytest.mark.parametrize("shape", [(12,), (12, 1)])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "float32"])
def test_labels_within_their_range_are_taken(shape: Any, dtype: str, backend: Any) -> None:
    model = classifier()
    assert np.isfinite(model.fit(X, LABELS.reshape(shape).astype(dtype), verbose=0).history["loss"]).all()


def test_a_label_that_is_ignored(backend: Any) -> None:
    model = classifier()
    model.compile("sgd", losses.SparseCategoricalCrossentropy(ignore_class=-1))
    assert np.isfinite(model.fit(X, changed(LABELS, -1), verbose=0).history["loss"]).all()
    with pytest.raises(OutOfRangeError, match="label -2"):
        model.fit(X, changed(LABELS, -2), verbose=0)


def test_the_output_is_named(backend: Any) -> None:
    x = hilevel.Input((4,))
    outputs = [layers.Dense(3, activation="softmax", name=name)(x) for name in ("first", "second")]
    model = hilevel.Model(x, outputs)
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(OutOfRangeError, match=r"label 7 in y\[1\] .*"):
        model.fit(X, [LABELS, changed(LABELS, 7)], verbose=0)


def texts(dtype: Any = None) -> Any:
    x = hilevel.Input((2,), dtype=dtype, name="words")
    hidden = layers.Embedding(5, 4, name="table")(x)
    model = hilevel.Model(x, layers.Dense(1)(layers.Flatten()(hidden)))
    model.compile("sgd", "mse")
    return model


class Subclassed(hilevel.Model):
    def __init__(self) -> None:
        super().__init__()
        self.table = layers.Embedding(5, 4, name="table")
        self.head = layers.Dense(1)

    def call(self, inputs: Any) -> Any:
        words = ops.reshape(inputs["words"], (-1, 2))
        return self.head(ops.mean(self.table(words), axis=1))


@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("value", [5, -1, 1000])
@pytest.mark.parametrize("dtype", [None, "int32"])
def test_indices_of_an_embedding(feed: str, value: int, dtype: Any, backend: Any) -> None:
    model, x, y = texts(dtype), changed(TOKENS, value), np.zeros((12, 1))
    message = f'Embedding "table": index {value}.* in x is outside 0..4. Give the layer a larger input_dim'
    with pytest.raises(OutOfRangeError, match=message):
        model.fit(*FEEDS[feed](x, y), **size(feed), shuffle=False, verbose=0)
    with pytest.raises(OutOfRangeError, match=message):
        model.predict(FEEDS[feed](x, y)[0], **size(feed), verbose=0)
    with pytest.raises(IndexError, match="Embedding"):
        model.predict_on_batch(x)
    assert np.isfinite(model.predict(TOKENS, verbose=0)).all()


def test_indices_in_a_dict_of_a_subclassed_model(backend: Any) -> None:
    model = Subclassed()
    model.compile("sgd", "mse")
    data = {"other": X, "words": TOKENS}
    model.fit(data, np.zeros((12, 1)), verbose=0)
    with pytest.raises(OutOfRangeError, match=r'Embedding "table": index 9 in x\[.words.\] is outside 0..4'):
        model.fit({"other": X, "words": changed(TOKENS, 9)}, np.zeros((12, 1)), verbose=0)
    with pytest.raises(OutOfRangeError, match=r"index 9 in x\[.words.\]"):
        model.predict({"words": changed(TOKENS, 9), "other": X}, verbose=0)


@pytest.mark.parametrize("index", [-1, 5, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("run", [lambda f: f, hilevel.jit])
def test_computed_indices_give_nan(index: int, run: Any, backend: Any) -> None:
    table = layers.Embedding(5, 3)
    table.build((None,))
    call = run(lambda x: table(x + 0))
    start = np.array([1, 4], "int32")
    for _ in range(3):
        good = ops.convert_to_numpy(call(start))
        np.testing.assert_array_equal(good, table.embeddings.numpy()[[1, 4]])
    call = run(lambda x: ops.sum(table(x + ops.convert_to_tensor(np.int32(0)))))
    if run is hilevel.jit:
        assert np.isfinite(float(call(start)))
        assert np.isnan(float(call(np.array([1, index], "int32"))))


def test_the_gradient_leaves_out_indices_outside(backend: Any) -> None:
    from hilevel.ops.numpy.indexing import embedding_lookup, pick

    table = ops.convert_to_tensor(np.ones((3, 2), "float32"))
    indices = ops.convert_to_tensor(np.array([0, 3, -1, 2, 2], "int32"))

    def total(t: Any) -> Any:
        rows = embedding_lookup(t, indices)
        return ops.sum(ops.where(ops.isnan(rows), 0.0, rows))

    np.testing.assert_array_equal(ops.convert_to_numpy(hilevel.grad(total)(table)), [[1, 1], [0, 0], [2, 2]])
    x = ops.convert_to_tensor(np.ones((3, 2), "float32"))
    places = ops.convert_to_tensor(np.array([1, 2, -1], "int32"))

    def picked(t: Any) -> Any:
        own = pick(t, places)
        return ops.sum(ops.where(ops.isnan(own), 0.0, own))

    np.testing.assert_array_equal(ops.convert_to_numpy(hilevel.grad(picked)(x)), [[0, 1], [0, 0], [0, 0]])


@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("label", [3, -1])
@pytest.mark.parametrize("count", [4, 40_000])
def test_computed_labels_give_nan(from_logits: bool, label: int, count: int, backend: Any) -> None:
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    scores = np.full((count, 3), 1 / 3, "float32")

    @hilevel.jit
    def value_and_gradient(y: Any, p: Any) -> Any:
        return hilevel.value_and_grad(lambda q: loss(y + 0, q))(p)

    good = np.zeros(count, "int32")
    for _ in range(3):
        assert np.isfinite(float(value_and_gradient(good, scores)[0]))
    bad = good.copy()
    bad[1] = label
    assert np.isnan(float(value_and_gradient(bad, scores)[0]))


def test_labels_of_ctc(backend: Any) -> None:
    scores = np.zeros((1, 4, 3), "float32")
    with pytest.raises(OutOfRangeError, match="ctc: label 3"):
        losses.CTC()(np.array([[1, 3]]), scores)
    step = hilevel.jit(lambda y: losses.CTC()(y + 0, ops.convert_to_tensor(scores)))
    assert np.isfinite(float(step(np.array([[1, 2]], "int32"))))
    assert np.isnan(float(step(np.array([[1, 3]], "int32"))))


# -- targets of binary losses ------------------------------------------------------------------------

BINARY = LABELS % 2


def binary(loss: Any, eager: bool = False) -> Any:
    hilevel.set_random_seed(0)
    model = hilevel.Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", loss, run_eagerly=eager)
    return model


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("feed", FEEDS)
@pytest.mark.parametrize("value", [-1, 2, -1.0, 2.0, float("inf")])
@pytest.mark.parametrize("loss", ["binary_crossentropy", "binary_focal_crossentropy"])
def test_targets_of_binary_losses(loss: str, value: Any, feed: str, eager: bool, backend: Any) -> None:
    model, y = binary(loss, eager), changed(BINARY, value)
    message = rf"{loss}: target {value} in y is outside 0\.\.1\. .*\(y \+ 1\) / 2.*hinge.*sparse_categorical"
    for run in (model.fit, model.evaluate):
        with pytest.raises(OutOfRangeError, match=message):
            run(*FEEDS[feed](X, y), **size(feed), verbose=0)
    with pytest.raises(OutOfRangeError, match=message):
        model.train_on_batch(X, y)


@pytest.mark.parametrize("kind", ["BinaryCrossentropy", "BinaryFocalCrossentropy"])
@pytest.mark.parametrize("convert", [np.asarray, list])
def test_a_binary_loss_called_by_hand(kind: str, convert: Any, backend: Any) -> None:
    loss = getattr(losses, kind)()
    function = (
        losses.binary_crossentropy if kind == "BinaryCrossentropy" else losses.binary_focal_crossentropy
    )
    prediction = np.full(3, 0.5, "float32")
    for call in (loss, function, lambda y, p: hilevel.grad(lambda p: loss(y, p))(p)):
        assert np.isfinite(ops.convert_to_numpy(call(convert([0, 1, 1.05]), prediction))).all()
        with pytest.raises(OutOfRangeError, match="target -1"):
            call(convert([0, 1, -1]), prediction)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "float32", "float64"])
def test_targets_that_binary_losses_take(dtype: str, backend: Any) -> None:
    y = BINARY.astype(dtype)
    y = y if y.dtype.kind != "f" else y * 1.2 - 0.1
    assert np.isfinite(binary("binary_crossentropy").fit(X, y, verbose=0).history["loss"]).all()


def test_a_target_of_nan_in_a_binary_loss_is_reported_by_the_loss(backend: Any) -> None:
    with pytest.warns(RuntimeWarning, match="loss became NaN.* y holds 1 NaN"):
        history = binary("bce").fit(X, changed(BINARY, float("nan")), verbose=0).history
    assert np.isnan(history["loss"]).all()
    assert np.isnan(float(losses.BinaryCrossentropy()(np.array([0.0, np.nan]), np.array([0.5, 0.5]))))


def test_computed_targets_of_binary_losses_are_not_checked(backend: Any) -> None:
    def masked(y_true: Any, y_pred: Any) -> Any:
        known = ops.cast(ops.not_equal(y_true, -1), "float32")
        return ops.mean(losses.binary_crossentropy(y_true * known, y_pred)[:, None] * known)

    assert np.isfinite(binary(masked).fit(X, changed(BINARY, -1)[:, None], verbose=0).history["loss"]).all()


@pytest.mark.parametrize("feed", FEEDS)
def test_integers_of_a_category_encoding(feed: str, backend: Any) -> None:
    model = hilevel.Sequential(
        [layers.Input((2,), dtype="int32"), layers.CategoryEncoding(5, name="code"), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    message = r'CategoryEncoding "code": integer 5 in x is outside 0\.\.4'
    with pytest.raises(OutOfRangeError, match=message):
        model.fit(*FEEDS[feed](changed(TOKENS, 5), np.zeros((12, 1))), **size(feed), verbose=0)


def test_labels_of_the_generalized_cross_entropy(backend: Any) -> None:
    loss = losses.CategoricalGeneralizedCrossEntropy()
    scores = np.full((2, 3), 1 / 3, "float32")
    with pytest.raises(OutOfRangeError, match="label 3"):
        loss(np.array([0, 3]), scores)
    step = hilevel.jit(lambda y: loss(y + 0, ops.convert_to_tensor(scores)))
    assert np.isfinite(float(step(np.array([0, 2], "int32"))))
    assert np.isnan(float(step(np.array([0, 3], "int32"))))
    assert np.isnan(float(step(np.array([0, -1], "int32"))))


def test_arrays_of_a_validation_are_checked_once(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    checked: list[int] = []
    check = Range.check
    monkeypatch.setattr(
        Range, "check", lambda self, a, where="": (checked.append(len(a)), check(self, a, where))[1]
    )
    model = classifier()
    model.fit(X, LABELS, epochs=4, verbose=0, validation_data=(X[:5], LABELS[:5]))
    assert [n for n in checked if n == 5] == [5]
