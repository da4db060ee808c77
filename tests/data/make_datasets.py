"""Makes `datasets.json`: what Keras's `load_data` returns for the files and arguments of `dataset_files.py`.

KERAS_BACKEND=jax python tests/data/make_datasets.py
"""

import importlib
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from dataset_files import CASES, plain, write

made = {}
with tempfile.TemporaryDirectory() as folder:
    for name, cases in CASES.items():
        file = Path(folder, f"{name}.npz")
        write(name, file)
        module = importlib.import_module(f"keras.src.datasets.{name}")
        module.get_file = lambda *_, file=file, **__: str(file)
        made[name] = [plain(module.load_data(**arguments)) for arguments in cases]

for name in ("california_housing", "boston_housing"):  # the targets tell the order
    made[name] = [[part for i, part in enumerate(split) if i % 2] for split in made[name]]
Path(__file__).with_suffix("").with_name("datasets.json").write_text(json.dumps(made))
