"""The rows of an open CSV file become columns of numbers, block by block.

A block of lines that is all plain numbers is converted at once (`csv_plain`); any other goes through the standard
library's reader and through `float`, and only one that fails there is gone through cell by cell, to say where.
"""

import csv
import io
import itertools
import operator
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from bpcompare.errors import TableError
from bpcompare.language import N_, _
from bpcompare.problem.csv_columns import Columns, choose, delimiter
from bpcompare.problem.csv_dialect import Dialect, is_missing
from bpcompare.problem.csv_errors import blank_line, check_cell, check_header, check_row
from bpcompare.problem.csv_lines import LinesWithoutComments
from bpcompare.problem.csv_plain import plain_numbers
from bpcompare.problem.csv_second_half import SecondHalf, second_half
from bpcompare.problem.growing import GrowingArray

UTF_8 = ("utf-8", "utf-8-sig")
BLOCK = 2**17  # letters converted at a time: what a core's own cache holds

Row = list[str]

READER_SAYS = (  # csv.Error
    N_("unexpected end of data"),
    N_("line contains NUL"),
    N_("',' expected after '\"'"),
    N_("';' expected after '\"'"),
    N_("'\t' expected after '\"'"),
)


class Rows:
    """Reads lines and converts the wanted cells of each, block by block, into ``columns``."""

    def __init__(self, path: Path, text: TextIO, x: Columns, y: Columns, dialect: Dialect) -> None:
        self.path, self.text, self.dialect = path, text, dialect
        self.block = io.StringIO()  # what the careful reader reads, before it goes on in ``text``
        self.passed = 0  # lines that it did not see
        self.lines = None if dialect.comment is None else LinesWithoutComments(self._careful_lines(), dialect.comment)
        lines = iter(self._careful_lines() if self.lines is None else self.lines)
        first = next(lines, "")
        if not first.strip("\r\n"):
            message = N_("{path}: the file is empty; its first row must name the columns")
            if first:
                message = N_("{path}, line {line}: the file is empty; its first row must name the columns")
            raise TableError(_(message, path=path, line=self._in_file(1)))
        self.delimiter = delimiter(path, first, x, y)
        self.rows = csv.reader(itertools.chain([first], lines), delimiter=self.delimiter, strict=True)
        self.header = [name.strip() for name in self._next_rows(1)[0]]
        self.x, self.y = choose(self.header, x, y)
        self.wanted = [*self.x, *self.y]
        check_header(path, self._in_file(1), self.header, self.wanted, dialect)
        self.places = [self.header.index(name) for name in self.wanted]
        self.inputs, self.outputs = GrowingArray(len(self.x)), GrowingArray(len(self.y))
        self.skipped = 0

    @property
    def count(self) -> int:
        """How many rows have been converted."""
        return self.inputs.rows

    def reserve(self, rows: int) -> None:
        """Makes room for so many rows at once."""
        self.inputs.reserve(rows)
        self.outputs.reserve(rows)

    def _in_file(self, line: int) -> int:
        """The number in the file of a line that the careful reader counts."""
        return self.passed + (line if self.lines is None else self.lines.number_of(line))

    def _careful_lines(self) -> Iterator[str]:
        """The lines of the block and, as a quoted cell may go on after it, those that follow."""
        while line := self.block.readline() or self.text.readline():
            yield line

    def _next_rows(self, count: int) -> list[Row]:
        try:
            return list(itertools.islice(self.rows, count))
        except csv.Error as error:
            line = self._in_file(self.rows.line_num)
            raise TableError(
                _(
                    "{path}, line {line}: {error}; close every quote",
                    path=self.path,
                    line=line,
                    error=_(str(error)),
                )
            ) from error

    def chunks(self) -> Generator[None]:
        """Converts block after block until the file ends; blank lines may follow the last row, not part rows."""
        yield from self._plain_beginning()
        blank_at = 0
        while block := self.text.read(BLOCK) + self.text.readline():
            if not blank_at and block.isascii() and self._convert_plain(block.encode()):
                yield
                continue
            self.block = io.StringIO(block, newline="")
            line = self.rows.line_num
            rows = self._next_rows(len(block.splitlines()))  # or more, where a row takes several lines
            if blank_at and any(rows) and not self.dialect.skip_missing:
                raise blank_line(self.path, self._in_file(blank_at))
            blank = sum(1 for __ in itertools.takewhile(operator.not_, reversed(rows)))
            if blank:
                del rows[-blank:]
                blank_at = blank_at or self.rows.line_num - blank + 1
            self._convert(rows, line)
            yield
        if not self.count:
            fault = _("{path} has a header but no rows of data; give it at least one", path=self.path)
            if self.skipped:
                fault = _("{fault}; all {rows} rows have a missing cell", fault=fault, rows=self.skipped)
            raise TableError(fault)

    def _plain_beginning(self) -> Iterator[None]:
        """Converts the plain blocks at the beginning of a file in UTF-8 without making text of them."""
        if self.text.encoding not in UTF_8 or not self.text.seekable():
            return
        file, place = self.text.buffer, self.text.tell()
        if place >= 2**63:  # no place in the file alone: it says what the decoder keeps as well
            return
        file.seek(place)
        signs = self.delimiter, self.dialect.decimal
        with second_half(self.path, place, *signs, len(self.header), self.places) as half:
            while block := file.read(BLOCK) + (line := file.readline(BLOCK)):
                meeting = half.begin(place) if half else sys.maxsize
                if meeting <= place + len(block):
                    block = block[: meeting - place]
                elif len(line) == BLOCK:
                    break
                if block and not self._convert_plain(block):
                    break
                place += len(block)
                if half and place == meeting:
                    place = file.seek(self._take(half, place))
                    half = None
                yield
        self.text.seek(place)

    def _take(self, half: SecondHalf, place: int) -> int:
        """Keeps what another process has converted from ``place`` on; the end of that."""
        for numbers in half.blocks(place):
            self._keep(list(numbers.T))
            self.passed += len(numbers)
        return half.end

    def _convert_plain(self, block: bytes) -> bool:
        """Converts a block that is all plain numbers; False where it is not."""
        found = plain_numbers(block, self.delimiter, self.dialect.decimal, len(self.header))
        if found is None:
            return False
        numbers = np.frombuffer(found).reshape(-1, len(self.header))
        self._keep([numbers[:, place] for place in self.places])
        self.passed += len(numbers)
        return True

    def _keep(self, numbers: list[NDArray[np.float64]]) -> None:
        self.inputs.add(numbers[: len(self.x)])
        self.outputs.add(numbers[len(self.x) :])

    def _convert(self, rows: list[Row], line: int) -> None:
        try:
            numbers = self._numbers(rows)
        except ValueError:
            numbers = self._numbers(self._checked(rows, line))
        self._keep(numbers)

    def _numbers(self, rows: list[Row]) -> list[NDArray[np.float64]]:
        """The wanted columns of some rows.

        Raises:
            ValueError: A row or a cell may be at fault.
        """
        if not set(map(len, rows)) <= {len(self.header)}:
            raise ValueError
        found = []
        for place in self.places:
            cells = list(map(operator.itemgetter(place), rows))
            joined = "".join(cells)
            # float() also takes 1_000 and the digits of other scripts.
            if "_" in joined or not joined.isascii() or (self.dialect.decimal == "," and "." in joined):
                raise ValueError
            if self.dialect.decimal == ",":
                cells = [cell.replace(",", ".") for cell in cells]
            found.append(np.array([*map(float, cells)]))
            if not np.isfinite(found[-1]).all():
                raise ValueError
        return found

    def _checked(self, rows: list[Row], line: int) -> list[Row]:
        """The rows without those that are to be left out; ``line`` is the one before the first.

        Raises:
            TableError: One cannot be used.
        """
        kept = []
        for row in rows:
            line += 1 + sum(cell.count("\n") for cell in row)
            if self.dialect.skip_missing and not row:  # a blank line, no row
                continue
            number = self._in_file(line)
            check_row(self.path, number, row, self.header, self.dialect)
            if self.dialect.skip_missing and any(is_missing(row[place]) for place in self.places):
                self.skipped += 1
                continue
            for name, place in zip(self.wanted, self.places, strict=True):
                check_cell(self.path, number, name, row[place], self.dialect)
            kept.append(row)
        return kept
