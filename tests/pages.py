"""README and the site's pages as tests see them: what is to be run, in its order."""

import ast
import functools
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CHINESE_README = ROOT / "README.zh.md"
PAGES = [README, *sorted(page for page in (ROOT / "docs").rglob("*.md") if not page.name.startswith("_"))]
FENCE = re.compile(
    r"^```(?:\{code-block\} )?(?P<language>\w+)\n(?::caption: (?P<file>[^\n]+)\n)?(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
TRANSCRIPT = re.compile(r"^    \$ (?:python -m bpcompare)(?P<command>.*)\n(?P<shown>(?:    .*\n|\n)+)", re.MULTILINE)


@functools.cache
def parts(path: Path) -> tuple[ast.AST, ...]:
    """Every part of a file of Python, which several tests go through."""
    return tuple(ast.walk(ast.parse(path.read_text())))


def mentioning(paths: Iterable[Path], words: Iterable[str]) -> list[Path]:
    """The files in which one of these words stands: what is called so is in no other, and parsing them takes long."""
    return [path for path in paths if any(word in path.read_text() for word in words)]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: a file where it has a name, otherwise something to run."""

    language: str
    file: str | None
    code: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found.group("language", "file", "code")) for found in FENCE.finditer(page.read_text())]


def commands(code: str) -> Iterator[tuple[list[str], int]]:
    """The arguments of every command of ours in a shell block, and the exit code that it promises."""
    for line in code.splitlines():
        before, is_ours, after = line.partition("-m bpcompare")
        if is_ours and not before.lstrip().startswith("#"):
            yield shlex.split(after, comments=True), 1 if "exit code 1" in after else 0


def transcripts(page: Path) -> list[tuple[list[str], list[str]]]:
    """The commands that a page shows with their output, and the rows of it that it shows."""
    return [
        (
            shlex.split(found["command"]),
            [row.strip() for row in found["shown"].splitlines() if row.strip() not in ("", "...")],
        )
        for found in TRANSCRIPT.finditer(page.read_text())
    ]
