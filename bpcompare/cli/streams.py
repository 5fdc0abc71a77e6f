"""Where output goes when stdout or stderr is closed, full, or left by its reader: the work is done all the same."""

from __future__ import annotations

import errno
import io
import os
import re
import sys

from bpcompare.errors import reason

CONTROL = r"(?!\x1b\[[\d;]*m)[\x00-\x08\x0b-\x1f\x7f-\x9f]"  # all but tab, line feed and colours


class Raw(io.FileIO):
    """A file descriptor whose first failure is kept for the end; what comes after it is dropped."""

    failure: OSError | None = None

    def write(self, data) -> int:  # type: ignore[no-untyped-def]
        """Writes ``data``, or drops it after a failure."""
        if self.failure is None:
            try:
                return super().write(data)
            except BlockingIOError:
                raise
            except OSError as error:
                self.failure = error
        return len(data)


class Printed(io.TextIOWrapper):
    """Text for a terminal, in which control characters that came with a name or a value do nothing."""

    def write(self, text: str) -> int:
        """Writes ``text``, its control characters as their escapes."""
        super().write(visible(text))
        return len(text)


def visible(text: str) -> str:
    r"""``text`` with each control character as its escape; tabs, line feeds and colours stay.

    Example:
        >>> visible("a\x07b"), visible("\x1b[1mbold\x1b[0m") == "\x1b[1mbold\x1b[0m"
        ('a\\x07b', True)
    """
    if text.replace("\n", "").isprintable():  # nearly always, and --help does without a compiled pattern
        return text
    return re.sub(CONTROL, lambda found: repr(found[0])[1:-1], text)


def prepare() -> None:
    """Puts something harmless in the place of closed streams, and lets no failing stdout or stderr end the work."""
    for descriptor in (0, 1, 2):  # a closed one would be given to the next file that is opened
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout, sys.stderr = _stream(1, sys.stdout, Printed), _stream(2, sys.stderr, io.TextIOWrapper)


def _stream(descriptor: int, old: object, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    encoding = getattr(old, "encoding", "utf-8")
    by_line = descriptor == 2 or os.isatty(descriptor)
    buffer = io.BufferedWriter(Raw(descriptor, "w", closefd=False))
    # A terminal without ∂ still gets its numbers.
    return kind(buffer, encoding=encoding, errors="replace", line_buffering=by_line)


def failure() -> str | None:
    """Why not all of the output could be printed; None if all was, or if its reader had enough."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    error = getattr(raw, "failure", None)
    return None if error is None or error.errno == errno.EPIPE else reason(error)
