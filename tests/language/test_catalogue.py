"""The Chinese catalogue holds the messages of the code, no others, each with its Chinese."""

import io
import re
import string
import tomllib
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from unwrapped import messages

ROOT = Path(__file__).parent.parent.parent
PO = ROOT / "bpcompare" / "locale" / "zh_CN" / "LC_MESSAGES" / "bpcompare.po"
HAN = r"[\u3400-\u9fff]"
CODE = re.compile(r"\{[^{}]*\}|%\(\w+\)\w|'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`|\[[^\]\u3400-\u9fff]*\]")


def messages_of(catalogue):
    """(English, Chinese) of every form of every message: a plural has two English forms and one Chinese."""
    for message in catalogue:
        if message.id:
            ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
            strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
            yield ids[-1], strings[0]


@pytest.fixture(scope="module")
def catalogue():
    """The catalogue of Chinese, as Babel reads it."""
    with PO.open("rb") as file:
        return read_po(file, locale="zh_CN")


@pytest.fixture(scope="module")
def translations(catalogue):
    """English → Chinese."""
    return dict(messages_of(catalogue))


@pytest.fixture(scope="module")
def extracted():
    """The messages that the code holds now, as `make messages` gathers them."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]
    mappings = settings["mappings"]
    marked = re.findall(r"-k (\w+)", (ROOT / "Makefile").read_text())
    found = extract_from_dir(
        ROOT / "bpcompare",
        [(mapping["pattern"].removeprefix("bpcompare/"), mapping["method"]) for mapping in mappings],
        {
            mapping["pattern"].removeprefix("bpcompare/"): {
                key: str(value) for key, value in mapping.items() if key not in ("pattern", "method")
            }
            for mapping in mappings
        },
        {**DEFAULT_KEYWORDS, **dict.fromkeys(marked)},
    )
    return {message if isinstance(message, str) else tuple(message) for __, __, message, __, __ in found}


def ids(catalogue):
    return {tuple(message.id) if isinstance(message.id, list | tuple) else message.id for message in catalogue} - {""}


def test_no_message_of_the_code_is_missing(catalogue, extracted):
    assert extracted - ids(catalogue) == set()


def test_no_message_is_where_babel_does_not_look(catalogue):
    known = {form for found in ids(catalogue) for form in ([found] if isinstance(found, str) else found)}
    by_tree = {message for path in (ROOT / "bpcompare").rglob("*.py") for message in messages(path.read_text())}
    assert by_tree - known == set()


def test_no_message_is_stale(catalogue, extracted):
    assert ids(catalogue) - extracted == set()
    assert not catalogue.obsolete


def test_no_translation_is_empty_or_fuzzy(catalogue, translations):
    assert [english for english, chinese in translations.items() if not chinese] == []
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []


def test_the_compiled_catalogue_is_that_of_the_text(catalogue):
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    assert PO.with_suffix(".mo").read_bytes() == compiled.getvalue()


def placeholders(text):
    """The named places of a message with their conversions and formats; what is no format has none."""
    try:
        parts = {part[1:] for part in string.Formatter().parse(text) if part[1] is not None}
    except ValueError:
        parts = set()
    return parts | {(found,) for found in re.findall(r"%\(\w+\)[a-z]", text)}


def literals(text):
    """What no translation may change: options, names with an underscore or brackets, methods of an object."""
    found = re.findall(r"(?<!\w)--[a-z][a-z-]*|\b\w+\(\)|\b[a-z]+_[a-z_]+\b|\b[a-z]+\.[a-z]\w+", text)
    return set(found)


def margins(text):
    """The blanks and line breaks at both ends."""
    return re.match(r"\s*", text)[0], re.search(r"\s*$", text)[0]


def faults(english, chinese):
    """What is wrong with a translation, a word for each rule that it breaks."""
    if placeholders(chinese) != placeholders(english):
        yield "placeholders"
    if not literals(chinese) >= literals(english):
        yield "code"
    if margins(chinese) != margins(english) and not re.search(r"^[，：；、]|[，：；、。]$", chinese):
        yield "blank at an end"
    plain = CODE.sub("x", chinese)
    if re.search(rf"{HAN}[,;:?!]|[,;:?!]{HAN}", plain):
        yield "half-width punctuation"
    if re.search(rf"{HAN}\.(?![\w.])", plain):
        yield "half-width full stop"
    if re.search(rf"(?<![∂√\w])\([^()]*{HAN}[^()]*\)|{HAN}\((?=[^)]*{HAN})", plain):
        yield "half-width brackets"
    if re.search(r"(?<=\S) ?[，。；：？！、（）「」] (?=\S)|\S [，。；：？！、）」]", plain):
        yield "blank next to full-width punctuation"
    if re.search(rf"{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}", re.sub(CODE, "·", chinese)):
        yield "no blank between Chinese and Latin"
    if "您" in chinese or "“" in chinese or "”" in chinese:
        yield "您 or curly quotes"


@pytest.mark.parametrize(
    ("english", "chinese", "fault"),
    [
        ("lr {lr:.3g}", "学习率 {lr}", "placeholders"),
        ("use --lr", "请用 --epochs", "code"),
        ("yes, no", "是,否", "half-width punctuation"),
        ("yes.", "是.", "half-width full stop"),
        ("yes (no)", "是(否)", "half-width brackets"),
        ("yes, no", "是， 否", "blank next to full-width punctuation"),
        ("Adam's step", "Adam的步", "no blank between Chinese and Latin"),
        ("you", "您", "您 or curly quotes"),
        ("  yes", "是", "blank at an end"),
    ],
)
def test_a_fault_is_found(english, chinese, fault):
    assert fault in set(faults(english, chinese))


def test_a_good_translation_has_no_fault():
    assert list(faults("{n} of `x, y`: use --lr 0.1 (or less).", "`x, y` 有 {n} 个：请用 --lr 0.1（或更小）。")) == []


def test_every_translation_keeps_the_rules(translations):
    found = {english: (chinese, list(faults(english, chinese))) for english, chinese in translations.items()}
    assert {english: fault for english, fault in found.items() if fault[1]} == {}


# Words of the glossary that have one meaning only, so that a message with the English holds the Chinese.
STRICT = re.sub(
    r"\s+",
    " ",
    """activation function; agreement; average; axis; backpropagation; backward pass; batch; bias correction;
    bit-equal; central difference; chain rule; column; computation graph; condition number; contour; converge;
    curvature; decay; delta recursion; derivation; diverge; eigenvalue; eigenvector; epoch; exercise;
    expression; finite difference; forward pass; gradient; gradient descent; gradient source; half precision;
    hidden layer; input; kink; learning rate; least squares; ledger; linear regression; local derivative; loss
    curve; marker; matrix; mean squared error; measured; method; mode; momentum; network; neuron; node; not
    converged yet; optimizer; parameter; partial derivative; path; pitfall; process; quotient; race; random
    seed; reference; residual; rounding; sample order; saturated; singular value; slope; standard deviation;
    standardize; sweep; table; target; tensor; training; truth; update rule; upstream gradient; variance;
    vector; weight decay""",
).split("; ")


def glossary():
    """English → Chinese, where one English word has one Chinese word."""
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", (ROOT / "docs" / "glossary.md").read_text(), re.MULTILINE)
    pairs = {}
    for row in rows:
        sides = (re.sub(r"[（(].*?[)）]", "", side).strip() for side in row)
        words, meanings = (re.split(r"; |；|, |、", side) for side in sides)
        one_each = len(words) == len(meanings)
        pairs |= dict(zip(words, meanings, strict=True)) if one_each else dict.fromkeys(words, meanings[0])
    return {english.strip(): chinese.strip() for english, chinese in pairs.items()}


def test_the_strict_words_stand_in_the_glossary():
    assert set(STRICT) <= set(glossary())


def test_one_word_for_one_thing(translations):
    words = glossary()
    plain = {english: CODE.sub("·", english).lower() for english in translations}
    for word in STRICT:
        said = re.compile(rf"(?<![\w.'\"_/-]){word}s?(?![\w(._='\"/-])")
        here = {english: translations[english] for english, text in plain.items() if word in text and said.search(text)}
        assert {english: chinese for english, chinese in here.items() if words[word] not in chinese} == {}, word
