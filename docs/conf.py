"""Settings of the site of the documentation: `sphinx-build -W --keep-going -b html docs build/site`."""

import collections.abc
import inspect
import os
import re
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

from sphinx.util.inspect import stringify_signature

import hilevel

HERE = Path(__file__).parent
ABSTRACT = re.compile(rf"\b({'|'.join(collections.abc.__all__)})\b")
sys.path.insert(0, str(HERE))

import notebooks  # noqa: E402
import reference_pages  # noqa: E402

reference_pages.write(HERE / "reference")
HOMES = reference_pages.homes()

project = "hilevel"
copyright = "the authors of hilevel"
version = release = hilevel.__version__
extensions = [
    "myst_parser",  # not myst_nb: tests run the code of the pages and compare its output
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_design",
]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
highlight_language = "none"
default_role = "py:obj"
copybutton_exclude = ".linenos, .gp, .go"

autosummary_generate = False
autodoc_member_order = "bysource"
napoleon_numpy_docstring = False
python_maximum_signature_line_length = 80
toc_object_entries_show_parents = "hide"

suppress_warnings = ["autosummary.import_cycle"]  # tables name objects by the module of their page
nitpicky = True
nitpick_ignore_regex = [
    ("py:obj", "(?s).*"),  # single backticks in docstrings hold code as well as names
    ("py:class", r"(collections|contextlib|jax|numpy|os|types)\..*"),  # their inventories need a network
    ("py:exc", r"PIL\..*|NotFittedError"),
    (
        "py:class",
        "P|ModuleType|AbstractContextManager|.*Options",
    ),  # of typing; `**kwargs` of layers and optimizers
    (
        "py:class",
        rf"(.*\.)?(Path|Trainer|_OtherEvents|All Variables|\w+Like|{'|'.join(reference_pages.aliases())})",
    ),  # some are named with their module
    (
        "py:class",
        r"Arrays|Call|Cross|Feature|FullySharded|IndexedDataset|KerasImport|Labels|MemoryInfo|ModelPicture|ModelCost|Number|Window|Pairs|Range|Token|ValueId|(.*\.)?SymbolicTensor",
    ),  # types that have no page
]
if os.environ.get("HILEVEL_DOCS_ONLINE"):
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "jax": ("https://docs.jax.dev/en/latest", None),
    }

html_theme = "pydata_sphinx_theme"
html_title = "hilevel"
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
html_context = {"notebooks": notebooks.names()}
html_sidebars = {"benchmarks*": [], "changelog": []}  # pages without siblings
html_theme_options = {
    "collapse_navigation": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc", "notebook"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def as_written(app: Any, what: str, name: str, thing: Any, options: Any, signature: str, returns: str) -> Any:
    """Return the arguments and the result of a signature, with the annotations as written in the source."""
    if not signature:
        return None
    found = inspect.signature(thing)
    found = found.replace(parameters=[p for p in found.parameters.values() if p.name != "self"])
    text = ABSTRACT.sub(r"~collections.abc.\1", stringify_signature(found)).replace("np.", "~numpy.")
    arguments, _, result = text.partition(" -> ")
    return arguments, "" if what in ("class", "exception") else result


def show_public_bases(app: Any, name: str, thing: type, options: Any, bases: list[type]) -> None:
    """Replace the bases of a class by the nearest one that has a page."""
    bases[:] = reference_pages.public_bases(thing, HOMES)


def literal_fences(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Replace fences of Markdown in a docstring by literal blocks."""
    text = re.sub(
        r"```text\n(.*?)```", lambda m: "::\n\n" + indent(m[1], "    "), "\n".join(lines), flags=re.S
    )
    lines[:] = text.split("\n")


def write_notebooks(app: Any, error: Exception | None) -> None:
    """Write the notebooks of the tutorials beside the pages."""
    if error is None and app.builder.format == "html":
        notebooks.write(Path(app.outdir) / "notebooks")


def setup(app: Any) -> None:
    """Connect the functions above to autodoc and viewcode, and to the end of the build."""
    app.connect("build-finished", write_notebooks)
    app.connect("autodoc-process-signature", as_written)
    app.connect("autodoc-process-docstring", literal_fences)
    app.connect("autodoc-process-bases", show_public_bases)
