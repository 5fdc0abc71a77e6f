"""How tables and sentences are printed: for a terminal of some width, or as plain Markdown.

Nothing is abridged and no word is broken: columns that do not fit next to each other come in a further table below.
"""

import io
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bpcompare.language import _
from bpcompare.show.visible import visible

PLAIN_WIDTH = 200
TABLE_WIDTH = 80  # of a Markdown table
LABEL = re.compile(r" *\S.{0,24}? {2,}(?=\S)")  # what a sentence begins with: "rate       …"
WIDE = "\u2e80-\u2fdf\u3003-\u3007\u3021-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
OPENING, CLOSING = (
    "（「『《〈【〔［｛",
    "，。；：、！？）」』》〉】〕］｝…％～",
)  # no line ends with the first, none begins with these
BREAK = re.compile(rf"(?<=[{WIDE}{CLOSING}])(?=[^{CLOSING}])|(?<=[^{OPENING}])(?=[{WIDE}{OPENING}])")


@dataclass(frozen=True)
class Columns:
    """A table whose columns are spread over as many tables, one below the other, as the width asks for.

    Attributes:
        headings: One per column.
        rows: The cells, as they are printed.
        keys: How many columns at the left name the row; every table begins with them.
        words: The headings of the columns that hold words, set to the left; all others hold numbers.
        glued: The headings of the columns that say nothing without the column before.
    """

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    keys: int = 1
    words: Collection[str] = ()
    glued: Collection[str] = ()

    def fitted(self, width: int | None) -> Iterator[Table | str]:
        """The tables for a terminal of that width, or for plain text; one line per cell where not one column fits.

        Example:
            >>> wide = Columns(("method", "loss", "status"), [("manual", "0.05", "stopped")])
            >>> [len(list(wide.fitted(width))) for width in (80, 18, 10)]
            [1, 2, 1]
            >>> print(*wide.fitted(10))
            method  manual
            loss    0.05
            status  stopped
        """
        cells = [[visible(cell) for cell in row] for row in (self.headings, *self.rows)]
        sizes = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
        keys, room = list(range(self.keys)), width or TABLE_WIDTH
        groups: list[list[int]] = []
        for unit in self._units():
            if groups and _width([*keys, *groups[-1], *unit], sizes, width) <= room:
                groups[-1] += unit
            else:
                groups.append(unit)
        if width and any(_width([*keys, *group], sizes, width) > room for group in groups):
            yield _records(cells)
            return
        for group in groups:
            yield self._table([*keys, *group], cells, width)

    def _units(self) -> Iterator[list[int]]:
        """The columns after the keys, each with those that are glued to it."""
        unit: list[int] = []
        for i in range(self.keys, len(self.headings)):
            if unit and self.headings[i] not in self.glued:
                yield unit
                unit = []
            unit.append(i)
        yield unit

    def _table(self, columns: Sequence[int], cells: list[list[str]], width: int | None) -> Table:
        table = new_table(width)
        for i in columns:
            left = i < self.keys or self.headings[i] in self.words
            table.add_column(Text(cells[0][i]), justify="left" if left else "right", no_wrap=True)
        for row in cells[1:]:
            if any(row[i] for i in columns[self.keys :]) or len(columns) == len(row):
                table.add_row(*(Text(row[i]) for i in columns))
        return table


def _records(cells: list[list[str]]) -> str:
    headings = cells[0]
    size = max(map(cell_len, headings))
    blocks = (
        "\n".join(f"{set_cell_size(h, size)}  {cell}" for h, cell in zip(headings, row, strict=True) if cell)
        for row in cells[1:]
    )
    return "\n\n".join(blocks)


def _width(columns: Sequence[int], sizes: Sequence[int], width: int | None) -> int:
    """How wide a table of these columns is: the cells, what keeps them apart, and in Markdown a bar at either end."""
    return sum(sizes[i] for i in columns) + 3 * (len(columns) - 1) + (4 if width is None else 0)


def percent(number: float, spec: str = "g") -> str:
    """A number of hundredths as it is printed.

    Example:
        >>> percent(0.1)
        '0.1 %'
    """
    return _("{number} %", number=format(number, spec))


def wrapped(sentence: str, width: int) -> str:
    """``sentence`` in lines of at most that width, unless one word is longer; further lines are below its label's end.

    Example:
        >>> print(wrapped("rate       stable up to lr 0.78", 24))
        rate       stable up to
                   lr 0.78
        >>> print(wrapped("学习率     越大，走得越快。", 20))
        学习率     越大，走
                   得越快。
    """
    label = LABEL.match(sentence)
    start = label.end() if label else len(sentence) - len(sentence.lstrip())
    start = start if cell_len(sentence[:start]) <= width // 2 else 0
    lines, line, indent = [], sentence[:start], cell_len(sentence[:start])
    for blank, piece in _pieces(sentence[start:]):
        if line.strip() and cell_len(line + blank + piece) > width and cell_len(line) > indent:
            lines.append(line)
            line = " " * indent
        line += piece if cell_len(line) == indent else blank + piece
    return "\n".join([*lines, line])


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """What a line may end after, each with what stands before it on a line: words, and the characters of Chinese.

    Example:
        >>> list(_pieces("用 Adam（训练）"))
        [('', '用'), (' ', 'Adam'), ('', '（训'), ('', '练）')]
    """
    for place, word in enumerate(text.split(" ")):
        first, *others = BREAK.split(word)
        yield " " if place else "", first
        yield from (("", piece) for piece in others)


def text(parts: Iterable[Table | Columns | str], width: int | None, color: bool) -> str:
    """Tables and sentences as text, at most one blank line between them.

    Args:
        parts: What to print; a sentence is printed as it is, whatever brackets it has.
        width: The terminal's width in characters; None for plain text, whose sentences are not wrapped.
        color: Whether to use the terminal's colours.
    """
    pieces: list[str] = []
    for part in parts:
        if isinstance(part, str):
            lines = map(visible, part.split("\n"))
            pieces += (wrapped(line, width) for line in lines) if width else lines
            continue
        for table in part.fitted(width) if isinstance(part, Columns) else [part]:
            pieces += ["", table if isinstance(table, str) else _by_rich(table, width, color)]
    stripped = "\n".join(line.rstrip() for line in "\n".join(pieces).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", stripped) + "\n"


def _by_rich(table: Table, width: int | None, color: bool) -> str:
    stream = io.StringIO()
    Console(
        file=stream,
        width=width or PLAIN_WIDTH,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
    ).print(table)
    return stream.getvalue().removesuffix("\n")


def new_table(width: int | None) -> Table:
    """An empty table in the style for that width: Markdown for plain text."""
    plain = width is None
    return Table(box=box.MARKDOWN if plain else box.SIMPLE_HEAD, show_edge=plain, pad_edge=plain)
