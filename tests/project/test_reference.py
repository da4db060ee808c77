"""Every public name is described with what its kind needs.

An exception needs a docstring. Any other class or function needs:

- `example`: a line with `>>>`;
- `arguments`: each parameter but `*args` and `**kwargs`, by name under `Args:`, of a class there or in a base class;
- `errors`: a section `Raises:`, where its own code raises: of a class that of `__init__`, of an op that of its value;
- `shapes`: in `hilevel.ops` and `hilevel.layers`, but for `serialize` and `deserialize`, a word on shapes or axes, of a
  layer there or in `call`.

`reference_gaps.txt` lists what is missing today, and is exact: a name that is completed leaves it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from docs.reference_pages import homes, kind, public

GAPS = Path(__file__).with_name("reference_gaps.txt")
HOMES = homes()
NAMES = {name: thing for name, thing in public().items() if name == HOMES[id(thing)]}


def _source(code: Any) -> str:
    """Return the source of a function; nothing for the constructor that `dataclass` makes."""
    return "" if code.__code__.co_filename == "<string>" else inspect.getsource(code)


def missing(name: str, thing: Any) -> str:
    """Return what a public name lacks, by the words of this file's docstring, divided by commas."""
    text = inspect.cleandoc(thing.__doc__ or "")
    if not text:
        return "docstring"
    return ", ".join(_lacks(name, thing, text)) if kind(thing) != "exception" else ""


def _lacks(name: str, thing: Any, text: str) -> Iterator[str]:
    if ">>>" not in text:
        yield "example"
    if not parameters(thing) <= described(thing):
        yield "arguments"
    if raises(thing) and "\nRaises:\n" not in text:
        yield "errors"
    computes = name.startswith(("hilevel.ops.", "hilevel.layers.")) and not name.endswith("serialize")
    if computes and not mentions_shapes(thing, text):
        yield "shapes"


def parameters(thing: Any) -> set[str]:
    """Return the names of the parameters, without `*args` and `**kwargs`."""
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name for p in inspect.signature(thing).parameters.values() if p.kind not in variadic}


def described(thing: Any) -> set[str]:
    """Return the names under `Args:`, with those of base classes."""
    texts = [inspect.cleandoc(part.__doc__ or "") for part in getattr(thing, "__mro__", [thing])]
    return {name for text in texts for name in _names_under_args(text)}


def _names_under_args(text: str) -> set[str]:
    section = re.search(r"^Args:\n((?: +.*\n?|\n(?= ))+)", text, re.MULTILINE)
    entries = re.findall(r"^    (\w[\w, *]*):", section[1], re.MULTILINE) if section else []
    return {name.strip() for entry in entries for name in entry.split(",")}


def raises(thing: Any) -> bool:
    """Whether the own code of a function, or of the constructor of a class, has a `raise`."""
    code = vars(thing).get("__init__") if inspect.isclass(thing) else inspect.unwrap(thing)
    return inspect.isfunction(code) and re.search(r"^\s+raise\b", _source(code), re.MULTILINE) is not None


def mentions_shapes(thing: Any, text: str) -> bool:
    """Whether a text, or that of the method `call`, mentions shapes."""
    words = f"{text} {getattr(getattr(thing, 'call', None), '__doc__', '')}"
    return re.search(r"shape|\bax[ei]s\b|element-wise|scalar|\(batch", words) is not None


def test_what_is_missing_is_found() -> None:
    """An example, arguments and errors are missed where they are not in the docstring, and not where they are."""

    def good(x: Any, *rest: Any, axis: int = 0) -> Any:
        """Return x.

        Args:
            x, axis: values.

        Raises:
            ValueError: always.

        >>> good
        """
        raise ValueError

    assert missing("hilevel.good", good) == ""
    assert missing("hilevel.ops.good", good) == ""
    text = good.__doc__ or ""
    for part, lack in ((">>>", "example"), ("x, axis", "arguments, shapes"), ("Raises", "errors")):
        good.__doc__ = text.replace(part, "other")
        assert missing("hilevel.ops.good", good) == lack
    good.__doc__ = None
    assert missing("hilevel.good", good) == "docstring"


def test_public_names_are_found() -> None:
    assert len(NAMES) > 600
    some = "ops.tanh optimizers.schedules.CosineDecay errors.ShapeError models.Model engine.protocol.Backend"
    assert {f"hilevel.{name}" for name in some.split()} <= NAMES.keys()
    assert "hilevel.Model" not in NAMES, "another name of the same class"


def test_every_public_name_is_described() -> None:
    """The file of gaps says exactly what is missing: nothing that is not listed, and nothing that is complete."""
    found = {name: lack for name, thing in NAMES.items() if (lack := missing(name, thing))}
    listed = dict(line.split(": ", 1) for line in GAPS.read_text().splitlines())
    assert found.items() - listed.items() == set(), "described less than before, or a new name"
    assert listed.items() - found.items() == set(), (
        "described now: take it out of tests/project/reference_gaps.txt"
    )


@pytest.mark.parametrize("name", ["hilevel.layers.Dense", "hilevel.optimizers.Adam"])
def test_names_that_are_described_in_full(name: str) -> None:
    assert missing(name, NAMES[name]) == ""
