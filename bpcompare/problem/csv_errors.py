"""What is wrong with a CSV file: the first fault, with its line, its column and the remedy."""

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from bpcompare.errors import TableError, nearest
from bpcompare.language import N_, _, listed, ngettext
from bpcompare.problem.column_names import shown
from bpcompare.problem.csv_columns import check_name
from bpcompare.problem.csv_dialect import Dialect, is_missing

RAGGED = N_("every row must have one cell per column, and numbers no commas of their own unless quoted")
LISTED = 20  # column names in a message
SPACES = " \u00a0\u202f\u2009"
GROUPED = re.compile(rf"[+-]?\d[\d.,'_\u2019{SPACES}]*[,'_\u2019{SPACES}][\d.,'_\u2019{SPACES}]*\d", re.ASCII)
ONE_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)
PERCENT = re.compile(r"[+-]?\d[\d.,]*\s*[%‰％]", re.ASCII)
DATE = re.compile(
    r"\d{1,4}\s*[-/.年]\s*\d{1,2}\s*[-/.月]\s*(\d{1,4}\b.*|\d{1,2}\s*日.*)|\d{1,2}:\d{2}.*"
    r"|\d{1,4}[-/. ]?[A-Za-z]{3,9}[-/., ]+\d{2,4}.*|[A-Za-z]{3,9}\.? \d{1,2}, \d{4}.*",
    re.ASCII,
)
WITH_UNIT = re.compile(rf"([+-]?[\d.,]+(?:[eE][+-]?\d+)?)[{SPACES}]*([^\W\d_][^\d,;]*|[°µ€$£¥].*)|[€$£¥]\s*[\d.,]+")


def check_header(path: Path, line: int, header: Sequence[str], wanted: Iterable[str], dialect: Dialect) -> None:
    """Refuses a first row that does not name each of the columns asked for once.

    Raises:
        TableError: It holds numbers, lacks a column, has one twice, or one that cannot be printed.

    Example:
        >>> check_header(Path("cars.csv"), 1, ["speed", "dist"], ["dist"], Dialect())
    """
    if all(_is_number(name, dialect) for name in header):
        raise TableError(
            _(
                "{path}, line {line}: the header is missing; the first row must name the columns, but it reads {cells}",
                path=path,
                line=line,
                cells=listed(map(shown, header[:4])),
            )
        )
    for name in wanted:
        count = header.count(name)
        if count == 0:
            raise _unknown(path, line, name, header, dialect)
        if count > 1:
            raise TableError(
                _(
                    "{path}, line {line}: column {name} stands there {count} times; rename all but one",
                    path=path,
                    line=line,
                    name=shown(name),
                    count=count,
                )
            )
        check_name(path, line, name, header.index(name))


def _unknown(path: Path, line: int, name: str, header: Sequence[str], dialect: Dialect) -> TableError:
    known = listed([*map(shown, header[:LISTED]), *["…"] * (len(header) > LISTED)])
    near = nearest(name, header)
    fault = _(
        "{path}, line {line}: there is no column {name}; the columns are {known}",
        path=path,
        line=line,
        name=shown(name),
        known=known,
    )
    if near:
        fault = _("{fault}; did you mean {name!r}?", fault=fault, name=near)
    return TableError(_with_comment_hint(fault, header, dialect))


def _with_comment_hint(fault: str, row: Sequence[str], dialect: Dialect) -> str:
    if dialect.comment is None and row and row[0].lstrip().startswith("#"):
        return _("{fault}; if the line is a comment, add --comment '#'", fault=fault)
    return fault


def check_row(path: Path, line: int, row: Sequence[str], header: Sequence[str], dialect: Dialect) -> None:
    """Refuses a row that has not one cell for each column.

    Raises:
        TableError: It is blank, or has too few cells or too many.

    Example:
        >>> check_row(Path("cars.csv"), 2, ["4", "2"], ["speed", "dist"], Dialect())
    """
    if not row:
        raise blank_line(path, line)
    if len(row) != len(header):
        fault = _(
            "{path}, line {line}: the row has {cells}, the header has {columns}; {rule}",
            path=path,
            line=line,
            cells=ngettext("{n} cell", "{n} cells", len(row)),
            columns=len(header),
            rule=_(RAGGED),
        )
        raise TableError(_with_comment_hint(fault, row, dialect))


def check_cell(path: Path, line: int, name: str, cell: str, dialect: Dialect) -> None:
    """Refuses a cell that is not one finite number.

    Raises:
        TableError: It is empty, a date, has a unit, …, each with what to do.

    Example:
        >>> check_cell(Path("cars.csv"), 2, "dist", "2.5", Dialect())
    """
    if fault := _fault(cell, dialect):
        column = shown(name)
        raise TableError(
            _("{path}, line {line}, column {column}: {fault}", path=path, line=line, column=column, fault=fault)
        )


def blank_line(path: Path, line: int) -> TableError:
    """The error of a line that holds nothing and is not one of the last."""
    return TableError(
        _(
            "{path}, line {line}: the line is blank; {rule}, so take it out, or add --skip-missing",
            path=path,
            line=line,
            rule=_(RAGGED),
        )
    )


def _is_number(cell: str, dialect: Dialect) -> bool:
    try:
        dialect.number(cell)
    except ValueError:
        return False
    return True


def _fault(cell: str, dialect: Dialect) -> str | None:
    """What is wrong with a cell, as a sentence, or None."""
    text = cell.strip()
    if not text:
        return _("the cell is empty; fill it in, or leave such rows out with --skip-missing")
    if is_missing(text):
        message = N_(
            "the cell reads {cell}, a missing value and not a finite number; fill it in, or leave such rows out with "
            "--skip-missing"
        )
    elif _is_number(text, dialect) and "_" not in text and text.isascii():
        if math.isfinite(dialect.number(text)):
            return None
        message = N_("the cell reads {cell}, which is not a finite number of double precision; leave the row out")
    else:
        message = _punctuation(text, dialect) or _meaning(text, dialect)
    return _(message, cell=shown(cell))


def _punctuation(text: str, dialect: Dialect) -> str | None:
    """What is wrong with the commas and points of a number."""
    if dialect.decimal == "," and "." in text and GROUPED.fullmatch(text.replace(".", ",")):
        return N_(
            "the cell reads {cell}; with --decimal , numbers have a decimal comma and no points: take the points out, "
            "or the option"
        )
    if dialect.decimal == "." and ONE_COMMA.fullmatch(text):
        return N_(
            "the cell reads {cell}; write numbers with a decimal point and without thousands separators, or give "
            "--decimal , (in Python decimal=',') if this is a decimal comma"
        )
    if not GROUPED.fullmatch(text):
        return None
    if dialect.decimal == ",":
        return N_("the cell reads {cell}; write numbers with a decimal comma and without thousands separators")
    return N_("the cell reads {cell}; write numbers with a decimal point and without thousands separators")


def _meaning(text: str, dialect: Dialect) -> str:
    """What a cell that is no number seems to be instead."""
    if PERCENT.fullmatch(text):
        return N_(
            "the cell reads {cell}; take the sign out of the whole column and put it into the name, as in 'share (%)'"
        )
    if DATE.fullmatch(text):
        return N_(
            "the cell reads {cell}, which seems to be a date or a time; replace the column by numbers, such as days "
            "since the first row"
        )
    if WITH_UNIT.fullmatch(text):
        return N_(
            "the cell reads {cell}, a number with a unit; take the unit out of the whole column and put it into the "
            "name, as in 'x (km)'"
        )
    if re.fullmatch(r"[\u2212\u2013]\s*[\d.,]+", text):
        return N_(
            "the cell reads {cell}, with a minus sign that programs do not read; write it with a hyphen, like -1.5"
        )
    if dialect.decimal == ",":
        return N_("the cell reads {cell}, which is not a number; write it like 1234,5 or 1,2e-3")
    return N_("the cell reads {cell}, which is not a number; write it like 1234.5 or 1.2e-3")
