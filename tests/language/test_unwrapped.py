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

# Texts that look like English and that nobody reads: file → {a pattern of them: why}.
OPERATIONS = {"^(Linear|MSE) of arrays$": "name of an operation; it is shown as its formula"}
STEPS = {"^(one minus|sum over samples)$": "name of a step in a table of functions"}
FONTS = {"^[A-Z]": "name of a font"}
TIMES = {"^not (first|last)$": "key: at which of its times a step is wrong"}
NOT_FOR_READERS: dict[str, dict[str, str]] = {
    "cli/check_many.py": {": its calls$": "name of a test in Gradescope's file, which is in English"},
    "comparison/base.py": {"^ at step": "part of a repr, which is in English"},
    "graph/changes.py": {"": "keys of the kinds of change, which its sentences do not name"},
    "graph/operations.py": OPERATIONS,
    "graph/verification.py": OPERATIONS,
    "graph/wrong_derivatives.py": OPERATIONS,
    "marker/check.py": {"^this session$": "in place of a path, in the data of a marking"},
    "marker/derivations.py": STEPS,
    "marker/exercises.py": {'^"""': "Python code around translated texts"},
    "marker/gradcheck.py": {"^the gradient of the output$": "key of a finding"},
    "marker/gradcheck_cases.py": {"^(other (numbers|sizes)|1 in the place)": "name of a case, for the debugger"},
    "marker/hypotheses/derivation_changes/operations.py": STEPS,
    "marker/hypotheses/derivation_changes/stacks.py": STEPS,
    "marker/hypotheses/graph_changes/change.py": TIMES,
    "marker/hypotheses/graph_changes/paths.py": TIMES,
    "marker/hypotheses/graph_changes/size_factor.py": {"^number of terms of $": "key; SizeFactor puts it into words"},
    "marker/hypotheses/graph_changes/wrong_derivatives.py": {"^it is 1/x, not": "looks a message up in its table"},
    "marker/hypotheses/rounded_stages.py": {"^squared errors$": "key of what is remembered"},
    "marker/own_loss.py": {"^not what a child tells$": "caught where the child is asked"},
    "marker/phrases.py": {"^too deep$": "caught where the child is asked"},
    "marker/sandbox_child.py": {"^(own loss|bpcompare knows)": "between two processes of ours"},
    "results/network.py": {"^norm grad": "column of a CSV file"},
    "show/fonts.py": FONTS,
    "show/graph_figure.py": FONTS,
    "show/style.py": {"^Glyph": "pattern of matplotlib's warning"},
}


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
    found = in_files(lambda path: said_at_import(path.read_text()))
    assert found.keys() <= {"__main__.py", "cli/argparse_words.py"}  # a script, and a list that nobody imports


def test_a_translation_at_import_is_found():
    assert said_at_import("from bpcompare.language import _\nX = _('a word')\n") == [2]
    assert said_at_import("def f(x=_('a word')):\n    return _('a word')\n") == [1]
    assert said_at_import("class C:\n    x = _('a word')\n    y = lambda: _('b')\n") == [2]


def test_no_function_that_translates_uses_the_name_for_something_else():
    assert in_files(lambda path: shadowed(path.read_text())) == {}


@pytest.mark.parametrize("line", ["for _ in range(3): pass", "_, x = 1, 2", "with open(x) as _: pass"])
def test_a_shadowed_name_is_found(line):
    assert shadowed(f"def f(x):\n    {line}\n    return _('a word')\n") == [2]
    assert shadowed(f"def f(x):\n    {line}\n    return 'a word'\n") == []


def test_a_comprehension_has_names_of_its_own():
    assert shadowed("def f(x):\n    return _('a word'), [1 for _ in x]\n") == []
    assert shadowed("def f(x):\n    return [_('a word') for _ in x]\n") == [2]


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
