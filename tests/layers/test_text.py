"""Text, lookups and intervals as integers. Keras's own of these need TensorFlow; what is expected is from the examples in
its documentation, or counted by hand after its rules: the most frequent token first, ties in reverse order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import errors, layers, ops
from hilevel.layers.preprocessing.hashes import fingerprint64, siphash64

ABCD = ["a", "b", "c", "d"]
NUMBERS = [12, 36, 1138, 42]
IDF = [0.25, 0.75, 0.6, 0.4]
TEXTS = ["foo bar", "bar baz", "baz bada boom"]


def close(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-6)


# -- lookups: class, arguments, inputs, and what comes out ---------------------------------------------

LOOKUPS: dict[str, tuple[str, dict[str, Any], Any, Any]] = {
    "strings": ("StringLookup", {"vocabulary": ABCD}, [["a", "c", "d"], ["d", "z", "b"]], [[1, 3, 4], [4, 0, 2]]),
    "bytes": ("StringLookup", {"vocabulary": ABCD}, np.array([b"a", b"z"]), [1, 0]),
    "a single string": ("StringLookup", {"vocabulary": ABCD}, "c", 3),
    "a mask": ("StringLookup", {"vocabulary": ABCD, "mask_token": ""}, [["a", "", "z"]], [[2, 0, 1]]),
    "special tokens given": (
        "StringLookup", {"vocabulary": ["", "[UNK]", *ABCD], "mask_token": ""}, [["a", "", "z"]], [[2, 0, 1]],
    ),
    "two unknown": (
        "StringLookup", {"vocabulary": ABCD, "num_oov_indices": 2}, [["a", "c", "d"], ["m", "z", "b"]],
        [[2, 4, 5], [0, 1, 3]],
    ),
    "none unknown": ("StringLookup", {"vocabulary": ABCD, "num_oov_indices": 0}, ["b", "a"], [1, 0]),
    "one hot": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "one_hot"}, ["a", "d", "z"],
        [[0, 1, 0, 0, 0], [0, 0, 0, 0, 1], [1, 0, 0, 0, 0]],
    ),
    "one hot, last axis of 1": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "one_hot"}, [["a"], ["z"]],
        [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]],
    ),
    "multi hot": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "multi_hot"},
        [["a", "c", "d", "d"], ["d", "z", "b", "z"]], [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1]],
    ),
    "multi hot, one axis": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "multi_hot"}, ["d", "z", "b"], [1, 0, 1, 0, 1],
    ),
    "counts without masks": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "count", "mask_token": ""},
        [["a", "", "d", "d"], ["z", "", "", "z"]], [[0, 1, 0, 0, 2], [2, 0, 0, 0, 0]],
    ),
    "counts, filled up": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "count", "max_tokens": 7, "pad_to_max_tokens": True},
        [["a", "c", "d", "d"]], [[0, 1, 0, 1, 2, 0, 0]],
    ),
    "tf-idf": (
        "StringLookup", {"vocabulary": ABCD, "output_mode": "tf_idf", "idf_weights": IDF},
        [["a", "c", "d", "d"], ["d", "z", "b", "z"]], [[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]],
    ),
    "tf-idf with a weight of the unknown": (
        "StringLookup", {"vocabulary": ["[UNK]", *ABCD], "output_mode": "tf-idf", "idf_weights": [0.9, *IDF]},
        [["a", "c", "d", "d"], ["d", "z", "b", "z"]], [[0, 0.25, 0, 0.6, 0.8], [1.8, 0, 0.75, 0, 0.4]],
    ),
    "integers": ("IntegerLookup", {"vocabulary": NUMBERS}, [[12, 1138, 42], [42, 1000, 36]], [[1, 3, 4], [4, 0, 2]]),
    "integers, two unknown": (
        "IntegerLookup", {"vocabulary": NUMBERS, "num_oov_indices": 2}, np.array([[12, 1138, 42], [37, 1000, 36]]),
        [[2, 4, 5], [1, 0, 3]],
    ),
    "integers, hashed": (
        "IntegerLookup", {"vocabulary": [10, 20, 30], "num_oov_indices": 4, "oov_method": "farmhash"},
        [100, 300, 700, 1100, 1700, 2000], [3, 3, 2, 2, 0, 1],
    ),
    "integers inverted": (
        "IntegerLookup", {"vocabulary": NUMBERS, "invert": True}, [[1, 3, 4], [4, 0, 2]], [[12, 1138, 42], [42, -1, 36]],
    ),
    "hashes": ("Hashing", {"num_bins": 3}, [["A"], ["B"], ["C"], ["D"], ["E"]], [[1], [0], [1], [1], [2]]),
    "hashes with a mask": (
        "Hashing", {"num_bins": 3, "mask_value": ""}, [["A"], ["B"], [""], ["C"], ["D"]], [[1], [1], [0], [2], [2]],
    ),
    "hashes with a salt": (
        "Hashing", {"num_bins": 3, "salt": [133, 137]}, [["A"], ["B"], ["C"], ["D"], ["E"]], [[1], [2], [1], [0], [2]],
    ),
    "hashes with one number as salt": (
        "Hashing", {"num_bins": 3, "salt": 133}, [["A"], ["B"], ["C"], ["D"], ["E"]], [[0], [0], [2], [1], [0]],
    ),
    "hashes one hot": (
        "Hashing", {"num_bins": 3, "output_mode": "one_hot"}, [["A"], ["B"]], [[0, 1, 0], [1, 0, 0]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOOKUPS)
def test_lookups(name: str, backend: Any) -> None:
    cls, arguments, inputs, expected = LOOKUPS[name]
    layer = getattr(layers, cls)(**arguments)
    found = layer(inputs)
    assert backend.is_array(found) or np.ndim(found) == 0
    close(found, expected)
    close(layers.deserialize(layers.serialize(layer))(inputs), expected)


def test_strings_come_back() -> None:
    layer = layers.StringLookup(vocabulary=ABCD)
    back = layers.StringLookup(vocabulary=layer.get_vocabulary(), invert=True)
    assert back(layer([["a", "c"], ["d", "z"]])).tolist() == [["a", "c"], ["d", "[UNK]"]]


def test_a_tensor_of_integers_is_looked_up(backend: Any) -> None:
    close(layers.IntegerLookup(vocabulary=NUMBERS)(ops.convert_to_tensor([42, 7])), [4, 0])


@pytest.mark.parametrize(
    "data", [[["a", "c", "d"], ["d", "z", "b"]], iter([["a", "c", "d"], ["d", "z", "b"]])]
)
def test_a_vocabulary_is_learned(data: Any) -> None:
    layer = layers.StringLookup()
    layer.adapt(data)
    assert layer.get_vocabulary() == ["[UNK]", "d", "z", "c", "b", "a"]
    assert layer.get_vocabulary(include_special_tokens=False) == ["d", "z", "c", "b", "a"]
    assert layer.vocabulary_size() == 6
    layer.adapt(["x", "y", "y"])
    assert layer.get_vocabulary() == ["[UNK]", "y", "x"]


def test_a_vocabulary_is_limited_and_special_tokens_are_not_learned() -> None:
    layer = layers.IntegerLookup(max_tokens=4, mask_token=0)
    layer.adapt(np.array([[0, 0, 5, 7], [-1, 5, 9, 7], [3, 0, 5, 2]]))
    assert layer.get_vocabulary() == [0, -1, 5, 7]


def test_infinite_data_are_taken_so_many_steps() -> None:
    layer = layers.StringLookup()
    layer.adapt((["a", "b"] if i < 2 else ["c"] for i in iter(int, 1) for i in (0, 1, 2)), steps=2)
    assert layer.get_vocabulary() == ["[UNK]", "b", "a"]


def test_inverse_document_frequencies_are_learned() -> None:
    layer = layers.StringLookup(output_mode="tf_idf", max_tokens=5, pad_to_max_tokens=True)
    layer.adapt([["a", "a", "b"], ["b", "c", "a"], ["d", "b", "b"]])  # b in 3 of 3 documents, a in 2, d in 1
    b, a, d, c = (np.log(1 + 3 / (1 + n)) for n in (3, 2, 1, 1))
    assert layer.get_vocabulary() == ["[UNK]", "b", "a", "d", "c"]
    close(layer([["a", "a", "b", "z"]]), [[np.mean([b, a, d, c]), b, 2 * a, 0, 0]])


def test_a_vocabulary_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a\nb\n")
    assert layers.StringLookup(vocabulary=str(tmp_path / "words.txt")).get_vocabulary() == ["[UNK]", "a", "b"]


@pytest.mark.parametrize("cls", ["StringLookup", "TextVectorization"])
def test_vocabulary_and_weights_are_saved(cls: str, tmp_path: Path) -> None:
    layer, again = getattr(layers, cls)(output_mode="tf_idf"), getattr(layers, cls)(output_mode="tf_idf")
    layer.adapt(["a", "b", "b", "é"])
    store: dict[str, Any] = {}
    layer.save_own_variables(store)
    layer.save_assets(tmp_path)
    again.load_own_variables(store)
    again.load_assets(tmp_path)
    assert again.get_vocabulary() == layer.get_vocabulary() == ["[UNK]", "b", "é", "a"]
    close(again(["b", "é"]), layer(["b", "é"]))


# -- text: arguments, what it adapts to or its vocabulary, and what comes of which texts ------------------

TEXT: dict[str, tuple[dict[str, Any], Any, Any, Any]] = {
    "documented": (
        {"output_sequence_length": 4, "max_tokens": 5000}, TEXTS, [["foo qux bar"], ["qux baz"]],
        [[4, 1, 3, 0], [1, 2, 0, 0]],
    ),
    "as long as the longest": ({}, TEXTS, ["foo qux bar", "qux baz"], [[4, 1, 3], [1, 2, 0]]),
    "cut": ({"output_sequence_length": 1}, TEXTS, ["foo qux bar", "", "baz"], [[4], [0], [2]]),
    "one text": ({}, TEXTS, "foo qux bar", [4, 1, 3]),
    "standardized": ({}, TEXTS, ["  FOO,\tb'a.r\n#baz!"], [[4, 3, 2]]),
    "lower case only": ({"standardize": "lower"}, TEXTS, ["FOO bar! É"], [[4, 1, 1]]),
    "only ASCII is lowered": ({"standardize": "lower", "vocabulary": ["é"]}, None, ["é É"], [[2, 1]]),
    "punctuation only": ({"standardize": "strip_punctuation"}, TEXTS, ["FOO bar!"], [[1, 3]]),
    "as it is": ({"standardize": None}, TEXTS, ["Foo bar! bar"], [[1, 1, 3]]),
    "by a function": ({"standardize": lambda x: np.char.replace(x, "-", " ")}, TEXTS, ["foo-bar"], [[4, 3]]),
    "characters": ({"split": "character", "vocabulary": ["a", "b"]}, None, ["ab", "B c"], [[2, 3, 0], [3, 1, 1]]),
    "split by a function": (
        {"split": lambda texts: [t.split("|") for t in texts], "standardize": None, "vocabulary": ["a b", "c"]},
        None, ["a b|c"], [[2, 3]],
    ),
    "not split": ({"split": None, "vocabulary": ["a b", "c"]}, None, [["c", "a b"], ["A b!", "a"]], [[3, 2], [2, 1]]),
    "pairs": (
        {"ngrams": 2, "vocabulary": ["a", "b", "a b", "b a"]}, None, ["a b a", "c"],
        [[2, 3, 2, 4, 5], [1, 0, 0, 0, 0]],
    ),
    "pairs alone": ({"ngrams": (2,), "vocabulary": ["a b", "b a"]}, None, ["a b a", "c"], [[2, 3], [0, 0]]),
    "multi hot": ({"output_mode": "multi_hot"}, TEXTS, ["foo foo qux", "baz"], [[1, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 0]]),
    "count": ({"output_mode": "count"}, TEXTS, ["foo foo qux", ""], [[1, 0, 0, 2, 0, 0], [0, 0, 0, 0, 0, 0]]),
    "count, limited": ({"output_mode": "count", "max_tokens": 3}, TEXTS, ["foo foo bar"], [[2, 0, 1]]),
    "tf-idf": (
        {"output_mode": "tf_idf", "vocabulary": ABCD, "idf_weights": IDF}, None, ["a c d d", "d z b z"],
        [[0, 0.25, 0, 0.6, 0.8], [1, 0, 0.75, 0, 0.4]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT)
def test_text_vectorization(name: str, backend: Any) -> None:
    arguments, data, texts, expected = TEXT[name]
    layer = layers.TextVectorization(**arguments)
    if data is not None:
        layer.adapt(data)
    close(layer(texts), expected)
    close(layer(np.array(texts)), expected)


def test_the_vocabulary_of_texts() -> None:
    layer = layers.TextVectorization()
    layer.adapt(iter([TEXTS[:2], np.array(TEXTS[2:])]))
    assert layer.get_vocabulary() == ["", "[UNK]", "baz", "bar", "foo", "boom", "bada"]
    layer = layers.TextVectorization(vocabulary=["earth", "wind", "and", "fire"], output_mode="int")
    assert layer.get_vocabulary() == ["", "[UNK]", "earth", "wind", "and", "fire"]
    again = layers.deserialize(layers.serialize(layer))
    close(again(["Wind and fire"]), [[3, 4, 5]])


def test_a_model_is_trained_on_texts(backend: Any) -> None:
    vectorize = layers.TextVectorization(output_mode="multi_hot")
    texts, labels = ["good film", "great film", "bad film", "poor thing"] * 8, np.array([1, 1, 0, 0] * 8)
    vectorize.adapt(texts)
    model = hilevel.Sequential([layers.Dense(1, activation="sigmoid")])
    model.compile(hilevel.optimizers.Adam(0.3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(vectorize(texts), labels, epochs=5, verbose=0)
    assert model.evaluate(vectorize(texts), labels, verbose=0)[1] == 1


# -- hashes, against pyfarmhash 0.4 and the vector of the paper -----------------------------------------

FARMHASH = {
    0: 11160318154034397263, 3: 3979540680440595841, 7: 10810953559526984053, 8: 1081479215267182365,
    16: 2161736752036300631, 17: 7337602293499926190, 32: 7714376564712875119, 33: 13647079065380818870,
    64: 1907212410693397370, 65: 8220491543423646622, 128: 500231257745944714, 129: 9688664611621856643,
    300: 17002858302555437011,
}  # fmt: skip


@pytest.mark.parametrize("length", FARMHASH)
def test_farmhash(length: int) -> None:
    assert fingerprint64(bytes((i * 37 + 11) % 251 for i in range(length))) == FARMHASH[length]


def test_siphash() -> None:
    assert siphash64(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)) == 0xA129CA6149BE45E5


# -- what cannot be done --------------------------------------------------------------------------------

X = ["a"]
WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "unknown": (lambda: layers.StringLookup(vocabulary=ABCD, num_oov_indices=0)(["q"]), ValueError, "'q' is not in"),
    "twice": (lambda: layers.StringLookup(vocabulary=["a", "b", "a"]), ValueError, r"more than once: \['a'\]"),
    "empty": (lambda: layers.StringLookup(vocabulary=[]), ValueError, "empty"),
    "too many": (lambda: layers.StringLookup(3, vocabulary=ABCD), ValueError, "5 tokens are more than max_tokens=3"),
    "mask inside": (lambda: layers.StringLookup(vocabulary=["a", ""], mask_token=""), ValueError, "at the beginning"),
    "mode": (lambda: layers.StringLookup(output_mode="ints"), ValueError, "output_mode must be one of"),
    "inverted mode": (lambda: layers.StringLookup(invert=True, output_mode="count"), ValueError, "output_mode must be 'int', where invert=True"),
    "max_tokens": (lambda: layers.StringLookup(1), ValueError, "2 or more; got 1"),
    "padding": (lambda: layers.StringLookup(pad_to_max_tokens=True), ValueError, "max_tokens must be an integer"),
    "weights": (lambda: layers.StringLookup(vocabulary=X, idf_weights=[1]), ValueError, "must be 'tf_idf', where idf_weights"),
    "no weights": (lambda: layers.StringLookup(vocabulary=X, output_mode="tf_idf"), ValueError, "idf_weights are required"),
    "other weights": (
        lambda: layers.StringLookup(vocabulary=X, output_mode="tf_idf", idf_weights=[1, 2]), ValueError, "1 tokens need",
    ),
    "adapt": (lambda: layers.StringLookup(vocabulary=X).adapt(X), ValueError, "has a vocabulary from its constructor"),
    "too early": (lambda: layers.StringLookup(output_mode="count")(X), ValueError, "call adapt"),
    "ragged": (lambda: layers.TextVectorization(ragged=True), NotImplementedError, "ragged"),
    "salt": (lambda: layers.IntegerLookup(salt=3), ValueError, "oov_method='farmhash'"),
    "two axes": (lambda: layers.TextVectorization()([["a", "b"]]), ValueError, r"\(1, 2\).*split=None"),
    "standardize": (lambda: layers.TextVectorization(standardize="lowr"), ValueError, "'lower'.*'lowr'"),
    "length": (
        lambda: layers.TextVectorization(output_mode="count", output_sequence_length=3), ValueError, "must be 'int'",
    ),
    "bins": (lambda: layers.Hashing(0), ValueError, "num_bins"),
    "both": (lambda: layers.Discretization([1.0], num_bins=2), ValueError, "either"),
    "no bounds": (lambda: layers.Discretization(num_bins=2)(np.ones(3)), ValueError, "call adapt"),
    "bounds": (lambda: layers.Discretization([1.0]).adapt(np.ones(3)), ValueError, "has boundaries from its constructor"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_uses_say_what_is_wrong(name: str) -> None:
    run, kind, words = WRONG[name]
    with pytest.raises(kind, match=words):
        run()


def test_lookups_are_not_part_of_graphs(backend: Any) -> None:
    layer = layers.IntegerLookup(vocabulary=NUMBERS)
    with pytest.raises(errors.TracedValueError, match="Apply it to the data first"):
        layer(hilevel.Input((3,), dtype="int32"))
    with pytest.raises(errors.TracedValueError, match="Apply it to the data first"):
        hilevel.jit(layer)(ops.convert_to_tensor([12]))


def test_a_chain_with_a_lookup_runs_layer_by_layer(backend: Any) -> None:
    lookup, words = layers.IntegerLookup(vocabulary=NUMBERS), np.array([[12, 12], [36, 5], [12, 36], [1, 1]])
    rest = hilevel.Sequential([layers.Embedding(9, 3), layers.Flatten(), layers.Dense(1)])
    model = hilevel.Sequential([lookup, *rest.layers])
    model.compile("sgd", "mse")
    first, *_, last = model.fit(words, np.arange(4.0), epochs=20, verbose=0).history["loss"]
    assert last < first
    close(model.predict(words, verbose=0), rest(lookup(words)))


# -- intervals: the boundaries are those that Keras 3.15.1 finds ------------------------------------------

MANY = np.round(np.random.default_rng(0).normal(size=300), 3).astype("float32")
BOUNDARIES = {
    "some": [0.0, 0.5, 1.3],
    "parts": [-0.7130005359649658, -0.07700134813785553, 0.6809999942779541],
    "whole": [-0.7130003571510315, -0.07700061798095703, 0.6779999732971191],
}
SOME = np.array([[-1.5, 1.0, 3.4, 0.5], [0.0, 3.0, 1.3, 0.0]])


def test_intervals(backend: Any) -> None:
    run = lambda mode, x=SOME: layers.Discretization([0.0, 1.0, 2.0], output_mode=mode)(x)
    close(run("int"), [[0, 2, 3, 1], [1, 3, 2, 1]])
    close(run("multi_hot"), [[1, 1, 1, 1], [0, 1, 1, 1]])
    close(run("count"), [[1, 1, 1, 1], [0, 2, 1, 1]])
    close(run("one_hot", SOME[:, :1]), [[1, 0, 0, 0], [0, 1, 0, 0]])
    assert [run(m, np.zeros((2, 5, 3))).shape for m in ("one_hot", "count")] == [(2, 5, 3, 4), (2, 3, 4)]
    close(hilevel.jit(lambda x: run("int", x))(SOME), [[0, 2, 3, 1], [1, 3, 2, 1]])
    assert layers.Discretization([0.0])(hilevel.Input((4,))).shape == (None, 4)


def test_intervals_are_learned(backend: Any) -> None:
    layer = layers.Discretization(num_bins=4)
    layer.adapt(SOME)
    close(layer.bin_boundaries, BOUNDARIES["some"])
    close(layer(SOME), [[0, 2, 3, 2], [1, 3, 3, 1]])
    layer.adapt([MANY[:200], MANY[200:]])
    close(layer.bin_boundaries, BOUNDARIES["parts"])
    layer.adapt(iter([MANY, MANY]), steps=1)
    close(layer.bin_boundaries, BOUNDARIES["whole"])
    again = layers.deserialize(layers.serialize(layer))
    close(again(SOME), ops.convert_to_numpy(layer(SOME)))
