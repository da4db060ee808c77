"""Wrong programs, and what they are told: the exception's class, and words that its text must contain, on every
backend."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel import errors, layers, losses, ops

X = np.linspace(-1, 1, 32, dtype="float32").reshape(8, 4)
LABELS = np.arange(8) % 3
LOGITS = losses.SparseCategoricalCrossentropy(from_logits=True)


def model(units: int = 3, **kwargs: Any) -> hilevel.Sequential:
    return hilevel.Sequential([layers.Input((4,)), layers.Dense(units, name="head", **kwargs)])


def compiled(loss: Any = "mse", units: int = 3, metrics: Any = None, **kwargs: Any) -> Any:
    made = model(units, **kwargs)
    made.compile("sgd", loss, metrics=metrics)
    return made


def fit(y: Any, loss: Any = "mse", units: int = 3, x: Any = X, **kwargs: Any) -> Any:
    return compiled(loss, units).fit(x, y, verbose=0, **kwargs)


def two_inputs() -> hilevel.Model:
    a, b = hilevel.Input((4,), name="left"), hilevel.Input((4,), name="right")
    return hilevel.Model([a, b], layers.Add()([a, b]))


def disconnected() -> None:
    a, b = hilevel.Input((4,), name="a"), hilevel.Input((4,), name="b")
    hilevel.Model(a, layers.Add()([a, b]))


class MakesVariable(hilevel.Model):
    def train_step(self, data: Any) -> dict[str, Any]:
        hilevel.Variable(0.0, name="late")
        return {"loss": 0.0}

    def call(self, x: Any) -> Any:
        return x


def variable_in_step() -> None:
    @hilevel.jit
    def step(x: Any) -> Any:
        return hilevel.Variable(x * 0 + 1.0, name="late").read()

    step(X)


def leaked() -> None:
    kept: list[Any] = []

    def loss(x: Any) -> Any:
        kept.append(ops.tanh(x))
        return ops.sum(kept[0])

    hilevel.grad(loss)(X)
    ops.exp(kept[0])


def unassigned_watch() -> None:
    x = ops.convert_to_tensor(X)
    with hilevel.GradientTape() as tape:
        tape.watch(x)
        y = ops.sum(ops.square(x))
    tape.gradient(y, x)


def numpy_function() -> None:
    with hilevel.GradientTape() as tape:
        x = tape.watch(X)
        np.linalg.eigvals(x)


def asarray_of_traced() -> None:
    with hilevel.GradientTape() as tape:
        x = tape.watch(X)
        np.asarray(x * 2)


def asked_twice() -> None:
    w = hilevel.Variable(1.0)
    with hilevel.GradientTape() as tape:
        y = w * w
    tape.gradient(y, w)
    tape.gradient(y, w)


def no_super() -> None:
    class Forgot(layers.Layer):
        def __init__(self) -> None:
            self.units = 3

    Forgot()(X)


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], list[str]]] = {
    "column against columns": (
        lambda: fit(np.zeros((8, 1))), errors.ShapeError, ["1)", "3)", "not broadcast"],
    ),
    "columns against column": (
        lambda: fit(np.zeros((8, 3)), units=1), errors.ShapeError, ["3)", "1)", "not broadcast"],
    ),
    "label outside the classes": (
        lambda: fit(np.full(8, 7), LOGITS), ValueError, ["label 7", "0..2"],
    ),
    "negative label": (
        lambda: fit(np.full(8, -2), LOGITS), ValueError, ["label -2"],
    ),
    "misspelt loss": (
        lambda: compiled("categorical_crosentropy"), errors.UnknownNameError,
        ["categorical_crosentropy", "Did you mean", "categorical_crossentropy"],
    ),
    "misspelt metric": (
        lambda: compiled(metrics=["acuracy"]), errors.UnknownNameError, ["acuracy", '"accuracy"'],
    ),
    "misspelt optimizer": (
        lambda: model().compile("adamm"), errors.UnknownNameError, ["adamm", '"adam"'],
    ),
    "misspelt activation": (
        lambda: layers.Dense(3, activation="reluu"), errors.UnknownNameError, ["reluu", '"relu"'],
    ),
    "misspelt initializer": (
        lambda: layers.Dense(3, kernel_initializer="glorot"), errors.UnknownNameError, ["glorot"],
    ),
    "logits to a probability loss": (
        lambda: fit(LABELS, "sparse_categorical_crossentropy"), errors.HilevelWarning,
        ['Dense "head"', "probabilities", "softmax", "from_logits=True"],
    ),
    "one-hot beyond its range": (
        lambda: ops.one_hot(np.array([0, 5]), 3), IndexError, ["5", "to 2"],
    ),
    "take beyond the axis": (
        lambda: ops.take(X, np.array([9]), axis=0), IndexError, ["9", "length 8"],
    ),
    "wrong last axis": (
        lambda: model()(np.zeros((8, 5), "float32")), errors.ShapeError,
        ['Dense "head"', "last axis is 4", "(None, 4)", "(8, 5)"],
    ),
    "wrong last axis in fit": (
        lambda: fit(np.zeros((8, 3)), x=np.zeros((8, 6))), errors.ShapeError,
        ['Dense "head"', "last axis is 4"],
    ),
    "inputs of different lengths": (
        lambda: fit(np.zeros((7, 3))), ValueError, ["same number of samples", "x: 8", "y: 7"],
    ),
    "empty data": (
        lambda: fit(np.zeros((0, 3)), x=np.zeros((0, 4))), ValueError, ["empty"],
    ),
    "no data": (lambda: compiled().fit(None), ValueError, ["no data"]),
    "empty generator": (
        lambda: compiled().fit(iter([]), verbose=0), ValueError, ["empty"],
    ),
    "fit before compile": (
        lambda: model().fit(X, X), errors.NotCompiledError, ["compile(", "fit"],
    ),
    "evaluate before compile": (
        lambda: model().evaluate(X, X), errors.NotCompiledError, ["compile(", "evaluate"],
    ),
    "variable in a compiled step": (
        variable_in_step, errors.VariableCreationError, ["late", "compiled", "__init__ or build"],
    ),
    "variable in a train step": (
        lambda: _fit_custom(MakesVariable()), errors.VariableCreationError, ["late", "compiled"],
    ),
    "traced value after its step": (
        leaked, errors.TracedValueError, ["after its step", "Return it"],
    ),
    "watch without assignment": (
        unassigned_watch, TypeError, ["x = tape.watch(x)"],
    ),
    "numpy function on a traced value": (
        numpy_function, errors.TracedValueError, ["numpy.eigvals", "hilevel.ops"],
    ),
    "asarray of a traced value": (
        asarray_of_traced, errors.TracedValueError, ["gradient", "stop_gradient"],
    ),
    "gradient asked twice": (asked_twice, RuntimeError, ["persistent=True"]),
    "gradient of a vector": (
        lambda: hilevel.grad(lambda x: x * 2)(X), errors.ShapeError, ["(8, 4)", "hilevel.jacobian"],
    ),
    "gradient of integers": (
        lambda: hilevel.grad(lambda x: ops.sum(x))(np.arange(3)), TypeError, ["int64", "cast"],
    ),
    "matmul that does not fit": (
        lambda: ops.matmul(ops.convert_to_tensor(X), ops.convert_to_tensor(X)), errors.ShapeError,
        ["matmul", "(8, 4)", "4 and 8"],
    ),
    "add that does not fit": (
        lambda: ops.add(ops.convert_to_tensor(X), ops.ones((3,))), errors.ShapeError,
        ["(8, 4)", "(3,)", "axis -1"],
    ),
    "reshape that does not fit": (
        lambda: ops.reshape(ops.convert_to_tensor(X), (5, 5)), errors.ShapeError,
        ["(8, 4)", "32 elements", "(5, 5)"],
    ),
    "float exponents": (lambda: ops.ldexp(X, 0.5), TypeError, ["exponents x2", "float32", "ops.exp2"]),
    "concatenation that does not fit": (
        lambda: layers.Concatenate(name="join")([X, X[:3]]), errors.ShapeError, ["(8, 4)", "(3, 4)"],
    ),
    "kernel larger than the input": (
        lambda: layers.Conv1D(2, 5)(X[:, :, None]), errors.ShapeError,
        ["Conv1D", "window of 5", "axis 1 of 4", 'padding="same"'],
    ),
    "window larger than the input": (
        lambda: layers.MaxPooling1D(6)(X[:, :, None]), errors.ShapeError, ["max_pool", "window of 6", "axis 1 of 4"],
    ),
    "image without channels": (
        lambda: layers.Conv2D(2, 3, name="first")(X[:, :, None]), errors.ShapeError,
        ['Conv2D "first"', "4 axes", "(8, 4, 1)"],
    ),
    "channels that make no groups": (
        lambda: layers.Conv1D(4, 1, groups=4)(X[:, None, :3]), ValueError, ["Conv1D", "3 channels", "4 groups"],
    ),
    "filters that make no groups": (
        lambda: layers.Conv1D(3, 1, groups=2), ValueError, ["Conv1D", "3 filters", "2 groups"],
    ),
    "channels of another kernel": (
        lambda: ops.conv(X[:, None], np.ones((1, 3, 2), "float32")), errors.ShapeError,
        ["conv", "4 channels", "multiple of 3", "(1, 3, 2)"],
    ),
    "strides and dilation": (
        lambda: layers.Conv2D(3, 2, strides=2, dilation_rate=2), ValueError, ["Conv2D", "strides", "dilation_rate"],
    ),
    "unknown padding": (
        lambda: layers.Conv2D(3, 2, padding="causal"), ValueError, ["Conv2D", "'valid'", "'same'", "'causal'"],
    ),
    "unknown data format": (
        lambda: layers.AveragePooling2D(2, data_format="nchw"), ValueError, ["channels_first", "'nchw'"],
    ),
    "kernel of three sizes": (
        lambda: layers.Conv2D(3, (2, 2, 2)), ValueError, ["Conv2D", "kernel_size", "2 of them", "(2, 2, 2)"],
    ),
    "everything cropped": (
        lambda: layers.Cropping1D(2)(X[:, :, None]), errors.ShapeError, ["Cropping1D", "(2, 2)", "(8, 4, 1)"],
    ),
    "missing input": (
        lambda: two_inputs().predict({"left": X}, verbose=0), ValueError, ["left, right", "Missing: right"],
    ),
    "unknown input": (
        lambda: two_inputs().predict({"left": X, "rigth": X}, verbose=0), ValueError,
        ['"rigth"', 'Did you mean "right"'],
    ),
    "too few inputs": (
        lambda: two_inputs().predict([X], verbose=0), ValueError, ["2 inputs", "left, right", "got 1"],
    ),
    "targets for an unknown output": (
        lambda: fit({"haed": np.zeros((8, 3))}), ValueError, ["head"],
    ),
    "disconnected graph": (disconnected, ValueError, ["not connected", '"b"', "a"]),
    "not a layer": (
        lambda: hilevel.Sequential([layers.Dense(3), "relu"]), ValueError, ["expects layers", "str"],
    ),
    "two layers of one name": (
        lambda: hilevel.Sequential([layers.Dense(3, name="a"), layers.Dense(3, name="a")]), ValueError,
        ['"a"', "another name"],
    ),
    "units of zero": (lambda: layers.Dense(0), ValueError, ["Dense", "units", "0"]),
    "groups that do not fit": (
        lambda: layers.GroupNormalization(3, name="norm")(X), ValueError, ['"norm"', "4 features", "3 groups"],
    ),
    "a mask that is larger": (
        lambda: layers.Softmax()(X, mask=np.ones((2, 8, 4), bool)), errors.ShapeError, ["mask", "(8, 4)", "(2, 8, 4)"],
    ),
    "a negative slope below zero": (
        lambda: layers.LeakyReLU(-1.0), ValueError, ["LeakyReLU", "negative_slope", "-1.0"],
    ),
    "an equation of another form": (
        lambda: layers.EinsumDense("...a...,ab->b", 3), ValueError, ["'...b,bc->...c'", "'...a...,ab->b'"],
    ),
    "an equation for another rank": (
        lambda: layers.EinsumDense("abc,cd->abd", (None, 3), name="heads")(X), errors.ShapeError,
        ['"heads"', "'abc,cd->abd'", "(8, 4)"],
    ),
    "a letter without a size": (
        lambda: layers.EinsumDense("ab,bc->ab", 3)(X), ValueError, ["'c' of the kernel"],
    ),
    "a shared axis of two sizes": (
        lambda: layers.EinsumDense("ab,bc->acb", (3, 5))(X), errors.ShapeError, ["'b' is 4", "5 in the output"],
    ),
    "a wrapper of no layer": (lambda: layers.Wrapper("dense"), ValueError, ["Wrapper", "'dense'"]),
    "a layer without a kernel": (
        lambda: layers.SpectralNormalization(layers.ReLU())(X), ValueError, ["ReLU", "kernel"],
    ),
    "unknown argument": (lambda: layers.Dense(3, unit=4), TypeError, ["Dense", "unit"]),
    "dropout of everything": (lambda: layers.Dropout(1.0), ValueError, ["Dropout", "rate", "1.0"]),
    "weights of a wrong shape": (
        lambda: model().set_weights([np.zeros((5, 3)), np.zeros(3)]), errors.ShapeError,
        ['Sequential', "head/kernel", "(4, 3)", "(5, 3)"],
    ),
    "too few weights": (
        lambda: model().set_weights([]), ValueError, ["2 weights", "0 arrays"],
    ),
    "assignment of a wrong shape": (
        lambda: hilevel.Variable(X, name="w").assign(X[:2]), errors.ShapeError, ['"w"', "(8, 4)", "(2, 4)"],
    ),
    "unknown backend": (
        lambda: hilevel.set_backend("nunpy"), errors.BackendNotAvailableError,
        ["nunpy", 'Did you mean "numpy"', "Backends:", "jax"],
    ),
    "no loss": (lambda: fit(np.zeros((8, 3)), None), ValueError, ["compile", "loss"]),
    "no targets": (lambda: compiled().fit(X, verbose=0), ValueError, ["head", "y is None"]),
    "text as data": (
        lambda: compiled().fit(np.array(["a", "b"]), X, verbose=0), TypeError, ["numeric", "x"],
    ),
    "a callback that is none": (
        lambda: fit(np.zeros((8, 3)), callbacks=[print]), TypeError, ["Callback"],
    ),
    "wrong verbose": (lambda: compiled().fit(X, X[:, :3], verbose=7), ValueError, ["verbose", "7"]),
    "unknown layer name": (lambda: model().get_layer("haed"), ValueError, ['"haed"', '"head"']),
    "super().__init__ forgotten": (no_super, AttributeError, ["super().__init__()"]),
    "no call method": (
        lambda: hilevel.Model()(X), NotImplementedError, ["call(self, inputs)"],
    ),
}  # fmt: skip


def _fit_custom(custom: hilevel.Model) -> None:
    custom.compile("sgd", "mse")
    custom.fit(X, X, verbose=0)


@pytest.mark.parametrize("program", WRONG)
def test_wrong_programs_say_what_is_wrong(program: str, backend: Any) -> None:
    run, kind, words = WRONG[program]
    with pytest.raises(kind) as caught:
        run()
    text = "".join(traceback.format_exception_only(caught.value))
    for word in words:
        assert word in text, f"{word!r} is not in: {text}"


@pytest.mark.parametrize("program", [p for p in WRONG if p not in ("unknown backend",)])
def test_the_text_is_the_same_on_every_backend(program: str) -> None:
    texts = []
    for name in ("numpy", "jax"):
        hilevel.utils.clear_session()
        with hilevel.use_backend(name), pytest.raises(Exception) as caught:
            WRONG[program][0]()
        texts.append("".join(traceback.format_exception_only(caught.value)))
    assert texts[0] == texts[1]


def test_a_loss_that_turns_nan_is_named_once_with_epoch_step_and_cause(backend: Any) -> None:
    x = np.ones((64, 4), "float32")
    x[40, 1] = np.nan
    made = compiled()
    with pytest.warns(RuntimeWarning) as caught:
        made.fit(x, np.zeros((64, 3)), batch_size=8, epochs=3, shuffle=False, verbose=0)
    assert len(caught) == 1
    text = str(caught[0].message)
    assert "NaN at epoch 1, step 6" in text
    assert "x holds 1 NaN" in text


def test_a_loss_that_diverges_blames_the_learning_rate(backend: Any) -> None:
    made = model()
    made.compile(hilevel.optimizers.SGD(1e30), "mse")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with np.errstate(all="ignore"):
            made.fit(X, np.zeros((8, 3)), epochs=5, verbose=0)
    text = next(
        str(w.message) for w in caught if w.category is RuntimeWarning and "loss became" in str(w.message)
    )
    assert "learning rate" in text
