"""How Sphinx builds the site: tutorial, how-to, explanation, reference. `make docs` runs it with warnings as errors."""

import sys
from pathlib import Path

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.writers.html5 import HTML5Translator

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "bpcompare"
author = "the bpcompare authors"
html_title = "bpcompare"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
locale_dirs = ["locale"]  # Chinese: the pages that have a catalogue there, and the first notebook's twin
gettext_compact = False
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
CATALOGUES = Path(__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES"
TWINS = {path.relative_to(CATALOGUES).with_suffix("").as_posix() for path in CATALOGUES.rglob("*.po")}
TWINS.add("tutorial/1_three_ways")
PROMPTS = {"en": ("Show one solution", "Hide the solution"), "zh_CN": ("显示解答", "隐藏解答")}
autodoc_typehints = "description"
autodoc_member_order = "bysource"
add_module_names = False
napoleon_custom_sections = ["Source"]
napoleon_use_ivar = True


def setup(app: Sphinx) -> None:
    """Writes the pages that come from the program itself, before anything is read; formulas become MathML."""
    app.connect("config-inited", choose_prompts, priority=400)  # before myst_nb
    app.connect("builder-inited", lambda app: generated.write_all(Path(app.srcdir), app.config.language))
    app.connect("doctree-read", link_to_twin)
    app.connect("autodoc-process-docstring", keep_lines_of_formulas, priority=400)  # before napoleon
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))


def choose_prompts(app: Sphinx, config: Config) -> None:
    """The words above a hidden solution, in the language of the site."""
    config.nb_code_prompt_show, config.nb_code_prompt_hide = PROMPTS[config.language]


def link_to_twin(app: Sphinx, page: nodes.document) -> None:
    """Below the title of a page that is there in both languages: a link to its twin."""
    name = app.env.docname
    if name not in TWINS:
        return
    up = "../" * name.count("/")
    chinese = app.config.language == "zh_CN"
    target = f"{up}../{name}.html" if chinese else f"{up}zh/{name}.html"
    words = f'<a href="{target}">English</a> · 中文' if chinese else f'English · <a href="{target}">中文</a>'
    title = next(page.findall(nodes.title))
    title.parent.insert(title.parent.index(title) + 1, nodes.raw("", f'<p class="language">{words}</p>', format="html"))


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
