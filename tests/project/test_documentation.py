"""Every example runs: those of docstrings, of the README and of docs/."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import re
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hilevel
from hilevel.ops import Composite, Op

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PARSER = doctest.DocTestParser()


def modules() -> list[str]:
    names = [m.name for m in pkgutil.walk_packages(hilevel.__path__, "hilevel.")]
    return [n for n in names if not n.endswith("__main__")]


def examples(module: types.ModuleType) -> list[doctest.DocTest]:
    """The examples of a module: of what is defined there, and of the ops that are objects."""
    globs = {"np": np, "hilevel": hilevel, "ops": hilevel.ops}
    found = doctest.DocTestFinder(exclude_empty=True).find(module, extraglobs=globs)
    for name, thing in vars(module).items():
        if isinstance(thing, (Op, Composite)) and thing.__module__ == module.__name__ and thing.__doc__:
            found.append(PARSER.get_doctest(inspect.cleandoc(thing.__doc__), dict(globs), name, None, 0))
    return [test for test in found if test.examples]


FLOAT = re.compile(r"(?<![\w.])-?(?:\d+\.\d*(?:e[-+]?\d+)?|\d+e[-+]?\d+)(?!\d)")


class FloatChecker(doctest.OutputChecker):
    """Compare floats up to a few units of float32 rounding, everything else exactly.

    NumPy's kernels differ in the last digit from one processor to another. NumPy 1 shows a scalar without its type.
    """

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Return True if the outputs agree. Spaces around floats are ignored: NumPy pads numbers to one width."""
        if np.__version__ < "2":
            want = (
                re.sub(r"np\.\w+\(([^()]*)\)", r"\1", want)
                .replace("np.True_", "True")
                .replace("np.False_", "False")
            )
        if super().check_output(want, got, optionflags):
            return True
        if self._words(want) != self._words(got):
            return False
        wanted, found = (np.array(FLOAT.findall(text), "float64") for text in (want, got))
        return bool((abs(found - wanted) <= 2e-7 + 1e-5 * abs(wanted)).all())

    def _words(self, text: str) -> str:
        return re.sub(r"\s*#\s*", "#", FLOAT.sub("#", text)).rstrip()


def test_the_checker_of_floats() -> None:
    """The last digit of float32 may differ; any digit above, an integer, a word or a shape may not."""
    want = "(array([0., 2., -0.6931472], dtype=float32), 3)\n"
    alike = [want, "(array([0.       , 2.0000002,\n   -0.6931471], dtype=float32), 3)\n"]
    alike.append("(array([-1.1e-07, 1.9999999e+00, -6.9314724e-01], dtype=float32), 3)\n")
    other = [want.replace("2.", "2.0001"), want.replace("0.6931472", "0.69318"), want.replace("3", "4")]
    other += [
        want.replace("32", "64"),
        want.replace("2.", "2"),
        want.replace("0., ", ""),
        want.replace("0.", "nan", 1),
    ]
    other += [want.replace("0.", "1e-5", 1), want.replace("-", ""), want.replace("array", "arrays")]
    check = FloatChecker().check_output
    assert [check(want, got, 0) for got in alike] == [True] * len(alike)
    assert [check(want, got, 0) for got in other] == [False] * len(other)


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_docstrings_run(name: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(FloatChecker(), verbose=False)
    output: list[str] = []
    with hilevel.use_backend("numpy"):
        for test in examples(importlib.import_module(name)):
            runner.run(test, out=output.append)
    assert runner.failures == 0, "".join(output)


def blocks_with_output(page: Path) -> list[tuple[str, str | None]]:
    """The Python blocks of a page, each with the text block that follows it at once: what it prints."""
    pattern = r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?"
    return [
        (code, text or None) for code, text in re.findall(pattern, page.read_text(), re.DOTALL | re.MULTILINE)
    ]


def pictures(page: Path) -> list[str]:
    return re.findall(r"!\[[^]]*\]\(images/([^)]+)\)", page.read_text())


NUMBER = re.compile(r"-?\d+(?:\.\d*)?(?:e[-+]?\d+)?")


def assert_alike(printed: str, shown: str) -> None:
    """The same words, and numbers about as large: what is learned differs a little from machine to machine."""
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (printed, shown)]
    assert words[0] == words[1], f"printed:\n{printed}\nshown:\n{shown}"
    for found, said in zip(NUMBER.findall(printed), NUMBER.findall(shown), strict=True):
        assert float(found) == pytest.approx(float(said), rel=0.25, abs=0.06), f"{printed}\nshown:\n{shown}"


def test_what_is_shown_is_compared() -> None:
    assert_alike("loss 1.31 in  3 epochs\n", "loss 1.29 in 3 epochs")
    for shown in ("loss 2.31 in 3 epochs", "loss 1.31 in epoch 3", "loss 1.31"):
        with pytest.raises(AssertionError):
            assert_alike("loss 1.31 in 3 epochs", shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_code_of_the_pages_runs(page: Path, tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    """The Python blocks of a page, in order, as one program; it prints what is shown, and makes the pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hilevel.engine.backends._default", None)
    monkeypatch.setenv("HILEVEL_BACKEND", "numpy")
    monkeypatch.setenv("MPLBACKEND", "Agg")
    drawn = {name for name in pictures(page) if not name.endswith(".svg")}  # diagrams are not drawn by code
    if drawn:
        pytest.importorskip("matplotlib")
    if page.stem == "export":
        pytest.importorskip("onnxruntime")
    namespace: dict[str, Any] = {"__name__": page.stem}
    blocks = blocks_with_output(page)
    for code, shown in blocks:
        exec(compile(code, f"{page.name}", "exec"), namespace)
        printed = capsys.readouterr().out
        if shown is not None:
            assert_alike(printed, shown)
    if not blocks:  # docs/benchmarks.md, whose picture a run of the benchmarks draws
        return
    assert drawn <= {file.name for file in tmp_path.iterdir()}
    if drawn:
        importlib.import_module("matplotlib.pyplot").close("all")


def test_the_pictures_are_those_that_pages_show_and_small() -> None:
    images = {file.name: file.stat().st_size for file in (ROOT / "docs/images").glob("*")}
    assert set(images) == {name for page in PAGES for name in pictures(page)}
    assert all(size < 40_000 for size in images.values()), images


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_links_of_the_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_public_lists_are_sorted_and_true() -> None:
    for name in ("hilevel", *(f"hilevel.{n}" for n in hilevel.__all__)):
        module = importlib.import_module(name) if inspect.ismodule(_reach(name)) else None
        if module is not None and hasattr(module, "__all__"):
            assert sorted(module.__all__) == sorted(set(module.__all__)), name
            assert all(hasattr(module, n) for n in module.__all__), name


def _reach(name: str) -> Any:
    return hilevel if name == "hilevel" else getattr(hilevel, name.split(".", 1)[1])


def test_the_example_in_the_repository_is_the_program_of_the_command() -> None:
    assert (ROOT / "examples/quickstart.py").read_text() == (ROOT / "hilevel/quickstart.py").read_text()


def test_no_absolute_path_of_a_machine_in_the_project() -> None:
    for folder in ("hilevel", "backends", "docs", "examples", "benchmarks"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in (".py", ".md"):
                assert not re.search(r"(/home/|/root/|/work/|/tmp/venv)", file.read_text()), file
