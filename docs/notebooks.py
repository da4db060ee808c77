"""Notebooks of the tutorials, written from their pages when the site is built."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext

HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the pages that have a notebook: the tutorials."""
    listed = re.search(r"```{toctree}\n(.*?)```", (HERE / "tutorials.md").read_text(), re.S)
    return listed[1].split() if listed else []


def write(folder: Path) -> None:
    """Write a notebook for each tutorial. A cell for each block of Python, and the text between them."""
    folder.mkdir(exist_ok=True)
    for name in names():
        notebook = jupytext.reads(_text(HERE / f"{name}.md"), "md")
        jupytext.write(notebook, folder / f"{name}.ipynb")


def _text(page: Path) -> str:
    """Return the text of a page without its pictures, which the notebook draws, and with links to pages of the site."""
    text = re.sub(r"^!\[[^\]]*\]\(images/[^)]*\)\n?", "", page.read_text(), flags=re.M)
    return re.sub(r"\]\((\w+)\.md(#[\w-]+)?\)", r"](../\1.html\2)", text)
