"""A user's CSV file becomes a problem, or is refused with file, line, column and cell.

Nothing is guessed: a file with two possible meanings is refused. A block of lines that is all plain numbers is
converted at once (`csv_plain`); any other goes through the standard library's reader and through `float`, and only one
that fails there is gone through cell by cell, to say where.
"""

import csv
import gc
import io
import itertools
import math
import operator
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import torch
from torch import Tensor

from bpcompare import datasets
from bpcompare.errors import TableError
from bpcompare.language import N_, _
from bpcompare.problem import estimates
from bpcompare.problem.csv_columns import Columns, choose, delimiter
from bpcompare.problem.csv_dialect import Dialect, is_missing
from bpcompare.problem.csv_encoding import open_text
from bpcompare.problem.csv_errors import blank_line, check_cell, check_header, check_row
from bpcompare.problem.csv_lines import LinesWithoutComments
from bpcompare.problem.csv_plain import plain_numbers
from bpcompare.problem.problem import Problem, from_data

AS_USUAL = Dialect()
KEPT = 2**24  # bytes
BLOCK = 2**17  # letters converted at a time, in arrays that a core's own cache holds

Row = list[str]
OnProgress = Callable[[float], object]


@dataclass(frozen=True)
class Table:
    """The columns asked for, (N, columns) float64, their names, and how many rows were left out."""

    x: Tensor
    y: Tensor
    x_names: tuple[str, ...]
    y_names: tuple[str, ...]
    skipped: int = 0


def read_csv(
    path: Path | str,
    x: Columns,
    y: Columns,
    *,
    encoding: str | None = None,
    decimal: str = ".",
    comment: str | None = None,
    skip_missing: bool = False,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    bias: bool = True,
    standardize: bool = False,
    on_progress: OnProgress | None = None,
) -> Problem:
    r"""The problem of predicting columns ``y`` of a CSV file from its columns ``x``.

    The delimiter is a comma, a semicolon or a tab, whichever gives the columns asked for; the first row names the
    columns. Cells are quoted or not; numbers have no thousands separators, no units and no percent signs.

    Args:
        path: The file, or the name of a sample table (see `bpcompare.datasets`) where there is no such file.
        x: Names of the input columns. A text that is a column's name as it stands means that column; otherwise it is
            taken apart at its commas. ``"all"`` means every column that is not in y; ``*`` and ``?`` stand for any
            text and for one character, as in ``"c*"``.
        y: The same for the output columns.
        encoding: The file's encoding, such as "gbk"; None for UTF-8 (with or without a byte order mark) or UTF-16 with
            one.
        decimal: "." or ",": the sign before the decimals.
        comment: Lines that begin with this text, such as "#", are left out.
        skip_missing: Whether to leave out the rows in which a cell asked for is missing (empty, NA, N/A, #N/A, NaN,
            NULL or None); the problem's ``skipped`` says how many. Otherwise such a cell is an error.
        seed: Random seed for the initial parameters.
        dtype: The precision of training.
        bias: Whether the model has one.
        standardize: Whether to train on standardised columns.
        on_progress: Called now and then with the fraction of the file that has been read.

    Raises:
        TableError: The file is not such a table; the message names line, column and cell.
        LimitError: The table would not fit into memory.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "cars.csv"
        ...     _ = path.write_text("speed;dist\n4,5;2\n7;NA\n9;8\n")
        ...     problem = read_csv(path, "speed", "dist", decimal=",", skip_missing=True)
        >>> problem.measured_x.tolist(), problem.skipped
        ([[4.5], [9.0]], 1)
    """
    dialect = Dialect(encoding, decimal, comment, skip_missing)
    file = datasets.find(path)
    table = read_table(file, x, y, on_progress, dialect)
    return from_data(
        table.x,
        table.y,
        name=file.name,
        seed=seed,
        dtype=dtype,
        bias=bias,
        standardize=standardize,
        x_names=table.x_names,
        y_names=table.y_names,
        skipped=table.skipped,
    )


def read_table(
    path: Path, x: Columns, y: Columns, on_progress: OnProgress | None = None, dialect: Dialect = AS_USUAL
) -> Table:
    """The named columns of a CSV file as float64 tensors; see `read_csv` for what is accepted and what is raised."""
    with open_text(path, dialect.encoding) as (binary, text), _no_garbage_collection():
        _keep_freed_memory()
        reader = _Reader(path, text, x, y, dialect)
        size = max(path.stat().st_size, 1)
        for number, _ in enumerate(reader.chunks(), 1):
            read = min(binary.tell() / size, 1.0)
            if number & (number - 1) == 0:  # ever more seldom: a look at the memory takes as long as a chunk
                rows = int(len(reader.columns[0]) / max(read, 1e-9))
                estimates.table(rows, len(reader.columns)).check()
            if on_progress:
                on_progress(read)
    columns = [torch.frombuffer(column, dtype=torch.float64) for column in reader.columns]
    inputs = len(reader.x)
    return Table(_joined(columns[:inputs]), _joined(columns[inputs:]), tuple(reader.x), tuple(reader.y), reader.skipped)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Rows are plain lists of text, never cycles; looking for cycles in them takes longer than reading them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _keep_freed_memory() -> None:
    """Has glibc keep up to so much freed memory for the next array; new pages cost as much as a block's arithmetic.

    It keeps twice the largest piece that was ever freed.
    """
    torch.empty(KEPT, dtype=torch.uint8)


def _joined(columns: list[Tensor]) -> Tensor:
    return columns[0].unsqueeze(1) if len(columns) == 1 else torch.stack(columns, 1)


READER_SAYS = (  # csv.Error
    N_("unexpected end of data"),
    N_("line contains NUL"),
    N_("',' expected after '\"'"),
    N_("';' expected after '\"'"),
    N_("'\t' expected after '\"'"),
)


class _Reader:
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
        self.columns = [array("d") for __ in self.wanted]
        self.skipped = 0

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

    def chunks(self) -> Iterator[None]:
        """Converts block after block until the file ends; blank lines may follow the last row, not part rows."""
        blank_at = 0
        while block := self.text.read(BLOCK) + self.text.readline():
            if not blank_at and self._convert_plain(block):
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
        if not self.columns[0]:
            fault = _("{path} has a header but no rows of data; give it at least one", path=self.path)
            if self.skipped:
                fault = _("{fault}; all {rows} rows have a missing cell", fault=fault, rows=self.skipped)
            raise TableError(fault)

    def _convert_plain(self, block: str) -> bool:
        """Converts a block that is all plain numbers; False where it is not."""
        numbers = plain_numbers(block, self.delimiter, self.dialect.decimal, len(self.header))
        if numbers is None:
            return False
        for column, place in zip(self.columns, self.places, strict=True):
            column.frombytes(numbers[:, place].tobytes())
        self.passed += len(numbers)
        return True

    def _convert(self, rows: list[Row], line: int) -> None:
        try:
            numbers = self._numbers(rows)
        except ValueError:
            numbers = self._numbers(self._checked(rows, line))
        for column, more in zip(self.columns, numbers, strict=True):
            column.extend(more)

    def _numbers(self, rows: list[Row]) -> list["array[float]"]:
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
            found.append(array("d", map(float, cells)))
            if not math.isfinite(sum(found[-1])) and not all(map(math.isfinite, found[-1])):
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
