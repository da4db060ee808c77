"""`hilevel check`: what programs use and hilevel lacks, by line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hilevel.cli import main
from hilevel.compat.check import accepted, argument_message, check_file, name_message
from hilevel.compat.tensorflow import INSTEAD, RENAMED

USES = {
    "plain import": ("import keras\nkeras.layers.Dens", "2: keras.layers.Dens: .* nearest name is \"Dense\""),
    "import of a module": ("import keras.applications", "1: keras.applications: .*build the network"),
    "alias": ("import keras.layers as L\n\nL.Dens(3)", "3: .*Dense"),
    "from": ("from keras import layers\nlayers.Dens", "2: .*Dense"),
    "from with alias": ("from keras import layers as L\nL.Dens", "2: .*Dense"),
    "from a module": ("from keras.layers import (\n  Dense,\n  Dens)", "1: keras.layers.Dens"),
    "all names": ("from keras import *\nlayers.Dens", "2: keras.layers.Dens"),
    "tf.keras": ("import tensorflow as tf\ntf.keras.layers.Dens", "2: tensorflow.keras.layers.Dens"),
    "keras of tensorflow": ("from tensorflow import keras\nkeras.layers.Dens", "2: .*Dense"),
    "tensorflow.keras.layers": ("from tensorflow.keras.layers import Dens", "1: .*Dense"),
    "assigned": ("import keras\nK = keras.backend\nK.mean(1)", "3: keras.backend.mean: .*use hilevel.ops.mean"),
    "assigned twice": ("import keras\nk = keras\nl: object = k.layers\nl.Dens", "4: .*Dense"),
    "walrus": ("import keras\n(l := keras.layers).Dense\nl.Dens", "3: .*Dense"),
    "in a function": ("import keras\ndef f():\n  l = keras.layers\n  return l.Dens", "4: .*Dense"),
    "import in a function": ("def f():\n  from keras import layers\n  layers.Dens", "3: .*Dense"),
    "set after the function": ("def f():\n  return l.Dens\nfrom keras import layers as l", "2: .*Dense"),
    "in a method": ("import keras\nclass A(keras.Model):\n  def call(self, x):\n    return keras.layers.Dens(1)(x)", "4: "),
    "base class": ("import keras\nclass A(keras.layers.Layr): pass", "2: .*\"Layer\""),
    "decorator": ("import keras\n@keras.saving.register_keras\ndef f(): pass", "2: .*\"register_keras_serializable\""),
    "default": ("import keras\ndef f(a=keras.layers.Dens): pass", "2: "),
    "lambda": ("import keras\nf = lambda x: keras.ops.relux(x)", "2: .*relu"),
    "annotation": ("import keras\ndef f(a: keras.Modl) -> None: pass", "2: .*Model"),
    "in an argument": ("import keras\nprint(keras.layers.Dense(keras.layers.Dens))", "2: "),
    "two alternatives": ("try:\n  import keras\nexcept ImportError:\n  from tensorflow import keras\nkeras.Modl", "5: .*Model"),
    "of Keras, with the nearest name": ("import keras\nkeras.callbacks.OrbaxCheckpoint", "2: .*nearest name is \"ModelCheckpoint\""),
    "old module": ("from keras.layers.core import Dense", "1: keras.layers.core.Dense: .*use keras.layers.Dense"),
    "old module with the name of an op": ("from keras.layers.recurrent import LSTM", "1: .*use keras.layers.LSTM"),
    "a name of many modules": ("import keras\nkeras.quantizers.get", "2: [^;]*; Keras has keras.quantizers, [^;]*$"),
    "old package": ("from keras.engine.topology import Layer", "1: .*use keras.Layer"),
    "old module of utilities": ("from keras.utils import np_utils", "1: .*to_categorical"),
    "private": ("from keras.src.layers import Dense", "1: .*private=True"),
    "argument of a class": ("import keras\nkeras.layers.Dense(3, activaton='relu')", "2: Dense has no argument \"activaton\". .*activation"),
    "argument on a later line": ("import keras\nkeras.layers.Dense(\n  3,\n  init=3)", "4: .*kernel_initializer"),
    "argument of a function": ("from keras import ops\nops.softmax(1, axes=3)", "2: softmax .*axis"),
    "argument of an optimizer": ("from keras.optimizers import Adam\nAdam(lr=0.1)", "2: .*learning_rate"),
    "argument of AdamW": ("from keras.optimizers import AdamW\nAdamW(lr=0.1)", "2: .*learning_rate"),
    "argument of a callback": ("import keras\nkeras.callbacks.EarlyStopping(patiance=1)", "2: .*patience"),
    "argument of a method": ("import keras\nm = keras.Sequential()\nm.fit(1, nb_epoch=2)", "3: fit has no argument .*epochs"),
    "argument of a method in a function": ("import keras\nm = keras.Sequential()\ndef f():\n  m.compile(metric=2)", "4: .*metrics"),
    "method of earlier versions": ("import keras\nm = keras.Sequential()\nm.fit_generator(1)", "3: .*fit_generator.*use fit"),
    "tf.data": ("import tensorflow as tf\ntf.data.Dataset.range(3).batch(3)", "2: tensorflow.data.Dataset.range .*PyDataset"),
    "tf.function": ("import tensorflow as tf\n@tf.function\ndef f(): pass", "2: .*hilevel.jit"),
    "an op of tf": ("import tensorflow as tf\ntf.math.reduce_sum(1)", "2: .*keras.ops.sum"),
    "from tensorflow": ("from tensorflow import reduce_sum", "1: .*keras.ops.sum"),
    "unknown of tf": ("import tensorflow as tf\ntf.raw_ops.Add", "2: tensorflow.raw_ops.Add is not supported"),
    "another package": ("import tensorflow_datasets as tfds", "1: tensorflow_datasets needs"),
    "no Python 3": ("print 3", "1: this is not Python 3"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), USES.values(), ids=USES)
def test_a_missing_name_or_argument_is_found(code: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(code)
    _, found = check_file(file)
    assert len(found) == 1, found
    assert re.match(re.escape(f"{file}:") + expected, str(found[0])), found[0]


GOOD = {
    "supported names": "import keras\nkeras.layers.Dense(1, name='a', input_shape=(3,)); keras.ops.numpy.mean(1, axis=3)",
    "tf.keras": "import tensorflow as tf\ntf.keras.optimizers.Adam(1, clipnorm=3, name='a')",
    "methods": "import keras\nkeras.layers.Dense.from_config({}); keras.Model().fit(1, epochs=3, verbose=0)",
    "a parameter of that name": "from keras import layers\ndef f(layers, *metrics, k=1): return layers.Dens, metrics.x",
    "a variable of that name": "from keras import losses\ndef f():\n  losses = []\n  losses.append(1)",
    "assigned later in the function": "from keras import losses\ndef f():\n  for losses in [1]: losses.zzz",
    "a variable of the module": "from keras import losses\nlosses = []\nlosses.append(1)",
    "a class of that name": "from keras.layers import Dense\nclass Dense:\n  pass\nDense(zzz=3)",
    "a function of that name": "from keras.ops import relu\ndef relu(zzz): pass\nrelu(zzz=3)",
    "names of a class body": "from keras import layers\nclass A:\n  layers = []\n  layers.append(1)",
    "other modules": "import numpy as np\nfrom .keras import layers\nfrom . import losses\nlayers.Dens, losses.x, np.zzz",
    "an own subclass": "import keras\nclass A(keras.Layer):\n  def __init__(self, q): pass\nA(q=3)",
    "the call of a layer": "import keras\nlayer = keras.layers.Dropout(0.5)\nlayer(1, training=True)",
    "attributes of objects": "import keras\nm = keras.Model()\nm.anything.of_it; m.optimizer.lr",
    "events of callbacks": "import keras\nkeras.callbacks.LambdaCallback(on_test_begin=print)",
    "arguments of cells": "import keras\nkeras.layers.LSTM(3, implementation=2, input_shape=(3, 4))",
    "functional": "from keras import Model\nModel(inputs=1, outputs=2, name='a')",
    "arguments by **": "from keras.layers import Dense\nDense(1, **{'zzz': 3})",
    "an instance of another": "import keras\nm = keras.Model()\ndef f(m): m.fit_generator(workers=3)",
    "other encodings": "# -*- coding: latin-1 -*-\nimport keras",
}


@pytest.mark.parametrize("code", GOOD.values(), ids=GOOD)
def test_supported_programs_have_no_findings(code: str, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(code)
    assert check_file(tmp_path / "program.py")[1] == []


def test_a_class_body_hides_nothing_from_its_methods(tmp_path: Path) -> None:
    code = "from keras import layers\nclass A:\n  layers = []\n  def f(self):\n    return layers.Dens"
    (tmp_path / "program.py").write_text(code)
    assert [f.line for f in check_file(tmp_path / "program.py")[1]] == [5]


def test_folders_the_summary_and_the_exit_status(tmp_path: Path, capsys: Any) -> None:
    for folder in ("inner", ".hidden", "venv"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text("import keras\nkeras.layers.Dens, keras.layers.Dense\n")
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "b.py").write_text("from keras import layers\n")
    (tmp_path / "notes.txt").write_text("import keras; keras.zzz")
    assert main(["check", str(tmp_path)]) == 1
    *lines, summary = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{tmp_path}/inner/a.py:2: ")
    assert summary == "2 files, 4 uses of Keras, 1 not supported."
    assert main(["check", str(tmp_path / "b.py")]) == 0
    assert capsys.readouterr().out == "1 file, 1 use of Keras, 0 not supported.\n"
    assert main(["check", str(tmp_path / "nothing")]) == 2


def test_private_names_are_allowed_on_request(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "a.py").write_text("from keras.src.layers.core.dense import Dense\nDense(lr=3)")
    assert main(["check", "--private", str(tmp_path / "a.py")]) == 1
    assert capsys.readouterr().out.count("\n") == 2


def test_classes_of_private_modules(tmp_path: Path) -> None:
    code = """
from keras.src.ops.numpy import Mean, nothing
from keras.src.layers import Dense
from keras.src.backend.common import Variable
Mean(axis=3), nothing(axis=4), nothing.of_it
Dense.from_config({}), Dense.nothing
"""
    (tmp_path / "a.py").write_text(code)
    assert [f.line for f in check_file(tmp_path / "a.py", private=True)[1]] == [2, 2, 6]


def test_nothing_of_a_program_runs(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import keras\nopen('made', 'w')\nraise SystemExit")
    assert check_file(tmp_path / "a.py")[1] == [] and not Path("made").exists()


def test_remedies_name_what_exists() -> None:
    import hilevel

    for text in [*INSTEAD.values(), *(f"keras.ops.{op}" for op in RENAMED.values())]:
        for path in re.findall(r"\b(?:keras|hilevel)((?:\.[A-Za-z_]\w*)+)", text):
            found: Any = hilevel
            for part in path[1:].replace("__version__", "version").split("."):
                found = getattr(found, part)


def test_layers_accept_the_arguments_of_the_first_layer() -> None:
    import hilevel

    assert {"units", "name", "dtype", "input_shape"} <= set(accepted(hilevel.layers.Dense) or [])
    assert accepted(print) is not None and accepted(hilevel.Variable) is not None


def test_a_name_that_needs_a_missing_package_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(owner: Any, name: str) -> Any:
        raise ImportError("scikit-learn is not installed")

    monkeypatch.setattr("hilevel.compat.names.attribute", missing)
    for cache in (name_message, argument_message):
        monkeypatch.setattr(f"hilevel.compat.check.{cache.__name__}", cache.__wrapped__)
    program = tmp_path / "program.py"
    program.write_text("from keras.wrappers import SKLearnRegressor\nSKLearnRegressor(model=1)\n")
    assert check_file(program)[1] == []
