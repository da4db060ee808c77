"""Writes averages.json: what Keras makes of the trainings of `training_cases.averaged`. Run with KERAS_BACKEND=torch: on JAX
`SwapEMAWeights` fails in Keras."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cases"))

from training_cases import AVERAGES, averaged  # noqa: E402

(HERE / "averages.json").write_text(
    json.dumps({name: averaged(keras, name) for name in AVERAGES}, indent=1) + "\n"
)
