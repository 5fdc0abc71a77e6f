"""How Sphinx builds the site: tutorial, how-to, explanation, reference. `make docs` runs it with warnings as errors."""

import sys
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "bpcompare"
author = "the bpcompare authors"
html_title = "bpcompare"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build", "**.ipynb_checkpoints"]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
default_role = "code"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
autodoc_typehints = "description"
autodoc_member_order = "bysource"
add_module_names = False
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True


def setup(app: Sphinx) -> None:
    """Writes the pages that come from the program itself, before anything is read."""
    app.connect("builder-inited", lambda app: generated.write_all(Path(app.srcdir)))
