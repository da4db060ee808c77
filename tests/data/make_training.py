"""Writes training.json: what Keras makes of the trainings, scripts and events of `training_cases`. Run with
KERAS_BACKEND=jax."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cases"))

from training_cases import CASES, SCRIPTS, events, play, train  # noqa: E402

found = {
    "trainings": {name: train(keras, case) for name, case in CASES.items()},
    "scripts": {name: play(keras, name) for name in SCRIPTS},
    "events": events(keras),
}
(HERE / "training.json").write_text(json.dumps(found, indent=1) + "\n")
