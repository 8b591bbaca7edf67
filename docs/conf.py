"""Sphinx's configuration."""

from __future__ import annotations

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
