"""Remedies that messages name: arguments, sequences after recurrent layers, sparse matrices."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse

import hilevel
from hilevel import callbacks, initializers, layers, losses, metrics, optimizers, regularizers
from hilevel.errors import ShapeError

SPEED = optimizers.schedules.ExponentialDecay


def ready() -> Any:
    model = hilevel.Sequential([hilevel.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


# -- arguments --------------------------------------------------------------------------------------

ARGUMENTS: dict[str, tuple[Callable[[], Any], list[str]]] = {
    "lr": (lambda: optimizers.Adam(lr=0.1), ['Adam has no argument "lr". Use "learning_rate".']),
    "decay": (lambda: optimizers.SGD(0.1, decay=0.1), ["InverseTimeDecay", "weight_decay"]),
    "momentum": (lambda: optimizers.Adam(momentum=0.1), ["SGD and RMSprop"]),
    "learning_rat": (lambda: optimizers.Adam(learning_rat=1), ['Did you mean "learning_rate"?']),
    "init": (lambda: layers.Dense(3, init="ones"), ['Use "kernel_initializer".']),
    "kernel_init": (lambda: layers.Dense(3, kernel_init="ones"), ['"kernel_initializer"']),
    "output_dim": (lambda: layers.Dense(output_dim=3), ['Dense has no argument "output_dim". Use "units".']),
    "p": (lambda: layers.Dropout(p=0.5), ['Use "rate".']),
    "alpha": (lambda: layers.LeakyReLU(alpha=0.1), ['Use "negative_slope".']),
    "border_mode": (lambda: layers.Conv2D(3, 3, border_mode="same"), ['Use "padding".']),
    "nothing near": (lambda: layers.Dense(3, zzz=1), ["Its arguments: units, activation"]),
    "name of a recurrent layer": (lambda: layers.GRU(3, nam="a"), ['Did you mean "name"?']),
    "return_sequence": (lambda: layers.LSTM(3, return_sequence=True), ['"return_sequences"']),
    "input": (lambda: hilevel.Model(input=1), ['Model has no argument "input". Use "inputs".']),
    "layer": (lambda: hilevel.Sequential(layer=[]), ['"layers"']),
    "shap": (lambda: hilevel.Input(shap=(3,)), ['Input has no argument "shap". Did you mean "shape"?']),
    "from_logit": (lambda: losses.BinaryCrossentropy(from_logit=True), ['"from_logits"']),
    "num_threshold": (lambda: metrics.AUC(num_threshold=3), ['"num_thresholds"']),
    "patiance": (lambda: callbacks.EarlyStopping(patiance=3), ['EarlyStopping has no argument "patiance"', '"patience"']),
    "epsilon": (lambda: callbacks.ReduceLROnPlateau(epsilon=3), ['Use "min_delta".']),
    "std": (lambda: initializers.RandomNormal(std=1), ['"stddev"']),
    "l": (lambda: regularizers.L2(l=1), ['"l2"']),
    "decay_rat": (lambda: SPEED(0.1, 3, decay_rat=1), ['"decay_rate"']),
    "decay of a schedule": (lambda: SPEED(0.1, 3, decay=1), ['"decay_rate"']),
    "nb_epoch": (lambda: ready().fit(np.ones((2, 2)), np.ones((2, 1)), nb_epoch=1), ['fit has no argument', 'Use "epochs".']),
    "workers": (lambda: ready().fit(np.ones((2, 2)), workers=2), ["PyDataset"]),
    "metric": (lambda: ready().compile("sgd", metric=["mae"]), ['compile has no argument', '"metrics"']),
    "batchsize": (lambda: ready().evaluate(np.ones((2, 2)), batchsize=1), ['"batch_size"']),
    "step": (lambda: ready().predict(np.ones((2, 2)), step=1), ['"steps"']),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_wrong_argument_names_the_right_one(name: str, backend: Any) -> None:
    run, words = ARGUMENTS[name]
    with pytest.raises(TypeError) as caught:
        run()
    for word in words:
        assert word in str(caught.value)


def test_classes_that_take_any_argument_keep_them() -> None:
    class Own(metrics.Metric):
        def __init__(self, **kwargs: Any) -> None:
            self.lr = kwargs.pop("lr")
            super().__init__(**kwargs)

    class OwnLayer(layers.Layer):
        def __init__(self, **kwargs: Any) -> None:
            self.lr = kwargs.pop("lr")
            super().__init__(**kwargs)

    assert layers.Embedding(3, 4, input_length=5).input_dim == 3
    assert layers.LSTM(3, implementation=1, zero_output_for_mask=True).units == 3
    assert Own(lr=3, name="a").lr == OwnLayer(lr=3, name="b").lr == 3
    with pytest.raises(TypeError, match=r'OwnLayer has no argument "nam"\. Did you mean "name"'):
        OwnLayer(lr=3, nam="a")


def test_signatures_are_those_of_constructors() -> None:
    for cls in (losses.Huber, metrics.AUC, callbacks.EarlyStopping, layers.Dense):
        own = list(inspect.signature(cls.__init__).parameters)[1:]  # type: ignore[misc]
        assert list(inspect.signature(cls).parameters) == own


# -- sequences --------------------------------------------------------------------------------------

RECURRENT: dict[str, Callable[[], Any]] = {
    "LSTM": lambda: layers.LSTM(4, name="first"),
    "GRU": lambda: layers.GRU(4, name="first"),
    "SimpleRNN": lambda: layers.SimpleRNN(4, name="first"),
    "RNN": lambda: layers.RNN(layers.LSTMCell(4), name="first"),
    "Bidirectional": lambda: layers.Bidirectional(layers.LSTM(2), name="first"),
}
AFTER: dict[str, Callable[[Any], Any]] = {
    **{name: lambda x, make=make: make()(x) for name, make in RECURRENT.items()},
    "Conv1D": lambda x: layers.Conv1D(2, 1)(x),
    "MaxPooling1D": lambda x: layers.MaxPooling1D(2)(x),
    "GlobalAveragePooling1D": lambda x: layers.GlobalAveragePooling1D()(x),
    "TimeDistributed": lambda x: layers.TimeDistributed(layers.Dense(2))(x),
    "Attention": lambda x: layers.Attention()([x, x]),
    "AdditiveAttention": lambda x: layers.AdditiveAttention()([x, x]),
    "MultiHeadAttention": lambda x: layers.MultiHeadAttention(2, 2)(x, x),
    "GroupQueryAttention": lambda x: layers.GroupQueryAttention(2, 2, 2)(x, x),
}
NAMED = "first.*before it returns only its last output: set return_sequences=True"


@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("before", RECURRENT)
def test_what_needs_sequences_after_a_recurrent_layer_says_return_sequences(
    before: str, after: str, backend: Any
) -> None:
    make, use = RECURRENT[before], AFTER[after]
    words = "return_sequences=True" if "Attention" in after else NAMED
    with pytest.raises(ShapeError, match=words):
        use(make()(hilevel.Input((5, 3))))
    with pytest.raises(ShapeError, match="return_sequences=True"):
        use(make()(np.ones((2, 5, 3), "float32")))


def test_a_stack_of_recurrent_layers_says_return_sequences(backend: Any) -> None:
    for first in ([hilevel.Input((5, 3))], []):
        with pytest.raises(
            ShapeError, match=r'LSTM "second" expects inputs with 3 axes.*return_sequences=True'
        ):
            hilevel.Sequential([*first, layers.LSTM(4), layers.LSTM(4, name="second")])(np.ones((2, 5, 3)))


def test_only_a_built_layer_says_that_it_cannot_change() -> None:
    dense = layers.Dense(2)
    dense(np.ones((1, 3)))
    with pytest.raises(ShapeError, match="a built layer cannot change its input size"):
        dense(np.ones((1, 4)))
    with pytest.raises(ShapeError) as caught:
        layers.Conv2D(2, 3)(np.ones((2, 4)))
    assert "built layer" not in str(caught.value)


# -- sparse matrices ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csr_matrix", "csr_array", "coo_array"])
def test_a_sparse_matrix_is_called_sparse(kind: str, backend: Any) -> None:
    sparse = getattr(scipy.sparse, kind)(np.eye(3, 2, dtype="float32"))
    for call in (
        lambda: layers.Dense(2)(sparse),
        lambda: ready()(sparse),
        lambda: hilevel.ops.add(sparse, 1),
        lambda: hilevel.ops.convert_to_tensor(sparse),
        lambda: hilevel.Variable(sparse),
        lambda: losses.mean_squared_error(sparse, sparse),
    ):
        with pytest.raises(TypeError, match=rf"sparse {kind} of shape \(3, 2\).*x\.toarray\(\)"):
            call()
