"""What a test needs that is written on hilevel: are the gradients right, is a backend complete."""

from hilevel._lazy import install_getattr as _install_getattr
from hilevel.testing.conformance import check_backend
from hilevel.testing.gradients import check_gradients

_install_getattr(__name__)
__all__ = ["check_backend", "check_gradients"]
