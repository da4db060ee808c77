"""ONNX files: the results of onnxruntime are the predictions of the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import exported_models
import numpy as np
import pytest
from exported_models import MODELS, SIGNATURES, data_for, varied
from layer_cases import FAMILIES, Case, Draw, cases

import hilevel
from hilevel import layers, ops, tree
from hilevel.errors import ArgumentError, ExportError

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

TOLERANCE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
EACH: dict[str, Case] = {}
for _family in FAMILIES:
    for _case in cases(_family).values():
        if _case.call.get("training") is not True and _case.cls not in EACH:
            EACH[_case.cls] = _case


def run_file(path: Path, arrays: list[Any]) -> list[np.ndarray[Any, Any]]:
    """Return the outputs of an ONNX file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_inputs()]
    return session.run(None, dict(zip(names, arrays, strict=True)))


def check(model: Any, path: Path, data: Any) -> None:
    """Compare the outputs of a file with `predict`."""
    onnx.checker.check_model(path, full_check=True)
    wanted = tree.flatten(model.predict(data, verbose=0))
    found = run_file(path, tree.flatten(data))
    assert len(found) == len(wanted)
    for y, z in zip(found, wanted, strict=True):
        assert (y.shape, y.dtype) == (z.shape, z.dtype)
        np.testing.assert_allclose(y, z, **TOLERANCE)


class Around(hilevel.Model):
    """A model of one layer, called with the arguments of a case."""

    def __init__(self, case: Case, rng: np.random.Generator) -> None:
        super().__init__()
        self.case, self.layer = case, case.layer(layers)

        def draw(x: Any) -> Any:
            return x(rng) if isinstance(x, Draw) else list(map(draw, x)) if isinstance(x, list) else x

        inputs = [draw(x if isinstance(x, Draw) else Draw(x)) for x in case.inputs]
        self.arguments = [inputs, {key: draw(value) for key, value in case.call.items()}]
        self.arrays = [a for a in tree.flatten(self.arguments) if isinstance(a, np.ndarray)]

    def call(self, arrays: list[Any]) -> Any:
        rest = iter(arrays)
        inputs, options = tree.map_structure(
            lambda x: next(rest) if isinstance(x, np.ndarray) else x, self.arguments
        )
        return self.layer(*self.case.positional(inputs), **options)


@pytest.mark.parametrize("name", EACH)
def test_a_layer_gives_its_results(name: str, tmp_path: Path) -> None:
    model = Around(EACH[name], np.random.default_rng(0))
    model(model.arrays)
    varied(model)
    signature = [hilevel.KerasTensor((None, *a.shape[1:]), a.dtype) for a in model.arrays]
    path = tmp_path / "layer.onnx"
    model.export(path, input_signature=[signature])
    for arrays in (model.arrays, [np.concatenate([a, a[::-1], a]) for a in model.arrays]):
        wanted = [ops.convert_to_numpy(y) for y in tree.flatten(model(arrays, training=False))]
        for y, z in zip(run_file(path, arrays), wanted, strict=True):
            np.testing.assert_allclose(y, z, **TOLERANCE)


ON_JAX = ("perceptron", "lstm", "transformer", "subclassed")


@pytest.mark.parametrize(
    "name, backend", [*((name, "numpy") for name in MODELS), *((name, "jax") for name in ON_JAX)]
)
def test_a_model_gives_its_predictions(name: str, backend: str, tmp_path: Path) -> None:
    with hilevel.use_backend(backend):
        model = MODELS[name]()
        model.predict(data_for(model, batch=2), verbose=0)
        varied(model).export(tmp_path / "model.onnx", input_signature=SIGNATURES.get(name))
        check(model, tmp_path / "model.onnx", data_for(model, batch=3))


def test_other_sizes_than_the_first(tmp_path: Path) -> None:
    model = varied(MODELS["lstm"]())
    model.export(tmp_path / "model.onnx")
    for batch, steps in ((1, 2), (5, 11)):
        check(model, tmp_path / "model.onnx", data_for(model, batch, steps))


@pytest.mark.parametrize("layer", [
    lambda: layers.GRU(3, "elu", reset_after=False, return_sequences=True, go_backwards=True),
    lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2, "elu")]),
    lambda: layers.Lambda(lambda x: ops.scan(lambda c, a: (c + a, c * a), x[0] * 0, x)[1]),
], ids=["gru", "cells", "scan"])  # fmt: skip
def test_loops_over_an_unknown_number_of_steps(layer: Any, tmp_path: Path) -> None:
    model = exported_models.sequential(layers.Input((None, 3)), layer())
    model.export(tmp_path / "model.onnx")
    assert "Scan" in [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    for batch, steps in ((3, 4), (2, 9)):
        check(model, tmp_path / "model.onnx", data_for(model, batch, steps))


@pytest.mark.parametrize("options", [
    {"return_sequences": True, "go_backwards": True}, {"activation": "relu", "recurrent_activation": "linear"},
    {"use_bias": False, "return_sequences": True},
], ids=["backwards", "activations", "bias"])  # fmt: skip
def test_a_reset_before_the_product_is_a_gru(options: Any, tmp_path: Path) -> None:
    model = varied(exported_models.sequential(
        layers.Input((None, 3)), layers.Masking(), layers.GRU(4, reset_after=False, **options)
    ))  # fmt: skip
    model.export(tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    (node,) = [node for node in proto.graph.node if node.op_type in ("GRU", "Scan")]
    assert {a.name: a.i for a in node.attribute}["linear_before_reset"] == 0
    for batch, steps in ((3, 4), (2, 9)):
        data = data_for(model, batch, steps)
        data[0, 1] = 0
        check(model, tmp_path / "model.onnx", data)


def test_images_of_unknown_size(tmp_path: Path) -> None:
    model = exported_models.sequential(
        layers.Input((None, None, 2)), layers.Conv2D(3, 3, strides=2, padding="same"), layers.UpSampling2D(2),
        layers.MaxPooling2D(3, 2, "same"), layers.Conv2DTranspose(2, 3, strides=2, padding="same"),
        layers.ZeroPadding2D(1), layers.AveragePooling2D(2), layers.GroupNormalization(1),
    )  # fmt: skip
    model.export(tmp_path / "model.onnx")
    for size in ((8, 8), (9, 7), (4, 13)):
        check(
            model,
            tmp_path / "model.onnx",
            np.random.default_rng(0).normal(size=(2, *size, 2)).astype("float32"),
        )


def test_a_mask_may_have_gaps(tmp_path: Path) -> None:
    for name in ("lstm", "gru"):
        model = varied(MODELS[name]())
        model.export(tmp_path / "model.onnx")
        check(model, tmp_path / "model.onnx", np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 1]], "int32"))


@pytest.mark.parametrize("layer", [
    lambda: layers.GRU(3, reset_after=False, return_sequences=True), lambda: layers.ConvLSTM1D(2, 3),
    lambda: layers.Normalization(mean=1.0, variance=4.0), lambda: layers.CategoryEncoding(5, "count"),
    lambda: layers.Discretization([0.0, 1.0]), lambda: layers.Resizing(5, 4), lambda: layers.RandomFlip(),
    lambda: layers.Lambda(lambda x: ops.where(x > 0, 0.5, 2.0) + ops.where(x > 1, x, 0.3)),
    lambda: layers.STFTSpectrogram(frame_length=8, frame_step=4, fft_length=8), lambda: layers.Lambda(lambda x: x[:, ::-1] % 2),
], ids=["gru", "conv_lstm", "normalization", "encoding", "discretization", "resizing", "flip", "where", "stft", "lambda"])  # fmt: skip
def test_further_layers(layer: Any, request: Any, tmp_path: Path) -> None:
    shape = {
        "conv_lstm": (4, 6, 3),
        "resizing": (8, 8, 3),
        "flip": (8, 8, 3),
        "stft": (32, 1),
        "encoding": (3,),
    }
    name = request.node.callspec.id
    dtype = "int32" if name == "encoding" else "float32"
    model = exported_models.sequential(layers.Input(shape.get(name, (4, 3)), dtype=dtype), layer())
    model.export(tmp_path / "model.onnx")
    check(model, tmp_path / "model.onnx", data_for(model, batch=2))


# -- the file ------------------------------------------------------------------------------------------


def test_constants_have_the_paths_of_the_weights(tmp_path: Path) -> None:
    model = MODELS["perceptron"]()
    model.export(tmp_path / "model.onnx", opset_version=20)
    proto = onnx.load(tmp_path / "model.onnx")
    assert [c.name for c in proto.graph.initializer] == [w.path for w in model.weights]
    assert proto.opset_import[0].version == 20
    assert [d.dim_param or d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim] == [
        "batch",
        4,
    ]


def test_a_shared_kernel_is_stored_once(tmp_path: Path) -> None:
    inputs, conv = layers.Input((6, 6, 2)), layers.Conv2D(2, 3, name="conv")
    hilevel.Model(inputs, conv(conv(inputs))).export(tmp_path / "model.onnx")
    constants = [c.name for c in onnx.load(tmp_path / "model.onnx").graph.initializer]
    assert len(constants) == 2


def test_inverse_transposes_cancel(tmp_path: Path) -> None:
    model = MODELS["convolutional"]()
    model.export(tmp_path / "model.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    assert kinds == ["Transpose", "Conv", "Relu", "Conv", "Relu", "MaxPool", "Transpose", "Reshape", "Gemm"]


@pytest.mark.parametrize("dtype, number", [("float16", 10), ("bfloat16", 16), ("float64", 11)])
def test_dtypes_stay(dtype: str, number: int, tmp_path: Path) -> None:
    model = exported_models.sequential(
        layers.Input((4,), dtype=dtype), layers.Dense(3, dtype=dtype, activation="relu")
    )
    model.export(tmp_path / "model.onnx")
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    assert {x.type.tensor_type.elem_type for x in (*proto.graph.input, *proto.graph.output)} == {number}
    if dtype == "float16":
        data = data_for(model, batch=3)
        np.testing.assert_allclose(
            run_file(tmp_path / "model.onnx", [data])[0], model.predict(data, verbose=0), atol=2e-3
        )


@pytest.mark.parametrize("dtype", ["bfloat16", "mixed_bfloat16"])
@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_weights_of_bfloat16_are_stored_in_it(dtype: str, backend: str, tmp_path: Path) -> None:
    """The operators of ONNX that lack bfloat16 compute in float32, so that ONNX Runtime runs the file."""
    parts = [
        layers.Conv1D(6, 3), layers.MaxPooling1D(2), layers.AveragePooling1D(1), layers.LSTM(4, return_sequences=True),
        layers.GRU(4, reset_after=False), layers.Dense(5, "gelu"), layers.LayerNormalization(),
    ]  # fmt: skip
    with hilevel.use_backend(backend):
        parts = [type(part).from_config(part.get_config() | {"dtype": dtype}) for part in parts]
        model = varied(
            exported_models.sequential(layers.Input((12, 4)), *parts, layers.Softmax(dtype="float32"))
        )
        model.export(tmp_path / "model.onnx")
        data = data_for(model, batch=3)
        wanted = model.predict(data, verbose=0)
    proto = onnx.load(tmp_path / "model.onnx")
    onnx.checker.check_model(proto, full_check=True)
    floats = [c for c in proto.graph.initializer if c.data_type in (1, 16) and np.prod(c.dims) > 1]
    of_float32 = ["gamma", "beta"] if dtype.startswith("mixed") else []  # a normalization computes in float32
    assert [c.name.split("/")[-1][:-2] for c in floats if c.data_type == 1] == of_float32
    (found,) = run_file(tmp_path / "model.onnx", [data])
    np.testing.assert_allclose(found, wanted, atol=1e-6 if backend == "numpy" else 0.02)


def test_int8_kernels(tmp_path: Path) -> None:
    model = exported_models.sequential(
        layers.Input((64,)), layers.Dense(64, activation="relu"), layers.Dense(64)
    )
    model.export(tmp_path / "float.onnx")
    model.export(tmp_path / "int8.onnx", weights="int8")
    data = data_for(model, batch=8)
    wanted = model.predict(data, verbose=0)
    (found,) = run_file(tmp_path / "int8.onnx", [data])
    assert (tmp_path / "int8.onnx").stat().st_size < 0.35 * (tmp_path / "float.onnx").stat().st_size
    assert 0 < np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()


# -- parts without a form ----------------------------------------------------------------------------------


class Noisy(layers.Layer):
    """A layer that draws random numbers in inference, too."""

    def call(self, inputs: Any) -> Any:
        return inputs + hilevel.random.normal((3,))


class Branching(layers.Layer):
    """A layer that reads a value."""

    def call(self, inputs: Any) -> Any:
        return inputs if ops.sum(inputs) > 0 else -inputs


class Inverse(layers.Layer):
    """A layer of an op without a converter."""

    def call(self, inputs: Any) -> Any:
        return ops.inv(inputs)


class Counting(layers.Layer):
    """A layer whose code reads the unknown size as a number."""

    def call(self, inputs: Any) -> Any:
        return inputs * np.arange(inputs.shape[1], dtype="float32").sum()


@pytest.mark.parametrize("layer, words", [
    (lambda: Noisy(name="noise"), ["Random numbers", 'Noisy "net/noise"']),
    (lambda: Branching(name="branch"), ["ops.where, cond", 'Branching "net/branch"']),
    (lambda: Inverse(name="inverse"), ["The op inv has no form in ONNX", 'Inverse "net/inverse"']),
    (lambda: Counting(name="count"), ["size of an axis that is unknown", "input_signature"]),
    (lambda: layers.Lambda(lambda x: ops.cross(x, x, axis=1)), ["length of vectors must be known", "lambda", "(None, 3, None)"]),
    (lambda: layers.Lambda(ops.squeeze), ["op squeeze cannot be exported", "unknown size in (None, 3, 3)", "axis"]),
    (lambda: layers.Hashing(5, name="hash"), ['Hashing "hash"', "host's memory"]),
], ids=["random", "values", "op", "size", "cross", "squeeze", "host"])  # fmt: skip
def test_errors_name_the_op_and_the_layer(layer: Any, words: list[str], tmp_path: Path) -> None:
    class Net(hilevel.Model):
        def __init__(self) -> None:
            super().__init__(name="net")
            self.inner = layer()

        def call(self, inputs: Any) -> Any:
            return self.inner(inputs)

    path = tmp_path / "model.onnx"
    path.write_text("the file before")
    size = None if {"input_signature", "(None, 3, None)"} & set(words) else 3
    with pytest.raises(ExportError) as error:
        Net().export(path, input_signature=[layers.InputSpec(shape=(None, size, 3), dtype="float32")])
    assert all(word in str(error.value) for word in words), error.value
    assert path.read_text() == "the file before"


def test_a_state_is_not_exported(tmp_path: Path) -> None:
    model = exported_models.sequential(layers.Input((4, 2), batch_size=3), layers.LSTM(2, stateful=True))
    with pytest.raises(ExportError, match=r"changes its Variables.*rnn_state"):
        model.export(tmp_path / "model.onnx")


@pytest.mark.parametrize("format", ["tf_saved_model", "litert", "openvino", "torch"])
def test_formats_of_keras_that_are_missing(format: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=rf'"{format}".*"onnx" or "stablehlo".*ONNX'):
        MODELS["perceptron"]().export(tmp_path / "model", format=format)


def test_options(tmp_path: Path, capsys: Any) -> None:
    model = MODELS["perceptron"]()
    model.export(tmp_path / "model", format="onnx", verbose=True)
    assert f"{(tmp_path / 'model').stat().st_size:,} bytes" in capsys.readouterr().out
    for options, error in (
        ({"opset_version": 17}, ArgumentError), ({"weights": "int4"}, ArgumentError), ({"opset": 18}, TypeError),
    ):  # fmt: skip
        with pytest.raises(error):
            model.export(tmp_path / "model.onnx", **options)
    with pytest.raises(ValueError, match="input_signature"):
        exported_models.Subclassed().export(tmp_path / "model.onnx")
