"""Writes checkpoints.json: the files that Keras's `ModelCheckpoint` saves in the cases of `training_cases.CHECKPOINTS`. Run
with KERAS_BACKEND=torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cases"))

from training_cases import CHECKPOINTS, checkpoints  # noqa: E402

found = {name: checkpoints(keras, name) for name in CHECKPOINTS}
(HERE / "checkpoints.json").write_text(json.dumps(found, indent=1) + "\n")
