"""How Sphinx builds the site: tutorial, how-to, explanation, reference. `make docs` runs it with warnings as errors."""

import sys
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

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
html_math_renderer = "mathml"  # MathJax would come from the network
default_role = "code"
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 3
nb_execution_mode = "cache"
nb_execution_timeout = 120
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_merge_streams = True
nb_code_prompt_show = "Show one solution"
nb_code_prompt_hide = "Hide the solution"
autodoc_typehints = "description"
autodoc_member_order = "bysource"
add_module_names = False
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True


def setup(app: Sphinx) -> None:
    """Writes the pages that come from the program itself, before anything is read; formulas become MathML."""
    app.connect("builder-inited", lambda app: generated.write_all(Path(app.srcdir)))
    app.connect("autodoc-process-docstring", keep_lines_of_formulas, priority=400)  # before napoleon
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))


def keep_lines_of_formulas(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Formulas stand indented in a docstring; marks them, so that they are shown as they stand."""
    for i in range(len(lines) - 1, 1, -1):
        before = next((line for line in reversed(lines[:i]) if line), " ")
        begins = lines[i].startswith("    ") and not lines[i - 1] and not before.startswith(" ")
        if begins and not before.endswith("::"):
            lines[i:i] = ["::", ""]


def inline_formula(self: HTML5Translator, node: nodes.math) -> None:
    """A formula in a sentence."""
    self.body.append(convert(node.astext()))
    raise nodes.SkipNode


def displayed_formula(self: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on a line of its own."""
    self.body.append(f'<div class="formula">{convert(node.astext(), display="block")}</div>')
    raise nodes.SkipNode
