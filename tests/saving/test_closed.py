"""The names that a description may have are a closed list, and code runs only if the caller allows it."""

from __future__ import annotations

import base64
import io
import marshal
import tarfile
from pathlib import Path
from typing import Any

import hostile
import numpy as np
import pytest
from hostile import described, sequential

import hilevel
from hilevel.api import serialization
from hilevel.errors import UnknownNameError, UnsafeContentError
from hilevel.saving import load_model
from hilevel.utils import feature_space, get_file

CODE = base64.b64encode(marshal.dumps((lambda x: x * 2).__code__)).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"value": {"code": CODE, "defaults": None, "closure": None}}}
DOUBLE = described("Lambda", {"name": "l", "function": LAMBDA})
KINDS = (
    hilevel.layers.Layer, hilevel.layers.InputSpec, hilevel.losses.Loss, hilevel.metrics.Metric,
    hilevel.optimizers.Optimizer, hilevel.optimizers.schedules.LearningRateSchedule, hilevel.initializers.Initializer,
    hilevel.regularizers.Regularizer, hilevel.constraints.Constraint, hilevel.dtype_policies.DTypePolicy,
    hilevel.random.SeedGenerator, hilevel.optimizers.OptimizerMap, feature_space.Cross, feature_space.Feature,
)  # fmt: skip


def found() -> list[tuple[str, Any]]:
    """Return all objects that a description can name."""
    names = serialization._all_names()
    return [(name, serialization.public(name, serialization._PACKAGES)) for name in names]


def test_all_names_are_of_harmless_kinds() -> None:
    """Classes have bases of hilevel; functions are ops, activations, losses, metrics, random draws, and merging layers."""
    for name, thing in found():
        if isinstance(thing, type):
            assert issubclass(thing, KINDS), name
        elif thing is not None:
            module = str(getattr(thing, "__module__", "")).split(".")
            families = ("ops", "activations", "losses", "metrics", "random", "layers", "engine")
            assert module[0] == "hilevel" and module[1] in families, (name, module)


@pytest.mark.parametrize("name", sorted(serialization._BARRED))
@pytest.mark.parametrize(
    "module", ["builtins", "keras", "keras.ops", "keras.models", "keras.saving", "hilevel.random"]
)
def test_barred_names(name: str, module: str) -> None:
    with pytest.raises(UnknownNameError):
        serialization.find(name, module)
    with pytest.raises(ValueError):
        hilevel.saving.deserialize_keras_object(hostile.calling(module, name))


def test_code_runs_if_the_caller_allows_it(tmp_path: Path) -> None:
    """The payload of the hostile files works, and only `safe_mode=False` lets it run."""
    path, x = (
        hostile.keras(tmp_path, sequential(DOUBLE), hostile.hdf5(lambda h5: h5.create_group("vars"))),
        np.ones((1, 4)),
    )
    for load in (
        lambda: load_model(path),
        lambda: hilevel.layers.Lambda.from_config(DOUBLE["config"]),
        lambda: hilevel.layers.deserialize(DOUBLE),
        lambda: hilevel.Sequential.from_config(sequential(DOUBLE)["config"]),
        lambda: hilevel.saving.deserialize_keras_object(sequential(DOUBLE, safe_mode=False)),
    ):
        with pytest.raises(UnsafeContentError, match="Python code"):
            load()
    (tmp_path / "m.h5").write_bytes(path.read_bytes())
    with pytest.raises(UnsafeContentError):
        load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(load_model(path, safe_mode=False).predict(x, verbose=0), 2 * x)
    with pytest.raises(UnsafeContentError):  # the permission was for one load
        load_model(path)


def test_sizes_of_a_config_alone() -> None:
    text = hilevel.Sequential([hilevel.Input((4,)), hilevel.layers.Dense(1000)]).to_json()
    assert hilevel.models.model_from_json(text).count_params() == 5000
    with pytest.raises(UnsafeContentError, match="max_size"):
        hilevel.models.model_from_json(text, max_size=1e-6)
    with pytest.raises(UnsafeContentError, match="max_size"):
        hilevel.saving.deserialize_keras_object(
            described("Dense", {"units": 9}, build_config={"input_shape": [None, 10**9]})
        )


def test_weights_of_a_config_alone_are_initialized() -> None:
    layer = hilevel.layers.Dense(3, kernel_initializer="ones", bias_initializer="ones")
    model = hilevel.models.model_from_json(hilevel.Sequential([hilevel.Input((4,)), layer]).to_json())
    assert all(np.all(w.numpy() == 1) for w in model.weights)


def chain_of_links(steps: int) -> bytes:
    """CVE-2025-12638: links of long names, whose last place is longer than the system can resolve."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        path = ""
        for letter in "abcdefghijklmnop"[:steps]:
            folder = tarfile.TarInfo(f"{path}{'d' * 247}")
            folder.type = tarfile.DIRTYPE
            link = tarfile.TarInfo(f"{path}{letter}")
            link.type, link.linkname = tarfile.SYMTYPE, "d" * 247
            tar.addfile(folder)
            tar.addfile(link)
            path += f"{'d' * 247}/"
        last = tarfile.TarInfo(f"{'/'.join('abcdefghijklmnop'[:steps])}/{'l' * 254}")
        last.type, last.linkname = tarfile.SYMTYPE, "../" * steps
        tar.addfile(last)
        out = tarfile.TarInfo(f"{last.name}/../../pwned")
        out.size = 1
        tar.addfile(out, io.BytesIO(b"x"))
    return file.getvalue()


def test_get_file_does_not_follow_links(tmp_path: Path) -> None:
    """CVE-2024-55459, CVE-2025-12060, CVE-2025-12638; other archives are in tests/datasets."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/bad_archive").write_bytes(chain_of_links(16))
    with pytest.raises((ValueError, OSError)):
        get_file("bad", "https://example.org/bad", extract=True, cache_dir=tmp_path)
    assert [p.name for p in tmp_path.rglob("*")] == ["datasets", "bad_archive"]
