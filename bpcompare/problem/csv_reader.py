"""A user's CSV file becomes a problem, or is refused with file, line, column and cell.

Nothing is guessed: a file that could be read in two ways is refused. Columns are converted a chunk of rows at a time
by calls that run at C speed; only a chunk that fails is gone through cell by cell, to say where.
"""

import csv
import gc
import io
import itertools
import math
import operator
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO

import torch
from torch import Tensor

from bpcompare.errors import TableError
from bpcompare.problem.csv_errors import blank_line, check_header, check_rows
from bpcompare.problem.problem import Problem, from_data

CHUNK = 2_048  # rows converted at a time
DELIMITERS = (",", ";", "\t")
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
ENCODINGS = ((b"\xef\xbb\xbf", "utf-8-sig"), *((mark, "utf-16") for mark in UTF_16_MARKS))

Row = list[str]
OnProgress = Callable[[float], object]


@dataclass(frozen=True)
class Table:
    """The columns asked for, (N, columns) float64, and their names."""

    x: Tensor
    y: Tensor
    x_names: tuple[str, ...]
    y_names: tuple[str, ...]


def read_csv(
    path: Path,
    x: Sequence[str],
    y: Sequence[str],
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    bias: bool = True,
    standardize: bool = False,
    on_progress: OnProgress | None = None,
) -> Problem:
    r"""The problem of predicting columns ``y`` of a CSV file from its columns ``x``.

    The file is UTF-8 (with or without a byte order mark) or UTF-16 with one; its delimiter is a comma, a semicolon or
    a tab; its first row names the columns. Cells are quoted or not; numbers are written with a decimal point and no
    thousands separators.

    Args:
        path: The file.
        x: Names of the input columns.
        y: Names of the output columns.
        seed: Where the initial parameters are drawn from.
        dtype: The precision of training.
        bias: Whether the model has one.
        standardize: Whether to train on standardised columns.
        on_progress: Called now and then with the fraction of the file that has been read.

    Raises:
        TableError: The file is not such a table; the message names line, column and cell.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "cars.csv"
        ...     _ = path.write_text("speed,dist\n4,2\n7,4\n")
        ...     read_csv(path, ["speed"], ["dist"]).measured_x.tolist()
        [[4.0], [7.0]]
    """
    table = read_table(path, x, y, on_progress)
    return from_data(
        table.x,
        table.y,
        name=path.name,
        seed=seed,
        dtype=dtype,
        bias=bias,
        standardize=standardize,
        x_names=table.x_names,
        y_names=table.y_names,
    )


def read_table(path: Path, x: Sequence[str], y: Sequence[str], on_progress: OnProgress | None = None) -> Table:
    """The named columns of a CSV file as float64 tensors; see `read_csv` for what is accepted and what is raised."""
    wanted = [*x, *y]
    twice = [name for i, name in enumerate(wanted) if name in wanted[:i]]
    if twice or not x or not y:
        raise TableError(f"column {twice[0]!r} is asked for twice" if twice else "name at least one x and one y column")
    with _open(path) as (binary, text), _no_garbage_collection():
        reader = _Reader(path, text, wanted)
        size = max(path.stat().st_size, 1)
        for _ in reader.chunks():
            if on_progress:
                on_progress(min(binary.tell() / size, 1.0))
    columns = [torch.frombuffer(column, dtype=torch.float64) for column in reader.columns]
    return Table(_beside(columns[: len(x)]), _beside(columns[len(x) :]), tuple(x), tuple(y))


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


def _beside(columns: list[Tensor]) -> Tensor:
    return columns[0].unsqueeze(1) if len(columns) == 1 else torch.stack(columns, 1)


@contextmanager
def _open(path: Path) -> Iterator[tuple[BinaryIO, TextIO]]:
    try:
        binary = path.open("rb")
    except OSError as error:
        raise TableError(f"{path} cannot be read: {error.strerror}; check the path") from error
    with binary:
        try:
            start = binary.read(4)
            binary.seek(0)
        except OSError as error:
            raise TableError(f"{path} cannot be read: {error.strerror}; --csv needs a file") from error
        if start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or (b"\0" in start and start[:2] not in UTF_16_MARKS):
            raise TableError(f"{path} is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8")
        encoding = next((name for mark, name in ENCODINGS if start.startswith(mark)), "utf-8")
        try:
            yield binary, io.TextIOWrapper(binary, encoding=encoding, newline="")
        except UnicodeError as error:
            line = _line_of_bad_byte(path, encoding)
            raise TableError(
                f"{path}, line {line}: this is not {encoding[:6].upper()} text; save the file as UTF-8"
            ) from error
        except OSError as error:
            raise TableError(f"{path} cannot be read: {error.strerror}") from error


def _line_of_bad_byte(path: Path, encoding: str) -> int:
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        return next((number for number, line in enumerate(file, 1) if "\ufffd" in line), 1)


class _Reader:
    """Reads rows and converts the wanted cells of each, chunk by chunk, into ``columns``."""

    def __init__(self, path: Path, text: TextIO, wanted: list[str]) -> None:
        self.path = path
        self.wanted = wanted
        self.columns = [array("d") for _ in wanted]
        first = text.readline()
        if not first.strip("\r\n"):
            raise TableError(
                f"{path}{', line 1' if first else ''}: the file is empty; its first row must name the columns"
            )
        lines = itertools.chain([first], text)
        self.rows = csv.reader(lines, delimiter=_delimiter(first, wanted), strict=True)
        self.header = [name.strip() for name in self._next_rows(1)[0]]
        check_header(path, self.header, wanted)
        self.places = [self.header.index(name) for name in wanted]

    def _next_rows(self, count: int) -> list[Row]:
        try:
            return list(itertools.islice(self.rows, count))
        except csv.Error as error:
            raise TableError(f"{self.path}, line {self.rows.line_num}: {error}; close every quote") from error

    def chunks(self) -> Iterator[None]:
        """Converts chunk after chunk until the file ends; blank lines may follow the last row, not part rows."""
        blank_at = 0
        line = self.rows.line_num
        while rows := self._next_rows(CHUNK):
            if blank_at and any(rows):
                raise blank_line(self.path, blank_at)
            blank = sum(1 for _ in itertools.takewhile(operator.not_, reversed(rows)))
            if blank:
                del rows[-blank:]
                blank_at = blank_at or self.rows.line_num - blank + 1
            self._convert(rows, line)
            line = self.rows.line_num
            yield
        if not self.columns[0]:
            raise TableError(f"{self.path} has a header but no rows of data; give it at least one")

    def _convert(self, rows: list[Row], line: int) -> None:
        if not set(map(len, rows)) <= {len(self.header)}:
            self._check(rows, line)
        for column, place in zip(self.columns, self.places, strict=True):
            cells = list(map(operator.itemgetter(place), rows))
            try:
                numbers = array("d", map(float, cells))
            except ValueError:
                self._check(rows, line)
                raise
            joined = "".join(cells)
            # float() also takes 1_000 and the digits of other scripts; a sum is finite only if every term is.
            if "_" in joined or not joined.isascii() or not math.isfinite(sum(numbers)):
                self._check(rows, line)
            column.extend(numbers)

    def _check(self, rows: list[Row], line: int) -> None:
        check_rows(self.path, rows, line, self.header, self.wanted)


def _delimiter(first_line: str, wanted: list[str]) -> str:
    """The delimiter under which the header has all the columns asked for, or else the most columns."""

    def fit(delimiter: str) -> tuple[bool, int]:
        try:
            names = [name.strip() for name in next(csv.reader([first_line], delimiter=delimiter))]
        except csv.Error:
            return False, 0
        return set(wanted) <= set(names), len(names)

    return max(DELIMITERS, key=fit)
