"""Files of Keras: tests/data/keras_files.zip and keras_torch_files.zip, written by tests/data/exchange.py with
Keras 3.15.1 on JAX and on PyTorch."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exchange_cases import TEXT, WHOLE, custom, randomize, single, singles

import hilevel
from hilevel.saving import load_model

DATA = Path(__file__).parents[1] / "data"
FILES = {
    on: zipfile.ZipFile(DATA / name)
    for on, name in (("jax", "keras_files.zip"), ("torch", "keras_torch_files.zip"))
}
TABLES = {on: json.loads(file.read("table.json")) for on, file in FILES.items()}
CASES = dict(singles())


@pytest.fixture(autouse=True)
def _custom_classes() -> Iterator[None]:
    before = dict(hilevel.saving.get_custom_objects())
    custom(hilevel)
    yield
    hilevel.saving.get_custom_objects().clear()
    hilevel.saving.get_custom_objects().update(before)


def flat(x: Any) -> list[Any]:
    if isinstance(x, dict):
        return [a for key in sorted(x) for a in flat(x[key])]
    return [a for part in x for a in flat(part)] if isinstance(x, (list, tuple)) else [np.asarray(x)]


def data_of(name: str) -> tuple[Any, Any]:
    if name.startswith("model: "):
        return WHOLE[name.removeprefix("model: ")](hilevel)[1:]
    x = single(hilevel, name, CASES[name])[1]
    return (x if len(x) > 1 else x[0]), None


def losses(model: Any, x: Any, y: Any) -> list[float]:
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return [v for key in sorted(history) for v in history[key]]


@pytest.mark.parametrize(("on", "name"), [(on, name) for on, table in TABLES.items() for name in table])
def test_files_of_keras(on: str, name: str, tmp_path: Path) -> None:
    """A model of Keras predicts the same, and is trained on with the same losses."""
    entry = TABLES[on][name]
    path = Path(FILES[on].extract(entry["file"], tmp_path))
    model = load_model(path)
    x, y = data_of(name)
    exact = 1e-2 if "mixed" in name else 1e-5
    for ours, theirs in zip(flat(model.predict(x, verbose=0)), entry["predictions"], strict=True):
        expected = np.array(theirs)
        assert np.abs(ours - expected).max(initial=0) <= exact * max(1, np.abs(expected).max(initial=0))
    if "losses" in entry:
        np.testing.assert_allclose(losses(model, x, y), entry["losses"], rtol=exact)


@pytest.mark.parametrize("kind", [".hilevel", ".keras"])
@pytest.mark.parametrize("name", WHOLE)
def test_files_of_hilevel(name: str, kind: str, tmp_path: Path) -> None:
    """A model comes back with equal predictions and losses, bit for bit."""
    model, x, y = WHOLE[name](hilevel)
    randomize(model, np.random.default_rng(3))
    if y is not None:
        losses(model, x, y)
    model.save(tmp_path / f"m{kind}")
    loaded = load_model(tmp_path / f"m{kind}")
    for a, b in zip(flat(model.predict(x, verbose=0)), flat(loaded.predict(x, verbose=0)), strict=True):
        np.testing.assert_array_equal(a, b)
    if y is not None:
        assert losses(model, x, y) == losses(loaded, x, y)


@pytest.mark.parametrize("name", ["transformer", "custom_layers", "image"])
def test_from_backend_to_backend(name: str, tmp_path: Path) -> None:
    pytest.importorskip("jax")
    model, x, _ = WHOLE[name](hilevel)
    model.save(tmp_path / "m.hilevel")
    with hilevel.use_backend("jax"):
        other = load_model(tmp_path / "m.hilevel")
    assert other.backend == "jax"
    for a, b in zip(flat(model.predict(x, verbose=0)), flat(other.predict(x, verbose=0)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


TEXT_FILES = zipfile.ZipFile(DATA / "keras_text_files.zip")


@pytest.mark.parametrize("name", TEXT)
def test_vocabularies_of_keras(name: str, tmp_path: Path) -> None:
    """Layers of text, which Keras wrote with TensorFlow; then the same through a file of hilevel."""
    expected = json.loads(TEXT_FILES.read("table.json"))[name]
    model = load_model(TEXT_FILES.extract(f"{name}.keras", tmp_path))
    _, x = TEXT[name](hilevel)
    rows = x.reshape(-1, 1) if x.ndim == 1 else x
    np.testing.assert_allclose(model(rows), expected, rtol=1e-5)
    for kind in (".hilevel", ".keras"):
        model.save(tmp_path / f"again{kind}")
        np.testing.assert_allclose(load_model(tmp_path / f"again{kind}")(rows), expected, rtol=1e-5)


def test_an_op_of_many_tensors(tmp_path: Path) -> None:
    x = hilevel.Input((2, 3))
    model = hilevel.Model(x, hilevel.ops.einsum("bij,bkj,bkl,bil->bl", x, x, x, x))
    model.save(tmp_path / "m.hilevel")
    rows = np.random.default_rng(0).normal(size=(4, 2, 3)).astype("float32")
    np.testing.assert_array_equal(load_model(tmp_path / "m.hilevel")(rows), model(rows))
