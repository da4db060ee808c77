"""What a test needs that is written on hilevel: are the gradients right, is a backend complete."""

from hilevel.testing.conformance import check_backend
from hilevel.testing.gradients import check_gradients

__all__ = ["check_backend", "check_gradients"]
