"""The check of the prose: each rule on a sentence that breaks it and one that does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import prose


def found(text: str, folder: Path, name: str = "module.py") -> list[str]:
    (folder / name).write_text(text)
    return [f"{line}: {message}" for line, message in sorted(prose.findings(folder / name))]


def function(docstring: str, name: str = "f", decorator: str = "") -> str:
    return f'{decorator}\ndef {name}():\n    """{docstring}"""\n'


LONG = " ".join(["word"] * 26)
WRONG = [
    (function("Returns the sum."), '3: docstring of a function begins with "Returns"'),
    (function("The sum."), '3: docstring of a function begins with "The"'),
    (function("Count of the rows."), '3: docstring of a function begins with "Count"'),
    (function("`x + 1`."), "3: docstring of a function begins with code"),
    (function("Whether it is so."), '3: docstring begins with "Whether"'),
    (function("Return the size.", decorator="@property"), "3: docstring of a class or property begins with the verb"),
    ('class A:\n    """Keeps the sum."""', '2: docstring of a class or property begins with the verb "Keeps"'),
    ('class A:\n    """Records the ops."""', '2: docstring of a class or property begins with the verb "Records"'),
    ('x = 1\n"""Which row it is."""', '2: docstring begins with "Which"'),
    ('"""A page.\n\nIt says\nhow many rows."""', '4: instead of "how many" write: the number of'),
    ("x = 1  # the way\nraise E(f'{x} knows no {x}.')", '2: instead of "knows"'),
    ("# It is the way\n# back, in short.", '1: instead of "the way back"'),
    ("def f(*, numbers=1):\n    # The numbers of a tensor.\n    return numbers", '2: instead of "numbers of a"'),
    (function(f"Return.\n\n    {LONG}"), "5: a sentence of 26 words"),
    (function(f"Return.\n\n    Args:\n        x (int): {LONG}."), "6: a sentence of 26 words"),
]  # fmt: skip
RIGHT = [
    function("Return the sum.\n\n    >>> what = how_many(numbers)\n    told\n"),
    function("Whether it is so.", name="_is_so"),
    function("Whether it is so.", name="has_one", decorator="@property"),
    function("Set the shape of the array."),
    'class A:\n    """Records of the ops."""',
    'is_so = True\n"""Whether it is so."""',
    '"""Random numbers, and the numbers of rows and columns."""',
    "# `what` and ``numbers``",
    "WORDS = 'told knows asks'",
    f'"""{LONG.replace("word", "`code`,")} and so on."""',
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_what_breaks_a_rule_is_found_once(text: str, message: str, tmp_path: Path) -> None:
    lines = found(text, tmp_path)
    assert len(lines) == 1
    assert lines[0].startswith(message)


@pytest.mark.parametrize("text", RIGHT)
def test_there_is_no_false_alarm(text: str, tmp_path: Path) -> None:
    assert found(text, tmp_path) == []


def test_pages_are_read_without_code_and_cell_by_cell(tmp_path: Path) -> None:
    page = f"# What is it?\n\n```python\ntold\n```\n\n| {LONG[:60]} | {LONG[:80]} |\n\n- the way\n  back\n"
    assert found(page, tmp_path, "page.md") == ['9: instead of "the way back" write: the backward pass']


def test_only_the_number_of_the_baseline_is_accepted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = {"a.py": ["a.py:1: x", "a.py:2: y"], "b.py": []}
    assert list(prose.compare(lines, {"a.py": 2})) == []
    assert list(prose.compare(lines, {"a.py": 1})) == [*lines["a.py"], "a.py: 2 findings, 1 in the baseline"]
    assert "--update" in next(prose.compare(lines, {"a.py": 3}))
    monkeypatch.setattr(prose, "BASELINE", tmp_path / "baseline.txt")
    assert len(list(prose.update(lines, {"a.py": 1}))) == 1
    assert not prose.BASELINE.exists()
    assert list(prose.update(lines, {"old.py": 3})) == []
    assert prose.BASELINE.read_text() == "2 a.py\n"
