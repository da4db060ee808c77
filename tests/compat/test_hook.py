"""`hilevel.as_keras`: the imports of Keras and tf.keras."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel.api.missing import keras_names


@pytest.fixture
def keras() -> Iterator[Any]:
    with hilevel.as_keras():
        yield importlib.import_module("keras")


@pytest.fixture
def private() -> Iterator[None]:
    with hilevel.as_keras(private=True):
        yield


def run(code: str) -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "a_program"}
    exec(code, namespace)
    return namespace


IMPORTS = [
    ("import keras", "keras.layers.Dense", hilevel.layers.Dense),
    ("import keras.layers", "keras.layers.Dense", hilevel.layers.Dense),
    ("import keras.layers as L", "L.Dense", hilevel.layers.Dense),
    ("from keras import layers", "layers.Dense", hilevel.layers.Dense),
    ("from keras.layers import Dense", "Dense", hilevel.layers.Dense),
    ("from keras.layers import *", "LSTM", hilevel.layers.LSTM),
    ("import keras.ops as ops", "ops.einsum", hilevel.ops.einsum),
    ("from keras.ops import numpy", "numpy.mean", hilevel.ops.mean),
    ("import keras", "keras.datasets.mnist.load_data", hilevel.datasets.mnist.load_data),
    ("from keras.datasets import mnist", "mnist.load_data", hilevel.datasets.mnist.load_data),
    (
        "from keras.optimizers.schedules import CosineDecay",
        "CosineDecay",
        hilevel.optimizers.schedules.CosineDecay,
    ),
    ("from keras import backend as K", "K.set_floatx", hilevel.backend.set_floatx),
    ("import keras", "keras.config.floatx", hilevel.config.floatx),
    ("import keras", "keras.Model", hilevel.Model),
    ("import tensorflow as tf", "tf.keras.layers.Dense", hilevel.layers.Dense),
    ("import tensorflow as tf", "tf.keras.utils.to_categorical", hilevel.utils.to_categorical),
    ("import tensorflow.keras as keras", "keras.Sequential", hilevel.Sequential),
    ("from tensorflow import keras", "keras.Sequential", hilevel.Sequential),
    ("from tensorflow.keras.layers import Dense", "Dense", hilevel.layers.Dense),
    ("import tensorflow.keras.backend as K", "K.epsilon", hilevel.backend.epsilon),
]


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(
    ("line", "expression", "expected"), IMPORTS, ids=[f"{a}; {b}" for a, b, _ in IMPORTS]
)
def test_imports_give_the_objects_of_hilevel(line: str, expression: str, expected: Any) -> None:
    assert eval(expression, run(line)) is expected


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize("space", [s for s in keras_names() if s.split(".")[0] not in
    {"applications", "distillation", "export", "quantizers", "visualization", "wrappers"}])  # fmt: skip
def test_every_public_name_is_where_keras_has_it(space: str) -> None:
    module = importlib.import_module(f"keras.{space}".rstrip("."))
    ours = importlib.import_module(f"hilevel.{space}".rstrip("."))
    for name in filter(lambda n: hasattr(ours, n), keras_names()[space]):
        found = getattr(module, name)
        if isinstance(found, types.ModuleType):
            assert found is importlib.import_module(f"{module.__name__}.{name}")
        elif (space, name) != ("", "version"):
            assert found is getattr(ours, name)


def test_modules_are_one_object_and_list_their_names(keras: Any) -> None:
    assert keras.layers is importlib.import_module("keras.layers") is sys.modules["keras.layers"]
    assert dir(keras.layers) == dir(hilevel.layers) and keras.layers.__all__ == hilevel.layers.__all__
    assert keras.layers.__doc__ == hilevel.layers.__doc__


def test_the_version(keras: Any) -> None:
    assert keras.__version__ == keras.version() == "3.15.1+hilevel"
    tf = run("import tensorflow as tf")["tf"]
    assert tf.keras.__version__ == "3.15.1+hilevel" and tf.__version__.endswith("+hilevel")


def test_settings_take_effect(keras: Any, monkeypatch: Any) -> None:
    before = hilevel.config.floatx()
    try:
        keras.backend.set_floatx("float16")
        assert hilevel.config.floatx() == keras.config.floatx() == "float16"
    finally:
        keras.config.set_floatx(before)


def test_pickles_and_isinstance(keras: Any) -> None:
    layer = keras.layers.Dense(2, name="out")
    copy = pickle.loads(pickle.dumps(layer))
    assert isinstance(copy, hilevel.layers.Dense) and isinstance(hilevel.layers.ReLU(), keras.Layer)
    assert pickle.loads(pickle.dumps(keras.layers.Dense)) is hilevel.layers.Dense


MISSING = [
    ("import keras.applications", ModuleNotFoundError, "build the network of hilevel.layers"),
    ("from keras.applications import ResNet50", ModuleNotFoundError, 'hilevel has no "applications"'),
    ("from keras import applications", ImportError, 'hilevel has no "applications"'),
    ("import keras; keras.applications", AttributeError, 'hilevel has no "applications"'),
    ("from keras.layers import Dens", ImportError, 'the nearest name is "Dense"'),
    ("import keras; keras.layers.Dens", AttributeError, 'the nearest name is "Dense"'),
    ("from keras.callbacks import OrbaxCheckpoint", ImportError, "does not have it yet"),
    ("from keras.layers import core", ImportError, 'no "core"'),
    ("import keras.layers.core.dense", ModuleNotFoundError, "no module .core."),
    ("from keras.layers.recurrent import LSTM", ModuleNotFoundError, "import its names from keras.layers"),
    ("import keras.layers.Dense", ModuleNotFoundError, "is not a module"),
    ("from keras.preprocessing.text import Tokenizer", ModuleNotFoundError, "TextVectorization"),
    ("from keras.src.layers import Dense", ModuleNotFoundError, "private=True"),
    ("import keras; keras.src", AttributeError, "private=True"),
    ("import tensorflow as tf; tf.keras.backend.mean", AttributeError, "hilevel.ops.mean"),
    ("import tensorflow as tf; tf.data", AttributeError, "tensorflow.data .* keras.utils.PyDataset"),
    ("import tensorflow as tf; tf.reduce_mean", AttributeError, "keras.ops.mean"),
    ("import tensorflow as tf; tf.zzz", AttributeError, "tensorflow.zzz is not supported"),
    ("from tensorflow import GradientTape", ImportError, "hilevel.GradientTape"),
    ("import tensorflow.data", ModuleNotFoundError, "tensorflow.data"),
    ("from tensorflow.python.keras.layers import Dense", ModuleNotFoundError, "import tensorflow.keras"),
]  # fmt: skip


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(("code", "kind", "message"), MISSING, ids=[code for code, _, _ in MISSING])
def test_missing_names_are_errors_with_a_remedy(code: str, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        run(code)
    assert type(caught.value) is kind
    run(code.partition(";")[0] if ";" in code else "import keras")  # an error leaves the hook as it was


@pytest.mark.usefixtures("private")
def test_private_modules_have_public_names() -> None:
    code = """
from keras.src.layers import Dense
from keras.src.layers.core.dense import Dense as again
from keras.src import ops, backend, Model
from keras.src.losses.losses import binary_crossentropy
from keras.src.metrics.metric import Metric
from tensorflow.keras.src.layers import Dense as third
import keras.src.layers.rnn.lstm as lstm
"""
    found = run("from __future__ import annotations" + code)
    assert found["Dense"] is found["again"] is found["third"] is hilevel.layers.Dense
    assert found["ops"].einsum is hilevel.ops.einsum and found["backend"].floatx is hilevel.backend.floatx
    assert found["binary_crossentropy"] is hilevel.losses.binary_crossentropy
    assert found["Metric"] is hilevel.Metric and found["Model"] is hilevel.Model
    assert found["lstm"].LSTM is hilevel.layers.LSTM


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "code",
    [
        "from keras.src.utils import nothing",
        "from keras.src.utils.naming import auto_name",
        "from keras.src import n",
    ],
)
def test_private_names_without_a_public_name_are_errors(code: str) -> None:
    with pytest.raises(ImportError, match="no public module of hilevel has"):
        run(code)


@pytest.mark.usefixtures("private")
def test_names_that_packages_import() -> None:
    found = run("""
from keras.src.backend import get_keras_mask, set_keras_mask
from keras.src.distribution import distribution_lib
from keras.src.losses.losses import LossFunctionWrapper
from keras.src.saving import saving_lib, serialization_lib
from keras.src.utils.backend_utils import in_grain_data_pipeline
from keras.src.ops import *
from io import BytesIO
import keras
import numpy as np

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
file = BytesIO()
saving_lib.save_model(model, file)
again = saving_lib.load_model(file)
""")
    x = np.ones((3, 2), "float32")
    np.testing.assert_array_equal(found["again"](x), found["model"](x))
    masked = found["set_keras_mask"](x, np.ones(3, bool))
    assert found["get_keras_mask"](masked) is hilevel.masks.mask_of(x) is not None
    assert found["distribution_lib"].distribution() is None and found["einsum"] is hilevel.ops.einsum
    assert issubclass(hilevel.losses.MeanSquaredError, found["LossFunctionWrapper"])
    assert all(weight._value is None for weight in found["model"].weights)  # KerasHub would free it
    assert not found["in_grain_data_pipeline"]() and found["serialization_lib"].in_safe_mode() is True


@pytest.mark.usefixtures("private")
@pytest.mark.parametrize(
    "line", ["import keras.applications", "from keras import applications", "from keras import *"]
)
def test_classes_that_hilevel_lacks_fail_when_they_are_used(line: str) -> None:
    found = run(
        f"{line}\nimport keras\nnet = keras.applications.resnet.ResNet50\nfrom keras.quantizers import AbsMaxQuantizer"
    )
    assert not isinstance(3, found["AbsMaxQuantizer"]) and issubclass(
        type("Own", (found["net"],), {}), found["net"]
    )
    with pytest.raises(NotImplementedError, match=r"build the network of hilevel\.layers"):
        found["net"](weights=None)
    for missing in ("keras.applications.resnet.preprocess_input", "keras.config.no", "keras.layers.Dens"):
        with pytest.raises(AttributeError):
            run(f"import keras; {missing}")


def test_it_is_undone() -> None:
    handle = hilevel.as_keras()
    module = importlib.import_module("keras.layers")
    inner = hilevel.as_keras(private=True)
    inner.undo()
    assert importlib.import_module("keras.layers") is module
    handle.undo()
    handle.undo()
    assert handle not in sys.meta_path and not {"keras", "keras.layers", "tensorflow"} & set(sys.modules)
    assert module.Dense is hilevel.layers.Dense


@pytest.mark.parametrize("name", ["keras", "tensorflow"])
def test_another_keras_is_not_replaced(name: str, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    before = list(sys.meta_path)
    with pytest.raises(ImportError, match=f"{name} is imported already"):
        hilevel.as_keras()
    assert sys.meta_path == before


def test_the_environment_variable_for_private_names(monkeypatch: Any) -> None:
    monkeypatch.setenv("HILEVEL_AS_KERAS", "private")
    code = (
        "import hilevel; from keras.src.layers.core.dense import Dense; print(Dense is hilevel.layers.Dense)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == "True\n", found.stderr


@pytest.mark.parametrize(("value", "found"), [("1", "True"), ("0", "False")])
def test_the_environment_variable(value: str, found: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("HILEVEL_AS_KERAS", value)
    code = "import sys, hilevel, importlib.util as u; print(u.find_spec('keras') is not None and "
    code += "'hilevel' in __import__('keras').__version__)"
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == found
    )


def test_tensorflow_can_be_left_out() -> None:
    with hilevel.as_keras(tensorflow=False):
        assert run("import keras")["keras"].layers.Dense is hilevel.layers.Dense
        for line in ("import tensorflow", "from tensorflow import keras", "import tensorflow.keras.layers"):
            with pytest.raises(ModuleNotFoundError, match="left out"):
                run(line)


def test_tensorboard_works_without_tensorflow() -> None:
    pytest.importorskip("tensorboard")
    code = "import hilevel; hilevel.as_keras(); import tensorflow; from tensorboard.compat import tf; "
    code += "print(tf.compat.as_str_any('read'))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == "read\n", found.stderr


def test_a_program_trains(keras: Any) -> None:
    found = run("""
import numpy as np
import tensorflow as tf
from tensorflow import keras
from keras import layers

keras.utils.set_random_seed(1)
x = np.linspace(-1, 1, 64, dtype="float32")[:, None]
inputs = keras.Input((1,))
model = tf.keras.Model(inputs, layers.Dense(1)(layers.Dense(8, activation="tanh")(inputs)))
model.compile(keras.optimizers.Adam(0.05), loss=tf.keras.losses.MeanSquaredError(), metrics=["mae"])
history = model.fit(x, x ** 2, epochs=80, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()])
""")
    losses = found["history"].history["loss"]
    assert losses[-1] < losses[0] / 4
