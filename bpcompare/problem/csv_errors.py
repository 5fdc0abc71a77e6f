"""What is wrong with a CSV file: the first fault, with its line, its column and the remedy."""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bpcompare.errors import TableError

RAGGED = "every row must have one cell per column, and numbers no commas of their own unless quoted"
GROUPED = re.compile(r"[+-]?\d[\d.,' _\u00a0\u202f\u2019]*[,' _\u00a0\u202f\u2019][\d.,' _\u00a0\u202f\u2019]*\d")


def check_header(path: Path, header: Sequence[str], wanted: Iterable[str]) -> None:
    """Refuses a first row that does not name each of the columns asked for once.

    Raises:
        TableError: It holds numbers, lacks a column, or has one twice.

    Example:
        >>> check_header(Path("cars.csv"), ["speed", "dist"], ["dist"])
    """
    if all(_is_number(name) for name in header):
        raise TableError(
            f"{path}, line 1: the header is missing; the first row must name the columns, but it reads "
            f"{', '.join(map(repr, header[:4]))}"
        )
    for name in wanted:
        count = header.count(name)
        if count == 0:
            known = ", ".join(map(repr, header[:20])) + (", …" if len(header) > 20 else "")
            raise TableError(f"{path}, line 1: there is no column {name!r}; the columns are {known}")
        if count > 1:
            raise TableError(f"{path}, line 1: column {name!r} stands there {count} times; rename all but one")


def check_rows(
    path: Path, rows: Iterable[Sequence[str]], line: int, header: Sequence[str], wanted: Iterable[str]
) -> None:
    """Refuses rows that are not one finite number in each of the columns asked for.

    Args:
        path: The file that they are from.
        rows: Their cells.
        line: The number of the line before the first of them.
        header: The names of all columns.
        wanted: The names of those asked for.

    Raises:
        TableError: A row has too few cells or too many, or a cell is no number; the first such.

    Example:
        >>> check_rows(Path("cars.csv"), [["4", "2"]], 1, ["speed", "dist"], ["dist"])
    """
    places = [(name, header.index(name)) for name in wanted]
    for row in rows:
        line += 1 + sum(cell.count("\n") for cell in row)
        if not row:
            raise blank_line(path, line)
        if len(row) != len(header):
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            raise TableError(f"{path}, line {line}: the row has {cells}, the header has {len(header)}; {RAGGED}")
        for name, place in places:
            if fault := _fault(row[place]):
                raise TableError(f"{path}, line {line}, column {name!r}: {fault}")


def blank_line(path: Path, line: int) -> TableError:
    """The error of a line that holds nothing and is not one of the last."""
    return TableError(f"{path}, line {line}: the line is blank; {RAGGED}")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _fault(cell: str) -> str | None:
    """What is wrong with a cell, as the end of a sentence, or None."""
    shown = repr(cell if len(cell) <= 40 else cell[:40] + "…")
    if not cell.strip():
        return "the cell is empty; fill it in or leave the row out"
    if GROUPED.fullmatch(cell.strip()):
        return f"the cell reads {shown}; write numbers with a decimal point and without thousands separators"
    if not _is_number(cell) or "_" in cell or not cell.isascii():
        return f"the cell reads {shown}, which is not a number; write it like 1234.5 or 1.2e-3"
    if not math.isfinite(float(cell)):
        return f"the cell reads {shown}, which is not a finite number of double precision; leave the row out"
    return None
