"""The parser and its --help: as wide as the terminal, each complaint one sentence.

argparse would import shutil and textwrap for this, and with them compressors and a dozen patterns.
"""

from __future__ import annotations

import argparse
import os

from bpcompare.cli.sentences import sentence
from bpcompare.errors import InputError
from bpcompare.language import _, columns_of, language
from bpcompare.training.process_environment import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

USUAL = 80  # columns where nobody says how many there are
MOST = 120
NEVER_FIRST = "，。；：、！？）」』》…,.;:!?)]}%"  # signs that no line begins with, next to a Chinese character
NEVER_LAST = "（「『《([{"


class Parser(argparse.ArgumentParser):
    """An argument parser whose every complaint is one sentence."""

    def parse_known_intermixed_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, which takes the first seven letters of the usage for "usage: " in every language."""
        if self.usage is None:
            self.usage = self.format_usage().partition(_said("usage: "))[2]
        return super().parse_known_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2 and ``message`` alone."""
        if message.startswith(_said("the following arguments are required: %s").partition("%s")[0]):
            message = _("{complaint}; --help shows examples", complaint=message)
        self.exit(2, f"bpcompare: {sentence(message)}\n" if speaks() else None)


class Formatter(argparse.HelpFormatter):
    """Fills paragraphs; lines that begin with a blank, such as examples, stay lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(columns(), MOST) - 1)

    def format_help(self) -> str:
        """The whole text; in Chinese a heading ends with the colon of its own script."""
        text = super().format_help()
        if language() == "en":
            return text
        lines = text.split("\n")
        return "\n".join(f"{line[:-1]}：" if line[:1] > " " and line.endswith(":") else line for line in lines)

    def _format_usage(self, usage: Any, actions: Any, groups: Iterable[Any], prefix: str | None) -> str:
        prefix = _said("usage: ") if prefix is None else prefix
        place = "x" * (columns_of(prefix) - 1) + " "  # the lines below it are indented by its length
        return super()._format_usage(usage, actions, groups, place).replace(place, prefix, 1)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return filled(text, width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines: list[str] = []
        for paragraph in text.strip("\n").split("\n\n"):
            if lines:
                lines.append("")
            for piece in _pieces(paragraph):
                lines += _kept(piece, width) if piece.startswith(" ") else filled(piece, width)
        return "\n".join(indent + line for line in lines)


def _said(text: str) -> str:
    """What argparse says for ``text`` in the language in use."""
    said: str = argparse._(text)  # type: ignore[attr-defined]
    return said


def columns() -> int:
    """How wide the terminal is, as COLUMNS or the system says."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size().columns or USUAL
    except OSError:
        return USUAL


def filled(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` columns, broken at blanks and between Chinese characters.

    Example:
        >>> filled("one two three", 8), filled("学习率，轮数", 8)
        (['one two', 'three'], ['学习率，', '轮数'])
    """
    lines: list[str] = []
    measured = _measure(text)
    for word in text.split():
        blank = " "
        for piece in [word] if measured is len else breakable(word):
            if lines and measured(lines[-1]) + len(blank) + measured(piece) <= width:
                lines[-1] += blank + piece
            else:
                lines.append(piece)
            blank = ""
    return lines


def _measure(text: str) -> Callable[[str], int]:
    """What counts the columns of a text and of its parts: without Chinese they are as many as letters."""
    return len if max(text, default="") < "\u2e80" else columns_of


def breakable(word: str) -> list[str]:
    """The pieces of a word between which a line may end: next to a Chinese character, but not before a full stop.

    Example:
        >>> breakable("用Adam（自适应矩）训练，")
        ['用', 'Adam', '（自', '适', '应', '矩）', '训', '练，']
    """
    pieces: list[str] = []
    for letter in word:
        last = pieces[-1][-1] if pieces else ""
        wide = columns_of(letter) == 2 or (bool(last) and columns_of(last) == 2)
        if not pieces or not wide or letter in NEVER_FIRST or last in NEVER_LAST:
            pieces[-1:] = [(pieces[-1] if pieces else "") + letter]
        else:
            pieces.append(letter)
    return pieces


def _pieces(paragraph: str) -> list[str]:
    """The lines that begin with a blank, each alone, and what stands between them, joined."""
    pieces: list[str] = []
    for line in paragraph.split("\n"):
        if pieces and not line.startswith(" ") and not pieces[-1].startswith(" "):
            edge = pieces[-1][-1:] + line[:1]
            pieces[-1] += line if _measure(edge)(edge) == 4 else f" {line}"
        else:
            pieces.append(line)
    return pieces


def _kept(line: str, width: int) -> list[str]:
    """An example, continued as a shell takes it where it is too long: before an option."""
    begin = len(line) - len(line.lstrip())
    cut = line.rfind(" --", begin, width - 1) if _measure(line)(line) > width else -1
    return [line] if cut < 0 else [f"{line[:cut]} \\", *_kept(f"     {line[cut:]}", width)]


def speaks() -> bool:
    """Whether this process is the one that talks: of those that torchrun starts, the first."""
    try:
        return place()[0] == 0
    except InputError:
        return True
