"""What README and the site promise stands in docs/explanation/claims.md, each promise with the test that holds it."""

import ast
import functools
import re
from dataclasses import dataclass

import pytest
from pages import FENCE, PAGES, ROOT

CLAIMS = ROOT / "docs" / "explanation" / "claims.md"
ENTRY = re.compile(r"^- (?P<words>.+)\\\n  (?P<tests>`.+`)$", re.MULTILINE)
PROMISE = re.compile(
    r"\b(never|nothing|exit code|last (bit|byte|digit)s?|same bytes|without a network|(\d|a few) seconds|"
    r"(is|are) refused)\b",
    re.IGNORECASE,
)
GENERATED = {
    "commands.md",
    "glossary.md",
    "python.md",
    "source_errors.md",
    "mutants.md",
}  # from docstrings, whose examples run, or runs


@dataclass(frozen=True)
class Claim:
    """A promise, the page on which it stands, and the tests that fail where it is broken."""

    page: str
    words: str
    tests: tuple[str, ...]


def claims():
    return [
        Claim(page, entry["words"], tuple(re.findall(r"`([^`]+)`", entry["tests"])))
        for page, _, entries in (part.partition("\n") for part in CLAIMS.read_text().split("\n## ")[1:])
        for entry in ENTRY.finditer(entries)
    ]


def plain(text):
    """A text on one line, without the marks of comments, so that a promise may be broken over lines."""
    return " ".join(re.sub(r"\s#\s", " ", text).split())


def stands(claim):
    return plain(claim.words) in plain((ROOT / claim.page).read_text())


@functools.cache
def functions(path):
    """The names of the functions of a file."""
    return {part.name for part in ast.parse(path.read_text()).body if isinstance(part, ast.FunctionDef)}


def is_a_test(name):
    """Whether pytest collects a function of this name, "folder/test_file.py::test_function"."""
    file, _, function = name.partition("::")
    path = ROOT / "tests" / file
    if not (path.name.startswith("test_") and function.startswith("test_") and path.exists()):
        return False
    return function in functions(path)


def sentences(page):
    """The sentences of a page that are prose: no code, no heading, no row of a table."""
    prose = FENCE.sub("\n", page.read_text())
    for part in re.split(r"\n\s*\n|\n(?=[-|] )|\n(?=\d\. )", prose):
        if not part.lstrip().startswith(("#", "|", "!", "<")) and not part.startswith("    "):
            yield from re.split(r"(?<=[.?!:]) (?=[A-Z`*])", plain(part))


def unlisted(page, listed):
    """The sentences of a page that promise something, and of which no part is listed."""
    return [
        sentence
        for sentence in sentences(page)
        if PROMISE.search(sentence)
        and not any(plain(words) in sentence or sentence in plain(words) for words in listed)
    ]


def test_every_entry_of_the_list_is_read():
    assert len(claims()) == CLAIMS.read_text().count("\n- ")
    assert sum(len(claim.tests) for claim in claims()) == CLAIMS.read_text().count("::test_")


@pytest.mark.parametrize("page", sorted({claim.page for claim in claims()}))
def test_what_is_promised_stands_in_its_page_word_for_word(page):
    assert [claim.words for claim in claims() if claim.page == page and not stands(claim)] == []


def test_every_promise_is_held_by_a_test_that_is_there():
    assert [name for claim in claims() for name in claim.tests if not is_a_test(name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_promises_what_is_not_listed(page):
    if page != CLAIMS and page.name not in GENERATED:
        listed = [claim.words for claim in claims() if claim.page == str(page.relative_to(ROOT))]
        assert unlisted(page, listed) == []


def test_what_is_not_there_is_noticed(tmp_path):
    assert not stands(Claim("README.md", "It makes coffee.", ()))
    assert not is_a_test("test_claims.py::test_that_nobody_wrote")
    assert not is_a_test("test_that_nobody_wrote.py::test_what_is_not_there_is_noticed")
    assert not is_a_test("pages.py::blocks")
    assert is_a_test("test_claims.py::test_what_is_not_there_is_noticed")
    page = tmp_path / "page.md"
    page.write_text("# It never fails\n\nIt is fast. It never\nfails. The exit code is 3.\n\n```sh\nnever\n```\n")
    assert unlisted(page, ["The exit code is 3."]) == ["It never fails."]
