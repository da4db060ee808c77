"""Arguments of earlier versions of Keras and their new names; imported when an argument is refused."""

from __future__ import annotations

from collections.abc import Iterable

from hilevel.errors import nearest

RENAMED = {
    "alpha": "negative_slope",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "beta_init": "beta_initializer",
    "bias": "use_bias",
    "border_mode": "padding",
    "dim_ordering": "data_format",
    "dropout_U": "recurrent_dropout",
    "dropout_W": "dropout",
    "epsilon": "min_delta",
    "filter_length": "kernel_size",
    "gamma_init": "gamma_initializer",
    "init": "kernel_initializer",
    "inner_activation": "recurrent_activation",
    "inner_init": "recurrent_initializer",
    "input": "inputs",
    "lr": "learning_rate",
    "nb_epoch": "epochs",
    "nb_filter": "filters",
    "nb_val_samples": "validation_steps",
    "output": "outputs",
    "output_dim": "units",
    "p": "rate",
    "pool_length": "pool_size",
    "samples_per_epoch": "steps_per_epoch",
    "stride": "strides",
    "subsample": "strides",
    "U_regularizer": "recurrent_regularizer",
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "weights": "embeddings_initializer",
}
"""The new name of each old name, for functions that accept the new name."""

_LOADING = "Pass these arguments to hilevel.utils.PyDataset."
_RATE = "Use learning_rate=hilevel.optimizers.schedules.InverseTimeDecay(rate, 1, decay), or weight_decay."

ADVICE = {
    "decay": ("weight_decay", _RATE),
    "max_queue_size": ("epochs", _LOADING),
    "momentum": ("weight_decay", "SGD and RMSprop have this argument."),
    "show_accuracy": ("", 'Use compile(metrics=["accuracy"]).'),
    "theta": ("negative_slope", "Use ReLU(threshold=...)."),
    "use_multiprocessing": ("epochs", _LOADING),
    "workers": ("epochs", _LOADING),
}
"""For an old name, an argument of the functions that the advice is for, and the advice."""

_SHOWN = 20


def advice(name: str, known: Iterable[str]) -> str:
    """Return the last sentence of the error about an unknown argument.

    Args:
        name: the unknown argument.
        known: the arguments of the function.

    >>> from hilevel.api.renamed import advice
    >>> advice("lr", ["learning_rate", "name"]), advice("nam", ["name"])
    (' Use "learning_rate".', ' Did you mean "name"?')
    >>> advice("zzz", ["units", "name"])
    ' Its arguments: units, name.'
    """
    names = list(known)
    if RENAMED.get(name) in names:
        return f' Use "{RENAMED[name]}".'
    beside, remedy = ADVICE.get(name, ("", ""))
    if remedy and (not beside or beside in names):
        return f" {remedy}"
    more = ", ..." * (len(names) > _SHOWN)
    return nearest(name, names) or f" Its arguments: {', '.join(names[:_SHOWN])}{more}."
