"""`hilevel.utils.legacy`: objects in the format of Keras 2."""

from __future__ import annotations

from typing import Any

import pytest

import hilevel
from hilevel.errors import UnknownNameError
from hilevel.utils import legacy


class Own:
    """A class with a config, which is not registered."""

    def __init__(self, size: int, inner: Any = None) -> None:
        self.size, self.inner = size, inner

    def get_config(self) -> dict[str, Any]:
        return {"size": self.size, "inner": self.inner}


def test_objects_there_and_back() -> None:
    described = legacy.serialize_keras_object(Own(3, hilevel.regularizers.L2(0.5)))
    assert described["class_name"] == "Own" and described["config"]["inner"]["class_name"] == "L2"
    assert legacy.deserialize_keras_object(described, {"Own": Own}).size == 3
    with hilevel.saving.custom_object_scope({"Own": Own}):
        assert isinstance(legacy.deserialize_keras_object(described), Own)


def test_names_and_functions() -> None:
    assert legacy.serialize_keras_object(None) is None and legacy.deserialize_keras_object(None) is None
    assert legacy.serialize_keras_object(len) == "len" and legacy.deserialize_keras_object(len) is len
    assert legacy.deserialize_keras_object("len", {"len": len}) is len
    assert isinstance(legacy.deserialize_keras_object("O", custom_objects={"O": object}), object)


def test_errors() -> None:
    with pytest.raises(UnknownNameError, match=r'There is no hyperparameter "Ow". Did you mean "Own"?'):
        legacy.deserialize_keras_object("Ow", {"Own": Own}, printable_module_name="hyperparameter")
    with pytest.raises(ValueError, match="class name and the config of an object; got 3"):
        legacy.deserialize_keras_object(3)
    with pytest.raises(ValueError, match="with get_config, or a function; got 3"):
        legacy.serialize_keras_object(3)
