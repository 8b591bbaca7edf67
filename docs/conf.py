"""Sphinx's configuration."""

from __future__ import annotations

from typing import Any

import statejit

project = "statejit"
author = copyright = "the statejit developers"
version = release = statejit.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "dollarmath"]
autodoc_typehints = "description"
autodoc_member_order = "bysource"
html_theme = "furo"
html_title = f"statejit {version}"
suppress_warnings = ["myst.xref_missing"]  # the pages refer to files of the repository, too


def _plain_signs(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Keeps shapes and formulas in docstrings, `(*size,)` and `|x|`, from being markup."""
    if name.startswith("statejit.random"):
        for i, line in enumerate(lines):
            if not line.lstrip().startswith((">>>", "...")):
                lines[i] = line.replace("*", r"\*").replace("|", r"\|")


def setup(app: Any) -> None:
    """Connects what is special to these pages; napoleon, which writes markup, comes later."""
    app.connect("autodoc-process-docstring", _plain_signs, priority=100)
