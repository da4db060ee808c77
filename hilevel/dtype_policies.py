"""Dtype policies: the dtypes of a layer's weights and computations."""

from __future__ import annotations

from typing import TypeAlias

from hilevel.api.configurable import Configurable
from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.engine.dtypes import as_dtype
from hilevel.engine.settings import settings
from hilevel.engine.types import Config, DType, DTypeLike

_MIXED = {"mixed_float16": "float16", "mixed_bfloat16": "bfloat16"}


class DTypePolicy(Configurable):
    """The dtypes of a layer's variables and of its computations.

    Args:
        name: a dtype for both, or `"mixed_float16"` or `"mixed_bfloat16"`: weights in float32, computations in half
            precision. By default the name of the global policy.

    >>> import hilevel
    >>> policy = hilevel.DTypePolicy("mixed_bfloat16")
    >>> policy.variable_dtype, policy.compute_dtype
    ('float32', 'bfloat16')

    Raises:
        ValueError: the name is neither a dtype nor a mixed policy.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name: str = name or dtype_policy().name
        self.compute_dtype = _MIXED.get(self.name) or as_dtype(self.name).name
        self.variable_dtype = "float32" if self.name in _MIXED else self.compute_dtype
        self.is_mixed = self.compute_dtype != self.variable_dtype

    @property
    def compute(self) -> DType:
        """The dtype object of the computations."""
        return as_dtype(self.compute_dtype)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


DTypePolicyLike: TypeAlias = DTypePolicy | DTypeLike | Config
"""A policy, its name, a dtype for both, its config, or None for the global policy."""

_global: list[DTypePolicy] = []


def dtype_policy() -> DTypePolicy:
    """Return the policy of layers without their own: floatx, unless it was set.

    >>> import hilevel
    >>> hilevel.config.dtype_policy()
    <DTypePolicy "float32">
    """
    return _global[0] if _global else DTypePolicy(settings.floatx)


def set_dtype_policy(policy: str | DTypePolicy) -> None:
    """Set the policy of layers without their own.

    Args:
        policy: a `DTypePolicy`, or its name.

    >>> import hilevel
    >>> hilevel.config.set_dtype_policy("float32")
    """
    _global[:] = [get(policy)]


def get(identifier: DTypePolicyLike) -> DTypePolicy:
    """Return a policy.

    Args:
        identifier: a `DTypePolicy`, its name, its config, a dtype, or None for the global policy.

    >>> import hilevel
    >>> hilevel.dtype_policies.get("float64")
    <DTypePolicy "float64">
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return DTypePolicy(**identifier.get("config", identifier))
    return DTypePolicy(str(identifier) if identifier in _MIXED else as_dtype(identifier).name)


_install_getattr(__name__)
__all__ = ["DTypePolicy", "dtype_policy", "get", "set_dtype_policy"]
