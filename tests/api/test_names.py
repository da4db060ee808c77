"""Public names that are missing: what the error says, in every module, and that asking stays quick and quiet."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import subprocess
import sys
import textwrap
import timeit
from pathlib import Path
from typing import Any

import pytest

import hilevel
from hilevel.api import missing as _missing

ROOT = Path(__file__).parents[2]


def text_of(space: str, name: str) -> str:
    module = importlib.import_module(f"hilevel.{space}".rstrip("."))
    with pytest.raises(AttributeError) as caught:
        getattr(module, name)
    assert (caught.value.name, caught.value.obj) == (name, module)
    return str(caught.value)


@pytest.mark.parametrize("space", _missing.SPACES)
def test_every_module_names_the_nearest(space: str) -> None:
    module = importlib.import_module(f"hilevel.{space}".rstrip("."))
    names = _missing.public_names(module)
    assert names
    name = max(names, key=len)
    wrong = name[:2] + name[3:]
    assert f'the nearest name is "{name}"' in text_of(space, wrong)
    assert "hilevel" in text_of(space, wrong)


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "layers.Dens": ['"Dens"', '"Dense"'],
        "layers.dense_": ['"Dense"'],
        "callbacks.EarlyStoping": ['"EarlyStopping"'],
        "Sequentail": ['hilevel has no "Sequentail"', '"Sequential"'],
        "layers.TFSMLayer": ["Keras has keras.layers.TFSMLayer", "not have it yet"],
        "layers.TFSMLayr": ['"TFSMLayer', "not in hilevel yet"],
        "TFSMLayer": ["Keras has keras.layers.TFSMLayer", "not have it yet"],
        "config.enable_flash_attention": ["Keras has keras.config.enable_flash_attention", "not have it yet"],
        "applications": ["Keras has keras.applications", "not have it yet"],
        "Dense": ["use hilevel.layers.Dense"],
        "layers.to_categorical": ["use hilevel.utils.to_categorical"],
        "backend.sum": ["use hilevel.ops.sum"],
        "backend.int_shape": ["x.shape"],
        "layers.experimental": ["hilevel.layers itself"],
        "optimizers.legacy": ["removed in Keras 3", "hilevel.optimizers.Adam"],
        "layers.CuDNNLSTM": ["use LSTM"],
        "utils.np_utils": ["hilevel.utils.to_categorical"],
        "keras": ["write hilevel.layers"],
        "losses.mse": ["use mean_squared_error"],
        "initializers.normal": ["use RandomNormal"],
        "layers.quetzalcoatl": ["Keras 3 has none either"],
    }.items(),
)  # fmt: skip
def test_the_error_says_what_keras_has_and_what_to_use(name: str, words: list[str]) -> None:
    space, _, name = name.rpartition(".")
    text = text_of(space, name)
    for word in words:
        assert word in text, text


def test_the_hints_are_about_names_that_are_missing() -> None:
    for label in _missing.INSTEAD:
        space, _, name = label.rpartition(".")
        assert not hasattr(importlib.import_module(f"hilevel.{space}".rstrip(".")), name), label


def test_an_import_of_a_missing_name_says_the_same() -> None:
    with pytest.raises(ImportError, match='"Dens"; the nearest name is "Dense"'):
        from hilevel.layers import Dens  # noqa: F401
    with pytest.raises(ImportError, match=r"use hilevel\.layers\.Dense") as caught:
        from hilevel import Dense  # noqa: F401
    assert caught.value.name == "hilevel" and caught.value.path == hilevel.__file__


def test_pythons_own_suggestion_is_added() -> None:
    program = "import hilevel; hilevel.layers.Dens"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert found.stderr.rstrip().endswith(
        """AttributeError: hilevel.layers has no "Dens"; the nearest name is "Dense". Did you mean: 'Dense'?"""
    )


def test_asking_for_a_missing_name_is_quick_and_loads_nothing() -> None:
    program = """
        import sys, copy, inspect, doctest, hilevel
        modules = hilevel, hilevel.layers, hilevel.ops, hilevel.tree
        before = set(sys.modules)
        for module in modules:
            assert not hasattr(module, "Dens") and getattr(module, "__wrapped__", None) is None
            assert not hasattr(module, "_repr_html_")
            dir(module), inspect.unwrap(module), inspect.getmodule(module)
        print(sorted(m for m in set(sys.modules) - before if m.split(".")[0] in ("hilevel", "difflib")))
    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]", found.stderr
    assert timeit.timeit(lambda: hasattr(hilevel.layers, "Dens"), number=1000) < 0.1


def test_the_error_can_be_copied_and_pickled() -> None:
    with pytest.raises(AttributeError) as caught:
        hilevel.layers.Dens  # type: ignore[attr-defined] # noqa: B018
    for again in (pickle.loads(pickle.dumps(caught.value)), copy.copy(caught.value)):
        assert str(again) == str(caught.value) and type(again) is AttributeError
    with pytest.raises(AttributeError, match="module 'hilevel' has no attribute '__nothing__'"):
        hilevel.__nothing__  # type: ignore[attr-defined] # noqa: B018


def names_of_keras(api: dict[str, Any]) -> dict[str, set[str]]:
    """The names by module; the groups of `ops` as one, without the modules of single applications."""
    spaces: dict[str, set[str]] = {}
    for label in api:
        *path, name = label.split(".")[1:]
        path = path[:1] if path[:1] == ["ops"] else path
        if path[:1] != ["applications"] or len(path) == 1:
            for depth, part in enumerate([*path, name]):
                spaces.setdefault(".".join(path[:depth]), set()).add(part)
    return spaces


def test_the_names_of_keras_are_those_of_its_api() -> None:
    api = json.loads((ROOT / "tests/data/keras_api.json").read_text())
    assert {space: set(names) for space, names in _missing.keras_names().items()} == names_of_keras(api)
