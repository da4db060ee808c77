"""Dtype policies: the dtypes of a layer's weights and computations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, MutableMapping
from types import NoneType
from typing import Any, TypeAlias

from hilevel.api import serialization
from hilevel.api.configurable import Configurable
from hilevel.api.custom_objects import custom_object_scope
from hilevel.api.lazy import install_getattr as _install_getattr
from hilevel.engine.dtypes import as_dtype, is_float
from hilevel.engine.settings import settings
from hilevel.engine.tensor import ops
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
        TypeError: the name is no string.
        ValueError: the name is neither a dtype nor a mixed policy.
    """

    quantization_mode: str | None = None
    """None, as quantization is not implemented."""

    def __init__(self, name: str | None = None) -> None:
        if name is not None and not isinstance(name, str):
            raise TypeError(f"DTypePolicy: 'name' must be a string, such as 'float32'; got {name!r}.")
        self.name: str = name or dtype_policy().name
        self.compute_dtype = _MIXED.get(self.name) or as_dtype(self.name).name
        self.variable_dtype = "float32" if self.name in _MIXED else self.compute_dtype
        self.is_mixed = self.compute_dtype != self.variable_dtype

    @property
    def compute(self) -> DType:
        """The dtype object of the computations."""
        return as_dtype(self.compute_dtype)

    def convert_input(self, x: Any, autocast: bool, dtype: DTypeLike) -> Any:
        """Return an array as a tensor, with `autocast` and of floats in a dtype. Other objects are unchanged."""
        if not hasattr(x, "__array__") and not hasattr(x, "dtype"):
            return x
        x = ops.convert_to_tensor(x)
        return ops.cast(x, dtype) if autocast and is_float(x.dtype) else x

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicy) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f'<DTypePolicy "{self.name}">'


class FloatDTypePolicy(DTypePolicy):
    """Another name of `DTypePolicy`.

    >>> import hilevel
    >>> hilevel.FloatDTypePolicy("float16") == hilevel.DTypePolicy("float16")
    True
    """


class DTypePolicyMap(DTypePolicy, MutableMapping[str, DTypePolicy]):
    """Policies by the paths of layers. Passed as the `dtype` of a model, it gives each layer in it a policy.

    A layer takes its policy from the map when it is built, by its path.

    Args:
        default_policy: the policy of other layers; None for the global one.
        policy_map: policies, their names or configs, by paths or regular expressions that match whole paths.

    >>> import hilevel
    >>> policies = hilevel.dtype_policies.DTypePolicyMap("float32", {"encoder/.*": "mixed_bfloat16"})
    >>> policies["encoder/dense"], policies["decoder/dense"]
    (<DTypePolicy "mixed_bfloat16">, <DTypePolicy "float32">)

    Raises:
        TypeError: `policy_map` is no mapping.
        ValueError: a value is no policy; a path is set twice, or several keys match the path that is looked up.
    """

    def __init__(
        self, default_policy: DTypePolicyLike = None, policy_map: Mapping[str, DTypePolicyLike] | None = None
    ) -> None:
        if not isinstance(policy_map, (Mapping, NoneType)):
            raise TypeError(
                f"DTypePolicyMap: 'policy_map' must be a dict of policies; got {policy_map!r:.80}."
            )
        self._default = None if default_policy is None else get(default_policy)
        super().__init__(self.default_policy.name)
        self.name = f"map_{self.name}"
        self.policy_map: dict[str, DTypePolicy] = {}
        for path, policy in (policy_map or {}).items():
            self[path] = get(policy)

    @property
    def default_policy(self) -> DTypePolicy:
        """The policy of layers without a key."""
        return self._default or dtype_policy()

    def __getitem__(self, path: str) -> DTypePolicy:
        keys = [path] if path in self.policy_map else [k for k in self.policy_map if re.fullmatch(k, path)]
        if len(keys) > 1:
            raise ValueError(f"DTypePolicyMap: several keys match the path {path!r}: {', '.join(keys)}.")
        return self.policy_map[keys[0]] if keys else self.default_policy

    def __setitem__(self, path: str, policy: DTypePolicyLike) -> None:
        if path in self.policy_map:
            raise ValueError(
                f"DTypePolicyMap: the path {path!r} has a policy already: {self.policy_map[path]!r}."
            )
        self.policy_map[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self.policy_map[path]

    def __contains__(self, path: object) -> bool:
        return path in self.policy_map

    def __iter__(self) -> Iterator[str]:
        return iter(self.policy_map)

    def __len__(self) -> int:
        return len(self.policy_map)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DTypePolicyMap) and other.get_config() == self.get_config()

    __hash__ = object.__hash__

    def get_config(self) -> Config:
        """Return the policies as plain data."""
        return {
            "default_policy": self._default and serialize(self._default),
            "policy_map": {path: serialize(policy) for path, policy in self.policy_map.items()},
        }

    @classmethod
    def from_config(cls, config: Config, custom_objects: dict[str, Any] | None = None) -> DTypePolicyMap:
        """Return the policies that `get_config` described. `custom_objects` has more classes, by name."""
        with custom_object_scope(custom_objects):
            return cls(**config)

    def __repr__(self) -> str:
        return f"<DTypePolicyMap default_policy={self.default_policy!r}, policy_map={self.policy_map}>"


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

    Raises:
        ValueError: the identifier is no dtype, or the config of another object.
    """
    if identifier is None:
        return dtype_policy()
    if isinstance(identifier, DTypePolicy):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    return DTypePolicy(str(identifier) if identifier in _MIXED else as_dtype(identifier).name)


def serialize(dtype_policy: DTypePolicy) -> Config:
    """Return the class and the config of a policy.

    Args:
        dtype_policy: the policy.

    >>> import hilevel
    >>> hilevel.dtype_policies.serialize(hilevel.DTypePolicy("float16"))["config"]
    {'name': 'float16'}
    """
    config: Config = serialization.serialize(dtype_policy)
    return config


def deserialize(config: Config, custom_objects: dict[str, Any] | None = None) -> DTypePolicy:
    """Return the policy that `serialize` described.

    Args:
        config: the class and the config of the policy, or the config alone.
        custom_objects: more classes, by name.

    >>> import hilevel
    >>> hilevel.dtype_policies.deserialize({"class_name": "DTypePolicy", "config": {"name": "float16"}})
    <DTypePolicy "float16">

    Raises:
        ValueError: the config describes another object.
    """
    with custom_object_scope(custom_objects):
        described = config if "class_name" in config else {"class_name": "DTypePolicy", "config": config}
        policy = serialization.deserialize(described, "dtype_policies")
    if not isinstance(policy, DTypePolicy):
        raise ValueError(f"Expected the config of a dtype policy; got {config!r:.200}.")
    return policy


_install_getattr(__name__)
__all__ = [
    "DTypePolicy",
    "DTypePolicyMap",
    "FloatDTypePolicy",
    "deserialize",
    "dtype_policy",
    "get",
    "serialize",
    "set_dtype_policy",
]
