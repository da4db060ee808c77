"""Reading of npz files, including lists of lists, without running code of the file.

Arrays of Python objects are pickled in an npz file, and a pickle may call any function. Here it can only make
arrays.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}
"""The functions that make a pickled array of lists."""


class ArrayUnpickler(pickle.Unpickler):
    """An unpickler for arrays of lists and scalars, which refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the function that a pickle requests by name, if it is allowed."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(
                f"the file requests {module}.{name}, which a data set does not need; it was not run. Delete the file."
            )
        return ALLOWED[module, name]


def read_npz(path: str) -> dict[str, Array]:
    """Return the arrays of an npz file by name."""
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): read_array(archive.read(name)) for name in archive.namelist()}


def read_array(data: bytes) -> Array:
    """Return the array of an npy file."""
    file = io.BytesIO(data)
    form = np.lib.format
    version = form.read_magic(file)
    header = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
    _, _, dtype = header(file)
    if dtype.hasobject:
        return ArrayUnpickler(file).load()
    return form.read_array(io.BytesIO(data), allow_pickle=False)
