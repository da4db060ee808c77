"""Exchange layers of text between Keras 3.15.1 on TensorFlow and hilevel.

    KERAS_BACKEND=tensorflow python exchange_text.py write keras FOLDER
    python exchange_text.py check hilevel FOLDER

and the other way round.
"""

import importlib
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

from exchange_cases import TEXT

what, package, where = sys.argv[1:]
K, folder = importlib.import_module(package), Path(where)
folder.mkdir(parents=True, exist_ok=True)


def run(model, x):
    rows = x.reshape(-1, 1) if x.ndim == 1 else x
    if package == "keras":
        rows = importlib.import_module("tensorflow").constant(rows)
    return np.asarray(model(rows))


if what == "write":
    table = {}
    for name, build in TEXT.items():
        layer, x = build(K)
        model = K.Sequential([layer])
        table[name] = run(model, x).tolist()
        model.save(folder / f"{name}.keras")
    (folder / "table.json").write_text(json.dumps(table))
else:
    table = json.loads((folder / "table.json").read_text())
    for name, expected in table.items():
        model = K.saving.load_model(folder / f"{name}.keras")
        print(name, "worst difference", np.abs(run(model, TEXT[name](K)[1]) - np.array(expected)).max())
