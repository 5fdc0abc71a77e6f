"""Every text of the package that a reader sees can be translated: it stands in `_("…")`, and none is said too early."""

import ast
import re
from pathlib import Path

import pytest
from unwrapped import prose, said_at_import, shadowed, unwrapped

import bpcompare

PACKAGE = Path(bpcompare.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TEMPLATES = sorted(PACKAGE.rglob("*.html"))

# Texts that look like English and are for no reader of Chinese, file → {a pattern of the text: why}.
NOT_FOR_READERS: dict[str, dict[str, str]] = {}


def name(path):
    return path.relative_to(PACKAGE).as_posix()


def in_files(find):
    """What `find` finds in the files of the package, file → what."""
    found = {name(path): find(path) for path in FILES}
    return {file: faults for file, faults in found.items() if faults}


def not_excused(path):
    excused = NOT_FOR_READERS.get(name(path), {})
    found = unwrapped(path.read_text())
    return [(line, text) for line, text in found if not any(re.search(pattern, text) for pattern in excused)]


def test_every_sentence_is_wrapped():
    assert in_files(not_excused) == {}


def test_what_is_excused_is_there():
    for file, patterns in NOT_FOR_READERS.items():
        texts = [text for __, text in unwrapped((PACKAGE / file).read_text())]
        for pattern, reason in patterns.items():
            assert any(re.search(pattern, text) for text in texts), (file, pattern)
            assert reason


MODULE = '''
"""A module that is documented."""
from bpcompare.language import _, N_, ngettext

WORDS = {"gap": N_("how far it is")}
PATTERN = re.compile("two words")

def load(path: "a type") -> "of it":
    """Loads a file from a path."""
    assert path, "there is a path"
    if "no such file" in path:
        raise InputError(_("the file {path} is not there", path=path))
    print(ngettext("one file", "{n} files", 3))
'''


def test_a_module_without_a_fault_passes():
    assert unwrapped(MODULE) == []


@pytest.mark.parametrize(
    "line",
    [
        'raise InputError("the file is not there")',
        'raise InputError(f"{path} is not a table")',
        'raise InputError(_("{path}: {why}", path=path, why="it is not a table"))',
        'print("nothing " + "was written")',
        'parser.add_argument("--x", help="the input columns")',
        'HEADINGS = ("gap left", "best rate")',
        'return {"text": "the loss falls"}',
        'axes.set_title("loss of every method")',
        'Mistake(text="it is wrong")',
        'axes.set_xlabel("epoch")',
        'table("a run", ["loss"], rows)',
        'axes.plot(x, y, label="measured")',
    ],
)
def test_a_sentence_without_a_wrapper_is_found(line):
    assert len(unwrapped(f"{MODULE}\n    {line}\n")) >= 1


def test_nothing_is_translated_before_the_language_is_known():
    assert in_files(lambda path: said_at_import(path.read_text())) == {}


def test_a_translation_at_import_is_found():
    assert said_at_import("from bpcompare.language import _\nX = _('a word')\n") == [2]
    assert said_at_import("def f(x=_('a word')):\n    return _('a word')\n") == [1]
    assert said_at_import("class C:\n    x = _('a word')\n    y = lambda: _('b')\n") == [2]


def test_no_function_that_translates_uses_the_name_for_something_else():
    assert in_files(lambda path: shadowed(path.read_text())) == {}


@pytest.mark.parametrize(
    "line", ["for _ in range(3): pass", "_, x = 1, 2", "with open(x) as _: pass", "y = (lambda _: _)(1)"]
)
def test_a_shadowed_name_is_found(line):
    assert shadowed(f"def f(x):\n    {line}\n    return _('a word')\n") == [2]
    assert shadowed(f"def f(x):\n    {line}\n    return 'a word'\n") == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_has_no_text_of_its_own(path):
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "·", path.read_text(), flags=re.DOTALL)
    spoken = re.findall(r'\b(?:alt|title|aria-label|placeholder)="([^"]*)"', text)
    text = re.sub(r"<(script|style|code)\b.*?</\1>", "·", text, flags=re.DOTALL)
    pieces = [*re.split(r"<[^>]*>", text), *spoken]
    assert [piece.strip() for piece in pieces if re.search(r"[A-Za-z]{2,}", piece) and not is_code(piece)] == []


def is_code(piece):
    """A formula, a name of the code or the like."""
    return not re.search(r"(?<![\w.])[A-Za-z][a-z]+(?![\w.(=])", re.sub(r"·|bpcompare|&\w+;", " ", piece))


def test_prose_is_told_from_code():
    assert prose("there is no file")
    assert not prose("python -m bpcompare")
    assert ast.parse(MODULE)
