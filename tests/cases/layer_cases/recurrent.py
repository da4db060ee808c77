"""Recurrent layers, their cells, and what wraps them: `name: (class, arguments, inputs, arguments of the call)`."""

from __future__ import annotations

from typing import Any

from layer_cases import Draw, Inner, integers, mask

SEQUENCE = [(2, 5, 3)]
IMAGES = [(2, 3, 4, 4, 2)]
STATE = Draw((2, 4))
ALL = {"return_sequences": True, "return_state": True}


def cell(cls: str, units: int = 4, **arguments: Any) -> Inner:
    return Inner(cls, {"units": units, **arguments})


CASES: dict[str, Any] = {
    "simple cell": ("SimpleRNNCell", {"units": 4}, [(2, 3)], {"states": [STATE]}),
    "lstm cell": ("LSTMCell", {"units": 4}, [(2, 3)], {"states": [STATE, STATE]}),
    "gru cell": ("GRUCell", {"units": 4}, [(2, 3)], {"states": [STATE]}),
    "gru cell before": ("GRUCell", {"units": 4, "reset_after": False}, [(2, 3)], {"states": [STATE]}),
    "simple": ("SimpleRNN", {"units": 4}, SEQUENCE),
    "simple relu sequences": ("SimpleRNN", {"units": 4, "activation": "relu", **ALL}, SEQUENCE),
    "simple mask": ("SimpleRNN", {"units": 4, **ALL}, SEQUENCE, {"mask": mask(2, 5)}),
    "lstm": ("LSTM", {"units": 4}, SEQUENCE),
    "lstm relu": ("LSTM", {"units": 4, "activation": "relu"}, SEQUENCE),
    "lstm no bias": ("LSTM", {"units": 4, "use_bias": False, "return_sequences": True}, SEQUENCE),
    "lstm all": ("LSTM", {"units": 4, **ALL}, SEQUENCE, {"initial_state": [STATE, STATE]}),
    "lstm backwards": ("LSTM", {"units": 4, "go_backwards": True, **ALL}, SEQUENCE),
    "lstm mask": ("LSTM", {"units": 4, **ALL}, SEQUENCE, {"mask": mask(2, 5), "initial_state": [STATE, STATE]}),
    "lstm mask backwards": ("LSTM", {"units": 4, "go_backwards": True, **ALL}, SEQUENCE, {"mask": mask(2, 5)}),
    "lstm unroll": ("LSTM", {"units": 4, "unroll": True}, SEQUENCE, {"mask": mask(2, 5)}),
    "lstm activations of its own": (
        "LSTM", {"units": 4, "activation": "softsign", "recurrent_activation": "hard_sigmoid", **ALL}, SEQUENCE,
        {"mask": mask(2, 5)},
    ),
    "gru": ("GRU", {"units": 4}, SEQUENCE),
    "gru all": ("GRU", {"units": 4, **ALL}, SEQUENCE, {"initial_state": [STATE]}),
    "gru mask": ("GRU", {"units": 4, **ALL}, SEQUENCE, {"mask": mask(2, 5)}),
    "gru no bias": ("GRU", {"units": 4, "use_bias": False}, SEQUENCE),
    "gru before": ("GRU", {"units": 4, "reset_after": False, **ALL}, SEQUENCE, {"mask": mask(2, 5)}),
    "rnn": ("RNN", {"cell": cell("GRUCell"), "zero_output_for_mask": True, **ALL}, SEQUENCE, {"mask": mask(2, 5)}),
    "rnn stacked": (
        "RNN", {"cell": [cell("LSTMCell"), cell("GRUCell", 2), cell("SimpleRNNCell", 3)], **ALL}, SEQUENCE,
        {"mask": mask(2, 5)},
    ),
    "rnn stacked cells of any kind": (
        "RNN", {"cell": [cell("LSTMCell", activation="softsign"), cell("GRUCell", 2, reset_after=False)]}, SEQUENCE,
    ),
    "stacked cells": (
        "StackedRNNCells", {"cells": [cell("SimpleRNNCell"), cell("LSTMCell")]}, [(2, 3)],
        {"states": [[STATE], [STATE, STATE]]},
    ),
    "bidirectional": ("Bidirectional", {"layer": cell("LSTM")}, SEQUENCE),
    "bidirectional mask": (
        "Bidirectional", {"layer": cell("LSTM", return_sequences=True)}, SEQUENCE, {"mask": mask(2, 5)},
    ),
    "bidirectional sum": ("Bidirectional", {"layer": cell("GRU", return_sequences=True), "merge_mode": "sum"}, SEQUENCE),
    "bidirectional mul": ("Bidirectional", {"layer": cell("SimpleRNN"), "merge_mode": "mul"}, SEQUENCE),
    "bidirectional ave": ("Bidirectional", {"layer": cell("GRU"), "merge_mode": "ave"}, SEQUENCE),
    "bidirectional both": (
        "Bidirectional", {"layer": cell("LSTM", **ALL), "merge_mode": None}, SEQUENCE,
        {"initial_state": [STATE] * 4},
    ),
    "time distributed": ("TimeDistributed", {"layer": cell("Dense")}, SEQUENCE),
    "time distributed lstm": ("TimeDistributed", {"layer": cell("LSTM")}, [(2, 3, 4, 2)]),
    "embedding": ("Embedding", {"input_dim": 5, "output_dim": 3}, [integers(5, 2, 4)]),
    "conv lstm 1d": (
        "ConvLSTM1D", {"filters": 2, "kernel_size": 3, "strides": 2, **ALL}, [(2, 3, 7, 2)],
    ),
    "conv lstm": ("ConvLSTM2D", {"filters": 2, "kernel_size": 2}, IMAGES),
    "conv lstm same": (
        "ConvLSTM2D",
        {"filters": 2, "kernel_size": (3, 2), "padding": "same", "go_backwards": True, "return_sequences": True},
        IMAGES,
    ),
    "conv lstm activations": (
        "ConvLSTM2D",
        {"filters": 2, "kernel_size": 2, "activation": "relu", "recurrent_activation": "hard_sigmoid",
         "use_bias": False, "dilation_rate": (2, 1)},
        IMAGES,
    ),
    "conv lstm states": (
        "ConvLSTM2D", {"filters": 2, "kernel_size": 2, "strides": (2, 1), **ALL}, IMAGES,
        {"initial_state": [Draw((2, 2, 3, 2))] * 2},
    ),
    "conv lstm channels first": (
        "ConvLSTM2D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first", **ALL}, [(2, 3, 2, 4, 5)],
    ),
    "conv lstm 3d": ("ConvLSTM3D", {"filters": 2, "kernel_size": 2}, [(1, 2, 3, 3, 3, 2)]),
    "reversible embedding": (
        "ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "tie_weights": False}, [integers(5, 2, 4)],
    ),
    "reversible embedding reversed": (
        "ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "logit_soft_cap": 2.0}, [(2, 4, 3)],
        {"reverse": True},
    ),
    "reversible embedding untied": (
        "ReversibleEmbedding", {"input_dim": 5, "output_dim": 3, "tie_weights": False}, [(2, 4, 3)],
        {"reverse": True},
    ),
    "masking": ("Masking", {"mask_value": 1.0}, SEQUENCE),
}  # fmt: skip
