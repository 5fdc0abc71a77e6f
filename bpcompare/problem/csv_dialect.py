"""How a CSV file is written, as far as its user has to say so; nothing of it is guessed."""

import codecs
import re
from dataclasses import dataclass

from bpcompare.errors import TableError
from bpcompare.language import _
from bpcompare.problem.column_names import shown

DECIMALS = (".", ",")
DELIMITERS = (",", ";", "\t")
PLAIN = "a,1..\n"  # every encoding of text writes this as ASCII does, but for zeros in between
MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none"})  # in lower case


@dataclass(frozen=True)
class Dialect:
    """What the user says of a file.

    Attributes:
        encoding: Its encoding, a name that Python knows; None for UTF-8, or UTF-16 with a byte order mark.
        decimal: "." or ",", what stands before the decimals of a number.
        comment: Lines that begin with this text are left out; None for none.
        skip_missing: Whether rows are left out in which a cell asked for is missing: empty, NA, N/A, #N/A, NaN, NULL
            or None, in capitals or not.

    Raises:
        TableError: A value cannot be used.

    Example:
        >>> Dialect(decimal=",").number("1,5")
        1.5
    """

    encoding: str | None = None
    decimal: str = "."
    comment: str | None = None
    skip_missing: bool = False

    def __post_init__(self) -> None:
        if self.encoding is not None:
            check_encoding(self.encoding)
        if self.decimal not in DECIMALS:
            raise TableError(_("--decimal must be '.' or ','; got {decimal}", decimal=shown(str(self.decimal))))
        if self.comment is not None and not re.match(r"[^\s\d\",;.+-]|[+-][^\d.]", self.comment):
            raise TableError(
                _(
                    "--comment must be what comment lines begin with, such as '#', and nothing that a row could "
                    "begin with; got {comment}",
                    comment=shown(self.comment),
                )
            )

    def number(self, cell: str) -> float:
        """The number in a cell.

        Raises:
            ValueError: There is none.
        """
        if self.decimal == ",":
            if "." in cell:
                raise ValueError
            cell = cell.replace(",", ".")
        return float(cell)


def check_encoding(name: str) -> str:
    """Python's name of an encoding that writes text with line ends.

    Raises:
        TableError: There is none of that name.

    Example:
        >>> check_encoding("UTF8")
        'utf-8'
    """
    try:
        found = codecs.lookup(name).name
        usable = PLAIN.encode(name).replace(b"\0", b"").endswith(PLAIN.encode())
    except (LookupError, ValueError):
        usable = False
    if not usable:
        raise TableError(
            _(
                "--encoding must be a text encoding that Python knows, such as utf-8, gbk or cp1252; got {name}",
                name=shown(name),
            )
        )
    return found


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no number.

    Example:
        >>> is_missing(" NaN "), is_missing("0")
        (True, False)
    """
    return cell.strip().lower() in MISSING
