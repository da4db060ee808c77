"""Each format there and back: dtypes, structures of layers, state of training, vocabularies, and errors of misuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import layers
from hilevel.errors import HilevelWarning, InvalidFileError, UnsafeContentError
from hilevel.saving import load_model, register_keras_serializable
from hilevel.saving.state import collect

WEIGHTS = (".weights.npz", ".weights.h5", ".safetensors", ".weights.json")
MODELS = (".hilevel", ".keras")
ALL = MODELS + WEIGHTS
FILES = Path(__file__).parents[1] / "data/files"
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _classes() -> Iterator[None]:
    before = dict(hilevel.saving.get_custom_objects())
    for cls in (Dtypes, Parts, Twice):
        register_keras_serializable("formats")(cls)
    yield
    hilevel.saving.get_custom_objects().clear()
    hilevel.saving.get_custom_objects().update(before)


class Dtypes(layers.Layer):
    """A layer with a Variable of each dtype, with scalars and empty arrays."""

    dtypes = (
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint32",
        "bool",
        "complex64",
    )

    def build(self, shape: Any) -> None:
        self.kept = [
            self.add_weight(shape=s, dtype=d, initializer="zeros", trainable=False, name=f"{d}_{len(s)}")
            for d in (*self.dtypes, "bfloat16")
            for s in ((), (3,), (0, 2), (2, 1, 2))
        ]

    def call(self, x: Any) -> Any:
        return x


class Parts(layers.Layer):
    """A layer with layers in lists, dicts and tuples, and in these."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.list = [layers.Dense(2), [layers.Dense(2)]]
        self.dict = {"a": layers.Dense(2), "b": (layers.Dense(2), {"c": layers.Dense(2)})}
        self.tuple = (self.list[0], layers.LayerNormalization())

    def call(self, x: Any) -> Any:
        x = self.list[1][0](self.list[0](x)) + self.dict["a"](x)
        return self.tuple[1](self.dict["b"][1]["c"](self.dict["b"][0](x)))


class Twice(layers.Layer):
    """A layer with another one, which its model has, too."""

    def __init__(self, inner: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = inner

    def call(self, x: Any) -> Any:
        return self.inner(self.inner(x))


def save(model: Any, path: Path) -> Path:
    if path.suffix in MODELS:
        model.save(path)
    else:
        model.save_weights(path, max_shard_size=200 / 2**30 if path.suffix == ".json" else None)
    return path


def load(path: Path, make: Any) -> Any:
    if path.suffix in MODELS:
        return load_model(path)
    model = make()
    model.load_weights(path)
    return model


def equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(
        a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and a[k].tobytes() == b[k].tobytes() for k in a
    )


def small(*more: Any) -> Any:
    return hilevel.Sequential(
        [hilevel.Input((4,)), layers.Dense(3, name="first"), *more, layers.Dense(2, name="last")]
    )


@pytest.mark.parametrize("kind", ALL)
def test_every_dtype(kind: str, tmp_path: Path) -> None:
    def make() -> Any:
        return small(Dtypes(name="dtypes"))

    model, rng = make(), np.random.default_rng(0)
    for w in model.layers[1].weights:
        values = rng.integers(0, 100, w.shape) * (1 + 2j if w.dtype.name == "complex64" else 1)
        w.assign(values.astype("float32" if w.dtype.name == "bfloat16" else w.dtype))
    loaded = load(save(model, tmp_path / f"m{kind}"), make)
    assert equal(collect(model), collect(loaded))
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in model.weights]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16", "float64"])
@pytest.mark.parametrize("kind", ALL)
def test_dtype_policies(kind: str, policy: str, tmp_path: Path) -> None:
    def make() -> Any:
        return small(layers.Dense(3, dtype=policy, name="other"))

    model = make()
    loaded = load(save(model, tmp_path / f"m{kind}"), make)
    assert equal(collect(model), collect(loaded))
    assert loaded.layers[1].dtype_policy.name == policy


@pytest.mark.parametrize("kind", ALL)
def test_layers_in_containers_and_shared_layers(kind: str, tmp_path: Path) -> None:
    def make() -> Any:
        shared = layers.Dense(2, name="shared")
        x = hilevel.Input((4,), name="x")
        h = Parts(name="parts")(x)
        return hilevel.Model(x, Twice(shared, name="twice")(shared(h)))

    model, x = make(), np.ones((2, 4), "float32")
    loaded = load(save(model, tmp_path / f"m{kind}"), make)
    np.testing.assert_array_equal(model.predict(x, verbose=0), loaded.predict(x, verbose=0))
    assert len(loaded.weights) == len(model.weights)
    assert loaded.get_layer("twice").inner is loaded.get_layer("shared") or kind in WEIGHTS


@pytest.mark.parametrize("kind", MODELS)
def test_training_and_dropout_go_on_from_a_file(kind: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(32, 4)), rng.normal(size=(32, 2))
    model = small(layers.Dropout(0.5), layers.GaussianNoise(0.5, seed=3))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    loaded = load_model(save(model, tmp_path / f"m{kind}"))
    histories = [m.fit(x, y, epochs=2, batch_size=8, verbose=0).history for m in (model, loaded)]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_weights_of_a_trained_model_load_into_a_new_one(optimizer: Any, tmp_path: Path) -> None:
    x, y = np.ones((4, 4)), np.ones((4, 2))
    model = small()
    model.compile(optimizer, "mse")
    model.fit(x, y, verbose=0)
    model.save_weights(tmp_path / "a.weights.npz")
    other = small()
    other.compile(optimizer, "mse")
    other.load_weights(tmp_path / "a.weights.npz")
    assert equal(collect(other), collect(model)) and other.optimizer.iterations.numpy() == 1


def test_options_of_save_and_load(tmp_path: Path) -> None:
    model = small()
    model.compile("adam", "mse")
    model.save(tmp_path / "a.hilevel", include_optimizer=False)
    model.save(str(tmp_path / "b.hilevel"))
    assert not load_model(str(tmp_path / "a.hilevel")).compiled
    assert not load_model(tmp_path / "b.hilevel", compile=False).compiled
    assert load_model(tmp_path / "b.hilevel").compiled
    model.load_weights(tmp_path / "b.hilevel")
    for name in ("m.h5", "m", "m.hilevel.zip", "m.pt"):
        with pytest.raises(ValueError, match=r"ends in \.keras or \.hilevel"):
            model.save(tmp_path / name)
        with pytest.raises(ValueError, match="The name of a file of weights ends in"):
            model.save_weights(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "none.hilevel")
    with pytest.raises(TypeError, match="zipped=False"):
        model.save(tmp_path / "c.keras", zipped=False)
    with pytest.raises(ValueError, match=r"\.weights\.json"):
        model.save_weights(tmp_path / "m.weights.h5", max_shard_size=1)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.hilevel", "b.hilevel"]


@pytest.mark.parametrize("kind", ALL)
def test_a_file_of_another_model(kind: str, tmp_path: Path) -> None:
    path = save(small(), tmp_path / f"m{kind}")
    other = hilevel.Sequential(
        [hilevel.Input((4,)), layers.Dense(3, name="first"), layers.Dense(5, name="last")]
    )
    before = collect(other)
    with pytest.raises(InvalidFileError, match=rf"m{kind}.*layers/dense_1.*last.*\(3, 5\)"):
        other.load_weights(path)
    assert equal(before, collect(other))
    with pytest.warns(HilevelWarning, match="keeps its values"):
        other.load_weights(path, skip_mismatch=True)
    after = collect(other)
    assert not np.array_equal(after["layers/dense/vars/0"], before["layers/dense/vars/0"])
    assert np.array_equal(after["layers/dense_1/vars/0"], before["layers/dense_1/vars/0"])
    longer = small(layers.Dense(3))
    with pytest.raises(InvalidFileError, match=f"m{kind}, layers/"):
        longer.load_weights(path)


@pytest.mark.parametrize("kind", ALL)
def test_models_that_are_not_built(kind: str, tmp_path: Path) -> None:
    model = hilevel.Sequential([layers.Dense(2)])
    if kind in WEIGHTS:
        with pytest.raises(ValueError, match="not built"):
            save(model, tmp_path / f"m{kind}")
        with pytest.raises(ValueError, match="not built"):
            model.load_weights(save(small(), tmp_path / f"m{kind}"))
    else:
        loaded = load_model(save(model, tmp_path / f"m{kind}"))
        assert not loaded.built and loaded.layers[0].units == 2


class Own(hilevel.Model):
    """A subclassed model without `get_config`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.dense = layers.Dense(units)

    def call(self, x: Any) -> Any:
        return self.dense(x)


@pytest.mark.parametrize("kind", MODELS)
def test_a_subclassed_model_and_custom_objects(kind: str, tmp_path: Path) -> None:
    model, x = Own(3), np.ones((2, 4), "float32")
    expected = model.predict(x, verbose=0)
    path = save(model, tmp_path / f"m{kind}")
    with pytest.raises(InvalidFileError, match="Own"):
        load_model(path)
    loaded = load_model(path, custom_objects={"Own": Own})
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)


def lookups() -> list[tuple[Any, Any]]:
    """Return layers with state from `adapt`, and data for them."""
    words = ["one two two", "three", "two four"]
    made = [
        (layers.StringLookup(), ["one", "two", "none"]), (layers.IntegerLookup(), [3, 4, 7]),
        (layers.StringLookup(output_mode="tf_idf", num_oov_indices=2), [["one", "two"], ["none", "more"]]),
        (layers.TextVectorization(output_mode="tf_idf", ngrams=2), words), (layers.TextVectorization(max_tokens=4), words),
        (layers.Normalization(), np.ones((2, 3), "float32")), (layers.Discretization(num_bins=3), np.ones((2, 3), "float32")),
    ]  # fmt: skip
    data = [words[0].split(), [3, 3, 4], [w.split() for w in words], words, words]
    numeric = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    for (layer, _), values in zip(made, [*data, numeric, numeric], strict=True):
        layer.adapt(values)
    return made


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("number", range(7))
def test_adapted_layers(kind: str, number: int, tmp_path: Path) -> None:
    layer, data = lookups()[number]
    model = hilevel.Sequential([layer])
    loaded = load_model(save(model, tmp_path / f"m{kind}")).layers[0]
    np.testing.assert_array_equal(np.asarray(loaded(data)), np.asarray(layer(data)))


# -- files of earlier versions -------------------------------------------------------------------------

VERSIONS = sorted(p.name for p in FILES.iterdir())


@pytest.mark.parametrize("kind", [".weights.h5", ".safetensors", ".weights.npz"])
def test_a_file_of_weights_is_no_model(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"some{kind}"
    hilevel.Sequential([hilevel.Input((3,)), hilevel.layers.Dense(1)]).save_weights(path)
    with pytest.raises(InvalidFileError, match=r"It has weights and no model.*load_weights"):
        hilevel.models.load_model(path)


@pytest.mark.parametrize("version", VERSIONS)
def test_files_of_earlier_versions(version: str) -> None:
    folder = FILES / version
    expected = json.loads((folder / "expected.json").read_text())
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    y = np.array([[0.0], [1.0], [0.5]], "float32")
    for name in ("small.keras", "small.hilevel"):
        model = load_model(folder / name)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected["small"], atol=1e-6)
        losses = model.fit(x, y, epochs=2, verbose=0).history["loss"]
        np.testing.assert_allclose(losses, expected["losses"], rtol=1e-5)
    for name in ("small.weights.npz", "small.weights.h5", "small.safetensors", "several.weights.json"):
        model = hilevel.models.model_from_json((folder / "small.json").read_text())
        model.load_weights(folder / name)
        np.testing.assert_allclose(model.predict(x, verbose=0), expected["small"], atol=1e-6)
    words = load_model(folder / "words.hilevel").layers[0](["two four five"])
    np.testing.assert_allclose(words, expected["words"], rtol=1e-6)


# -- NumPy alone ---------------------------------------------------------------------------------------

ALONE = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("h5py", "safetensors", "ml_dtypes", "jax", "scipy"):
            raise ImportError(f"no {name}")
sys.meta_path.insert(0, Missing())
from pathlib import Path
import hilevel
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
for name in ("small.keras", "small.hilevel", "words.hilevel"):
    model = hilevel.saving.load_model(folder / name)
model = hilevel.saving.load_model(folder / "small.hilevel")
for name in ("small.weights.npz", "small.weights.h5", "small.safetensors", "several.weights.json"):
    model.load_weights(folder / name)
model.save(out / "m.hilevel")
model.save_weights(out / "m.weights.npz")
for name, save in (("m.keras", model.save), ("m.weights.h5", model.save_weights), ("m.safetensors", model.save_weights),
                   ("m.weights.json", model.save_weights)):
    try:
        save(out / name)
    except ImportError as error:
        print(name, str(error).partition("pip install '")[2].partition("'")[0])
print(sorted(p.name for p in out.iterdir()))
"""


def test_numpy_alone(tmp_path: Path) -> None:
    """All files are read, and the errors of saving say which packages to install."""
    environment = os.environ | {
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'backends'}",
        "HILEVEL_BACKEND": "numpy",
    }
    command = [sys.executable, "-c", ALONE, FILES / VERSIONS[-1], tmp_path]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        "m.keras hilevel[hdf5]", "m.weights.h5 hilevel[hdf5]", "m.safetensors hilevel[safetensors]",
        "m.weights.json hilevel[hdf5]", "['m.hilevel', 'm.weights.npz']",
    ], done.stderr  # fmt: skip


# -- configs without a loader --------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [layers.StringLookup, layers.IntegerLookup, layers.TextVectorization])
def test_only_the_callers_own_program_names_files(cls: Any, tmp_path: Path) -> None:
    """CVE-2026-12481: `from_config` and `deserialize` are as safe as the loaders."""
    path = tmp_path / "words.txt"
    path.write_text("1\n2\n")
    assert "2" in map(str, cls(vocabulary=str(path)).get_vocabulary())
    for make in (cls.from_config, lambda c: layers.deserialize({"class_name": cls.__name__, "config": c})):
        with pytest.raises(UnsafeContentError, match="names the file"):
            make({"vocabulary": str(path)})
    copy = hilevel.models.clone_model(hilevel.Sequential([cls(vocabulary=str(path))]))
    assert len(copy.layers[0].get_vocabulary()) > 1
