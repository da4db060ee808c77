"""Models: layers that can be trained."""

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.models.clone import clone_model
from hilevel.models.model import Model
from hilevel.models.sequential import Sequential

_install_getattr(__name__)
__all__ = ["Model", "Sequential", "clone_model"]
