"""How tables and sentences are printed: for a terminal of some width, or as plain Markdown."""

import io
import re
from collections.abc import Iterable

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

PLAIN_WIDTH = 200


def text(parts: Iterable[Table | str], width: int | None, color: bool) -> str:
    """Tables and sentences as text, at most one blank line between them.

    Args:
        parts: What to print; a sentence is printed as it is, whatever brackets it has.
        width: The terminal's width in characters; None for plain text, whose lines are not wrapped.
        color: Whether to use the terminal's colours.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        width=width or PLAIN_WIDTH,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
    )
    for part in parts:
        if isinstance(part, Table):
            console.print(part)
        else:
            console.print(escape(part), soft_wrap=width is None)
    lines = "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines) + "\n"


def new_table(width: int | None) -> Table:
    """An empty table in the style for that width: Markdown for plain text."""
    plain = width is None
    return Table(box=box.MARKDOWN if plain else box.SIMPLE_HEAD, show_edge=plain)
