"""The parser and its --help: as wide as the terminal, each complaint one sentence.

argparse would import shutil and textwrap for this, and with them compressors and a dozen patterns.
"""

from __future__ import annotations

import argparse
import os

from bpcompare.cli.sentences import sentence
from bpcompare.errors import InputError
from bpcompare.training.process_environment import place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

USUAL = 80  # columns where nobody says how many there are
MOST = 120


class Parser(argparse.ArgumentParser):
    """An argument parser whose every complaint is one sentence."""

    def error(self, message: str) -> NoReturn:
        """Ends with exit code 2 and ``message`` alone."""
        if message.startswith("the following arguments are required"):
            message += "; --help shows examples"
        self.exit(2, f"bpcompare: {sentence(message)}\n" if speaks() else None)


class Formatter(argparse.HelpFormatter):
    """Fills paragraphs; lines that begin with a blank, such as examples, stay lines."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=min(columns(), MOST) - 1)

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
    """``text`` in lines of at most ``width`` characters, broken at blanks.

    Example:
        >>> filled("one two three", 8)
        ['one two', 'three']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _pieces(paragraph: str) -> list[str]:
    """The lines that begin with a blank, each alone, and what stands between them, joined."""
    pieces: list[str] = []
    for line in paragraph.split("\n"):
        if pieces and not line.startswith(" ") and not pieces[-1].startswith(" "):
            pieces[-1] += f" {line}"
        else:
            pieces.append(line)
    return pieces


def _kept(line: str, width: int) -> list[str]:
    """An example, continued as a shell takes it where it is too long: before an option."""
    begin = len(line) - len(line.lstrip())
    cut = line.rfind(" --", begin, width - 1) if len(line) > width else -1
    return [line] if cut < 0 else [f"{line[:cut]} \\", *_kept(f"     {line[cut:]}", width)]


def speaks() -> bool:
    """Whether this process is the one that talks: of those that torchrun starts, the first."""
    try:
        return place()[0] == 0
    except InputError:
        return True
