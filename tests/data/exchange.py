"""Exchange files of models between Keras 3.15.1 and hilevel, and print the differences of the predictions.

    KERAS_BACKEND=jax python exchange.py write keras FOLDER     (in an environment with Keras)
    python exchange.py check hilevel FOLDER                     (in an environment with hilevel)

and the other way round. Compiled models are trained on from the file, and their losses compared.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "cases"))

from exchange_cases import WHOLE, custom, randomize, single, singles


def flat(x):
    if isinstance(x, dict):
        return [a for key in sorted(x) for a in flat(x[key])]
    return (
        [a for part in x for a in flat(part)] if isinstance(x, (list, tuple)) else [np.asarray(x, "float64")]
    )


def losses(model, x, y):
    history = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
    return [float(v) for name in sorted(history) for v in history[name]]


def as_given(x):
    """Data of several inputs as a list, of one as an array."""
    return x[0] if isinstance(x, list) and len(x) == 1 else x


def write(K, folder):
    folder.mkdir(parents=True, exist_ok=True)
    table = {}
    for name, case in singles():
        try:
            K.utils.clear_session()
            model, x = single(K, name, case)
            put(K, model, as_given(x), None, folder, name, table)
        except Exception as error:
            print("NOT WRITTEN", name, type(error).__name__, str(error)[:300])
    for name, build in WHOLE.items():
        try:
            K.utils.clear_session()
            model, x, y = build(K)
            randomize(model, np.random.default_rng(7))
            if y is not None:
                losses(model, x, y)
            put(K, model, x, y, folder, f"model: {name}", table)
        except Exception:
            print("NOT WRITTEN", name, traceback.format_exc()[-1500:])
    (folder / "table.json").write_text(json.dumps(table))
    print(len(table), "files")


def put(K, model, x, y, folder, name, table):
    path = folder / f"{name.replace(': ', '-').replace(' ', '_')}.keras"
    model.save(path)
    entry = {"file": path.name, "predictions": [a.tolist() for a in flat(model.predict(x, verbose=0))]}
    if y is not None:
        entry["losses"] = losses(model, x, y)
    table[name] = entry


def check(K, folder):
    custom(K)
    table = json.loads((folder / "table.json").read_text())
    made = dict(singles())
    worst, failed = {}, 0
    for name, entry in table.items():
        try:
            K.utils.clear_session()
            if name.startswith("model: "):
                _, x, y = WHOLE[name.removeprefix("model: ")](K)
            else:
                x, y = as_given(single(K, name, made[name])[1]), None
            K.utils.clear_session()
            model = K.saving.load_model(folder / entry["file"])
            ours = flat(model.predict(x, verbose=0))
            theirs = [np.array(a) for a in entry["predictions"]]
            difference = max(
                np.abs(a - b).max() / max(1, np.abs(b).max()) for a, b in zip(ours, theirs, strict=True)
            )
            if "losses" in entry:
                a, b = np.array(losses(model, x, y)), np.array(entry["losses"])
                difference = max(difference, np.abs(a - b).max() / max(1, np.abs(b).max()))
            worst[name] = float(difference)
            limit = 1e-2 if "mixed" in name else 1e-5
            if not difference < limit:
                failed += 1
                print("DIFFERS", name, difference)
        except Exception as error:
            failed += 1
            print("FAILED", name, type(error).__name__, str(error)[:400].replace("\n", " | "))
    print(len(table), "files,", failed, "failed; the largest differences:")
    for name in sorted(worst, key=worst.__getitem__, reverse=True)[:5]:
        print(f"{worst[name]:.1e}", name)
    return failed


if __name__ == "__main__":
    what, package, where = sys.argv[1:]
    K = importlib.import_module(package)
    result = {"write": write, "check": check}[what](K, Path(where))
    sys.exit(bool(result))
