"""The documentation: Sphinx reads the pages of this folder and the docstrings.  make docs

Why it is built so: decisions/0015-documentation.md.
"""

import sys
from pathlib import Path

import elman

sys.path.insert(0, str(Path(__file__).parent / "tools"))

project = "elman"
author = "the elman authors"
project_copyright = f"{author}, BSD-3-Clause"
version = release = elman.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "commands",
    "docstrings",
    "drawn",
    "including",
    "inside",
    "mathml",
]
exclude_patterns = ["_build", "decisions/0000-template.md"]
nitpicky = False
default_role = "code"

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_type_aliases = {"Array": "Array", "ArrayLike": "ArrayLike", "State": "State"}

html_theme = "furo"
html_title = f"elman {release}"
html_static_path = ["_static"]
html_css_files = ["elman.css"]
html_math_renderer = "mathml"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
pygments_style = "default"
pygments_dark_style = "github-dark"
