"""Notebooks of the tutorials, written from their pages when the site is built.

python docs/notebooks.py [NAME...]    execute all notebooks, or these, in temporary folders; print the time of each
"""

from __future__ import annotations

import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jupytext

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the pages that have a notebook: the tutorials with code."""
    listed = re.search(r"```{toctree}\n(.*?)```", (HERE / "tutorials.md").read_text(), re.S)
    pages = listed[1].split() if listed else []
    return [name for name in pages if "```python" in (HERE / f"{name}.md").read_text()]


def write(folder: Path) -> None:
    """Write a notebook for each tutorial. A cell for each block of Python, and the text between them."""
    folder.mkdir(exist_ok=True)
    for name in names():
        jupytext.write(_notebook(name), folder / f"{name}.ipynb")


def execute(name: str) -> float:
    """Execute the notebook of a page in a temporary folder, and return the seconds.

    Raises:
        CellExecutionError: a cell raised an error.
        AssertionError: the notebook shows fewer pictures than the page.
    """
    from nbclient import NotebookClient

    start, notebook = time.perf_counter(), _notebook(name)
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=300, resources={"metadata": {"path": folder}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = sum("image/png" in output.get("data", {}) for output in outputs)
    expected = len(re.findall(r"\(images/[^)]*\.png\)", (HERE / f"{name}.md").read_text()))
    assert shown == expected, f"{name}: {shown} pictures in place of {expected}"
    return time.perf_counter() - start


def _notebook(name: str) -> Any:
    """Return the notebook of a page."""
    return jupytext.reads(_text(HERE / f"{name}.md"), "md")


def _text(page: Path) -> str:
    """Return the text of a page for its notebook.

    The notebook draws the pictures itself. Links lead to pages of the site. Commands of a shell are text, no cells.
    """
    text = re.sub(r"^!\[[^\]]*\]\(images/[^)]*\)\n?", "", page.read_text(), flags=re.M)
    text = re.sub(r"^```python\n.*?^```$", _shown, text, flags=re.M | re.S)
    text = re.sub(r"^```sh$", "```", text, flags=re.M)
    return re.sub(r"\]\((\w+)\.md(#[\w-]+)?\)", r"](../\1.html\2)", text)


def _shown(block: re.Match[str]) -> str:
    """Return a block of code that shows the figure that it saved. A notebook shows figures of pyplot by itself."""
    if "plt.subplots(" in block[0]:
        return block[0]
    return re.sub(r"^(.*)\.savefig\(.*\)$", r"display(\1)", block[0], flags=re.M)


if __name__ == "__main__":
    for page in sys.argv[1:] or names():
        print(f"{page}: {execute(page):.1f} s", flush=True)
