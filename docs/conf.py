"""How Sphinx builds the site: tutorial, how-to, explanation, reference. `make docs` runs it with warnings as errors."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "bpcompare"
author = "the bpcompare authors"
html_title = "bpcompare"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
html_theme = "furo"
html_static_path = ["_static"]
html_css_files: list[str] = []
myst_enable_extensions = ["dollarmath", "deflist"]
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
add_module_names = False
napoleon_custom_sections = ["Source"]
nitpicky = False


def setup(app: Sphinx) -> None:
    """Writes the pages that come from the program itself, before anything is read."""
    app.connect("builder-inited", lambda app: generated.write_all(Path(app.srcdir)))
