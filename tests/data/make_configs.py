"""Write configs.json: the descriptions that Keras gives of the layers of tests/layer_cases, each once.

Run with Keras 3.15.1, in the folder of this file: KERAS_BACKEND=jax python make_configs.py
"""

import json
import sys
from pathlib import Path

import keras

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "cases"))

from layer_cases import FAMILIES, cases  # noqa: E402

found = {}
for family in FAMILIES:
    for name, case in cases(family).items():
        keras.utils.clear_session()
        try:
            described = keras.saving.serialize_keras_object(case.layer(keras.layers))
        except (TypeError, ValueError):  # an argument or value that Keras does not have
            continue
        found.setdefault(json.dumps(described), f"{family}: {name}")
entries = ",\n".join(f"{json.dumps(name)}: {text}" for text, name in found.items())
(HERE / "configs.json").write_text(f"{{\n{entries}\n}}\n")
