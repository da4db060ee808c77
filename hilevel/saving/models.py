"""Whole models in files: config, weights, state of training, and assets, in one archive.

A `.keras` file is Keras's: `config.json`, `model.weights.h5`, `assets/`. hilevel adds `hilevel.json`, which Keras
ignores. A `.hilevel` file has NumPy's arrays in place of the HDF5 file, and needs no other package.
"""

from __future__ import annotations

import datetime
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from hilevel.api import serialization
from hilevel.api.custom_objects import custom_object_scope
from hilevel.engine.allowance import Allowance, allowing
from hilevel.errors import InvalidFileError, UnsafeContentError
from hilevel.saving import hdf5, npy
from hilevel.saving.archive import Archive, Writer, temporary_folder
from hilevel.saving.hdf5_reader import SIGNATURE
from hilevel.saving.limits import CONFIG_SIZE, EXPANSION, SLACK, json_of, reading
from hilevel.saving.objects import from_plain
from hilevel.saving.state import collect, load_assets, restore, save_assets
from hilevel.saving.weights import KINDS, arrays_of_archive, checked_path
from hilevel.utils.atomic import replacing

KERAS_VERSION = "3.15.1"
"""The version of Keras whose format is written."""


def save_model(
    model: Any, filepath: str | Path, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
) -> None:
    """Save a model to one file: config, weights, the arguments of `compile`, the optimizer's state, vocabularies.

    The file is replaced when the new one is whole, and has checksums.

    Args:
        model: the model.
        filepath: a name that ends in `.keras` (Keras's format; needs h5py) or `.hilevel` (needs nothing but NumPy).
        overwrite: whether an existing file is replaced.
        zipped: only True and None; a folder of files is not written.
        kwargs: `include_optimizer=False` leaves out the arguments of `compile`.

    Raises:
        ValueError: the name has another ending.
        FileExistsError: the file exists, and `overwrite` is False.
        TypeError: the config of the model has no plain form.

    >>> import hilevel, tempfile, pathlib
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.hilevel"
    >>> hilevel.saving.save_model(model, path)
    >>> hilevel.saving.load_model(path).count_params()
    3
    """
    with_optimizer = kwargs.pop("include_optimizer", True)
    if kwargs or zipped is False:
        unknown = ", ".join(kwargs) or "zipped=False, a folder in place of a file"
        raise TypeError(f"save_model does not support {unknown}.")
    path = checked_path(filepath, overwrite)
    if path.suffix not in (".keras", ".hilevel"):
        raise ValueError(
            f"The name of a file of a model ends in .keras or .hilevel; got {path.name!r}. Weights alone are saved by "
            "save_weights."
        )
    if path.suffix == ".keras":
        hdf5.h5py()  # before any work
    with replacing(path) as file:
        write_model(model, file, path.suffix, with_optimizer)


def write_model(model: Any, file: IO[bytes], kind: str = ".hilevel", with_optimizer: bool = True) -> None:
    """Write a model to an open file.

    Args:
        model: the model.
        file: the file, open for writing and reading.
        kind: `".keras"` or `".hilevel"`.
        with_optimizer: whether to write the arguments of `compile`, and the state of the optimizer.
    """
    with serialization.sharing():
        config = serialization.serialize(model)
    arrays = collect(model)
    if not with_optimizer:
        config.pop("compile_config", None)
        arrays = {name: a for name, a in arrays.items() if not name.startswith("optimizer/")}
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    with Writer(file) as archive, temporary_folder() as folder:
        archive.json(
            "metadata.json",
            {
                "keras_version": KERAS_VERSION,
                "date_saved": now,
                "hilevel_version": sys.modules["hilevel"].__version__,
            },
        )
        archive.json("config.json", config)
        if kind == ".keras":
            with tempfile.TemporaryFile() as weights:
                hdf5.write(weights, arrays, with_checksum=False)
                archive.copy("model.weights.h5", weights)
        else:
            npy.write(archive, arrays, "weights/")
        archive.json("hilevel.json", {"format": 1, "training": _training_of(model)})
        save_assets(model, folder)
        archive.folder("assets/", folder)


def _training_of(model: Any) -> dict[str, int]:
    """Return the seed of the orders of samples, and the number of calls of `fit`."""
    state = getattr(model, "_training", None)
    return {} if state is None or not state.compiled else {"seed": state.seed, "fits": state.fits}


def load_model(
    filepath: str | Path,
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Load a model that `save_model` of hilevel or Keras saved, on the active backend.

    Nothing in the file is executed. Only classes and functions of hilevel, and registered ones, are made. No file or
    module that it names is opened. Sizes are checked before memory is taken.

    Args:
        filepath: a `.keras` or `.hilevel` file.
        custom_objects: classes and functions that are not registered, by name.
        compile: whether to compile the model as it was, with the state of the optimizer.
        safe_mode: whether to refuse Python code (lambdas) and names of other files in the file. Pass False only for a
            file that you trust as you trust a program.

    Raises:
        InvalidFileError: the file is damaged, of another format, or names an unknown class.
        UnsafeContentError: the file contains something that is refused.

    >>> import hilevel, tempfile, pathlib
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "small.hilevel"
    >>> model.save(path)
    >>> hilevel.models.load_model(path).layers[0].units
    1
    """
    path = Path(filepath)
    with path.open("rb") as file, reading(path, "file"):
        if path.name.endswith(KINDS):
            raise InvalidFileError(
                "It has weights and no model. Make the model, and call its method load_weights."
            )
        return read_model(file, path, custom_objects, compile, safe_mode)


def read_model(
    file: IO[bytes], name: object, custom_objects: Mapping[str, Any] | None, compile: bool, safe_mode: bool
) -> Any:
    """Return the model in an open file. The arguments are as in `load_model`; `name` is for errors."""
    if file.read(len(SIGNATURE)) == SIGNATURE:
        raise InvalidFileError(
            "It is a model in the HDF5 format of Keras 2, which is not read. Load it in Keras, and save it as .keras."
        )
    archive = Archive(file)
    with reading(name, "config.json"):
        config = archive.json("config.json")
        if not isinstance(config, dict) or "class_name" not in config:
            raise InvalidFileError("It describes no model.")
    if not compile:
        config.pop("compile_config", None)
    with reading(name, "weights"):
        arrays = arrays_of_archive(archive)
    allowance = Allowance(EXPANSION * archive.size + SLACK)
    with custom_object_scope(custom_objects), serialization.restoring(safe_mode), allowing(allowance):
        with reading(name, "config.json"):
            model = _checked(serialization.deserialize(config, "models"))
        restore(model, arrays, name, keep=False)
        if any(member.startswith("assets/") for member in archive.members):
            with temporary_folder() as folder:
                with reading(name, "assets"):
                    archive.extract("assets/", folder)
                load_assets(model, folder, name)
    allowance.initialize()
    _set_training(model, archive)
    return model


def _set_training(model: Any, archive: Archive) -> None:
    if "hilevel.json" in archive and getattr(model, "compiled", False):
        for key, value in (archive.json("hilevel.json").get("training") or {}).items():
            if key in ("seed", "fits") and type(value) is int and 0 <= value < 2**32:
                setattr(model._training, key, value)


# -- configs as JSON -----------------------------------------------------------------------------------


def model_from_json(
    json_string: str, custom_objects: Mapping[str, Any] | None = None, max_size: float = CONFIG_SIZE
) -> Any:
    """Return the model that `Model.to_json` described, with new weights.

    Args:
        json_string: the text.
        custom_objects: classes and functions that are not registered, by name.
        max_size: the size of the largest model, in gigabytes.

    Raises:
        InvalidFileError: the text is no JSON, or describes no model.
        UnsafeContentError: the text contains Python code, or describes a larger model.

    >>> import hilevel
    >>> model = hilevel.Sequential([hilevel.Input((2,)), hilevel.layers.Dense(1)])
    >>> hilevel.models.model_from_json(model.to_json()).count_params()
    3
    """
    with reading("model_from_json", "text"):
        return _checked(from_plain(json_of(json_string.encode()), "models", custom_objects, True, max_size))


def _checked(model: Any) -> Any:
    """Return an object that a config describes, if it is a model or a layer."""
    if not hasattr(model, "load_own_variables"):
        raise UnsafeContentError(f"It describes a {type(model).__name__}, which is no model.")
    return model
