"""Reading npz files, lists of lists in them too, without running what a file says.

Arrays of Python objects are pickled in an npz file, and a pickle may call any function. Here it can only put
arrays together.
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
"""What a pickled array of lists of numbers is made with."""


class ArrayUnpickler(pickle.Unpickler):
    """Reads pickled arrays of lists and numbers, and refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        """The function that a pickle asks for by name, if it is one of the four."""
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(
                f"the file asks for {module}.{name}, which a data set has no use for; it was not run. Delete the file."
            )
        return ALLOWED[module, name]


def read_npz(path: str) -> dict[str, Array]:
    """The arrays of an npz file by name."""
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): read_array(archive.read(name)) for name in archive.namelist()}


def read_array(data: bytes) -> Array:
    """The array of an npy file."""
    file = io.BytesIO(data)
    form = np.lib.format
    version = form.read_magic(file)
    header = form.read_array_header_1_0 if version == (1, 0) else form.read_array_header_2_0
    _, _, dtype = header(file)
    if dtype.hasobject:
        return ArrayUnpickler(file).load()
    return form.read_array(io.BytesIO(data), allow_pickle=False)
