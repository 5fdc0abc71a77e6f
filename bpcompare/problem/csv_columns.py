"""Which columns of a file are meant: by name, by pattern, or all of them."""

import csv
import fnmatch
from collections.abc import Sequence
from pathlib import Path

from bpcompare.errors import TableError
from bpcompare.language import N_, _, listed
from bpcompare.problem.column_names import fault_of_name, shown
from bpcompare.problem.csv_dialect import DELIMITERS

ALL = "all"
Columns = str | Sequence[str]


def items(columns: Columns, header: Sequence[str]) -> list[str]:
    """Names and patterns: a text that is a column's name as it stands is that one, else its parts between commas.

    Example:
        >>> items("speed, km/h", ["speed, km/h", "dist"]), items("speed, dist", ["speed", "dist"])
        (['speed, km/h'], ['speed', 'dist'])
    """
    if not isinstance(columns, str):
        return [name if name in header else name.strip() for name in columns]
    if columns.strip() in header:
        return [columns.strip()]
    open_quote = columns.count('"') % 2 == 1  # read loosely it would end at the end of the text
    try:
        return [part.strip() for row in csv.reader([columns], skipinitialspace=True, strict=open_quote) for part in row]
    except csv.Error:  # that, or a line break outside quotes
        return [columns.strip()]


def is_pattern(item: str, header: Sequence[str]) -> bool:
    """Whether an item stands for several columns; a column that is called so comes first.

    Example:
        >>> is_pattern("c*", ["c1"]), is_pattern("c*", ["c1", "c*"])
        (True, False)
    """
    return item not in header and (item == ALL or "*" in item or "?" in item)


def choose(header: Sequence[str], x: Columns, y: Columns) -> tuple[list[str], list[str]]:
    """The names of the columns asked for; a pattern leaves out what the other side has.

    Args:
        header: The names of all columns.
        x: Names of input columns, or patterns: ``all``, or with ``*`` (any text) and ``?`` (one character).
        y: The same of outputs. Where both are patterns, y has first choice.

    Returns:
        x and y, names that are not in the header among them.

    Raises:
        TableError: A column is asked for twice, or a side has none.

    Example:
        >>> choose(["c1", "c2", "dist"], "all", "dist")
        (['c1', 'c2'], ['dist'])
    """
    xs, ys = items(x, header), items(y, header)
    for option, asked, found in (("--x", x, xs), ("--y", y, ys)):
        if "" in found:
            raise TableError(
                _(
                    "{option} must be column names separated by commas; got {asked}",
                    option=option,
                    asked=shown(str(asked)),
                )
            )
    y_names = _expanded(ys, header, [name for name in xs if not is_pattern(name, header)])
    x_names = _expanded(xs, header, y_names)
    wanted = [*x_names, *y_names]
    for place, name in enumerate(wanted):
        if name in wanted[:place]:
            raise TableError(_("column {name} is asked for twice; name it once in --x and --y", name=shown(name)))
    if not x_names or not y_names:
        raise TableError(_("--x and --y must name at least one column each"))
    return x_names, y_names


def _expanded(asked: Sequence[str], header: Sequence[str], others: Sequence[str]) -> list[str]:
    names: list[str] = []
    for item in asked:
        if not is_pattern(item, header):
            names.append(item)
            continue
        pattern = "*" if item == ALL else item.replace("[", "[[]")
        found = [name for name in header if fnmatch.fnmatchcase(name, pattern)]
        free = [name for name in found if name not in others and name not in names]
        names += free if free or found else [item]
    return names


def delimiter(path: Path, first_line: str, x: Columns, y: Columns) -> str:
    """The delimiter under which the header has all the columns asked for, or else the most columns.

    Raises:
        TableError: There are two such.
    """
    headers = {sign: _split(first_line, sign) for sign in DELIMITERS}
    fitting = [sign for sign, header in headers.items() if len(header) > 1 and _has_all(header, x, y)]
    if len(fitting) > 1:
        signs = listed(map(repr, fitting), N_(" and with "))
        raise TableError(
            _(
                "{path}, line 1: the header can be read with {signs} between the columns; rename the columns so that "
                "they hold only one of these signs",
                path=path,
                signs=signs,
            )
        )
    return fitting[0] if fitting else max(DELIMITERS, key=lambda sign: len(headers[sign]))


def _split(line: str, sign: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=sign))]
    except csv.Error:
        return []


def _has_all(header: list[str], x: Columns, y: Columns) -> bool:
    try:
        return set(header).issuperset(name for side in choose(header, x, y) for name in side)
    except TableError:
        return False


def check_name(path: Path, line: int, name: str, place: int) -> None:
    """Refuses a column that cannot be called by its name.

    Raises:
        TableError: It has none, or one that cannot be printed.
    """
    if fault := fault_of_name(name):
        raise TableError(
            _(
                "{path}, line {line}: the name of column {number}, {name}, {fault}",
                path=path,
                line=line,
                number=place + 1,
                name=shown(name),
                fault=fault,
            )
        )
