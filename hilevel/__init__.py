"""hilevel: a high-level model API over NumPy, CuPy and JAX.

The names are the same as in Keras 3. `HILEVEL_BACKEND` chooses the backend; see `hilevel.set_backend`.
`HILEVEL_AS_KERAS=1` or `=private` lets `import keras` return hilevel; see `hilevel.as_keras`.
"""

import os as _os
import sys as _sys

from hilevel.api.lazy import attach_stub as _attach_stub

__version__ = "0.1.0"


def version() -> str:
    """Return the version of hilevel.

    >>> import hilevel
    >>> hilevel.version() == hilevel.__version__
    True
    """
    return __version__


_attach_stub(__name__)

if (_keras := _os.environ.get("HILEVEL_AS_KERAS", "0")) not in ("", "0"):
    _sys.modules[__name__].as_keras(private=_keras == "private")
