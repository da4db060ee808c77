"""Models: layers that can be trained."""

from hilevel.models.clone import clone_model
from hilevel.models.model import Model
from hilevel.models.sequential import Sequential

__all__ = ["Model", "Sequential", "clone_model"]
