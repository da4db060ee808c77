"""A container of named values that can be frozen."""

from __future__ import annotations

import json
from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from hilevel.errors import nearest


class Config:
    """Named values, read and set as attributes or as items, until the container is frozen.

    Args:
        kwargs: the first values.

    >>> import hilevel
    >>> config = hilevel.utils.Config(learning_rate=0.1)
    >>> config.momentum = 0.9
    >>> config["momentum"], config.as_dict()
    (0.9, {'learning_rate': 0.1, 'momentum': 0.9})
    >>> config.freeze()
    >>> config.frozen
    True

    Raises:
        ValueError: a value is changed while the container is frozen.
        AttributeError: at the first use of a name, there is no such value.
    """

    _config: dict[str, Any]
    _frozen: bool

    def __init__(self, **kwargs: Any) -> None:
        vars(self).update(_config=kwargs, _frozen=False)

    @property
    def frozen(self) -> bool:
        """True if changes are refused."""
        return self._frozen

    def freeze(self) -> None:
        """Refuse all changes from now on."""
        vars(self)["_frozen"] = True

    def unfreeze(self) -> None:
        """Allow changes again."""
        vars(self)["_frozen"] = False

    def _changeable(self) -> dict[str, Any]:
        """Return the values, to change them.

        Raises:
            ValueError: the container is frozen.
        """
        if self._frozen:
            raise ValueError("The config is frozen. Call config.unfreeze() to change it.")
        return self._config

    def as_dict(self) -> dict[str, Any]:
        """Return a copy of the values as a dict."""
        return dict(self._config)

    def to_json(self) -> str:
        """Return the values as JSON."""
        return json.dumps(self._config)

    def keys(self) -> KeysView[str]:
        """Return the names, in the order in which they were added."""
        return self._config.keys()

    def values(self) -> ValuesView[Any]:
        """Return the values, in the order of `keys`."""
        return self._config.values()

    def items(self) -> ItemsView[str, Any]:
        """Return the names with the values, in the order of `keys`."""
        return self._config.items()

    def pop(self, *args: Any) -> Any:
        """Remove a value and return it: `pop(name)`, or `pop(name, default)`."""
        return self._changeable().pop(*args)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several values, with the arguments of `dict.update`."""
        self._changeable().update(*args, **kwargs)

    def get(self, keyname: str, value: Any = None) -> Any:
        """Return the value of a name, else a default."""
        return self._config.get(keyname, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self._config:
            raise AttributeError(f'The config has no value "{name}".{nearest(name, self._config)}', name=name)
        return self._config[name]

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            raise AttributeError(
                f'"{name}" is a method of the config. Use config["{name}"] for a value of this name.'
            )
        self[name] = value

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __getitem__(self, key: str) -> Any:
        return self._config[key]

    def __setitem__(self, key: str, item: Any) -> None:
        self._changeable()[key] = item

    def __delitem__(self, key: str) -> None:
        del self._changeable()[key]

    def __iter__(self) -> Iterator[str]:
        """Return the names in alphabetical order."""
        return iter(sorted(self._config))

    def __len__(self) -> int:
        return len(self._config)

    def __contains__(self, item: object) -> bool:
        return item in self._config

    def __repr__(self) -> str:
        return f"<Config {self._config}>"

    def __getstate__(self) -> dict[str, Any]:
        return vars(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
