"""hilevel: a high-level model API over NumPy, CuPy and JAX.

The names are the same as in Keras 3. `HILEVEL_BACKEND` chooses the backend; see `hilevel.set_backend`.
"""

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
