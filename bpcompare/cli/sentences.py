"""What is said on stderr: one sentence, of bounded length, that moves no cursor; and how the program was called."""

from __future__ import annotations

import os
import re
import sys

LONGEST_WORD = 200  # a path still fits
LONGEST = 1_000
PUNCTUATION = "，。；：、（）「」"  # Chinese sentences have no blanks


def program() -> str:
    """How the program was called: ``bpcompare`` or ``python -m bpcompare``."""
    name = os.path.splitext(os.path.basename(sys.argv[0]))[0]  # noqa: PTH119, PTH122 - pathlib takes ten times as long
    return name if name == "bpcompare" else "python -m bpcompare"


def sentence(text: str, *, lines: bool = False) -> str:
    r"""``text`` so that a terminal shows it: what it quotes is shortened, control characters are escapes.

    Args:
        text: What is to be said; it may quote whatever came.
        lines: Whether it may have several lines.

    Example:
        >>> len(sentence("lr must be a number; got " + "9" * 10_000))
        186
        >>> sentence("no column 'a\x1b[2Jb'")
        "no column 'a\\x1b[2Jb'"
    """
    short = re.sub(rf"[^\s{PUNCTUATION}]{{{LONGEST_WORD},}}", lambda found: f"{found[0][:120]}…{found[0][-40:]}", text)
    short = short if len(short) <= LONGEST else f"{short[: LONGEST - 301]}…{short[-300:]}"
    return "".join(c if c.isprintable() or (lines and c == "\n") else repr(c)[1:-1] for c in short)
