"""StableHLO files: a process with JAX, and without hilevel, computes the predictions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exported_models import MODELS, data_for, varied

import hilevel
from hilevel import layers
from hilevel.errors import ExportError

pytest.importorskip("flatbuffers")
CALL = """
import pathlib, sys
import jax.export, numpy as np
for name in sys.argv[1:]:
    program = jax.export.deserialize(bytearray(pathlib.Path(name + ".stablehlo").read_bytes()))
    for batch in (1, 3):
        data = dict(np.load(f"{name}{batch}.npz"))
        y = program.call(data.get("arr_0", data))
        np.savez(f"{name}{batch}.out.npz", **(y if isinstance(y, dict) else {"arr_0": y}))
assert "hilevel" not in sys.modules
"""


def as_dict(x: Any) -> dict[str, Any]:
    """Return a dict of arrays, or an array under the name that `np.savez` gives it."""
    return x if isinstance(x, dict) else {"arr_0": x}


def test_a_process_without_hilevel_gives_the_predictions(tmp_path: Path) -> None:
    models: dict[str, Any] = {}
    for name, backend in (("perceptron", "jax"), ("lstm", "numpy"), ("several inputs and outputs", "numpy")):
        with hilevel.use_backend(backend):
            models[name] = model = MODELS[name]()
            for batch in (1, 3):
                data = data_for(model, batch)
                np.savez(tmp_path / f"{name}{batch}.npz", **as_dict(data))
                model.predict(data, verbose=0)
            varied(model).export(tmp_path / f"{name}.stablehlo", platforms=["cpu"])
            assert model.backend == backend
    done = subprocess.run(
        [sys.executable, "-c", CALL, *models], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    for name, model in models.items():
        for batch in (1, 3):
            wanted = as_dict(model.predict(data_for(model, batch), verbose=0))
            found = dict(np.load(tmp_path / f"{name}{batch}.out.npz"))
            assert set(found) == set(wanted)
            for key, y in wanted.items():
                np.testing.assert_allclose(found[key], y, rtol=1e-6, atol=1e-6)


class Branching(layers.Layer):
    """A layer that reads a value."""

    def call(self, inputs: Any) -> Any:
        return inputs if inputs.sum() > 0 else -inputs


def test_values_cannot_be_read(tmp_path: Path) -> None:
    model = hilevel.Sequential([Branching()])
    (tmp_path / "m.stablehlo").write_text("the file before")
    with pytest.raises(ExportError, match="cannot be exported to StableHLO"):
        model.export(
            tmp_path / "m.stablehlo", input_signature=[layers.InputSpec(shape=(None, 3), dtype="float32")]
        )
    assert (tmp_path / "m.stablehlo").read_text() == "the file before"
