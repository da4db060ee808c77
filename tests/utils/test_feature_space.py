"""`FeatureSpace`: each kind of feature, crosses, rows and batches, models, files. The judge is Keras 3.15.1 on TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.utils import FeatureSpace

TABLE: dict[str, Any] = {
    "age": [20.0, 30.0, 40.0, 50.0],
    "pay": [1.0, 2.0, 3.0, 4.0],
    "rank": [7, 8, 8, 9],
    "city": ["Rome", "Oslo", "Rome", "Bern"],
}


def host(x: Any) -> Any:
    return hilevel.ops.convert_to_numpy(x)


def row(i: int) -> dict[str, Any]:
    return {name: column[i] for name, column in TABLE.items()}


def space(output_mode: str = "concat") -> FeatureSpace:
    made = FeatureSpace(
        {
            "age": "float_normalized", "pay": FeatureSpace.float_discretized(2), "rank": "integer_categorical",
            "city": FeatureSpace.string_hashed(3),
        },
        crosses=[("rank", "city"), FeatureSpace.cross(("pay", "city"), 4, "int" if output_mode == "dict" else "one_hot")],
        crossing_dim=5, output_mode=output_mode,
    )  # fmt: skip
    made.adapt(TABLE)
    return made


def test_features_are_encoded(backend: Any) -> None:
    found = {name: host(x) for name, x in space("dict")(TABLE).items()}
    assert list(found) == ["age", "city", "pay", "rank", "pay_X_city", "rank_X_city"]
    np.testing.assert_allclose(found["age"][:, 0], [-1.3416, -0.4472, 0.4472, 1.3416], atol=1e-4)
    assert found["pay"].argmax(1).tolist() == [0, 1, 1, 1]
    assert found["rank"].argmax(1).tolist() == [3, 1, 1, 2]
    assert found["city"].argmax(1).tolist() == [2, 0, 2, 1]
    assert found["pay_X_city"].tolist() == [[2], [1], [1], [1]]
    assert found["rank_X_city"].argmax(1).tolist() == [1, 3, 2, 1]
    assert [x.shape[1] for x in found.values()] == [1, 3, 2, 4, 1, 5]


def test_vectors_are_concatenated(backend: Any) -> None:
    whole = space()
    rows = host(whole(TABLE))
    assert (rows.shape, rows.dtype) == ((4, 19), np.float32)
    one = host(whole(row(2)))
    np.testing.assert_allclose(one, rows[2], rtol=1e-6)
    tensors = {n: hilevel.ops.convert_to_tensor(c) for n, c in TABLE.items() if n != "city"} | {
        "city": TABLE["city"]
    }
    np.testing.assert_allclose(host(whole(tensors)), rows, rtol=1e-6)


def test_data_in_batches_and_rows() -> None:
    whole, batched, single = space(), space(), space()
    batched.adapt({n: c[i : i + 2] for n, c in TABLE.items()} for i in (0, 2))
    single.adapt(row(i) for i in range(4))
    for other in (batched, single):
        np.testing.assert_allclose(host(other(TABLE)), host(whole(TABLE)), rtol=1e-6)
    whole.adapt({n: c[:1] for n, c in TABLE.items()})
    assert host(whole(TABLE)).shape == (4, 17)


def test_layers_of_the_user() -> None:
    words = layers.TextVectorization(vocabulary=["a", "text"], output_sequence_length=3)
    made = FeatureSpace(
        {
            "text": FeatureSpace.feature("string", words, "int"),
            "x": FeatureSpace.float_rescaled(2.0, 1.0),
            "y": "float",
        },
        output_mode="dict",
    )
    found = made({"text": ["a text", "no text at all"], "x": [1, 2], "y": [0.5, 1.5]})
    assert host(found["text"]).tolist() == [[2, 3, 0], [1, 3, 1]]
    assert host(found["x"]).tolist() == [[3.0], [5.0]]
    assert host(found["y"]).tolist() == [[0.5], [1.5]]


def test_a_model_is_trained_on_features() -> None:
    whole = space()
    x = whole.get_encoded_features()
    assert x.shape == (None, 19)
    model = hilevel.Model(x, layers.Dense(1)(x))
    model.compile("adam", "mse")
    model.fit(whole(TABLE), np.ones((4, 1)), verbose=0)
    inputs = space("dict").get_encoded_features()
    assert {n: i.shape for n, i in inputs.items()}["rank"] == (None, 4)
    with pytest.raises(NotImplementedError, match="encoded on the host"):
        whole.get_inputs()


@pytest.mark.parametrize("kind", [".keras", ".hilevel"])
def test_files(kind: str, tmp_path: Path) -> None:
    whole = space("dict")
    whole.save(tmp_path / f"space{kind}")
    loaded = hilevel.models.load_model(tmp_path / f"space{kind}")
    loaded.save(tmp_path / f"again{kind}")
    for other in (loaded, hilevel.models.load_model(tmp_path / f"again{kind}")):
        for name, x in whole(TABLE).items():
            assert np.array_equal(host(other(TABLE)[name]), host(x))


@pytest.mark.slow
def test_files_in_another_process(tmp_path: Path) -> None:
    space().save(tmp_path / "space.hilevel")
    program = (
        f"import hilevel; print(hilevel.models.load_model({str(tmp_path / 'space.hilevel')!r}).output_mode)"
    )
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "concat\n"
    )


def unadapted() -> FeatureSpace:
    return FeatureSpace({"rank": "integer_categorical"})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: FeatureSpace({}), "must not be empty"),
        (lambda: FeatureSpace({"a": "other"}), "must be one of 'float'"),
        (lambda: FeatureSpace({"a": "float"}, output_mode="list"), "output_mode"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "b")]), "unknown features: b"),
        (lambda: FeatureSpace({"a": "float"}, crosses=[("a", "a")], crossing_dim=None), "need crossing_dim"),
        (lambda: FeatureSpace.cross(("a", "b"), 3, "float"), "output_mode"),
        (lambda: FeatureSpace.feature("float32", layers.Identity(), "other"), "output_mode"),
        (lambda: unadapted()({"rank": [1]}), "call `adapt`"),
        (lambda: unadapted().get_encoded_features(), "call `adapt`"),
        (lambda: unadapted().adapt([1, 2]), "expected dicts"),
        (lambda: space()([1, 2]), "expects a dict"),
        (
            lambda: FeatureSpace({"a": FeatureSpace.string_hashed(3, "int")})({"a": ["x"]}),
            "cannot be concatenated",
        ),
        (
            lambda: FeatureSpace({"a": FeatureSpace.feature("float32", layers.Identity(), "one_hot")})(
                {"a": [1.0]}
            ),
            "is float32, no integers",
        ),
    ],
)
def test_errors(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("as_dict", [True, False])
def test_tables(library: str, as_dict: bool) -> None:
    table = pytest.importorskip(library).DataFrame({"age": [20.0, 30.0, 40.0], "city": ["a", "b", "a"]})
    data = {name: table[name] for name in table.columns} if as_dict else table
    features = {"age": "float_normalized", "city": FeatureSpace.string_categorical(num_oov_indices=0)}
    space = FeatureSpace(features, output_mode="dict")
    space.adapt(data)
    encoded = space(data)
    np.testing.assert_allclose(encoded["age"][:, 0], [-np.sqrt(1.5), 0.0, np.sqrt(1.5)], rtol=1e-5)
    assert np.array_equal(encoded["city"], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
